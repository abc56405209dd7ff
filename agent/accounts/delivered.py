"""Which records each uplink has, as ranges of seqs over which that does not change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from agent.store.cursor import Cursor
from agent.store.reader import Reader, UplinkLife
from drivers.reading import Stream


class Part(NamedTuple):
    """Records ``first`` to ``last``; bit n of ``lacking`` is set when uplink n does not have them."""

    first: int
    last: int
    lacking: int


class Deliveries:
    """The measurements that the uplinks of one log have; ``names`` are their numbers."""

    def __init__(self, log: Reader, wanted: Collection[str] | None, since_ms: int) -> None:
        """Of the uplinks *wanted* and those that were removed after *since_ms*, or of all that were served then."""
        self._cursors = log.cursors()
        had = {name for name, _, stream in self._cursors if stream is Stream.MEASUREMENT}
        self.lives: dict[str, UplinkLife] = {
            name: life
            for name, life in log.uplinks().items()
            if (life.removed_ms is None and (wanted is None or name in wanted))
            or (life.removed_ms is not None and life.removed_ms > since_ms and name in had)
        }
        self.names = sorted(self.lives)

    def serves(self, name: str, due_ms: int) -> bool:
        """Whether the uplink was there when a tick was due."""
        life = self.lives[name]
        return life.since_ms <= due_ms and (life.removed_ms is None or due_ms < life.removed_ms)

    def edges(self) -> list[int]:
        """When uplinks came and went."""
        return [edge for life in self.lives.values() for edge in (life.since_ms, life.removed_ms) if edge is not None]

    def parts(self, epoch: str, first: int, last: int) -> Iterator[Part]:
        """Records *first* to *last* of the measurements of *epoch*, cut where an uplink begins or ends to lack them."""
        lacks = [self._cursor(name, epoch).gaps(first, last) for name in self.names]
        starts = {first} | {seq for gaps in lacks for a, b in gaps for seq in (a, b + 1)}
        begins = sorted(seq for seq in starts if seq <= last)
        for begin, after in zip(begins, [*begins[1:], last + 1], strict=True):
            lacking = sum(1 << n for n, gaps in enumerate(lacks) if any(a <= begin <= b for a, b in gaps))
            yield Part(begin, after - 1, lacking)

    def _cursor(self, name: str, epoch: str) -> Cursor:
        return self._cursors.get((name, epoch, Stream.MEASUREMENT), Cursor())
