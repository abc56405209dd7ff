"""The ticks of one device over one stretch, and what its records said of each.

A tick is a place in an array; what stands there is the number of a pattern, that is,
of what a record says of all channels. A month of polls a second is 5 MB.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from agent.accounts.causes import State

LATE = 10
"""So many readings in a row may each have come when the next tick was due already: the line is almost too slow."""


class Pattern(NamedTuple):
    """What a record says: a state for each channel; ``lacking`` has bit n set when uplink n does not have it yet."""

    states: tuple[State, ...]
    lacking: int
    is_nothing: bool = False  # a poll that gave nothing

    @property
    def has_value(self) -> bool:
        """Whether any channel has a value."""
        return any(state.has_value for state in self.states)


class Run(NamedTuple):
    """Ticks ``first`` to before ``end`` of a timeline; ``pattern`` is None where no record tells of them."""

    first: int
    end: int
    pattern: Pattern | None


class Timeline:
    """The ticks of ``channels`` of one device, due every ``every_us`` from ``since_ms`` up to ``until_ms``.

    Ticks are due at multiples of the interval since 1970. With ``is_sampled`` a tick is a sample of the instrument's
    own, for which it is polled more often: a value counts more than the polls before it that gave none.
    """

    def __init__(
        self, device: str, channels: Sequence[str], every_s: float, since_ms: int, until_ms: int, *, is_sampled: bool
    ) -> None:
        self.device = device
        self.channels = tuple(channels)
        self.every_us = round(every_s * 1_000_000)
        self.since_ms = since_ms
        self.until_ms = until_ms
        self.is_sampled = is_sampled
        self.base = -(-since_ms * 1000 // self.every_us)
        self.count = max(-(-until_ms * 1000 // self.every_us) - self.base, 0)
        self.slots = array("H", bytes(2 * self.count))
        self.repeated = 0
        """Readings for ticks that had one already: the clock was set back."""
        self._patterns: list[Pattern] = []
        self._numbers: dict[Pattern, int] = {}

    def number(self, pattern: Pattern) -> int:
        """The number of *pattern* in this timeline."""
        if pattern not in self._numbers:
            self._patterns.append(pattern)
            self._numbers[pattern] = len(self._patterns)
        return self._numbers[pattern]

    def put(self, time_ms: int, number: int) -> None:
        """A reading that was complete at *time_ms*, and so belongs to the last tick that was due then."""
        slot = time_ms * 1000 // self.every_us - self.base
        if not 0 <= slot < self.count:
            return
        there = self.slots[slot]
        if there == 0 or (self.is_sampled and not self._patterns[there - 1].has_value):
            self.slots[slot] = number
        elif slot and self.slots[slot - 1] == 0:  # the one that is here came late: it belongs to the tick before
            self.slots[slot - 1], self.slots[slot] = there, number
        else:
            self.repeated += 1

    def put_nothing(self, time_ms: int, number: int, ticks: int, poll_us: int) -> None:
        """*ticks* polls, one each *poll_us*, gave nothing; the first was due at *time_ms*.

        Others between them may have given something: the free ones are meant.
        """
        if self.is_sampled:
            begin_us, end_us = time_ms * 1000, time_ms * 1000 + ticks * poll_us
            first, end = begin_us // self.every_us - self.base, end_us // self.every_us + 1 - self.base
            free: Iterable[int] = (s for s in range(max(first, 0), min(end, self.count)) if self.slots[s] == 0)
        else:
            first = -(-time_ms * 1000 // self.every_us) - self.base
            self._make_room(first)
            places = (s for s in range(max(first, 0), self.count) if self.slots[s] == 0)
            free = islice(places, max(ticks - max(-first, 0), 0))
        for slot in free:
            self.slots[slot] = number

    def _make_room(self, slot: int) -> None:
        """Tick *slot* is known to have given nothing: what stands there came late, and so did what is right before."""
        if not 0 < slot < self.count or self.slots[slot] == 0:
            return
        free = next(
            (before for before in range(slot - 1, max(slot - LATE, 0) - 1, -1) if self.slots[before] == 0), None
        )
        if free is not None:
            self.slots[free:slot] = self.slots[free + 1 : slot + 1]
            self.slots[slot] = 0

    def due_ms(self, slot: int) -> int:
        """When tick *slot* was due."""
        return (slot + self.base) * self.every_us // 1000

    def slot_at(self, time_ms: int) -> int:
        """The first tick that was not due before *time_ms*; the number of ticks when there is none."""
        return min(max(-(-time_ms * 1000 // self.every_us) - self.base, 0), self.count)

    def runs(self) -> Iterator[Run]:
        """Ticks of which the same is said, in order."""
        first = 0
        for number, same in groupby(self.slots):
            end = first + sum(1 for _ in same)
            yield Run(first, end, self._patterns[number - 1] if number else None)
            first = end


def cut(first: int, end: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """*first* to before *end*, in parts that begin at each of the ascending *edges* between."""
    inside = edges[bisect_right(edges, first) : bisect_left(edges, end)]
    yield from zip([first, *inside], [*inside, end], strict=True)
