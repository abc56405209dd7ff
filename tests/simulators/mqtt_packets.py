"""MQTT 3.1.1 and 5 packets as a broker reads and writes them, from the OASIS texts; QoS 0 and 1 only."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """The packet types that a client and this broker exchange."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Property(IntEnum):
    """Those that a test sets or looks at; all others travel by their number."""

    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEPALIVE = 0x13
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27


BYTES = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
WORDS = {0x13, 0x21, 0x22, 0x23}
LONGS = {0x02, 0x11, 0x18, 0x27}
TEXTS = {0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F}
BINARIES = {0x09, 0x16}
SUBSCRIPTION_IDENTIFIER = 0x0B


@dataclass
class Packet:
    """One packet as it came; fields that its kind does not have stay empty."""

    kind: Kind
    size: int  # on the wire, in bytes
    connection: int = 0  # counted from 1 by the broker
    monotonic_s: float = field(default_factory=time.monotonic)
    packet_id: int = 0
    topic: str = ""
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    duplicate: bool = False
    reason: int = 0
    version: int = 0
    client_id: str = ""
    clean_start: bool = False
    keepalive_s: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Packet | None = None
    subscriptions: list[tuple[str, int]] = field(default_factory=list)
    properties: dict[int, Any] = field(default_factory=dict)


class Body:
    """Takes fields from the front of a packet's body; EOFError when it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise EOFError("the packet ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return self.binary().decode()

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def properties(self, version: int) -> dict[int, Any]:
        """The properties of a version 5 packet; user properties as a list of pairs. Version 4 has none."""
        found: dict[int, Any] = {}
        if version < 5 or not self.left:
            return found
        inside = Body(self.take(self.varint()))
        while inside.left:
            name = inside.varint()
            if name == Property.USER_PROPERTY:
                found.setdefault(name, []).append((inside.text(), inside.text()))
            else:
                found[name] = inside.property(name)
        return found

    def property(self, name: int) -> Any:
        for names, size in ((BYTES, 1), (WORDS, 2), (LONGS, 4)):
            if name in names:
                return self.number(size)
        if name in TEXTS:
            return self.text()
        return self.varint() if name == SUBSCRIPTION_IDENTIFIER else self.binary()


async def read_packet(reader: asyncio.StreamReader, version: int) -> Packet:
    """The next packet of a client that speaks *version*. EOFError at the end, ValueError for other kinds."""
    head = (await reader.readexactly(1))[0]
    length, shift, header_size = 0, 0, 1
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        header_size += 1
        if byte < 0x80:
            break
    body = Body(await reader.readexactly(length))
    packet = Packet(Kind(head >> 4), header_size + length, version=version)
    _PARSERS[packet.kind](packet, head & 0x0F, body)
    return packet


def _connect(packet: Packet, _flags: int, body: Body) -> None:
    body.text()
    packet.version, flags, packet.keepalive_s = body.number(1), body.number(1), body.number(2)
    packet.clean_start = bool(flags & 2)
    packet.properties = body.properties(packet.version)
    packet.client_id = body.text()
    if flags & 4:
        properties = body.properties(packet.version)
        will = Packet(Kind.PUBLISH, 0, topic=body.text(), payload=body.binary(), properties=properties)
        will.qos, will.retain = flags >> 3 & 3, bool(flags & 0x20)
        packet.will = will
    packet.username = body.text() if flags & 0x80 else None
    packet.password = body.binary() if flags & 0x40 else None


def _publish(packet: Packet, flags: int, body: Body) -> None:
    packet.retain, packet.qos, packet.duplicate = bool(flags & 1), flags >> 1 & 3, bool(flags & 8)
    packet.topic = body.text()
    packet.packet_id = body.number(2) if packet.qos else 0
    packet.properties = body.properties(packet.version)
    packet.payload = body.take(body.left)


def _puback(packet: Packet, _flags: int, body: Body) -> None:
    packet.packet_id = body.number(2)
    packet.reason = body.number(1) if body.left else 0


def _subscribe(packet: Packet, _flags: int, body: Body) -> None:
    packet.packet_id = body.number(2)
    packet.properties = body.properties(packet.version)
    while body.left:
        topic = body.text()
        packet.subscriptions.append((topic, body.number(1) & 3 if packet.kind == Kind.SUBSCRIBE else 0))


def _disconnect(packet: Packet, _flags: int, body: Body) -> None:
    packet.reason = body.number(1) if body.left else 0


def _nothing(_packet: Packet, _flags: int, _body: Body) -> None:
    pass


_PARSERS = {
    Kind.CONNECT: _connect,
    Kind.PUBLISH: _publish,
    Kind.PUBACK: _puback,
    Kind.SUBSCRIBE: _subscribe,
    Kind.UNSUBSCRIBE: _subscribe,
    Kind.PINGREQ: _nothing,
    Kind.DISCONNECT: _disconnect,
}


def varint(value: int) -> bytes:
    """*value* in seven bits a byte, lowest first."""
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def text(value: str) -> bytes:
    """A string with its length before it."""
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def properties(values: Mapping[int, Any]) -> bytes:
    """The properties block of a version 5 packet."""
    block = b""
    for name, value in values.items():
        if name == Property.USER_PROPERTY:
            block += b"".join(varint(name) + text(key) + text(word) for key, word in value)
        else:
            block += varint(name) + _property(name, value)
    return varint(len(block)) + block


def _property(name: int, value: Any) -> bytes:
    for names, size in ((BYTES, 1), (WORDS, 2), (LONGS, 4)):
        if name in names:
            return int(value).to_bytes(size, "big")
    if name in TEXTS:
        return text(value)
    return varint(value) if name == SUBSCRIPTION_IDENTIFIER else struct.pack(">H", len(value)) + value


def frame(kind: Kind, body: bytes, flags: int = 0) -> bytes:
    """A whole packet."""
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connack(version: int, code: int, values: Mapping[int, Any]) -> bytes:
    """The answer to CONNECT, without a session."""
    return frame(Kind.CONNACK, bytes([0, code]) + (properties(values) if version >= 5 else b""))


def puback(version: int, packet_id: int, code: int) -> bytes:
    """The answer to PUBLISH; version 3.1.1 has no way to say *code*."""
    body = struct.pack(">H", packet_id)
    return frame(Kind.PUBACK, body + (bytes([code, 0]) if version >= 5 and code else b""))


def suback(version: int, packet_id: int, codes: list[int]) -> bytes:
    """The answer to SUBSCRIBE."""
    block = b"\0" if version >= 5 else b""
    return frame(Kind.SUBACK, struct.pack(">H", packet_id) + block + bytes(codes))


def unsuback(version: int, packet_id: int, count: int) -> bytes:
    """The answer to UNSUBSCRIBE."""
    return frame(Kind.UNSUBACK, struct.pack(">H", packet_id) + (bytes(1 + count) if version >= 5 else b""))


def disconnect(code: int) -> bytes:
    """A version 5 server's goodbye."""
    return frame(Kind.DISCONNECT, bytes([code, 0]))


def publish(version: int, message: Packet, packet_id: int) -> bytes:
    """*message* for a subscriber, at QoS 1 when *packet_id* is given."""
    flags = message.retain | (2 if packet_id else 0)
    body = text(message.topic) + (struct.pack(">H", packet_id) if packet_id else b"")
    return frame(
        Kind.PUBLISH, body + (properties(message.properties) if version >= 5 else b"") + message.payload, flags
    )
