"""Where the measurements of a time are read from, record by record: ranges of the log, and files of the archive.

Canonical records sort their keys: what stands before ``"seq":`` names device, dictionary, qualities and reasons, and is
the same for most of them. So only that beginning and the time are cut out of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Protocol

from agent.store.archive import Sealed
from agent.store.cursor import Range, merge, subtract
from agent.store.reader import Reader
from agent.store.record import to_ms
from agent.store.source import Seen, Source
from drivers.reading import Stream

_CHUNK = 10_000
_SEQ = b'"seq":'
_TIME = b'"time":"'


Beginning = tuple[int, int, str]
"""Seq, time in ms, and the bytes before the seq. Where a channel is called ``seq``, only the seq can be trusted."""


class Sheet(Protocol):
    """Measurements ``first`` to ``last`` of one epoch."""

    epoch: str
    first: int
    last: int

    def beginnings(self, first: int, last: int) -> Iterator[Beginning]:
        """The beginning of each record from *first* to *last*; asked for in ascending order."""

    def body(self, seq: int) -> bytes:
        """The whole of the record that was yielded last."""


def sheets(source: Source, since_ms: int, until_ms: int) -> Iterator[Sheet]:
    """Yield what may hold measurements of that time, what was stored first before the rest.

    The last ones hold what the daemon has moved to the archive since the first was yielded.
    """
    kept, seen = source.kept(Stream.MEASUREMENT), Seen()
    for file in source.files(Stream.MEASUREMENT, since_ms, until_ms):
        yield ArchivedSheet(source, file, seen, None)
    for epoch, first, last in source.log.runs(Stream.MEASUREMENT, since_ms, until_ms):
        there = source.log.extent(epoch, Stream.MEASUREMENT)
        if first <= min(last, there.last):
            yield LoggedSheet(source.log, epoch, first, min(last, there.last), seen)
    for file, ranges in source.freed(Stream.MEASUREMENT, since_ms, until_ms, kept, seen):
        yield ArchivedSheet(source, file, seen, ranges)


class LoggedSheet:
    """A range of the log."""

    def __init__(self, log: Reader, epoch: str, first: int, last: int, seen: Seen) -> None:
        self.epoch, self.first, self.last = epoch, first, last
        self._log, self._seen = log, seen
        self._gone: list[Range] = []

    def beginnings(self, first: int, last: int) -> Iterator[Beginning]:
        """Read in chunks; SQLite cuts the records."""
        while rows := self._log.beginnings(self.epoch, Stream.MEASUREMENT, first, last, _CHUNK):
            yield from rows
            for part in subtract(_ranges(rows), self._gone):
                self._seen.add(self.epoch, *part)
            first = rows[-1][0] + 1

    def body(self, seq: int) -> bytes:
        """Ask the log again; empty where it was freed meanwhile, so that the archive is asked for it later."""
        rows = self._log.batch(self.epoch, Stream.MEASUREMENT, seq, seq, max_records=1)
        if not rows:
            self._gone.append((seq, seq))
        return rows[0].body if rows else b"{}"


class ArchivedSheet:
    """A file of the archive, as far as the log lacks it. Raises ArchiveError where it cannot be read on."""

    def __init__(self, source: Source, file: Sealed, seen: Seen, wanted: Sequence[Range] | None) -> None:
        self.epoch, self.first, self.last, self.path = file.epoch, file.first, file.last, file.path
        self._bodies, self._seen = source.bodies(file, wanted), seen
        self._ahead: tuple[tuple[int, bytes], ...] = ()  # what was read beyond the part before
        self._body = b"{}"

    def beginnings(self, first: int, last: int) -> Iterator[Beginning]:
        """Read on in the file."""
        rows, self._ahead = chain(self._ahead, self._bodies), ()
        for seq, self._body in rows:
            if seq > last:
                self._ahead = ((seq, self._body),)
                return
            if seq >= first:
                self._seen.add(self.epoch, seq, seq)
                yield _beginning(seq, self._body)

    def body(self, _seq: int) -> bytes:
        """It is at hand."""
        return self._body


def _ranges(rows: Sequence[Beginning]) -> list[Range]:
    """The seqs of *rows*, which ascend and mostly have no hole."""
    first, last = rows[0][0], rows[-1][0]
    return [(first, last)] if last - first == len(rows) - 1 else merge((row[0], row[0]) for row in rows)


def _beginning(seq: int, body: bytes) -> Beginning:
    ends = body.index(_SEQ)
    at = body.find(_TIME, ends) + len(_TIME)
    try:
        time_ms = _minute_ms(body[at : at + 17]) + 1000 * int(body[at + 17 : at + 19]) + int(body[at + 20 : at + 23])
    except ValueError:  # fooled by the name of a channel: the record is decoded whole
        time_ms = 0
    return seq, time_ms, body[:ends].decode()


@lru_cache(maxsize=64)
def _minute_ms(text: bytes) -> int:
    """``2026-11-22T04:30:`` in milliseconds since 1970."""
    return to_ms(datetime.fromisoformat(f"{text.decode()}00Z"))
