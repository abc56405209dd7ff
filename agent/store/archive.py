"""The archive: sealed days for the years that law asks for, one gzip file of JSON Lines per day and stream.

A day is a day of UTC. A file holds a stretch of seqs without overlap: what was
stored up to the end of that day and is in no earlier file. So late records lie
in the file of the day on which they were stored, and no seq is in two files. A
file is complete when it has its name: it is written beside, synced, and renamed.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from agent.store.cursor import Cursor, Range, intersect, merge
from agent.store.errors import AccessError
from agent.store.files import sync_folder
from agent.store.lines import Heading, excerpt, write
from agent.store.medium import medium
from agent.store.reader import Reader
from agent.store.record import Row
from agent.store.vouched import NOT_YET_MS, vouched_time
from drivers.reading import Stream

_DAY_MS = 24 * 3_600_000
_LATE_MS = 600_000
"""How long after midnight records of the day before may still be on their way into the log."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)_(\w+)_([a-z2-7]{12})_(\d+)-(\d+)\.jsonl\.gz")
_UNFINISHED = ".jsonl.gz.part"


@dataclass(frozen=True, slots=True)
class Sealed:
    """One file of the archive."""

    path: Path
    day: str
    stream: Stream
    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What the next file is to hold."""

    day: str
    epoch: str
    stream: Stream
    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of that file."""
        return f"{self.day}_{self.stream}_{self.epoch}_{self.first}-{self.last}.jsonl.gz"


class Archive:
    """A folder of sealed days. Sealing reads much: give it a thread and a reader of its own."""

    def __init__(self, folder: Path) -> None:
        """Use *folder*, made if it is not there; what a power cut left half written is removed.

        Raises AccessError.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"*{_UNFINISHED}"):
                left.unlink()
        except OSError as error:
            hint = f"Give it to the user of the agent: chown station-agent {folder}"
            raise AccessError(f"the archive {folder} cannot be written: {error.strerror}", hint=hint) from error

    def files(self) -> list[Sealed]:
        """What is there, oldest day first; raises StoreError when the medium does not say."""
        with medium(self.folder):
            return _files(self.folder)

    def sealed(self) -> dict[tuple[str, Stream], Cursor]:
        """How far each series has been sealed; older files may have been pruned since."""
        upto: dict[tuple[str, Stream], Cursor] = {}
        for file in self.files():
            cursor = upto.setdefault((file.epoch, file.stream), Cursor())
            cursor.upto = max(cursor.upto, file.last)
        return upto

    def next_slice(self, log: Reader, now_ms: int) -> Slice | None:
        """The oldest day that is over and not sealed; None when all are."""
        sealed = self.sealed()
        slices = []
        for series in log.series():
            done = sealed.get((series.epoch, series.stream), Cursor()).upto
            kept = intersect(log.kept(series.epoch, series.stream), [(done + 1, series.last)])
            if kept and (found := _slice(log, series.epoch, series.stream, kept[0][0], kept[-1][1], now_ms)):
                slices.append(found)
        return min(slices, key=lambda found: found.day, default=None)

    def seal(self, log: Reader, part: Slice) -> Path:
        """Write the file of *part*; raises StoreError when the medium refuses, and leaves nothing then."""
        path = self.folder / part.name
        unfinished = path.with_name(path.name.removesuffix(".jsonl.gz") + _UNFINISHED)
        try:
            with medium(path):
                with unfinished.open("wb") as raw:
                    with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
                        for heading, last in _headings(log, part):
                            write(out, heading, log.walk(part.epoch, part.stream, heading.first, last))
                    raw.flush()
                    os.fsync(raw.fileno())
                unfinished.rename(path)
                sync_folder(self.folder)
        except BaseException:
            with suppress(OSError):  # a medium that refuses may refuse this too; the next try writes over it
                unfinished.unlink(missing_ok=True)
            raise
        return path

    def prune(self, now_ms: int, *, keep_ms: int | None, quota: int | None) -> list[Sealed]:
        """Delete the oldest files beyond age and quota; returns them. The newest of each series always stays.

        Pass no age while the clock cannot be trusted. Raises StoreError when the medium refuses.
        """
        files = self.files()
        newest = {(file.epoch, file.stream): file for file in sorted(files, key=lambda file: file.last)}
        pruned = []
        with medium(self.folder):
            sizes = {file.path: file.path.stat().st_size for file in files}
            excess = sum(sizes.values()) - quota if quota is not None else 0
            for file, day in zip(files, _days(files), strict=True):
                old = keep_ms is not None and _end_ms(day) + keep_ms < now_ms
                if (old or excess > 0) and file not in newest.values():
                    file.path.unlink()
                    excess -= sizes[file.path]
                    pruned.append(file)
        return pruned


def named(path: Path) -> Sealed | None:
    """What the name of *path* says that it holds; None for another file."""
    parts = _NAME.fullmatch(path.name)
    return _sealed(path, parts) if parts and parts[2] in set(Stream) else None


def stretches(folder: Path, epoch: str, stream: Stream) -> list[Range]:
    """The seqs of one series that the archive in *folder* may have, as its names say; files may have holes.

    Nothing where there is no such folder. Raises OSError when it cannot be read.
    """
    if not folder.exists():
        return []
    return merge((file.first, file.last) for file in _series(folder, epoch, stream))


def sealed_between(folder: Path, stream: Stream, since_ms: int, until_ms: int) -> list[Sealed]:
    """The files that may hold records of *stream* with such a time, oldest first.

    What came late lies in the file of the day after. Nothing where there is no such folder. Raises OSError when it
    cannot be read.
    """
    if not folder.exists():
        return []
    days = _day(since_ms), _day(until_ms + _DAY_MS)
    return [file for file in _files(folder) if file.stream is stream and days[0] <= file.day <= days[1]]


def recall(
    folder: Path, epoch: str, stream: Stream, first: int, last: int, stop: threading.Event
) -> Generator[tuple[bytes | None, Row]]:
    """Records *first* to *last* of one series as far as the archive gives them back, each with the head before it.

    Reads whole files, so give it a thread; *stop* ends it between two lines.
    """
    for file in _series(folder, epoch, stream):
        if file.first <= last and file.last >= first:
            with suppress(OSError, EOFError, zlib.error), gzip.open(file.path) as lines:
                yield from excerpt(takewhile(lambda _: not stop.is_set(), lines), first, last)


def _series(folder: Path, epoch: str, stream: Stream) -> list[Sealed]:
    found = [file for file in _files(folder) if (file.epoch, file.stream) == (epoch, stream)]
    return sorted(found, key=lambda file: file.first)


def _files(folder: Path) -> list[Sealed]:
    found = [sealed for path in folder.iterdir() if (sealed := named(path))]
    return sorted(found, key=lambda file: (file.day, file.epoch, file.stream, file.first))


def _slice(log: Reader, epoch: str, stream: Stream, first: int, last: int, now_ms: int) -> Slice | None:
    """The part of *first* to *last* that belongs to the day of its first record, if that day is over."""
    start_ms, over_ms = vouched_time(log, epoch, stream, first), now_ms
    if start_ms == NOT_YET_MS:  # nobody ever vouched for the clock: it must itself have come past that day
        start_ms, over_ms = _unvouched(log, epoch, stream, first), min(now_ms, log.time_of(epoch, stream, last))
    if start_ms > now_ms:  # made while the clock was ahead: they go with the first day that is not in the future
        sane = _past(log, epoch, stream, first, now_ms)
        if sane is None:
            return None
        start_ms = log.time_of(epoch, stream, sane)
    day = _day(start_ms)
    if _end_ms(day) + _LATE_MS > over_ms:
        return None
    after = log.first_since(epoch, stream, first + 1, _end_ms(day), now_ms)
    return Slice(day, epoch, stream, first, min(last, after - 1) if after else last)


def _past(log: Reader, epoch: str, stream: Stream, first: int, now_ms: int) -> int | None:
    """The first record from *first* on that was made before *now_ms*, of a day that somebody vouches for."""
    sane = log.first_since(epoch, stream, first, 0, now_ms)
    if sane is None or vouched_time(log, epoch, stream, sane) <= now_ms:
        return sane
    return log.first_since(epoch, stream, sane, _end_ms(_day(log.time_of(epoch, stream, sane))), now_ms)


def _unvouched(log: Reader, epoch: str, stream: Stream, first: int) -> int:
    """When *first* was made, by a clock that was never synchronised: where it leaps over days, after the leap."""
    start_ms = log.time_of(epoch, stream, first)
    after = log.first_since(epoch, stream, first + 1, _end_ms(_day(start_ms)))
    after_ms = log.time_of(epoch, stream, after) if after else start_ms
    return after_ms if after_ms - _end_ms(_day(start_ms)) > _DAY_MS else start_ms


def _headings(log: Reader, part: Slice) -> Iterator[tuple[Heading, int]]:
    """Each stretch of *part* without a hole, and its last seq."""
    for first, last in intersect(log.kept(part.epoch, part.stream), [(part.first, part.last)]):
        prev = log.head_at(part.epoch, part.stream, first - 1)
        yield Heading(log.station, part.epoch, part.stream, first, prev), last


def _sealed(path: Path, parts: re.Match[str]) -> Sealed:
    day, stream, epoch, first, last = parts.groups()
    return Sealed(path, day, Stream(stream), epoch, int(first), int(last))


def _day(time_ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)).date().isoformat()


def _days(files: list[Sealed]) -> list[str]:
    """The day of each of *files*, or a later one of a file before it: what was stored later is not older."""
    latest: dict[tuple[str, Stream], str] = {}
    days: dict[Path, str] = {}
    for file in sorted(files, key=lambda file: file.first):
        key = (file.epoch, file.stream)
        days[file.path] = latest[key] = max(file.day, latest.get(key, file.day))
    return [days[file.path] for file in files]


def _end_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) + _DAY_MS
