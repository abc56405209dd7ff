"""Where records of a time are found: in the log, and those that it has freed since in the archive."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.store.archive import Sealed, sealed_between, stretches
from agent.store.cursor import Range, intersect, subtract
from agent.store.errors import StoreError
from agent.store.lines import Fault, Heading, bodies, read
from agent.store.reader import Reader
from agent.store.record import Row
from drivers.reading import Stream


class ArchiveError(StoreError):
    """What the log no longer has, the archive does not give back either."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} of the archive cannot be read: {why}",
            hint=f"Find out what is left of it with: station-agent verify {path}",
        )


class Located(NamedTuple):
    """A record, the epoch it belongs to, and how to learn the head before it, if that is known."""

    epoch: str
    row: Row
    prev: Callable[[], bytes | None]


class Seen:
    """Which records of a stream were read so far, by epoch."""

    def __init__(self) -> None:
        self._ranges: dict[str, list[Range]] = {}

    def add(self, epoch: str, first: int, last: int) -> None:
        """Records *first* to *last* were read; mostly they follow the one before."""
        ranges = self._ranges.setdefault(epoch, [])
        if ranges and ranges[-1][1] == first - 1:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))

    def ranges(self, epoch: str) -> list[Range]:
        """Those of one epoch."""
        return self._ranges.get(epoch, [])


class Source:
    """One log with the archive beside it.

    The daemon may move records from one to the other while they are read.
    """

    def __init__(self, log: Reader, archive: Path) -> None:
        self.log = log
        self.archive = archive

    @property
    def station(self) -> str:
        """Whose records these are."""
        return self.log.station

    def located(self, stream: Stream, since_ms: int, until_ms: int) -> Iterator[Located]:
        """Records with ``since_ms <= time < until_ms`` in the order in which they were stored, each once.

        Raises ArchiveError where a file of the archive cannot be read on.
        """
        kept, seen = self.kept(stream), Seen()
        for one in self._each(stream, since_ms, until_ms, kept, seen):
            if since_ms <= one.row.time_ms < until_ms:
                seen.add(one.epoch, one.row.seq, one.row.seq)
                yield one

    def _each(
        self, stream: Stream, since_ms: int, until_ms: int, kept: Mapping[str, list[Range]], seen: Seen
    ) -> Iterator[Located]:
        for file in self.files(stream, since_ms, until_ms):
            yield from self._of_file(file, self._missing(file))
        for epoch, row in self.log.located(stream, since_ms, until_ms):
            yield Located(epoch, row, partial(self.log.head_at, epoch, stream, row.seq - 1))
        for file, ranges in self.freed(stream, since_ms, until_ms, kept, seen):
            yield from self._of_file(file, ranges)

    def kept(self, stream: Stream) -> dict[str, list[Range]]:
        """What the log holds now, by epoch."""
        series = [one for one in self.log.series() if one.stream is stream]
        return {one.epoch: self.log.kept(one.epoch, stream) for one in series}

    def freed(
        self, stream: Stream, since_ms: int, until_ms: int, kept: Mapping[str, list[Range]], seen: Seen
    ) -> Iterator[tuple[Sealed, list[Range]]]:
        """Yield the files that have what the log *kept* then and has freed since, with what of it was not *seen*."""
        for file in self.files(stream, since_ms, until_ms):
            freed = intersect(self._missing(file), kept.get(file.epoch, []))
            if ranges := subtract(freed, seen.ranges(file.epoch)):
                yield file, ranges

    def files(self, stream: Stream, since_ms: int, until_ms: int) -> list[Sealed]:
        """The files of the archive that may have records of that time which the log does not have any more.

        Those of one day come in the order of their epochs, of which the oldest may have been forgotten by the log.
        """
        try:
            found = sealed_between(self.archive, stream, since_ms, until_ms)
        except OSError as error:
            raise ArchiveError(self.archive, error.strerror or str(error)) from error
        lacking = [file for file in found if self._missing(file)]
        return sorted(lacking, key=lambda file: (file.day, self.log.number(file.epoch), file.first))

    def bodies(self, file: Sealed, wanted: Sequence[Range] | None = None) -> Iterator[tuple[int, bytes]]:
        """Seq and bytes of the *wanted* records of *file*, or those that the log does not have any more, undecoded.

        Raises ArchiveError.
        """
        missing = self._missing(file) if wanted is None else wanted
        with _opened(file.path) as lines:
            if list(missing) == [(file.first, file.last)]:
                yield from bodies(lines)
                return
            for seq, body in bodies(lines):
                if any(first <= seq <= last for first, last in missing):
                    yield seq, body

    def archived(self, epoch: str, stream: Stream) -> list[Range]:
        """What the archive has of a series, by the names of its files. Raises ArchiveError."""
        try:
            return stretches(self.archive, epoch, stream)
        except OSError as error:
            raise ArchiveError(self.archive, error.strerror or str(error)) from error

    def lost(self, epoch: str, stream: Stream, first: int, last: int) -> list[Range]:
        """What neither log nor archive has of records *first* to *last*, and right before and after them."""
        freed = [(gap.first, gap.last) for gap in self.log.gone(epoch, stream)]
        gone = subtract(freed, self.archived(epoch, stream))
        return [(a, b) for a, b in gone if a <= last + 1 and b >= first - 1]

    def _of_file(self, file: Sealed, wanted: Sequence[Range]) -> Iterator[Located]:
        with _opened(file.path) as lines:
            for one in _read(file, lines):
                if any(first <= one.row.seq <= last for first, last in wanted):
                    yield one

    def _missing(self, file: Sealed) -> list[Range]:
        """What the log lacks of *file*: freed since, or never there, as in an image that was put back."""
        return subtract([(file.first, file.last)], self.log.kept(file.epoch, file.stream))


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile]:
    """A packed file; what cannot be read of it is an ArchiveError."""
    try:
        with gzip.open(path) as lines:
            yield lines
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ArchiveError(path, str(error)) from error


def _read(file: Sealed, lines: gzip.GzipFile) -> Iterator[Located]:
    head: bytes | None = None
    for thing in read(lines):
        match thing:
            case Heading(prev=prev):
                head = prev
            case Fault(line=line, what=what):
                raise ArchiveError(file.path, f"line {line}: {what}")
            case Row():
                yield Located(file.epoch, thing, partial(_known, head))
                head = thing.head


def _known(head: bytes | None) -> bytes | None:
    return head
