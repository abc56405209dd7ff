"""Ecotech (Acoem) Serinus analyzers in their "Advanced" protocol: numbered parameters, each a float.

A frame is ``02 id command 03 length data checksum 04``; the checksum is the XOR of
id, command, length and data (Serinus 44 manual 2.2, pages 166 and 172). Command 1
reads: the data of the request are parameter numbers, those of the reply a number
and a big-endian float for each. Command 4 sets values and is never sent.

A channel says which one it is: ``options = { parameter = 50 }``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import xor

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
    graded,
)
from drivers.checksum import ChecksumError
from drivers.frames import first_frame

STX, ETX, EOT = 0x02, 0x03, 0x04
GET = 1
TOGETHER = 32
"""Parameters in one request; the length byte would allow 51 in the reply."""
HEAD, TAIL, EACH = 5, 2, 5


class Place(Words):
    """The options of a channel."""

    parameter: int = Field(ge=0, le=255)


class SerinusDriver(InquiryDriver):
    """Reads parameters, as many in one request as there are."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that the protocol cannot have."""
        super().__init__(device, link)
        self._id = address_between(
            0, 255, device, hint="Set address to the Serial ID of the instrument's communication menu"
        )
        self._places = self.own_words_of_channels(Place)

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        parts = [tuple(channels[at : at + TOGETHER]) for at in range(0, len(channels), TOGETHER)]
        return [self._inquiry(part) for part in parts]

    def _inquiry(self, channels: tuple[Channel, ...]) -> Inquiry:
        numbers = bytes(self._places[one.name].parameter for one in channels)
        request = framed(self._id, GET, numbers)
        return Inquiry(
            text=f"parameters {', '.join(map(str, numbers))} of id {self._id}",
            sent=request,
            expected=HEAD + EACH * len(numbers) + TAIL,
            find=lambda buffer: find_values(buffer, self._id, numbers),
            channels=channels,
        )

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        for place, channel in enumerate(inquiry.channels):
            at = HEAD + EACH * place + 1
            yield _reading(channel, frame[at : at + 4])


def _reading(channel: Channel, data: bytes) -> Reading:
    """States too travel as floats."""
    (value,) = struct.unpack(">f", data)
    if channel.states and value.is_integer():
        return graded(channel, int(value))
    return decode(channel.model_copy(update={"type": "float32"}), struct.unpack(">2H", data))


def checksum(content: bytes) -> int:
    """XOR of id, command, length and data."""
    return reduce(xor, content, 0)


def framed(number: int, command: int, data: bytes) -> bytes:
    """The frame for *command* to instrument *number*."""
    check = checksum(bytes([number, command, len(data)]) + data)
    return bytes([STX, number, command, ETX, len(data)]) + data + bytes([check, EOT])


def find_values(buffer: bytearray, number: int, parameters: bytes) -> Found | None:
    """The reply of instrument *number* with exactly *parameters*; every other whole frame is foreign."""
    span = first_frame(buffer, STX, length_of)
    if span is None:
        return None
    frame = bytes(buffer[span.begin : span.end])
    data = frame[HEAD:-TAIL]
    if frame[1:3] != bytes([number, GET]) or len(data) != EACH * len(parameters) or data[::EACH] != parameters:
        raise Foreign(span.end, f"a frame of id {frame[1]} to command {frame[2]} with other parameters than asked")
    return Found(frame, span.end, skipped=span.begin)


def length_of(data: bytes) -> int | None:
    """See drivers.frames.Measure."""
    if len(data) > 3 and data[3] != ETX:
        raise ValueError("no Serinus frame")
    if len(data) < HEAD or len(data) < HEAD + data[4] + TAIL:
        return None
    end = HEAD + data[4] + TAIL
    content, check = data[1:3] + data[4 : end - TAIL], data[end - 2]
    if data[end - 1] != EOT or checksum(content) != check:
        raise ChecksumError("a Serinus frame with a wrong checksum or end")
    return end
