"""Horiba AP-370 series: APNA, APMA, APSA, APOA and APHA analyzers, asked in UDP datagrams.

A datagram is ``SOH 0 r 0 r 0 0 command STX parameters check ETX``, all but the control
characters in ASCII: r is the kind of analyzer (1 APNA, 2 APHA, 3 APMA, 4 APSA, 5
APOA), the command has four characters, the check is the XOR of all before it as two
hex digits. Port 53700. Known from public drivers only (karateboy/Datalogger2,
HoribaCollector.scala and siblings); those send the check in small letters.

R001 gives measured values, R010 the flame of an APHA. Commands that begin with A
switch gas or calibrate and are never sent. A channel says which item of the answer
holds its value and how many characters of the item come before it:
``options = { command = "R001", item = 2, skip = 5 }``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import xor

from pydantic import Field

from drivers import lines
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
    grouped,
)
from drivers.checksum import ChecksumError
from drivers.frames import first_frame

SOH, STX, ETX = b"\x01", b"\x02", b"\x03"
HEAD = 12
CHECK = 2
USUAL = 80


class Place(Words):
    """The options of a channel."""

    command: str = Field(default="R001", pattern=r"^R\d{3}$")
    item: int = Field(ge=0)
    skip: int = Field(default=0, ge=0)


class Ap370Driver(InquiryDriver):
    """Asks one analyzer; its address says which kind it is."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that the protocol cannot have."""
        super().__init__(device, link)
        self._kind = address_between(1, 5, device, hint="Set address to 1 APNA, 2 APHA, 3 APMA, 4 APSA or 5 APOA")
        self._places = self.own_words_of_channels(Place)

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        by_command = grouped(channels, lambda one: self._places[one.name].command)
        return [self._inquiry(command, served) for command, served in by_command.items()]

    def _inquiry(self, command: str, channels: tuple[Channel, ...]) -> Inquiry:
        return Inquiry(
            text=command,
            sent=framed(self._kind, command),
            expected=USUAL,
            find=lambda buffer: find_reply(buffer, command.encode("ascii")),
            channels=channels,
        )

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        items = frame[HEAD : -CHECK - 1].decode("ascii", "replace").split(",")
        now = datetime.now(UTC)
        for channel in inquiry.channels:
            place = self._places[channel.name]
            text = items[place.item][place.skip :] if place.item < len(items) else ""
            at = channel.model_copy(update={"field": 0})
            yield lines.read(at, text, ",", timezone=self.device.timezone, now=now)


def check(content: bytes) -> bytes:
    """XOR of all bytes, as two hex digits in small letters."""
    return b"%02x" % reduce(xor, content, 0)


def framed(kind: int, command: str) -> bytes:
    """The datagram that asks an analyzer of that *kind* for *command*."""
    content = SOH + f"0{kind}0{kind}00{command}".encode("ascii") + STX
    return content + check(content) + ETX


def find_reply(buffer: bytearray, command: bytes) -> Found | None:
    """The answer to *command*; that to another one is foreign, and so is a question, which has no parameters."""
    span = first_frame(buffer, SOH[0], length_of)
    if span is None:
        return None
    frame = bytes(buffer[span.begin : span.end])
    if frame[7:11] != command or len(frame) == HEAD + CHECK + 1:
        raise Foreign(span.end, f"{len(frame)} bytes about {frame[7:11].decode('ascii', 'replace')}")
    return Found(frame, span.end, skipped=span.begin)


def length_of(data: bytes) -> int | None:
    """See drivers.frames.Measure."""
    if len(data) >= HEAD and data[HEAD - 1 : HEAD] != STX:
        raise ValueError("no AP-370 answer")
    end = data.find(ETX, HEAD)
    if end < 0:
        return None
    content, found = data[: end - CHECK], data[end - CHECK : end]
    if end < HEAD + CHECK or found.lower() != check(content):
        raise ChecksumError("an AP-370 answer with a wrong check")
    return end + 1
