"""Reading a log that is damaged: as far as SQLite lets one, and around what it does not give back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from agent.cursor import Range
from agent.reader import Reader
from agent.record import Row
from agent.schema import epoch_number, on
from agent.store_errors import StoreError
from drivers.reading import Stream

T = TypeVar("T")

_STATE = {
    "uplink": "SELECT name, since, removed FROM uplink",
    "cursor": "SELECT uplink, number, stream, cursor, moved FROM cursor",
    "parked": "SELECT uplink, number, stream, first, last, reason, since FROM parked",
    "fact": "SELECT key, value FROM fact",
}
_HEAD = 32
_READ = 500


class Wreck(Reader):
    """A damaged log; what it says about gaps is asked for once, not with every batch."""

    def newest_number(self) -> int:
        """The number of the epoch that the last measurement belongs to, without asking for epochs."""
        row = self._row(on(Stream.MEASUREMENT, "SELECT max(id) FROM $record"))
        return epoch_number(row[0]) if row and row[0] else 1

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """The small tables that a new log takes over, each one as far as it can be read."""
        found = {name: ask(partial(self._rows, query), list[tuple[Any, ...]]()) for name, query in _STATE.items()}
        return {name: rows for name, rows in found.items() if rows}

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


def read_parts(log: Reader | None, epoch: str, stream: Stream, first: int, last: int) -> list[Part]:
    """*first* to *last* as alternating parts that could be read and that could not."""
    rows: list[Row] = []
    at, most = first, _READ if log else 0
    while log and at <= last:
        try:
            found = log.batch(epoch, stream, at, last, max_records=most)
        except StoreError:
            # Close in on the record that cannot be read; the next is tried alone, for damage comes in pages.
            at, most = (at, most // 2) if most > 1 else (at + 1, 1)
            continue
        if not found:
            break
        rows += [row for row in found if _is_whole(row)]
        at, most = found[-1].seq + 1, min(2 * most, _READ)
    return _parts(rows, first, last)


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
    return len(row.head) == _HEAD and bool(row.body) and row.time_ms >= 0


def ask(question: Callable[[], T], otherwise: T) -> T:
    """The answer to *question*, or *otherwise* where damage has taken it."""
    try:
        return question()
    except StoreError:
        return otherwise
