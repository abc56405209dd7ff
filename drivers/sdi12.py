"""SDI-12 sensors through an adapter that takes commands as text and makes break and mark itself.

A measurement takes steps: ``0C!`` answers ``000302``, for "in 3 s 2 values", then ``0D0!``,
``0D1!`` … answer them, ``0+1.23-4.5``, until all have come. After ``0M!`` the sensor
says ``0`` when it is ready (the service request), and a break on the bus ends the
measurement: the link is kept until then. After ``0C!`` others may use it. ``0R0!`` is
answered at once, and the answer does not say what was asked: after anything that went
wrong ``0!`` comes first, whose own answer leaves nothing late behind it. ``MC``, ``CC``
and ``RC`` ask for a CRC behind the values (SDI-12 1.3; Campbell Scientific's account of
it in the RainVUE manual, sections C.1.6 to C.1.10; ``RC`` and its example: Vaisala
WXT530 user guide, M211840EN-G).

The profile or the device says which command, ``options = { command = "CC" }``; a
channel has its own where it needs another, and says with ``field`` which of the
values it is, the first one is 0. Commands that change a sensor are never sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

from pydantic import Field

from drivers import lines
from drivers.api import (
    BadReplyError,
    Channel,
    Device,
    Foreign,
    Found,
    FrameFinder,
    Inquiry,
    InquiryDriver,
    Link,
    ProfileError,
    Reading,
    RequestPlan,
    Scan,
    Words,
    grouped,
    own_words,
)
from drivers.checksum import crc_vaisala
from drivers.duration import Duration

END = b"\r\n"
ADDRESS = re.compile(r"[0-9A-Za-z]")
COMMAND = r"^(?:[MC]C?[1-9]?|RC?[0-9])$"
VALUE = re.compile(rb"[+-](?:\d+\.?\d*|\.\d+)")
VALUES = re.compile(rb"(?:%s)*" % VALUE.pattern)
MOST_FETCHES = 10
STARTED = 8
USUAL = 40


class Habits(Words):
    """The options of a profile or device. ``longest`` is how long a measurement may take."""

    command: str = Field(default="C", pattern=COMMAND)
    longest: Duration = 30.0


class Place(Words):
    """The options of a channel."""

    command: str | None = Field(default=None, pattern=COMMAND)


class Sdi12Driver(InquiryDriver):
    """Has one sensor measure, waits for it, and fetches the values."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that SDI-12 cannot have."""
        super().__init__(device, link)
        habits = own_words(Habits, device.profile.options, f"device {device.name}")
        if not ADDRESS.fullmatch(str(device.address)):
            raise ProfileError(
                f"device {device.name} has the address {device.address!r}, which is none of SDI-12",
                hint='Set address to one character, such as "0"; a sensor alone on its bus tells it when asked ?!',
            )
        self._address = str(device.address).encode("ascii")
        self._longest_s = habits.longest
        self._in_step = True  # whether no answer to an earlier R can still come
        self._commands = {
            name: (place.command or habits.command).encode("ascii")
            for name, place in self.own_words_of_channels(Place).items()
        }
        for channel in device.profile.channels:
            if channel.field is None:
                where = f"device {device.name}: channel {channel.name}"
                raise ProfileError(f"{where} lacks field", hint="Add field = 0 for the first value, 1 for the second")

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver."""
        by_command = grouped(channels, lambda one: self._commands[one.name])
        return [self._inquiry(command, served) for command, served in by_command.items()]

    def _inquiry(self, command: bytes, channels: tuple[Channel, ...]) -> Inquiry:
        sent = self._address + command + b"!"
        find = line_finder(sent, self._values_of(command) if command[:1] == b"R" else STARTS[command[:1]])
        return Inquiry(sent.decode("ascii"), sent, USUAL, find, channels)

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver; *frame* is all values, one behind the other."""
        text = " ".join(value.decode("ascii") for value in VALUE.findall(frame))
        now = datetime.now(UTC)
        for channel in inquiry.channels:
            yield lines.read(channel, text, None, timezone=self.device.timezone, now=now)

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver. How often values are fetched is known when a sensor was asked; once, for most."""
        plans = []
        for plan in super().requests(channels):
            if plan.text[1] == "R":
                plans.append(plan)
            else:
                fetch = f"{plan.text[0]}D0!"
                plans += [RequestPlan(plan.text, plan.sent, STARTED), RequestPlan(fetch, len(fetch), USUAL)]
        return plans

    def longest_s(self, channels: Collection[str]) -> float:
        """See Driver. Each measurement may take its longest, before it is fetched."""
        measurements = len(self.inquiries(self._named(channels)))
        return super().longest_s(channels) + (self.device.timeout_s + self._longest_s) * measurements

    async def probe(self) -> None:
        """See Driver: ``0!`` is answered ``0``."""
        await self._ask(self._address + b"!", ready)

    def unsettle(self) -> None:
        """See Driver."""
        self._in_step = False

    async def answer(self, inquiry: Inquiry) -> Scan:
        """See InquiryDriver: start, wait, fetch."""
        command = inquiry.sent[1:-1]
        if command[:1] == b"R":
            data = await self._at_once(inquiry)
        else:
            start = await (self._measure(inquiry) if command[:1] == b"M" else self._measure_beside_others(inquiry))
            data = await self._fetch(int(start[3:]), self._values_of(command))
        return Scan.of(self.read(inquiry, data), datetime.now(UTC))

    async def _at_once(self, inquiry: Inquiry) -> bytes:
        if not self._in_step:
            await self.probe()
        self._in_step = False
        data = await self._exchange(inquiry.sent, inquiry.find, self.device.timeout_s)
        self._in_step = True
        return data

    async def _measure_beside_others(self, inquiry: Inquiry) -> bytes:
        start = await self._exchange(inquiry.sent, inquiry.find, self.device.timeout_s)
        await asyncio.sleep(self._takes_s(start))
        return start

    async def _measure(self, inquiry: Inquiry) -> bytes:
        """Keep the link until the service request; a sensor that never sends one is asked for its values anyway."""
        await self.probe()  # an absent sensor costs a short time-out, not the longest
        start = b""

        def find(buffer: bytearray) -> Found | None:
            nonlocal start
            found = inquiry.find(buffer)
            if found is None:
                return None
            start = found.frame
            if int(start[:3]) == 0:
                return found
            end = buffer.find(END, found.used)
            return Found(start, end + len(END)) if end >= 0 else None

        try:
            return await self._exchange(inquiry.sent, find, self._longest_s)
        except BadReplyError:
            if not start:
                raise
        self._takes_s(start)
        return start

    def _takes_s(self, start: bytes) -> int:
        """How long the measurement may take; raises BadReplyError when that is longer than a poll may."""
        takes_s = int(start[:3])
        if takes_s > self._longest_s:
            what = f"it measures for up to {takes_s} s, longer than options.longest"
            raise BadReplyError(self.device.name, self.link.endpoint, what)
        return takes_s

    @staticmethod
    def _values_of(command: bytes) -> Accept:
        return values_with_crc if command[1:2] == b"C" else values

    async def _fetch(self, count: int, accept: Accept) -> bytes:
        """Return *count* values; raises BadReplyError for fewer or more."""
        data = b""
        for number in range(MOST_FETCHES):
            part = await self._ask(self._address + b"D%d!" % number, accept)
            data += part
            if not part or len(VALUE.findall(data)) >= count:
                break
        if (found := len(VALUE.findall(data))) != count:
            raise BadReplyError(self.device.name, self.link.endpoint, f"{found} values where {count} were announced")
        return data

    async def _ask(self, sent: bytes, accept: Accept) -> bytes:
        return await self._exchange(sent, line_finder(sent, accept), self.device.timeout_s)

    async def _exchange(self, sent: bytes, find: FrameFinder, timeout_s: float) -> bytes:
        return await self.link.exchange(
            sent, find, device=self.device.name, timeout_s=timeout_s, pause_s=self.device.pause_s
        )


Accept = Callable[[bytes], bytes | None]
"""What a line that begins with the right address says; None when it is not what was waited for."""


def started(line: bytes) -> bytes | None:
    """After M: seconds in three digits and the number of values in one, such as ``0032``."""
    return line[1:] if re.fullmatch(rb".\d{4}", line) else None


def started_beside_others(line: bytes) -> bytes | None:
    """After C: the number of values has two digits, such as ``00312``."""
    return line[1:] if re.fullmatch(rb".\d{5}", line) else None


STARTS = {b"M": started, b"C": started_beside_others}


def ready(line: bytes) -> bytes | None:
    """Nothing, for the address alone."""
    return b"" if len(line) == 1 else None


def values(line: bytes) -> bytes | None:
    """Any number of values; none of them says that they are not ready."""
    return line[1:] if VALUES.fullmatch(line, 1) else None


def values_with_crc(line: bytes) -> bytes | None:
    """Any number of values whose CRC is right."""
    return values(line[:-3]) if len(line) > 3 and line[-3:] == crc_vaisala(line[:-3]) else None


def line_finder(sent: bytes, accept: Accept) -> FrameFinder:
    """Return what finds the line that *accept* takes as the answer to *sent*; an echo of *sent* is passed over."""

    def find(buffer: bytearray) -> Found | None:
        end = buffer.find(END)
        if end < 0:
            return None
        line = bytes(buffer[:end]).strip().removeprefix(sent)
        said = accept(line) if line[:1] == sent[:1] else None
        if said is None:
            raise Foreign(end + len(END), f"{line.decode('ascii', 'backslashreplace')!r} is no answer to {sent!r}")
        return Found(said, end + len(END))

    return find
