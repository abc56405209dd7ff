"""Modbus instruments: a planned set of reads, decoded by profile; which answers to believe is InStep's."""

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
    NoReplyError,
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
from drivers.instants import sampled
from drivers.instep import UNREACHED, InStep, OneBehindError, words
from drivers.modbus_frames import FRAMINGS, Frames
from drivers.plan import BIT_FUNCTIONS, Block, Span, halves, plan, prefixes, span_of

NOT_THERE = 2
TOO_MUCH = (2, 3)
MOST_SILENT = 2  # blocks in one poll of an instrument that answered others, after which the rest waits for the next
MOST_BAD = 2  # bad replies in one poll, after which the rest is not asked for
ALONE = 24  # bytes both ways when one channel is asked for, with the silences between
TURNAROUND_S = 0.05  # that an instrument takes to answer, as the watchdog reckons
MOST_DEAD_ENDS = 20  # in one poll without any data; then it is not about single registers


@dataclass
class Outcome:
    """What a poll gave so far. ``stop`` is why the rest need not be asked for."""

    readings: dict[str, Reading] = field(default_factory=dict)
    good: set[Span] = field(default_factory=set)
    absent: list[Channel] = field(default_factory=list)
    splits: list[tuple[Block, Block]] = field(default_factory=list)
    refusal: RefusedError | None = None
    dead_ends: int = 0
    error: DriverError | None = None
    bad: int = 0
    silent: int = 0
    stop: DriverError | None = None

    def lose(self, block: Block, error: DriverError) -> None:
        """Note that *block* gave nothing because of *error*."""
        self.error = self.error or error
        self.readings.update((channel.name, unread(channel.name, error)) for channel in block.channels)

    def fail(self, block: Block, error: DriverError) -> None:
        """Lose *block*, and the rest unless this is one bad reply, one refusal or one silence among others."""
        self.lose(block, error)
        if isinstance(error, BadReplyError):
            self.bad += 1
            stop = self.bad >= MOST_BAD
        elif isinstance(error, NoReplyError):
            self.silent += 1
            stop = not self.good or self.silent >= MOST_SILENT
        else:
            stop = not isinstance(error, RefusedError) or error.code in UNREACHED
        if stop:
            self.stop = error

    def dead_end(self, refusal: RefusedError) -> None:
        """Note that a block was refused that cannot be split."""
        self.dead_ends += 1
        if self.dead_ends >= MOST_DEAD_ENDS and not self.good:
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
        self._silent: set[Span] = set()  # blocks that nothing answered when they were asked for last
        self._probed = False  # whether the last thing that was asked for was the proof, and it was answered
        self._line = InStep(self, self._unit, self._frames, self._proof)

    async def poll(self, channels: Collection[str]) -> Scan:
        """See Driver. A silent instrument costs one time-out, not one for each request."""
        self._holes.forget_old(time.monotonic())
        outcome = Outcome()
        waiting = deque(sorted(self._blocks(channels), key=lambda block: block.span in self._silent))
        while waiting:
            block = waiting.popleft()
            if outcome.stop:
                outcome.lose(block, outcome.stop)
                continue
            try:
                values = await self._line.read(block.span)
            except OneBehindError:
                raise
            except RefusedError as refusal:
                waiting.extend(self._split(block, refusal, outcome))
            except DriverError as error:
                if isinstance(error, NoReplyError):
                    self._was_silent(block, short_ones_answer=self._probed or bool(outcome.good))
                outcome.fail(block, error)
            else:
                self._silent = {span for span in self._silent if not span.holds(block.span)}
                self._given.add(block.span)
                outcome.good.add(block.span)
                outcome.readings.update(self._readings(block, values))
        self._probed = False
        return self._scan(channels, outcome)

    def _was_silent(self, block: Block, *, short_ones_answer: bool) -> None:
        """Ask for half as much from now on where *block* is silent again while *short_ones_answer*: it may be too long.

        Never for less than was given already: then it is not the length.
        """
        again = any(span.holds(block.span) for span in self._silent)
        self._silent.add(block.span)
        if not again or not short_ones_answer or block.span in self._given or len(block.channels) == 1:
            return
        given = max((span.count for span in self._given if span.function == block.function), default=1)
        if (most := max(block.count // 2, given)) < block.count:
            limit = "bit_block" if block.function in BIT_FUNCTIONS else "block"
            self._habits = self._habits.model_copy(update={limit: most})
            self._plans.clear()

    def _split(self, block: Block, refusal: RefusedError, outcome: Outcome) -> tuple[Block, ...]:
        """The parts of a refused block that are worth asking for."""
        parts = halves(block, self._habits) if refusal.code in TOO_MUCH else ()
        outcome.refusal = outcome.refusal or refusal
        if len(parts) > 1:
            outcome.splits.append((parts[0], parts[1]))
            return parts
        if refusal.code == NOT_THERE and not any(given.holds(block.span) for given in self._given):
            outcome.absent += block.channels
        else:
            outcome.fail(block, refusal)
        outcome.dead_end(refusal)
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
        return Scan(datetime.now(UTC), outcome.readings, sampled(self.device.profile, outcome.readings))

    def _learn(self, outcome: Outcome) -> None:
        """Remember which channels are missing, and where two good parts may not be asked for as one."""
        now_s = time.monotonic()
        for channel in outcome.absent:
            self._holes.miss(self._spans[channel.name], now_s)
        for left, right in outcome.splits:
            if {left.span, right.span} <= outcome.good:
                last, first = self._spans[left.channels[-1].name], self._spans[right.channels[0].name]
                self._holes.part(Span(left.function, last.start, first.end - last.start), now_s)

    async def read(self, span: Span) -> list[int]:
        """Read *span*, whatever the profile says of it, for whoever looks into an instrument; raises DriverError."""
        return await self._line.read(span)

    def unsettle(self) -> None:
        """See Driver."""
        self._line.unsettle()

    async def probe(self) -> None:
        """See Driver. A refusal counts as an answer, unless a gateway gave it."""
        await self._line.probe()
        self._probed = True

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver."""
        return [self._described(block.span) for block in self._blocks(channels)]

    def longest_s(self, channels: Collection[str]) -> float:
        """See Driver. Blocks that are refused may have to be split until each channel is asked for alone."""
        alone_s = TURNAROUND_S + self.link.wire_s(ALONE * self._frames.characters)
        return super().longest_s(channels) + 2 * len(channels) * alone_s

    def _described(self, span: Span) -> RequestPlan:
        request = self._frames.ask(self._unit, span)
        return RequestPlan(f"unit {self._unit}: {words(span)}", len(request.frame), request.expected)

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

    def _proof(self) -> Span:
        """A small request whose answer, where possible, no planned request's answer can be taken for."""
        blocks = [block for blocks in self._plans.values() for block in blocks] or list(
            plan(self.device.profile.channels, self._habits)
        )
        answering = [block for block in blocks if block.span not in self._silent] or blocks
        spans = [span for block in answering for span in prefixes(block, self._habits)]
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
