"""Proves that a log, an archive or an export was neither changed nor cut: walks the chain of every series.

What is known to be gone (freed, or lost to damage) is told, not held against it.
The first record that breaks a series is named, and the series is left there.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agent.store.chain import Break, Walked, walk
from agent.store.cursor import Range
from agent.store.errors import AccessError, DamagedError
from agent.store.highwater import HighWater
from agent.store.lines import Fault, Heading, read
from agent.store.reader import Reader, Series
from agent.store.record import Row, genesis
from drivers.reading import Stream


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proven of one series in one place: its records ``first`` to ``last``, and the head after them.

    ``gone`` are ranges in between (or before) that are no longer there and known to be so.
    """

    source: str
    station: str
    epoch: str
    stream: Stream
    first: int
    last: int
    head: bytes | None
    gone: tuple[Range, ...] = ()
    broken: Break | None = None
    prev: bytes | None = None

    def __str__(self) -> str:
        where = f"{self.source}: {self.stream} of epoch {self.epoch}"
        if self.broken:
            return f"{where}: record {self.broken.seq} breaks the chain: {self.broken.what}"
        return f"{where}: {self.first} to {self.last} follow from each other"


def verify_log(log: Reader) -> Iterator[Proof]:
    """Walk every series of *log*, oldest epoch first, each part of it that is kept."""
    mark = HighWater(log.path).mark
    for series in log.series():
        came_to = mark.last.get(series.stream, (0, b""))[0] if mark and mark.epoch == series.epoch else 0
        yield _series(log, series, came_to)


def _series(log: Reader, series: Series, came_to: int) -> Proof:
    kept = log.kept(series.epoch, series.stream)
    gone = tuple((gap.first, gap.last) for gap in log.gone(series.epoch, series.stream))
    walked = Walked(series.last, series.head, None)
    for first, last in kept:
        before = log.head_at(series.epoch, series.stream, first - 1)
        walked = walk(_rows(log, series, first, last), first - 1, before)
        if walked.broken is None and walked.seq < last:
            walked = Walked(walked.seq, walked.head, Break(walked.seq + 1, "it is missing, or cannot be read"))
        if walked.broken:
            break
    if walked.broken is None and series.last < came_to:
        lost = Break(series.last + 1, f"it is missing: the log had come to number {came_to}")
        walked = Walked(walked.seq, walked.head, lost)
    first = kept[0][0] if kept else series.last + 1
    return Proof(
        str(log.path), log.station, series.epoch, series.stream, first, walked.seq, walked.head, gone, walked.broken
    )


def _rows(log: Reader, series: Series, first: int, last: int) -> Iterator[Row]:
    """The records of a kept range, up to the first one that the medium does not give back."""
    with contextlib.suppress(DamagedError):
        yield from log.walk(series.epoch, series.stream, first, last)


def verify_files(paths: Iterable[Path]) -> Iterator[Proof]:
    """Walk every segment of *paths* (archive files, exports; folders stand for what is in them), oldest first.

    Files that continue each other must also follow from each other. Raises AccessError for one that cannot be opened.
    """
    ends: dict[tuple[str, str, Stream], Proof] = {}
    for path in sorted(_files(paths), key=_place):
        for proof in _file(path):
            key = proof.station, proof.epoch, proof.stream
            yield _joined(ends.get(key), proof)
            ends[key] = proof


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from path.glob("*.jsonl.gz") if path.is_dir() else [path]


def _place(path: Path) -> tuple[str, int]:
    """Files of the archive in the order of their records: named by day, several of one day by their first seq."""
    day, _, rest = path.name.partition("_")
    first = rest.rpartition("_")[2].partition("-")[0]
    return day, int(first) if first.isdecimal() else 0


def _joined(before: Proof | None, proof: Proof) -> Proof:
    """*proof* as the continuation of *before*."""
    if before is None or before.broken or proof.broken or proof.first <= before.last:
        return proof
    if proof.first > before.last + 1:
        return replace(proof, gone=((before.last + 1, proof.first - 1),))
    if proof.prev != before.head:
        return replace(proof, broken=Break(proof.first, f"it does not follow from the last record of {before.source}"))
    return proof


def _file(path: Path) -> Iterator[Proof]:
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as lines:
            yield from _segments(str(path), _things(lines))
    except OSError as error:
        hint = "Give a file or folder of the archive, or a file that export wrote"
        raise AccessError(f"{path} cannot be read: {error.strerror or error}", hint=hint) from error


def _things(lines: Iterable[bytes]) -> Iterator[Heading | Row | Fault]:
    try:
        yield from read(lines)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Fault(0, f"the compressed data is damaged: {error}")


def _segments(source: str, things: Iterator[Heading | Row | Fault]) -> Iterator[Proof]:
    """One proof for each heading among *things*."""
    heading = next(things, Fault(1, "the file is empty"))
    if not isinstance(heading, Heading):
        what = heading.what if isinstance(heading, Fault) else "there is no heading"
        yield Proof(source, "", "", Stream.EVENT, 0, 0, None, broken=Break(0, f"this is no archive or export: {what}"))
        return
    following: Heading | None = heading
    while following:
        segment = _Segment(following, things)
        yield segment.proof(source)
        following = segment.following


class _Segment:
    """The rows below one heading."""

    def __init__(self, heading: Heading, things: Iterator[Heading | Row | Fault]) -> None:
        self._heading = heading
        self._things = things
        self._fault: Fault | None = None
        self.following: Heading | None = None
        """The heading of the next segment, once this one has been walked."""

    def proof(self, source: str) -> Proof:
        at = self._heading
        start = genesis(at.station, at.epoch, at.stream) if at.first == 1 else at.prev
        rows = self._rows()
        walked = walk(rows, at.first - 1, start)
        for _ in rows:
            pass  # behind a break: the next segment stands on its own
        broken = walked.broken
        if broken is None and self._fault:
            line = f"line {self._fault.line}: " if self._fault.line else ""
            broken = Break(walked.seq + 1, line + self._fault.what)
        return Proof(
            source, at.station, at.epoch, at.stream, at.first, walked.seq, walked.head, broken=broken, prev=at.prev
        )

    def _rows(self) -> Iterator[Row]:
        for thing in self._things:
            if isinstance(thing, Heading):
                self.following = thing
                return
            if isinstance(thing, Row) and self._fault is None:
                yield thing
            elif isinstance(thing, Fault):
                self._fault = self._fault or thing
