"""What of the log may be deleted next, to keep to its quota and its age. Pure.

The order is fixed: first what every uplink has; under pressure of the quota
then what only stale uplinks (or the archive) lack; never what no uplink has,
and never what is parked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.store.cursor import Cursor, Range, intersect, subtract
from drivers.reading import Stream

DELIVERED = "delivered"
AGED = "aged"
STALE = "stale"

_SLICE_MS = 24 * 3_600_000
_SETTLING_MS = 24 * 3_600_000
_MARGIN = 0.03
_LEAST_MARGIN = 4 << 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """The ranges of one series that are kept and not parked, ascending."""

    epoch: str
    stream: Stream
    kept: Sequence[Range]


@dataclass(frozen=True, slots=True)
class Holder:
    """Someone the log keeps records for: an uplink, or the archive (``delivers`` is false).

    A stale one has acknowledged nothing for so long that it no longer counts when room is short.
    """

    name: str
    streams: frozenset[Stream]
    cursors: Mapping[tuple[str, Stream], Cursor]
    stale: bool = False
    delivers: bool = True

    def lacks(self, shelf: Shelf) -> list[Range]:
        """What of *shelf* it still needs."""
        if shelf.stream not in self.streams:
            return []
        cursor = self.cursors.get((shelf.epoch, shelf.stream), Cursor())
        return [gap for first, last in shelf.kept for gap in cursor.gaps(first, last)]


@dataclass(frozen=True, slots=True)
class Step:
    """Records that may go: those from *first* to *last* that are older than *until_ms*, and why.

    ``lacking`` names who will never get them.
    """

    why: str
    epoch: str
    stream: Stream
    first: int
    last: int
    until_ms: int
    lacking: tuple[str, ...] = ()


def next_step(
    shelves: Iterable[Shelf],
    holders: Sequence[Holder],
    time_of: Callable[[str, Stream, int], int],
    *,
    pressure: bool,
    cutoff_ms: int | None,
) -> Step | None:
    """What to delete next, the oldest first over all streams, in slices of a day; None when nothing may go.

    Under *pressure* age does not matter; else only what is older than *cutoff_ms* goes. *time_of* gives
    the time of a record in ms by epoch, stream and seq.
    """
    shelves = list(shelves)
    if pressure:
        return _oldest(_delivered(shelves, holders), time_of) or _oldest(_stale(shelves, holders), time_of)
    if cutoff_ms is None:
        return None
    step = _oldest(_delivered(shelves, holders, AGED), time_of, cutoff_ms)
    return step if step and time_of(step.epoch, step.stream, step.first) < cutoff_ms else None


def _delivered(shelves: Iterable[Shelf], holders: Sequence[Holder], why: str = DELIVERED) -> list[Step]:
    """The first range of every shelf that nobody lacks."""
    free = [(shelf, subtract(shelf.kept, _lacking(shelf, holders))) for shelf in shelves]
    return [Step(why, shelf.epoch, shelf.stream, *ranges[0], until_ms=0) for shelf, ranges in free if ranges]


def _stale(shelves: Iterable[Shelf], holders: Sequence[Holder]) -> list[Step]:
    """The first range of every shelf that only stale holders lack, cut so that the same ones lack all of it."""
    steps = []
    for shelf in shelves:
        wanted = _lacking(shelf, [holder for holder in holders if not holder.stale]) + _undelivered(shelf, holders)
        if ranges := subtract(shelf.kept, wanted):
            first, last, lacking = _first_alike(ranges[0], shelf, holders)
            steps.append(Step(STALE, shelf.epoch, shelf.stream, first, last, until_ms=0, lacking=lacking))
    return steps


def _undelivered(shelf: Shelf, holders: Sequence[Holder]) -> list[Range]:
    """What none of the uplinks of this stream has."""
    uplinks = [holder for holder in holders if holder.delivers and shelf.stream in holder.streams]
    nobody_has = list(shelf.kept) if uplinks else []
    for uplink in uplinks:
        nobody_has = intersect(nobody_has, uplink.lacks(shelf))
    return nobody_has


def _first_alike(free: Range, shelf: Shelf, holders: Sequence[Holder]) -> tuple[int, int, tuple[str, ...]]:
    """The beginning of *free* that the same holders lack, and their names."""
    lacks = {holder.name: intersect([free], holder.lacks(shelf)) for holder in holders}
    edges = {free[0], free[1] + 1} | {edge for ranges in lacks.values() for a, b in ranges for edge in (a, b + 1)}
    first, after = next(pairwise(sorted(edges)))
    return first, after - 1, tuple(name for name, ranges in lacks.items() if ranges and ranges[0][0] == first)


def _lacking(shelf: Shelf, holders: Iterable[Holder]) -> list[Range]:
    return [gap for holder in holders for gap in holder.lacks(shelf)]


def _oldest(
    steps: Iterable[Step], time_of: Callable[[str, Stream, int], int], cutoff_ms: int | None = None
) -> Step | None:
    aged = [(time_of(step.epoch, step.stream, step.first), step) for step in steps]
    if not aged:
        return None
    time_ms, step = min(aged, key=lambda pair: pair[0])
    until_ms = time_ms + _SLICE_MS
    until_ms = until_ms if cutoff_ms is None else min(until_ms, cutoff_ms)
    return Step(step.why, step.epoch, step.stream, step.first, step.last, until_ms, step.lacking)


def is_settled(now_ms: int, *, synchronised: bool, stepped_ms: int | None) -> bool:
    """Whether the clock may decide about age: synchronised, and no step in the last 24 hours."""
    return synchronised and (stepped_ms is None or abs(now_ms - stepped_ms) >= _SETTLING_MS)


def margin(limit: int) -> int:
    """How many bytes below *limit* room is to be made: what a burst of records needs meanwhile."""
    return max(int(limit * _MARGIN), min(_LEAST_MARGIN, limit // 4))
