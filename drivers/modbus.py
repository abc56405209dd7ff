"""Modbus instruments: a planned set of reads, decoded by profile.

Over a serial line, or a gateway that passes frames on unchanged, a reply does not
say which request it answers. There, after anything went wrong, the next request is
one whose answer has a shape of its own: once that came, whatever was late is past.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from drivers.api import (
    BadReplyError,
    Channel,
    Device,
    Driver,
    DriverError,
    Link,
    ProfileError,
    Quality,
    Reading,
    RefusedError,
    RequestPlan,
    Scan,
    unread,
)
from drivers.decode import decode
from drivers.holes import Holes
from drivers.modbus_frames import FRAMINGS, MEANINGS, Frames, refusal_code, values_of
from drivers.plan import BIT_FUNCTIONS, FUNCTIONS, Block, Span, halves, plan, prefixes, span_of

TABLES = {function: table for table, function in FUNCTIONS.items()}
NOT_THERE = 2
TOO_MUCH = (2, 3)
UNREACHED = (10, 11)  # a gateway's own answers: the instrument itself said nothing
MOST_BAD = 2  # bad replies in one poll, after which the rest is not asked for
MOST_REFUSALS = 40  # in one poll without any data; then it is not about single registers


@dataclass
class Outcome:
    """What a poll gave so far. ``stop`` is why the rest need not be asked for."""

    readings: dict[str, Reading] = field(default_factory=dict)
    good: set[Span] = field(default_factory=set)
    absent: list[Channel] = field(default_factory=list)
    splits: list[tuple[Block, Block]] = field(default_factory=list)
    refusal: RefusedError | None = None
    refusals: int = 0
    error: DriverError | None = None
    bad: int = 0
    stop: DriverError | None = None

    def lose(self, block: Block, error: DriverError) -> None:
        """Note that *block* gave nothing because of *error*."""
        self.error = self.error or error
        self.readings.update((channel.name, unread(channel.name, error)) for channel in block.channels)

    def fail(self, block: Block, error: DriverError) -> None:
        """Lose *block*, and the rest unless this is one bad reply or one refusal among others."""
        self.lose(block, error)
        if isinstance(error, BadReplyError):
            self.bad += 1
            stop = self.bad >= MOST_BAD
        else:
            stop = not isinstance(error, RefusedError) or error.code in UNREACHED
        if stop:
            self.stop = error

    def refused(self, refusal: RefusedError) -> None:
        """Note that a block may not be asked for as a whole."""
        self.refusal = self.refusal or refusal
        self.refusals += 1
        if self.refusals >= MOST_REFUSALS and not self.good:
            self.stop = refusal


class ModbusDriver(Driver):
    """Reads one instrument the way its profile describes it: RTU on serial links, MBAP on networks."""

    framing: ClassVar[str | None] = None

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for an address or a channel that Modbus cannot have."""
        super().__init__(device, link)
        self._frames = FRAMINGS[self.framing or ("rtu" if link.kind == "serial" else "mbap")]
        self._unit = _unit(device, self._frames)
        self._habits = device.profile.modbus
        self._channels = {channel.name: channel for channel in device.profile.channels}
        self._spans = dict(_spans(device))
        self._holes = Holes()
        self._plans: dict[frozenset[str], tuple[Block, ...]] = {}
        self._planned_at = self._holes.version
        self._given: set[Span] = set()  # blocks that ever gave data
        self._in_step = True  # whether no reply to an earlier request can still come
        self._before: tuple[Span, list[int]] | None = None  # the last data, where replies have no number

    async def poll(self, channels: Collection[str]) -> Scan:
        """See Driver. A silent instrument costs one time-out, not one for each request."""
        self._holes.forget_old(time.monotonic())
        outcome = Outcome()
        waiting = deque(self._blocks(channels))
        while waiting:
            block = waiting.popleft()
            if outcome.stop:
                outcome.lose(block, outcome.stop)
                continue
            try:
                values = await self._read(block.span)
            except RefusedError as refusal:
                waiting.extend(self._split(block, refusal, outcome))
            except DriverError as error:
                outcome.fail(block, error)
            else:
                self._given.add(block.span)
                outcome.good.add(block.span)
                outcome.readings.update(self._readings(block, values))
        return self._scan(channels, outcome)

    def _split(self, block: Block, refusal: RefusedError, outcome: Outcome) -> tuple[Block, ...]:
        """The parts of a refused block that are worth asking for."""
        parts = halves(block, self._habits) if refusal.code in TOO_MUCH else ()
        if len(parts) > 1:
            outcome.refused(refusal)
            outcome.splits.append((parts[0], parts[1]))
            return parts
        if refusal.code == NOT_THERE and not any(given.holds(block.span) for given in self._given):
            outcome.refused(refusal)
            outcome.absent += block.channels
        else:
            outcome.fail(block, refusal)
        return ()

    def _scan(self, channels: Collection[str], outcome: Outcome) -> Scan:
        """The readings; raises the first error when nothing was given and nothing is known to be missing."""
        if not outcome.good:
            if outcome.error:
                raise outcome.error
            if outcome.refusal and not self._given:  # about the whole instrument, not about its registers
                raise outcome.refusal
        self._learn(outcome)
        for name in channels:
            if name not in outcome.readings:
                outcome.readings[name] = Reading(name, None, Quality.NOT_FITTED, f"exception_{NOT_THERE}")
        return Scan(datetime.now(UTC), outcome.readings)

    def _learn(self, outcome: Outcome) -> None:
        """Remember which channels are missing, and where two good parts may not be asked for as one."""
        now_s = time.monotonic()
        for channel in outcome.absent:
            self._holes.miss(self._spans[channel.name], now_s)
        for left, right in outcome.splits:
            if {left.span, right.span} <= outcome.good:
                last, first = self._spans[left.channels[-1].name], self._spans[right.channels[0].name]
                self._holes.part(Span(left.function, last.start, first.end - last.start), now_s)

    async def probe(self) -> None:
        """See Driver. A refusal counts as an answer, unless a gateway gave it."""
        try:
            await self._ask(self._proof())
        except RefusedError as refusal:
            if refusal.code in UNREACHED:
                raise

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver."""
        return [self._described(block.span) for block in self._blocks(channels)]

    def _described(self, span: Span) -> RequestPlan:
        request = self._frames.ask(self._unit, span)
        return RequestPlan(f"unit {self._unit}: {_words(span)}", len(request.frame), request.expected)

    def _blocks(self, channels: Collection[str]) -> tuple[Block, ...]:
        """The plan for *channels*, made once for each set of them and each state of knowledge."""
        if self._planned_at != self._holes.version:
            self._plans.clear()
            self._planned_at = self._holes.version
        key = frozenset(channels)
        if key not in self._plans:
            present = [self._channels[name] for name in key if not self._holes.is_missing(self._spans[name])]
            self._plans[key] = plan(present, self._habits, self._holes.refused)
        return self._plans[key]

    async def _read(self, span: Span) -> list[int]:
        """The values of *span*, which no reply to another request can be taken for."""
        if not self._in_step:
            await self.probe()
        before, values = self._before, await self._ask(span)
        if before and _alike(before, (span, values)):  # perhaps a second copy of the reply before
            await self.probe()
            values = await self._ask(span)
        self._before = None if self._frames.numbered else (span, values)
        return values

    async def _ask(self, span: Span) -> list[int]:
        """One exchange; raises DriverError. RefusedError when the answer is an exception."""
        request = self._frames.ask(self._unit, span)
        self._in_step = self._frames.numbered  # until the answer came, also when this is cancelled
        pdu = await self.link.exchange(
            request.frame,
            request.find,
            device=self.device.name,
            timeout_s=self.device.timeout_s + self.link.wire_s(len(request.frame) + request.expected),
            pause_s=self.device.pause_s,
            drain=not self._frames.numbered,
        )
        self._in_step = True
        if code := refusal_code(pdu):
            raise RefusedError(self.device.name, _words(span), code, MEANINGS.get(code, "a code of its own"))
        return values_of(pdu, span)

    def _proof(self) -> Span:
        """A small request whose answer, where possible, no planned request's answer can be taken for."""
        blocks = [block for blocks in self._plans.values() for block in blocks] or list(
            plan(self.device.profile.channels, self._habits)
        )
        spans = [span for block in blocks for span in prefixes(block, self._habits)]
        shapes = {(block.function, block.count) for block in blocks}
        own = [span for span in spans if (span.function, span.count) not in shapes]
        return min(own or spans, key=lambda span: span.count)

    def _readings(self, block: Block, values: list[int]) -> Iterator[tuple[str, Reading]]:
        now = datetime.now(UTC)
        for channel in block.channels:
            span = self._spans[channel.name]
            first = span.start - block.start
            yield (
                channel.name,
                decode(
                    channel,
                    values[first : first + span.count],
                    order=self._habits.order,
                    bits=block.function in BIT_FUNCTIONS,
                    timezone=self.device.timezone,
                    now=now,
                ),
            )


class ModbusRtu(ModbusDriver):
    """RTU frames on any link, as serial gateways pass them on."""

    framing = "rtu"


class ModbusAscii(ModbusDriver):
    """ASCII frames on any link."""

    framing = "ascii"


class ModbusTcp(ModbusDriver):
    """MBAP frames on any link."""

    framing = "mbap"


def _alike(one: tuple[Span, list[int]], other: tuple[Span, list[int]]) -> bool:
    """Whether two different requests got replies that nobody can tell apart."""
    (span, values), (other_span, other_values) = one, other
    return span.start != other_span.start and span.function == other_span.function and values == other_values


def _words(span: Span) -> str:
    kind = "bits" if span.function in BIT_FUNCTIONS else "registers"
    return f"function {span.function}, {span.count} {TABLES[span.function]} {kind} from {span.start}"


def _unit(device: Device, frames: Frames) -> int:
    address = device.profile.address if device.address is None else device.address
    if address is None and 0 in frames.units:
        return 1
    if not isinstance(address, int) or address not in frames.units:
        raise ProfileError(
            f"device {device.name} has the address {address!r}, which is no Modbus unit",
            hint=f"Set address to a number from {frames.units[0]} to {frames.units[-1]}",
        )
    return address


def _spans(device: Device) -> Iterable[tuple[str, Span]]:
    """Where each channel lies; raises ProfileError when that is nowhere, or too wide for one request."""
    habits = device.profile.modbus
    for channel in device.profile.channels:
        try:
            span = span_of(channel, habits)
        except ValueError as error:
            raise ProfileError(f"device {device.name}: {error}", hint="Give it table, register and type") from None
        most = 2000 if span.function in BIT_FUNCTIONS else 125
        if span.count > most or span.end > 65536:
            raise ProfileError(
                f"device {device.name}: channel {channel.name} takes {span.count} from {span.start} on",
                hint=f"One request reads at most {most}, and addresses end at 65535",
            )
        yield channel.name, span
