"""Records taken apart into one cell per value, for tables. Pure, but for the dictionaries that name the units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from agent.dictionaries import Dictionaries
from agent.store.record import Row
from agent.store.source import Source
from drivers.reading import Stream, Value


class Cell(NamedTuple):
    """One value of one record; of a record without values, what it says instead."""

    time_ms: int
    stream: Stream
    epoch: str
    seq: int
    device: str
    channel: str  # "*" for a poll that gave nothing; of an event its name
    value: Value
    unit: str
    quality: str
    reason: str
    ticks: int | None  # for how many ticks that gave nothing this stands
    clock: str  # "unsynced" where the time cannot be trusted


class Counting:
    """Hands cells on, and counts them and their records."""

    def __init__(self, found: Iterable[Cell]) -> None:
        self._found = iter(found)
        self._last: tuple[Stream, str, int] | None = None
        self.records = self.rows = 0

    def __iter__(self) -> Iterator[Cell]:
        return self

    def __next__(self) -> Cell:
        cell = next(self._found)
        record = (cell.stream, cell.epoch, cell.seq)
        self.records += record != self._last
        self.rows += 1
        self._last = record
        return cell


def cells(source: Source, streams: list[Stream], since_ms: int, until_ms: int) -> Iterator[Cell]:
    """Yield the cells of all records with ``since_ms <= time < until_ms``, a stream after the other."""
    dictionaries = Dictionaries(source)
    for stream in streams:
        for one in source.located(stream, since_ms, until_ms):
            yield from _of_record(stream, one.epoch, one.row, dictionaries)


def _of_record(stream: Stream, epoch: str, row: Row, dictionaries: Dictionaries) -> Iterator[Cell]:
    record = orjson.loads(row.body)
    where = (row.time_ms, stream, epoch, row.seq, record.get("device", ""))
    quality, reasons, clock = record.get("quality", {}), record.get("reasons", {}), record.get("clock", "")
    if "values" not in record:
        said = _data(record) if "event" in record else None
        why = quality.get("*", ""), record.get("reason", ""), record.get("ticks")
        yield Cell(*where, record.get("event", "*"), said, "", *why, clock)
        return
    meta = record.get("meta", "")
    for name, value in record["values"].items():
        unit = dictionaries.unit(meta, name)
        yield Cell(*where, name, value, unit, quality.get(name, "valid"), reasons.get(name, ""), None, clock)


def _data(record: dict[str, Any]) -> str:
    return orjson.dumps(record["data"]).decode() if "data" in record else ""
