"""Which registers to ask for together: channels become the fewest requests.

Pure: what the instrument refused before comes in as spans, blocks come out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from drivers.profile import Channel, ModbusHabits

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
BIT_FUNCTIONS = (1, 2)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of registers, or of bits, as one function reads it."""

    function: int
    start: int
    count: int

    @property
    def end(self) -> int:
        """The address after the last one."""
        return self.start + self.count

    def holds(self, other: Span) -> bool:
        """Whether *other* lies wholly within this span."""
        return self.function == other.function and self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Block:
    """One request and the channels that its answer serves, in the order of their addresses."""

    function: int
    start: int
    count: int
    channels: tuple[Channel, ...]

    @property
    def span(self) -> Span:
        """The block without its channels."""
        return Span(self.function, self.start, self.count)


def span_of(channel: Channel, habits: ModbusHabits) -> Span:
    """Where *channel* lies; raises ValueError when it names no register."""
    if channel.start is None:
        raise ValueError(f"channel {channel.name} names no register")
    bits = (channel.table or habits.table) in ("coil", "discrete")
    return Span(
        FUNCTIONS[channel.table or habits.table], channel.start, channel.count or 1 if bits else channel.registers
    )


def plan(channels: Iterable[Channel], habits: ModbusHabits, refused: Collection[Span] = ()) -> tuple[Block, ...]:
    """Return the fewest blocks that read *channels*, none of which holds a span that was *refused*.

    A block bridges at most ``habits.gap`` addresses nobody asked for; a channel is
    never split. A channel that was itself refused stands alone.
    """
    placed = sorted(((span_of(channel, habits), channel) for channel in channels), key=lambda pair: pair[0])
    blocks: list[Block] = []
    for _, group in groupby(placed, key=lambda pair: pair[0].function):
        blocks += _packed(group, habits, refused)
    return tuple(blocks)


def _packed(placed: Iterable[tuple[Span, Channel]], habits: ModbusHabits, refused: Collection[Span]) -> Iterator[Block]:
    block: Span | None = None
    inside: list[Channel] = []
    for span, channel in placed:
        joined = block and _joined(block, span, habits, refused)
        if block and not joined:
            yield _block(block, inside)
            inside = []
        block = joined or span
        inside.append(channel)
    if block:
        yield _block(block, inside)


def _block(span: Span, channels: Iterable[Channel]) -> Block:
    return Block(span.function, span.start, span.count, tuple(channels))


def _joined(block: Span, span: Span, habits: ModbusHabits, refused: Collection[Span]) -> Span | None:
    """The block with *span* in it; None when that is not allowed."""
    longest = habits.bit_block if block.function in BIT_FUNCTIONS else habits.block
    joined = Span(block.function, block.start, max(block.end, span.end) - block.start)
    if joined == block:
        return joined
    if span.start - block.end > habits.gap or joined.count > longest:
        return None
    return None if any(joined.holds(hole) for hole in refused) else joined


def halves(block: Block, habits: ModbusHabits) -> tuple[Block, ...]:
    """Split *block* between two channels, at its widest gap, else near its middle; one part when it cannot be split."""
    spans = [span_of(channel, habits) for channel in block.channels]
    cuts = [at for at in range(1, len(spans)) if spans[at] != spans[at - 1]]
    if not cuts:
        return (block,)
    middle = len(spans) / 2
    cut = max(cuts, key=lambda at: (spans[at].start - max(span.end for span in spans[:at]), -abs(at - middle)))
    return tuple(_around(block.channels[part], spans[part]) for part in (slice(cut), slice(cut, None)))


def prefixes(block: Block, habits: ModbusHabits) -> Iterator[Span]:
    """The beginnings of *block* that cut no channel in two, shortest first."""
    end = block.start
    for channel in block.channels:
        end = max(end, span_of(channel, habits).end)
        yield Span(block.function, block.start, end - block.start)


def _around(channels: tuple[Channel, ...], spans: list[Span]) -> Block:
    start = spans[0].start
    return Block(spans[0].function, start, max(span.end for span in spans) - start, channels)
