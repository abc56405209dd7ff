"""Sensirion SHDLC: mass flow controllers and meters SFC5xxx and SFM5xxx.

A frame is ``7E address command length data checksum 7E``, and in a reply a state
byte stands before the length. 7E, 7D, 11 and 13 within it travel as 7D and the byte
XOR 20 (hex). The checksum is the inverted low byte of the sum of all between the 7E.
Written after Sensirion's own sensirion-shdlc-driver 0.1 (BSD-3-Clause).

Command 08 reads the measured flow, a big-endian float; the profile or the device says
in which unit: ``options = { scaling = "physical" }``. A reply does not say which was
asked for, hence only one for each device: a late reply cannot pass for the other one.
Command 03 of these devices sets and reads, and is never sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Literal

from drivers.api import (
    Channel,
    Device,
    Foreign,
    Found,
    Garbage,
    Inquiry,
    InquiryDriver,
    Link,
    Reading,
    RefusedError,
    Words,
    address_between,
    decode,
    own_words,
)
from drivers.checksum import ChecksumError
from drivers.frames import first_frame

EDGE, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
ESCAPED = (EDGE, ESCAPE, 0x11, 0x13)
ERROR_CODE = 0x7F  # of the state byte; bit 7 says that the device has an error, not that this command failed
OVERHEAD = 7
MEASURED = 0x08
SCALINGS = {"normalized": 0, "physical": 1, "user": 2}
"""Of full scale; in the unit of the active calibration; in the unit that the user set."""
SIZE = 4


class Habits(Words):
    """The options of a profile or device."""

    scaling: Literal["normalized", "physical", "user"] = "normalized"


class ShdlcDriver(InquiryDriver):
    """Asks for the one value there is."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or options that SHDLC cannot have."""
        super().__init__(device, link)
        self._address = address_between(0, 254, device, hint="Set address to the one of the device, 0 from the factory")
        self._scaling = own_words(Habits, device.profile.options, f"device {device.name}").scaling

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        request = framed(bytes([self._address, MEASURED, 1, SCALINGS[self._scaling]]))
        inquiry = Inquiry(
            text=f"measured value, {self._scaling}",
            sent=request,
            expected=OVERHEAD + SIZE,
            find=lambda buffer: find_reply(buffer, request, self._address),
            channels=tuple(channels),
        )
        return [inquiry] if channels else []

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver; *frame* is without edges and checksum."""
        if code := frame[2] & ERROR_CODE:
            raise RefusedError(self.device.name, inquiry.text, code, "SHDLC execution error")
        for channel in inquiry.channels:
            yield decode(channel.model_copy(update={"type": "float32"}), struct.unpack(">2H", frame[4:]))


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
    """What stood in a frame before it was escaped; ValueError for what no sender escapes so."""
    plain, flip = bytearray(), 0
    for byte in stuffed:
        if byte == ESCAPE and not flip:
            flip = FLIP
        elif flip and byte ^ flip not in ESCAPED:
            raise ValueError("an SHDLC frame with a wrong escape")
        else:
            plain.append(byte ^ flip)
            flip = 0
    if flip:
        raise ValueError("an SHDLC frame that ends within an escape")
    return bytes(plain)


def find_reply(buffer: bytearray, request: bytes, address: int) -> Found | None:
    """The measured value of *address*, or its refusal, without edges and checksum.

    An echo of *request* may look like the refusal "wrong length", which a right request does not get.
    """
    span = first_frame(buffer, EDGE, length_of)
    if span is None:
        return None
    frame = bytes(buffer[span.begin : span.end])
    content = unescaped(frame[1:-1])[:-1]
    if content[:2] != bytes([address, MEASURED]) or frame == request:
        raise Foreign(span.end, f"a frame of {content[0]} about command {content[1]:#04x}")
    refused = bool(content[2] & ERROR_CODE)
    if not refused and len(content) != 4 + SIZE:
        raise Garbage(f"{len(content) - 4} bytes of data where {SIZE} were asked for")
    return Found(content, span.end, refused=refused, skipped=span.begin)


def length_of(data: bytes) -> int | None:
    """See drivers.frames.Measure."""
    end = data.find(EDGE, 1)
    if end < 0:
        return None
    content = unescaped(data[1:end])
    if content and checksum(content[:-1]) != content[-1]:
        raise ChecksumError("an SHDLC frame with a wrong checksum")
    if len(content) < 5 or content[3] != len(content) - 5:
        raise ValueError("no SHDLC reply")
    return end + 1
