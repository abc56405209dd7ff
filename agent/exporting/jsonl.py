"""JSON Lines that prove themselves: the form of the archive (:mod:`agent.store.lines`).

Heads stand beside the records, and a new heading wherever records that belong to
another time were left out.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, groupby
from typing import BinaryIO

from agent.store.lines import Heading, write
from agent.store.record import Row
from agent.store.source import Source
from drivers.reading import Stream


@dataclass(frozen=True, slots=True)
class Segment:
    """Records ``first`` to ``last`` of one epoch, without a hole; the heads before and after them, if known."""

    epoch: str
    first: int
    last: int
    prev: bytes | None
    head: bytes

    @property
    def records(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


def export_lines(
    source: Source, stream: Stream, since_ms: int, until_ms: int, out: BinaryIO | gzip.GzipFile
) -> list[Segment]:
    """Write the records of one stream with ``since_ms <= time < until_ms``; return the segments that they made."""
    segments = []
    counter = count()
    located = source.located(stream, since_ms, until_ms)
    for (epoch, _), run in groupby(located, key=lambda one: (one.epoch, one.row.seq - next(counter))):
        begin = next(run)
        rows = _Noting(one.row for one in chain([begin], run))
        first, prev = next(rows), begin.prev()
        write(out, Heading(source.station, epoch, stream, first.seq, prev), chain([first], rows))
        segments.append(Segment(epoch, first.seq, rows.last.seq, prev, rows.last.head))
    return segments


class _Noting:
    """Hands rows on and remembers the last one: a month does not fit into memory."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.last: Row

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        self.last = next(self._rows)
        return self.last
