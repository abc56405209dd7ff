"""Winsen MH-Z19: a carbon dioxide sensor for rooms, as a driver of its own package.

A request is ``FF 01 86 00 00 00 00 00 79``, a reply ``FF 86 high low 0 0 0 0 checksum``;
the checksum makes the sum of all bytes but the first one 0 (MH-Z19B manual, page 7).
The other commands calibrate and set the range; they are never sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drivers.api import (
    Channel,
    Device,
    Foreign,
    Found,
    Garbage,
    Inquiry,
    InquiryDriver,
    Link,
    ProfileError,
    Reading,
    Words,
    decode,
    own_words,
)

START, READ = 0xFF, 0x86
LENGTH = 9


class Habits(Words):
    """The options of a profile or device."""

    sensor: int = 1  # reserved in the manual, which always has 01 there


class WinsenDriver(InquiryDriver):
    """Asks the one question there is."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address, which this sensor cannot have, and for unknown options."""
        super().__init__(device, link)
        if device.address is not None:
            raise ProfileError(
                f"device {device.name} has the address {device.address!r}, but a Winsen sensor has none",
                hint="Take the address out: the sensor is alone on its wire",
            )
        self._sensor = own_words(Habits, device.profile.options, f"device {device.name}").sensor

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        request = sealed(bytes([START, self._sensor, READ, 0, 0, 0, 0, 0]))
        return [Inquiry("read concentration", request, LENGTH, find_reply, tuple(channels))] if channels else []

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        return (decode(channel, [int.from_bytes(frame[2:4], "big")]) for channel in inquiry.channels)


def sealed(content: bytes) -> bytes:
    """*content* with its checksum."""
    return content + bytes([-sum(content[1:]) & 0xFF])


def find_reply(buffer: bytearray) -> Found | None:
    """The reply; one to another command is foreign."""
    begin = buffer.find(START)
    frame = bytes(buffer[begin : begin + LENGTH])
    if begin < 0:
        raise Garbage("no frame begins here")
    if len(frame) < LENGTH:
        return None
    if sealed(frame[:-1]) != frame:
        raise Garbage(f"a damaged frame: {frame.hex(' ')}", damaged=True)
    if frame[1] != READ:
        raise Foreign(begin + LENGTH, f"a reply to command {frame[1]:#04x}")
    return Found(frame, begin + LENGTH, skipped=begin)
