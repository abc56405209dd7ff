"""Aeroqual AQM 60, AQM 65 and IQM 60: the binary protocol of their serial port.

A request is ``55 id code checksum``, a reply ``AA id code float status time checksum``
of 15 bytes; the checksum makes the sum of all bytes 0 modulo 256 (IQM 60 manual,
pages 30 to 40; AQM 60 manual, pages 73 to 78). The text says that numbers travel low
byte first, its worked example shows the high byte first: we follow the example, and
``order = "DCBA"`` of a channel follows the text. Codes below 20 (hex) calibrate and
set; they are never sent.

A channel says which sensor it is, and which part of its reply:
``options = { sensor = 0x30 }``, ``options = { sensor = 0x30, part = "status" }``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from drivers.api import (
    Channel,
    Device,
    Foreign,
    Found,
    Inquiry,
    InquiryDriver,
    Link,
    Reading,
    Words,
    address_between,
    decode,
    grouped,
)
from drivers.checksum import ChecksumError
from drivers.frames import first_frame

ASK, ANSWER = 0x55, 0xAA
LENGTH = 15


class Place(Words):
    """The options of a channel."""

    sensor: int = Field(ge=0x20, le=0xEF)
    part: Literal["value", "status"] = "value"


class AeroqualDriver(InquiryDriver):
    """Asks one sensor module after the other."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that the protocol cannot have."""
        super().__init__(device, link)
        self._id = address_between(1, 255, device, hint="Set address to the id of the monitor, usually 1")
        self._places = self.own_words_of_channels(Place)

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        by_sensor = grouped(channels, lambda one: self._places[one.name].sensor)
        return [self._inquiry(sensor, served) for sensor, served in by_sensor.items()]

    def _inquiry(self, sensor: int, channels: tuple[Channel, ...]) -> Inquiry:
        asked = bytes([self._id, sensor])
        return Inquiry(
            text=f"sensor {sensor:#04x} of id {self._id}",
            sent=sealed(bytes([ASK]) + asked),
            expected=LENGTH,
            find=lambda buffer: find_reply(buffer, asked),
            channels=channels,
        )

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        for channel in inquiry.channels:
            if self._places[channel.name].part == "status":
                yield decode(channel.model_copy(update={"type": "bits", "count": 1}), [frame[7]])
            else:
                yield decode(channel.model_copy(update={"type": "float32"}), struct.unpack(">2H", frame[3:7]))


def sealed(content: bytes) -> bytes:
    """*content* with the byte that makes its sum 0."""
    return content + bytes([-sum(content) & 0xFF])


def find_reply(buffer: bytearray, asked: bytes) -> Found | None:
    """The reply to *asked*, id and sensor; that of another one is foreign."""
    span = first_frame(buffer, ANSWER, length_of)
    if span is None:
        return None
    frame = bytes(buffer[span.begin : span.end])
    if frame[1:3] != asked:
        raise Foreign(span.end, f"a reply of id {frame[1]} about sensor {frame[2]:#04x}")
    return Found(frame, span.end, skipped=span.begin)


def length_of(data: bytes) -> int | None:
    """See drivers.frames.Measure."""
    if len(data) < LENGTH:
        return None
    if sum(data[:LENGTH]) & 0xFF:
        raise ChecksumError("15 bytes whose sum is not 0")
    return LENGTH
