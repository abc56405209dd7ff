"""What a consumer holds, and what is wrong with what came: bytes in, findings out. Pure.

Kept per series (station, epoch, stream): which seqs came, and enough heads to see
that each batch follows from its neighbours and that nothing came twice with other
content. Records themselves are handed on, never kept, so that this runs for months.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from agent.batch import Lane
from agent.cursor import Cursor, Range, subtract
from agent.record import genesis
from agent.unpacking import Batch, BatchError, unpack
from drivers.reading import Stream

RECENT = 10_000
"""Heads kept per series beside those at the ends of ranges: duplicates of these are compared byte for byte."""


class Kind(StrEnum):
    """What a finding is about."""

    MALFORMED = "malformed"  # no batch, or not the one it says
    BROKEN = "chain_break"  # its heads contradict what is known
    CHANGED = "changed"  # a record came again with other content
    GAP = "gap"  # seqs were passed over; they may still come
    EPOCH = "epoch"  # a log that was not known before; not a fault


FAULTS = frozenset({Kind.MALFORMED, Kind.BROKEN, Kind.CHANGED})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be told, in words, and where it was found."""

    kind: Kind
    where: str
    what: str


class Key(NamedTuple):
    """What a seq is unique in."""

    station: str
    epoch: str
    stream: Stream

    def __str__(self) -> str:
        return "/".join(self)


class _ContradictionError(ValueError):
    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(what)
        self.kind = kind


class Series:
    """What came of one series. A batch that contradicts what is known is refused as a whole."""

    def __init__(self, key: Key, *, whole: bool) -> None:
        self.key = key
        self.held = Cursor()
        self.gone: list[Range] = []  # the station has said that it no longer has them
        self.told_last = 0
        self._told_first = 1
        self._whole = whole
        self._heads = {0: genesis(*key)}

    def accept(self, batch: Batch) -> list[bytes]:
        """Take *batch* and return the records that are new; raises _ContradictionError."""
        heads = self._heads_of(batch)
        fresh = self.held.gaps(batch.first, batch.last)
        for seq, head in heads.items():
            if self._heads.get(seq, head) != head:
                raise self._contradiction(seq)
        self._heads |= heads
        self.held.ack(batch.first, batch.last)
        self._forget()
        return [batch.bodies[seq - batch.first] for first, last in fresh for seq in range(first, last + 1)]

    def _heads_of(self, batch: Batch) -> dict[int, bytes]:
        """Head by seq as the batch proves them, that before its first record included."""
        known = self._heads.get(batch.first - 1)
        prev = batch.prev if batch.prev is not None else known
        if prev is None:  # proven by nothing but its own word
            return {batch.last: batch.head}
        if known is not None and known != prev:
            what = f"record {batch.first} is chained to another record {batch.first - 1} than the one that is known"
            raise _ContradictionError(Kind.BROKEN, what)
        heads = batch.heads(prev)
        if heads[-1] != batch.head:
            what = f"the head after {batch.last} is not that of its records {batch.first} to {batch.last}"
            raise _ContradictionError(Kind.BROKEN, what)
        return {batch.first - 1: prev} | dict(enumerate(heads, start=batch.first))

    def _contradiction(self, seq: int) -> _ContradictionError:
        if self.held.covers(seq):
            return _ContradictionError(Kind.CHANGED, f"record {seq} came again with other content")
        what = f"the head after record {seq} is not the one that was told for it"
        return _ContradictionError(Kind.BROKEN, what)

    def _forget(self) -> None:
        if len(self._heads) > 2 * RECENT:
            ends = {0, self.held.upto} | {end for first, last in self.held.ranges for end in (first - 1, last)}
            recent = list(self._heads)[-RECENT:]
            self._heads = {seq: self._heads[seq] for seq in sorted(ends & self._heads.keys()) + recent}

    def tell(self, first: int, last: int, head: bytes) -> None:
        """The station says what its log has; raises _ContradictionError when its head is not ours."""
        if self._heads.setdefault(last, head) != head:
            raise _ContradictionError(Kind.BROKEN, f"the station says another head after record {last} than came here")
        self._told_first, self.told_last = first, max(last, self.told_last)

    def head(self, seq: int) -> bytes | None:
        """The head after *seq*, as long as it is remembered; that after ``held.upto`` always is."""
        return self._heads.get(seq)

    @property
    def last(self) -> int:
        """The highest seq that came."""
        return self.held.ranges[-1][1] if self.held.ranges else self.held.upto

    def gaps(self, *, tail: bool = False) -> list[Range]:
        """What is missing between the first and the last record; with *tail* also what the station says it has."""
        if self._whole:
            first = self._told_first
        else:
            first = 1 if self.held.upto else self.held.ranges[0][0] if self.held.ranges else self.told_last + 1
        return self.held.gaps(first, max(self.last, self.told_last) if tail else self.last)


@dataclass(slots=True)
class StationState:
    """What a station last said of itself."""

    online: bool = False
    session: int = 0
    epoch: str = ""
    backlog: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What one message brought."""

    batch: Batch | None = None
    records: list[bytes] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Receiver:
    """A consumer without a connection: give it every message, ask it what it holds.

    With *whole*, everything that the station still has from record 1 on counts as
    missing until it came; else what came before the first message does not.
    """

    def __init__(self, root: str, *, whole: bool = False) -> None:
        self.series: dict[Key, Series] = {}
        self.stations: dict[str, StationState] = {}
        self.records = 0
        self.duplicates = 0
        self.batches = 0
        self.found: Counter[Kind] = Counter()
        self._prefix = f"{root}/"
        self._whole = whole

    def take(self, topic: str, payload: bytes) -> Taken:
        """Look at one message; topics that mean nothing to a consumer bring nothing.

        Raises DecompressorMissingError.
        """
        levels = topic.removeprefix(self._prefix).split("/")
        taken = Taken()
        if len(levels) == 4 and levels[1] == "data":
            taken = self._take_batch(levels, payload)
        elif len(levels) == 2 and levels[1] == "state":
            taken = Taken(findings=self._take_state(levels[0], payload))
        elif len(levels) == 3 and levels[1] == "reply":
            self._take_reply(levels[0], payload)
        self.found.update(finding.kind for finding in taken.findings)
        return taken

    @property
    def faults(self) -> int:
        """How many messages were refused."""
        return sum(count for kind, count in self.found.items() if kind in FAULTS)

    @property
    def missing(self) -> int:
        """How many records lie in gaps now."""
        return sum(last - first + 1 for one in self.series.values() for first, last in one.gaps())

    def _take_batch(self, levels: list[str], payload: bytes) -> Taken:
        try:
            batch = unpack(levels, payload)
        except BatchError as error:
            return Taken(findings=[Finding(Kind.MALFORMED, "/".join(levels), str(error))])
        findings = []
        key = Key(batch.station, batch.epoch, batch.stream)
        if all(known[:2] != key[:2] for known in self.series):
            findings.append(Finding(Kind.EPOCH, key.station, f"the log {key.epoch} is seen for the first time"))
        series = self._of(key)
        if 0 < series.last < batch.first - 1 and batch.lane is Lane.LIVE:
            passed = f"records {series.last + 1} to {batch.first - 1} were passed over"
            findings.append(Finding(Kind.GAP, str(key), passed))
        try:
            fresh = series.accept(batch)
        except _ContradictionError as error:
            return Taken(batch, findings=[*findings, Finding(error.kind, str(key), str(error))])
        self.batches += 1
        self.records += len(fresh)
        self.duplicates += len(batch.bodies) - len(fresh)
        return Taken(batch, fresh, findings)

    def _take_state(self, station: str, payload: bytes) -> list[Finding]:
        words = _words(payload)
        state = self.stations.setdefault(station, StationState())
        state.online, state.session = words.get("online") is True, _whole_number(words.get("session"))
        state.epoch = epoch if isinstance(epoch := words.get("epoch"), str) else ""
        streams, backlog = words.get("streams"), words.get("backlog")
        if isinstance(backlog, dict):
            state.backlog = sum(map(_whole_number, backlog.values()))
        findings = []
        for stream in Stream:
            if isinstance(streams, dict) and isinstance(said := streams.get(stream), dict):
                findings += self._compare(Key(station, state.epoch, stream), said)
        return findings

    def _compare(self, key: Key, said: dict[str, Any]) -> list[Finding]:
        try:
            head = bytes.fromhex(said["head"])
            self._of(key).tell(_whole_number(said["first"]), _whole_number(said["last"]), head)
        except (KeyError, TypeError):
            return [Finding(Kind.MALFORMED, str(key), "its state lacks first, last or head")]
        except _ContradictionError as error:
            return [Finding(error.kind, str(key), str(error))]
        except ValueError:
            return [Finding(Kind.MALFORMED, str(key), "its state has a head that is not hexadecimal")]
        return []

    def _take_reply(self, station: str, payload: bytes) -> None:
        """Note what the station says it no longer has; the request is known by its id, ``EPOCH-STREAM-…``."""
        words = _words(payload)
        epoch, _, rest = str(words.get("id")).partition("-")
        stream, gone = rest.partition("-")[0], words.get("gone")
        if stream in set(Stream) and (series := self.series.get(Key(station, epoch, Stream(stream)))):
            series.gone = [*series.gone, *_ranges(gone)]

    def _of(self, key: Key) -> Series:
        if key not in self.series:
            self.series[key] = Series(key, whole=self._whole)
        return self.series[key]


def wanted(series: Series) -> list[Range]:
    """What the station could still send of *series* and did not."""
    return subtract(series.gaps(tail=True), series.gone)


def held_count(series: Series, last: int = 2**53) -> int:
    """How many different records of *series* came, up to seq *last*."""
    return last - series.held.missing(last)


def _words(payload: bytes) -> dict[str, Any]:
    try:
        words = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    return words if isinstance(words, dict) else {}


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _ranges(value: object) -> list[Range]:
    """The ranges that *value* lists, as far as it does."""
    return [
        (part[0], part[1])
        for part in (value if isinstance(value, list) else [])
        if isinstance(part, list) and len(part) == 2 and 1 <= _whole_number(part[0]) <= _whole_number(part[1])
    ]
