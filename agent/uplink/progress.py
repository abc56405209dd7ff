"""How far one uplink is: its tracks, loaded from the log and kept over all its connections."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.recorder import Recorder
from agent.store.cursor import Cursor, Range, merge, subtract
from agent.store.reader import Parked, Reader
from agent.store.store import Move, Store
from agent.uplink.lanes import Key, Track
from drivers.reading import Stream

FRESH_S = 60.0
"""How often a connection that lasts looks at what the log still keeps."""

RATE_S = 10.0
"""The rate of delivery is that of the last so many seconds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the log says about one series and this uplink."""

    epoch: str
    stream: Stream
    kept: list[Range]
    last: int
    cursor: Cursor


class Progress:
    """What one uplink has delivered and what it still has to."""

    def __init__(self, uplink: str, streams: Sequence[Stream], recorder: Recorder) -> None:
        self._uplink = uplink
        self._streams = tuple(streams)
        self._recorder = recorder
        self.epoch = recorder.epoch
        self.tracks: dict[Key, Track] = {}
        self.parked: list[Parked] = []
        self._loaded_s = float("-inf")
        self._delivered: deque[tuple[float, int]] = deque()  # monotonic time and number of records

    @property
    def is_stale(self) -> bool:
        """Whether the log should be looked at again."""
        return self.epoch != self._recorder.epoch or time.monotonic() - self._loaded_s > FRESH_S

    async def load(self) -> None:
        """Learn from the log what there is and where this uplink stands; what is known already stays."""
        self.epoch, self._loaded_s = self._recorder.epoch, time.monotonic()
        known, self.parked = await self._recorder.read(self._look)
        before, self.tracks = self.tracks, {}
        for series in known:
            known_before = before.get((series.epoch, series.stream))
            track = known_before or Track(series.epoch, series.stream, series.cursor)
            self.tracks[track.key] = track
            track.grow(series.last)
            self._pass_over(track, series.kept, series.last)
            if series.epoch != self.epoch:
                track.end()
            elif track.live is None:
                track.live = 1  # an epoch that began while we are connected; a connection sets it anew
            track.parked = merge((p.first, p.last) for p in self.parked if (p.epoch, p.stream) == track.key)
            if known_before is None and series.epoch != self.epoch:
                track.restart(current=False)  # it came back while we are connected, with the disk that it lies on

    def _look(self, reader: Reader) -> tuple[list[Known], list[Parked]]:
        cursors = reader.cursors()
        known = [
            Known(
                series.epoch,
                series.stream,
                reader.kept(series.epoch, series.stream),
                series.last,
                cursors.get((self._uplink, series.epoch, series.stream)) or Cursor(),
            )
            for series in reader.series()
            if series.stream in self._streams
        ]
        return known, reader.parked(self._uplink)

    def _pass_over(self, track: Track, kept: Sequence[Range], last: int) -> None:
        """What the log no longer holds is over, delivered or not; the log has an event about it."""
        if kept:
            track.first = kept[0][0]
        if gone := subtract([(1, last)], kept):
            self.delivered(track, gone, count=False)

    def restart(self) -> None:
        """Begin a connection: see :meth:`Track.restart`."""
        self.grow()
        for track in self.tracks.values():
            track.restart(current=track.epoch == self.epoch)

    def grow(self) -> None:
        """Take note of what has been committed since."""
        for stream in self._streams:
            if track := self.tracks.get((self.epoch, stream)):
                track.grow(self._recorder.last(stream))

    def delivered(self, track: Track, ranges: Iterable[Range], *, count: bool = True) -> int:
        """Move the cursor of *track* over *ranges*; returns how many records that newly covers."""
        before = track.backlog
        if not track.acknowledge(ranges):
            return 0
        self._recorder.move(Move(self._uplink, track.epoch, track.stream, track.cursor.to_json()))
        news = before - track.backlog
        if count:
            self._delivered.append((time.monotonic(), news))
        return news

    async def park(self, track: Track, first: int, last: int, reason: str) -> None:
        """Set a range aside that the broker refuses, here and in the log."""
        track.park(first, last)

        def order(store: Store) -> None:
            store.park(self._uplink, track.epoch, track.stream, first, last, reason)

        await self._recorder.write(order)
        self.parked = await self._recorder.read(lambda reader: reader.parked(self._uplink))

    async def unpark(self) -> int:
        """Let everything parked go out again; returns how many ranges that are."""
        ranges = self.parked

        def order(store: Store) -> None:
            for part in ranges:
                store.unpark(part.uplink, part.epoch, part.stream, part.first, part.last)

        if ranges:
            await self._recorder.write(order)
        self.parked = []
        for track in self.tracks.values():
            track.unpark()
        return len(ranges)

    @property
    def current(self) -> list[Track]:
        """The tracks of the present epoch, as the uplink names the streams."""
        return [self.tracks[key] for stream in self._streams if (key := (self.epoch, stream)) in self.tracks]

    @property
    def backlog(self) -> dict[str, int]:
        """Records that are not acknowledged, per stream, over all epochs."""
        self.grow()
        counts = dict.fromkeys(map(str, self._streams), 0)
        for track in self.tracks.values():
            counts[track.stream] += track.backlog
        return counts

    @property
    def rate(self) -> float:
        """Records per second that were acknowledged of late."""
        now = time.monotonic()
        while self._delivered and self._delivered[0][0] < now - RATE_S:
            self._delivered.popleft()
        return sum(number for _, number in self._delivered) / RATE_S

    async def oldest_ms(self) -> int | None:
        """The time of the oldest record that is not acknowledged, in milliseconds since 1970."""
        gaps = [(track.key, track.cursor.gaps(track.first, track.last)) for track in self.tracks.values()]
        oldest = [(key, ranges[0]) for key, ranges in gaps if ranges]

        def times(reader: Reader) -> list[int]:
            found = [reader.batch(*key, first, last, max_records=1) for key, (first, last) in oldest]
            return [row.time_ms for rows in found for row in rows]

        return min(await self._recorder.read(times), default=None) if oldest else None
