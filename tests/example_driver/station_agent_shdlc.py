"""Sensirion SHDLC: the protocol of SFC5xxx and SFM5xxx mass flow controllers, as a driver of its own package.

A frame is ``7E address command length data checksum 7E``, and in a reply a state
byte stands before the length. 7E, 7D, 11 and 13 within it travel as 7D and the byte
XOR 20 (hex). The checksum is the inverted low byte of the sum of all between the 7E.

A channel says in its options what to ask: ``options = { command = 8, data = [1] }``.
Written after Sensirion's own sensirion-shdlc-driver 0.1 (BSD-3-Clause).
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from datetime import UTC, datetime

from drivers.api import (
    Channel,
    Device,
    Driver,
    DriverError,
    Foreign,
    Found,
    Garbage,
    Link,
    ProfileError,
    Reading,
    RefusedError,
    RequestPlan,
    Scan,
    decode,
    unread,
)

EDGE, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
ESCAPED = (EDGE, ESCAPE, 0x11, 0x13)
ERROR_CODE = 0x7F  # of the state byte; bit 7 says that the device has an error, not that this command failed
REPLY_OVERHEAD = 7


class ShdlcDriver(Driver):
    """Asks for one channel after the other; each answer is a big-endian number of the channel's type."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that SHDLC cannot have."""
        super().__init__(device, link)
        if not isinstance(device.address, int) or not 0 <= device.address <= 254:
            raise ProfileError(
                f"device {device.name} has the address {device.address!r}, which is none of SHDLC",
                hint="Set address to a number from 0 to 254",
            )
        self._requests = {channel.name: self._request(channel) for channel in device.profile.channels}

    def _request(self, channel: Channel) -> bytes:
        try:
            command, data = int(channel.options["command"]), bytes(channel.options.get("data", ()))
        except (KeyError, TypeError, ValueError):
            raise ProfileError(
                f"device {self.device.name}: channel {channel.name} does not say what to ask",
                hint="Write options = { command = 8, data = [1] }",
            ) from None
        return framed(bytes([int(self.device.address or 0), command, len(data)]) + data)

    async def poll(self, channels: Collection[str]) -> Scan:
        """See Driver."""
        readings: dict[str, Reading] = {}
        errors: list[DriverError] = []
        for name in channels:
            try:
                readings[name] = await self._read(name)
            except DriverError as error:
                errors.append(error)
                readings[name] = unread(name, error)
        if len(errors) == len(readings) and errors:
            raise errors[0]
        return Scan(datetime.now(UTC), readings)

    async def probe(self) -> None:
        """See Driver."""
        await self._read(self.device.profile.channels[0].name)

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver."""
        return [
            RequestPlan(self._requests[name].hex(" "), len(self._requests[name]), REPLY_OVERHEAD + self._size(name))
            for name in channels
        ]

    def _size(self, name: str) -> int:
        return 2 * self.device.profile.channel(name).registers

    async def _read(self, name: str) -> Reading:
        request = self._requests[name]
        answer = await self.link.exchange(
            request,
            lambda buffer: find_reply(buffer, request),
            device=self.device.name,
            timeout_s=self.device.timeout_s,
            pause_s=self.device.pause_s,
        )
        state, data = answer[2], answer[4:]
        if code := state & ERROR_CODE:
            raise RefusedError(self.device.name, f"command {answer[1]:#04x}", code, "SHDLC execution error")
        return decode(self.device.profile.channel(name), struct.unpack(f">{len(data) // 2}H", data))


def checksum(content: bytes) -> int:
    """The inverted low byte of the sum."""
    return ~sum(content) & 0xFF


def framed(content: bytes) -> bytes:
    """*content* with its checksum, escaped, between two edges."""
    stuffed = bytearray()
    for byte in (*content, checksum(content)):
        stuffed += bytes([ESCAPE, byte ^ FLIP]) if byte in ESCAPED else bytes([byte])
    return bytes([EDGE, *stuffed, EDGE])


def unescaped(stuffed: bytes) -> bytes:
    """What stood in a frame before it was escaped."""
    plain, flip = bytearray(), 0
    for byte in stuffed:
        if byte == ESCAPE:
            flip = FLIP
        else:
            plain.append(byte ^ flip)
            flip = 0
    return bytes(plain)


def find_reply(buffer: bytearray, request: bytes) -> Found | None:
    """The reply to *request* without edges and checksum; a frame of another device or command is foreign."""
    begin = buffer.find(EDGE)
    end = buffer.find(EDGE, begin + 1)
    if begin < 0 or end < 0:
        return None
    content = unescaped(bytes(buffer[begin + 1 : end]))
    if len(content) < 5 or checksum(content[:-1]) != content[-1] or content[3] != len(content) - 5:
        raise Garbage(f"a damaged frame: {buffer[begin : end + 1].hex(' ')}")
    asked = unescaped(request[1:-1])
    if content[:2] != asked[:2]:
        raise Foreign(end + 1, f"a reply of {content[0]} to command {content[1]}")
    return Found(content[:-1], end + 1, refused=bool(content[2] & ERROR_CODE))
