"""Where records of a time are found: in the log, and those that it has freed since in the archive."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.store.archive import Sealed, sealed_between, stretches
from agent.store.cursor import Range, subtract
from agent.store.errors import StoreError
from agent.store.lines import Fault, Heading, read
from agent.store.reader import Reader
from agent.store.record import Row
from drivers.reading import Stream

_ALL = ((1, 1 << 40),)


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


class Source:
    """One log with the archive beside it."""

    def __init__(self, log: Reader, archive: Path) -> None:
        self.log = log
        self._archive = archive

    @property
    def station(self) -> str:
        """Whose records these are."""
        return self.log.station

    def located(self, stream: Stream, since_ms: int, until_ms: int) -> Iterator[Located]:
        """Records with ``since_ms <= time < until_ms`` in the order in which they were stored, each once.

        Raises ArchiveError where a file of the archive cannot be read on.
        """
        for file in self._files(stream, since_ms, until_ms):
            for one in self._of_file(file):
                if since_ms <= one.row.time_ms < until_ms:
                    yield one
        for epoch, row in self.log.located(stream, since_ms, until_ms):
            yield Located(epoch, row, partial(self.log.head_at, epoch, stream, row.seq - 1))

    def lost(self, epoch: str, stream: Stream, first: int, last: int) -> list[Range]:
        """What neither log nor archive has of records *first* to *last*, and right before and after them."""
        try:
            sealed = stretches(self._archive, epoch, stream)
        except OSError as error:
            raise ArchiveError(self._archive, error.strerror or str(error)) from error
        gone = subtract([(gap.first, gap.last) for gap in self.log.gone(epoch, stream)], sealed)
        return [(a, b) for a, b in gone if a <= last + 1 and b >= first - 1]

    def _files(self, stream: Stream, since_ms: int, until_ms: int) -> list[Sealed]:
        try:
            return sealed_between(self._archive, stream, since_ms, until_ms)
        except OSError as error:
            raise ArchiveError(self._archive, error.strerror or str(error)) from error

    def _of_file(self, file: Sealed) -> Iterator[Located]:
        """The records of *file* that the log does not have any more."""
        missing = self._missing(file)
        if not any(first <= file.last and last >= file.first for first, last in missing):
            return
        try:
            with gzip.open(file.path) as lines:
                for one in _read(file, lines):
                    if any(first <= one.row.seq <= last for first, last in missing):
                        yield one
        except (OSError, EOFError, zlib.error) as error:
            raise ArchiveError(file.path, str(error)) from error

    def _missing(self, file: Sealed) -> tuple[Range, ...]:
        if file.epoch not in {epoch.epoch for epoch in self.log.epochs()}:
            return _ALL
        return tuple((gap.first, gap.last) for gap in self.log.gone(file.epoch, file.stream))


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
