"""What an uplink sends next: one track per epoch and stream, three lanes. Pure.

New records go first, the backlog beside them oldest first, and last what
consumers asked for again. A track keeps three things apart: what is
acknowledged (its cursor), what waits for lane ``back``, and where lane ``live``
stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.store.cursor import Cursor, Range, merge, subtract
from agent.uplink.batch import Lane
from drivers.reading import Stream

ORDER = (Stream.EVENT, Stream.AUDIT, Stream.MEASUREMENT, Stream.PARAMETER)
"""Few and telling before many."""

Key = tuple[str, Stream]
"""Epoch and stream."""


@dataclass(slots=True)
class Sizes:
    """How many records may go into one batch, where a broker refused more."""

    parts: list[tuple[int, int, int]] = field(default_factory=list)  # first, last, at most so many in a batch

    def split(self, first: int, last: int) -> bool:
        """Send *first* to *last* in batches of half that number from now on; False for a single record."""
        count = last - first + 1
        if count == 1:
            return False
        others = [part for part in self.parts if part[1] < first or part[0] > last]
        self.parts = sorted([*others, (first, last, count // 2)])
        return True

    def cut(self, first: int, last: int) -> Range:
        """The part of *first* to *last*, from its beginning, that may go into one batch."""
        for low, high, most in self.parts:
            if low <= first <= high:
                return first, min(last, high, first + most - 1)
            if first < low <= last:
                return first, low - 1
        return first, last


@dataclass(slots=True, eq=False)
class Track:
    """One series of records on its way to one broker."""

    epoch: str
    stream: Stream
    cursor: Cursor
    first: int = 1  # the oldest seq that the log still has
    last: int = 0  # the newest
    live: int | None = None  # the next seq of lane live; None for an epoch that has ended
    parked: list[Range] = field(default_factory=list)
    waiting: list[Range] = field(default_factory=list)  # for lane back
    sizes: Sizes = field(default_factory=Sizes)

    @property
    def key(self) -> Key:
        """What the track is of."""
        return self.epoch, self.stream

    @property
    def backlog(self) -> int:
        """Records that are not acknowledged, those on their way included."""
        return self.cursor.missing(self.last)

    def restart(self, *, current: bool) -> None:
        """Begin a connection: what was on its way waits again, and lane live starts after the newest record."""
        self.live = self.last + 1 if current else None
        self.waiting = []
        self.release([(self.first, self.last)])

    def grow(self, last: int) -> None:
        """The log has records up to *last* now."""
        self.last = max(self.last, last)

    def end(self) -> None:
        """The epoch has ended: what lane live has not sent waits for lane back."""
        if self.live is not None:
            live, self.live = self.live, None
            self.release([(live, self.last)])

    def claim(self, lane: Lane, first: int, last: int) -> None:
        """Seqs *first* to *last* go out now."""
        if lane is Lane.LIVE:
            self.live = last + 1
        elif lane is Lane.BACK:
            self.waiting = subtract(self.waiting, [(first, last)])

    def acknowledge(self, ranges: Iterable[Range]) -> bool:
        """Move the cursor over *ranges*; tells whether that was news."""
        before = (self.cursor.upto, list(self.cursor.ranges))
        ranges = list(ranges)
        for first, last in ranges:
            self.cursor.ack(first, last)
        self.waiting = subtract(self.waiting, ranges)
        self.parked = subtract(self.parked, ranges)
        self.sizes.parts = [part for part in self.sizes.parts if self.cursor.gaps(part[0], part[1])]
        return before != (self.cursor.upto, self.cursor.ranges)

    def release(self, ranges: Iterable[Range]) -> None:
        """*ranges* have to go out again, in lane back, but for what is acknowledged or parked meanwhile."""
        settled = [(1, max(self.cursor.upto, self.first - 1)), *self.cursor.ranges, *self.parked]
        self.waiting = merge([*self.waiting, *subtract(ranges, settled)])

    def park(self, first: int, last: int) -> None:
        """Set *first* to *last* aside: neither acknowledged nor sent."""
        self.parked = merge([*self.parked, (first, last)])
        self.waiting = subtract(self.waiting, [(first, last)])

    def unpark(self) -> None:
        """Let everything that is parked go out again."""
        parked, self.parked = self.parked, []
        self.release(parked)


@dataclass(slots=True, eq=False)
class Replay:
    """Ranges of one track that a consumer asked for again, and how much of them is still to be sent.

    ``archived`` are those that only the archive has; ``gone`` could not be sent after all.
    """

    id: str
    consumer: str
    track: Track
    ranges: list[Range]
    archived: list[Range] = field(default_factory=list)
    sizes: Sizes = field(default_factory=Sizes)
    gone: list[Range] = field(default_factory=list)

    def claim(self, first: int, last: int) -> None:
        """Seqs *first* to *last* go out now, or never."""
        self.ranges = subtract(self.ranges, [(first, last)])

    def piece(self) -> Piece:
        """The next part, all of it from one place."""
        first, last = self.sizes.cut(*self.ranges[0])
        for low, high in self.archived:
            if low <= first <= high:
                return Piece(self.track, Lane.REPLAY, first, min(last, high), self, high)
            if first < low <= last:
                last = low - 1
        return Piece(self.track, Lane.REPLAY, first, last, self)


@dataclass(frozen=True, slots=True)
class Piece:
    """Seqs that may go out now; how many of them fit into one batch shows when they are read.

    ``archived`` is the end of the stretch of the archive where they lie, None for what the log has.
    """

    track: Track
    lane: Lane
    first: int
    last: int
    replay: Replay | None = None
    archived: int | None = None

    @property
    def sizes(self) -> Sizes:
        """What a refusal of it is remembered in: a replay must not forget it when the cursor moves."""
        return self.track.sizes if self.replay is None else self.replay.sizes

    def claim(self, first: int, last: int) -> None:
        """Seqs *first* to *last* of it go out now, or never."""
        self.track.claim(self.lane, first, last)
        if self.replay is not None:
            self.replay.claim(first, last)


def live_pieces(tracks: Iterable[Track]) -> list[Piece]:
    """What is new, per track."""
    return [
        Piece(track, Lane.LIVE, *track.sizes.cut(track.live, track.last))
        for track in tracks
        if track.live is not None and track.live <= track.last
    ]


def back_piece(tracks: Iterable[Track]) -> Piece | None:
    """The oldest of the backlog, by rank of its stream; *tracks* come oldest epoch first."""
    behind = [track for track in tracks if track.waiting]
    if not behind:
        return None
    track = min(behind, key=lambda one: ORDER.index(one.stream))
    return Piece(track, Lane.BACK, *track.sizes.cut(*track.waiting[0]))


def replay_piece(replays: Iterable[Replay]) -> Piece | None:
    """The next of what consumers asked for, the first consumer first."""
    for replay in replays:
        if replay.ranges:
            return replay.piece()
    return None
