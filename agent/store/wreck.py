"""Reading a log that is damaged: as far as SQLite lets one, and around what it does not give back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from agent.store.cursor import Cursor, Range
from agent.store.errors import StoreError
from agent.store.reader import Epoch, Reader
from agent.store.record import Row
from agent.store.schema import SEQ_MASK, epoch_number, on
from agent.store.sqlite import connect_wreck
from drivers.reading import Stream

T = TypeVar("T")

_STATE = {
    "uplink": "SELECT name, since, removed FROM uplink",
    "cursor": "SELECT uplink, number, stream, cursor, moved FROM cursor",
    "parked": "SELECT uplink, number, stream, first, last, reason, since FROM parked",
    "fact": "SELECT key, value FROM fact",
}
_HEAD = 32
_NUMBERS = 1 << 22


class Wreck(Reader):
    """A damaged log; what it says about gaps is asked for once, not with every batch."""

    def epochs(self) -> list[Epoch]:
        """The epochs whose entry still makes sense."""
        return [epoch for epoch in self._epochs() if epoch.makes_sense and 0 < epoch.number <= _NUMBERS]

    def newest_number(self) -> int:
        """The number of the epoch that the last measurement belongs to, without asking for epochs."""
        row = self._row(on(Stream.MEASUREMENT, "SELECT max(id) FROM $record"))
        return epoch_number(row[0]) if row and row[0] else 1

    def last_row(self, epoch: str, stream: Stream) -> int:
        """The seq of the last record that is there; 0 when there is none."""
        low, high = self._ids(epoch, 0, SEQ_MASK)
        row = self._row(on(stream, "SELECT id FROM $record WHERE id BETWEEN ? AND ? ORDER BY id DESC"), low, high)
        return row[0] & SEQ_MASK if row else 0

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """The small tables that a new log takes over, each one as far as it can be read."""
        found = {name: ask(partial(self._rows, query), list[tuple[Any, ...]]()) for name, query in _STATE.items()}
        for name, at in (("cursor", 2), ("parked", 2)):
            found[name] = [row for row in found[name] if row[at] in set(Stream)]
        found["cursor"] = [row for row in found["cursor"] if ask(partial(Cursor.from_json, row[3]), None)]
        return {name: rows for name, rows in found.items() if rows}

    def _check_order(self, lowest: int, found: int) -> None:
        """Any order will do here."""

    def _run(self, epoch: str, stream: Stream, first: int, last: int) -> Range:  # noqa: ARG002  # as in Reader
        return first, last


@dataclass(slots=True)
class Part:
    """Consecutive records that were read, or, with no rows, that could not be."""

    first: int
    last: int
    rows: list[Row]


def open_wreck(path: Path, station: str) -> Wreck | None:
    """The damaged log at *path*; None when SQLite finds nothing in it at all."""
    try:
        wreck = Wreck(connect_wreck(path), path)
    except StoreError:
        return None
    vars(wreck)["station"] = station
    return wreck


def read_parts(log: Reader, epoch: str, stream: Stream, first: int, last: int) -> list[Part]:
    """*first* to *last* as alternating parts that could be read and that could not."""
    rows: dict[int, Row] = {}
    at = first
    while at <= last:
        try:
            found = log.batch(epoch, stream, at, last)
        except StoreError:
            at += 1
            continue
        if not found:
            break
        # A damaged tree may give its rows in any order, and some of them twice.
        rows |= {row.seq: row for row in found if first <= row.seq <= last and _is_whole(row)}
        at = max(at, *(row.seq for row in found)) + 1
    return _parts([rows[seq] for seq in sorted(rows)], first, last)


def _parts(rows: Sequence[Row], first: int, last: int) -> list[Part]:
    parts: list[Part] = []
    for row in rows:
        if parts and parts[-1].rows and parts[-1].last == row.seq - 1:
            parts[-1].rows.append(row)
            parts[-1].last = row.seq
            continue
        missing_from = parts[-1].last + 1 if parts else first
        if missing_from < row.seq:
            parts.append(Part(missing_from, row.seq - 1, []))
        parts.append(Part(row.seq, row.seq, [row]))
    end = parts[-1].last if parts else first - 1
    return [*parts, Part(end + 1, last, [])] if end < last else parts


def _is_whole(row: Row) -> bool:
    """Whether *row* is a record at all; whether it is the right one is for the chain to say."""
    try:
        words = orjson.loads(row.body)
    except orjson.JSONDecodeError:
        return False
    return len(row.head) == _HEAD and row.time_ms >= 0 and isinstance(words, dict) and words.get("seq") == row.seq


def ask(question: Callable[[], T], otherwise: T) -> T:
    """The answer to *question*, or *otherwise* where damage has taken it."""
    try:
        return question()
    except (StoreError, ValueError, TypeError, KeyError):  # damage can also look like nonsense
        return otherwise
