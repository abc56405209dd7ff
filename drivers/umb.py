"""Lufft UMB binary: weather stations WSxxx and other sensors, many channels in one request.

A frame is ``01 10 to(2) from(2) length 02 command version payload 03 crc(2) 04``, all
numbers little-endian; length counts what lies between 02 and 03, the CRC is
:func:`crc_umb` of 01 to 03. An address is class x 4096 + id: weather
stations are class 7, masters class 15 (WSxxx-UMB manual, sections 19.3.1 to 19.3.4).

Command 23 asks for one channel: status, channel, type and value come back, as the
manual's example shows. Command 2F asks for several: a status, their number, and for
each a length and the same fields (public driver lufft-python). A channel says which
it is, ``options = { channel = 100 }``; the profile may say ``options = { class = 7,
together = 16 }``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import Field

from drivers.api import (
    Channel,
    Device,
    Foreign,
    Found,
    Inquiry,
    InquiryDriver,
    Link,
    Quality,
    Reading,
    RefusedError,
    Words,
    address_between,
    decode,
    own_words,
)
from drivers.checksum import ChecksumError
from drivers.frames import first_frame

SOH, VERSION, STX, ETX, EOT = 0x01, 0x10, 0x02, 0x03, 0x04
ONE, SEVERAL, COMMAND_VERSION = 0x23, 0x2F, 0x10
MASTER = 0xF001
HEAD, TAIL = 8, 4
USUAL_VALUE = 4
TYPES = {
    0x10: ("uint16", "<B"),
    0x11: ("int16", "<b"),
    0x12: ("uint16", "<H"),
    0x13: ("int16", "<h"),
    0x14: ("uint32", "<L"),
    0x15: ("int32", "<l"),
    0x16: ("float32", "<f"),
    0x17: ("float64", "<d"),
}
"""Type byte to our type and to how the value travels; bytes are read as words."""
FORMS = {"uint16": ">H", "int16": ">h", "uint32": ">L", "int32": ">l", "float32": ">f", "float64": ">d"}
MEANINGS = {
    0x10: "unknown command",
    0x11: "invalid parameter",
    0x12: "invalid header version",
    0x13: "invalid version of the command",
    0x22: "too much in one request",
    0x24: "invalid channel",
    0x28: "not ready",
    0x29: "under-voltage",
    0x2A: "hardware error",
    0x2B: "measurement error",
    0x2C: "initialization error",
    0x36: "channel deactivated",
}
ABSENT = (0x24, 0x36)


class Sensor(Words):
    """The options of a profile or device."""

    device_class: int = Field(default=7, alias="class", ge=1, le=15)
    together: int = Field(default=16, ge=1, le=20)  # channels in one request; 1 for sensors that know command 23 only


class Place(Words):
    """The options of a channel."""

    channel: int = Field(ge=0, le=65535)


class Part(NamedTuple):
    """What a reply says about one channel; without type and value when its status is not 0."""

    status: int
    channel: int
    kind: int = 0
    value: bytes = b""


class UmbDriver(InquiryDriver):
    """Reads channels, as many in one request as the profile allows."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that UMB cannot have."""
        super().__init__(device, link)
        sensor = own_words(Sensor, device.profile.options, f"device {device.name}")
        number = address_between(1, 255, device, hint="Set address to the device id; its class is options.class")
        self._address = sensor.device_class << 12 | number
        self._together = sensor.together
        self._places = self.own_words_of_channels(Place)

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        return [
            self._inquiry(tuple(channels[at : at + self._together])) for at in range(0, len(channels), self._together)
        ]

    def _inquiry(self, channels: tuple[Channel, ...]) -> Inquiry:
        numbers = [self._places[one.name].channel for one in channels]
        content = struct.pack(f"<{len(numbers)}H", *numbers)
        command = ONE if len(numbers) == 1 else SEVERAL
        if command == SEVERAL:
            content = bytes([len(numbers)]) + content
        part = 4 + USUAL_VALUE + (command == SEVERAL)
        return Inquiry(
            text=f"channels {', '.join(map(str, numbers))} of {self._address:04X}",
            sent=framed(self._address, command, content),
            expected=HEAD + 2 + 2 * (command == SEVERAL) + part * len(numbers) + TAIL,
            find=lambda buffer: find_reply(buffer, self._address, command, numbers),
            channels=channels,
        )

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        parts = parts_of(frame)
        if len(parts) != len(inquiry.channels):
            code = payload_of(frame)[0]
            raise RefusedError(self.device.name, inquiry.text, code, MEANINGS.get(code, "see the UMB protocol"))
        return (_reading(channel, part) for channel, part in zip(inquiry.channels, parts, strict=True))


def _reading(channel: Channel, part: Part) -> Reading:
    if part.status:
        quality = Quality.NOT_FITTED if part.status in ABSENT else Quality.NO_VALUE
        return Reading(channel.name, None, quality, f"umb_{part.status:02x}")
    kind, form = TYPES[part.kind]
    (value,) = struct.unpack(form, part.value)
    data = struct.pack(FORMS[kind], value)
    typed = channel.model_copy(update={"type": kind, "order": "ABCD"})
    return decode(typed, struct.unpack(f">{len(data) // 2}H", data))


def framed(to: int, command: int, content: bytes) -> bytes:
    """The frame that asks the device *to* for *command*."""
    payload = bytes([command, COMMAND_VERSION]) + content
    frame = struct.pack("<BBHHBB", SOH, VERSION, to, MASTER, len(payload), STX) + payload + bytes([ETX])
    return frame + crc_umb(frame).to_bytes(2, "little") + bytes([EOT])


def crc_umb(data: bytes) -> int:
    """The CRC of a frame: CCITT, reflected, start FFFF, over SOH to ETX."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def payload_of(frame: bytes) -> bytes:
    """What follows command and version."""
    return frame[HEAD + 2 : -TAIL]


def parts_of(frame: bytes) -> list[Part]:
    """What the reply *frame* says about each channel; nothing when any of it is not made so."""
    payload = payload_of(frame)
    parts = [_part(data) for data in ([payload] if frame[HEAD] == ONE else _split(payload))]
    good = [part for part in parts if part]
    return good if len(good) == len(parts) else []


def _split(payload: bytes) -> list[bytes]:
    """The parts of a reply to SEVERAL: status, how many there are, and each behind its length."""
    parts, at = [], 2
    while at < len(payload):
        end = at + 1 + payload[at]
        parts.append(payload[at + 1 : end])
        at = end
    return parts if at == len(payload) and len(parts) == payload[1] else []


def _part(data: bytes) -> Part | None:
    if len(data) < 3:
        return None
    part = Part(data[0], int.from_bytes(data[1:3], "little"), data[3] if len(data) > 3 else 0, data[4:])
    fits = part.kind in TYPES and len(part.value) == struct.calcsize(TYPES[part.kind][1])
    return part if part.status or fits else None


def find_reply(buffer: bytearray, sender: int, command: int, channels: Sequence[int]) -> Found | None:
    """The reply of *sender* to *command* with exactly *channels*, or its refusal; other whole frames are foreign."""
    span = first_frame(buffer, SOH, length_of)
    if span is None:
        return None
    frame = bytes(buffer[span.begin : span.end])
    to, from_ = struct.unpack_from("<HH", frame, 2)
    if (to, from_, frame[HEAD]) != (MASTER, sender, command):
        raise Foreign(span.end, f"a frame from {from_:04X} to {to:04X} with command {frame[HEAD]:#04x}")
    answered = [part.channel for part in parts_of(frame)]
    if answered == list(channels):
        return Found(frame, span.end, skipped=span.begin)
    if not answered and payload_of(frame)[:1] > b"\0":
        return Found(frame, span.end, refused=True, skipped=span.begin)
    raise Foreign(span.end, f"channels {answered} where {list(channels)} were asked for")


def length_of(data: bytes) -> int | None:
    """See drivers.frames.Measure."""
    if data[1:2] not in (b"", bytes([VERSION])) or data[7:8] not in (b"", bytes([STX])):
        raise ValueError("no UMB frame")
    if len(data) < HEAD:
        return None
    end = HEAD + data[6] + TAIL
    if data[6] < 2:
        raise ValueError("a UMB frame without a command")
    if len(data) < end:
        return None
    if data[end - TAIL] != ETX or data[end - 1] != EOT:
        raise ValueError("a UMB frame without its end")
    if crc_umb(data[: end - 3]) != int.from_bytes(data[end - 3 : end - 1], "little"):
        raise ChecksumError("a UMB frame with a wrong CRC")
    return end
