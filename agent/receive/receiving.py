"""A consumer without a connection: bytes in, findings out. Pure.

It knows what came of every series, what is missing, and what is wrong with what
came; whoever has a connection gives it every message and asks it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.receive.holding import ContradictionError, Key, Kind, Series
from agent.receive.unpacking import Batch, BatchError, Head, Seq, unpack
from agent.store.cursor import Range
from agent.uplink.batch import Lane
from drivers.reading import Stream

FAULTS = frozenset({Kind.MALFORMED, Kind.BROKEN, Kind.CHANGED})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be told, in words, and where it was found."""

    kind: Kind
    where: str
    what: str


class _Told(BaseModel):
    """What a state says of one stream; open for keys that we do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    first: Seq
    last: Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
    head: Head


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
    """Give it every message, ask it what it holds.

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
        key = Key(batch.station, batch.epoch, batch.stream)
        findings = self._introduce(key)
        series = self._of(key)
        if 0 < series.last < batch.first - 1 and batch.lane is Lane.LIVE:
            passed = f"records {series.last + 1} to {batch.first - 1} were passed over"
            findings.append(Finding(Kind.GAP, str(key), passed))
        try:
            fresh = series.accept(batch)
        except ContradictionError as error:
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
                key = Key(station, state.epoch, stream)
                findings += [*self._introduce(key), *self._compare(key, said)]
        return findings

    def _introduce(self, key: Key) -> list[Finding]:
        """Say that an epoch is met for the first time."""
        if any(known[:2] == key[:2] for known in self.series):
            return []
        return [Finding(Kind.EPOCH, key.station, f"here is a log that was not seen before: {key.epoch}")]

    def _compare(self, key: Key, said: dict[str, Any]) -> list[Finding]:
        try:
            told = _Told.model_validate(said)
            self._of(key).tell(told.first, told.last, bytes.fromhex(told.head))
        except ValidationError:
            return [Finding(Kind.MALFORMED, str(key), "its state has no proper first, last and head")]
        except ContradictionError as error:
            return [Finding(error.kind, str(key), str(error))]
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
