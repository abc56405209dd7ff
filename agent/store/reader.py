"""Reading the log: beside the daemon or without it, as any user who may read the file.

Every call is one short read transaction, for a reader that holds one makes the
write-ahead file grow without bound. Nothing here counts or scans: first, last
and heads come from the ends of the tables.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agent.store.cursor import Cursor, Range, subtract
from agent.store.errors import DamagedError, UnreadableError
from agent.store.record import Row, genesis
from agent.store.schema import MINUTE_MS, SEQ_MASK, epoch_number, on, record_id
from agent.store.sqlite import Connection, connect_reader, discard, translated
from drivers.reading import Stream

_CHUNK = 500
_BATCH = "SELECT id, time, CAST(body AS BLOB), head FROM $record WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of the log: ``number`` rises, ``epoch`` is its name, ``reason`` says why it began."""

    number: int
    epoch: str
    began_ms: int
    reason: str
    machine: str

    @property
    def makes_sense(self) -> bool:
        """Whether this can be an epoch at all; damage may have turned it into anything."""
        return re.fullmatch("[0-9]+ [a-z2-7]{12}", f"{self.number} {self.epoch}") is not None


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last seq of a series that the log reaches back to; ``last < first`` when it holds none."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Series:
    """The records of one stream in one epoch; ``head`` is the head after ``last``."""

    epoch: str
    stream: Stream
    first: int
    last: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """Seqs that the log no longer holds; ``head`` is the head after ``last``, unless damage took it too."""

    first: int
    last: int
    head: bytes | None
    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A range that a broker refused for good: neither acknowledged nor ever deleted."""

    uplink: str
    epoch: str
    stream: Stream
    first: int
    last: int
    reason: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class UplinkLife:
    """Since when an uplink is known, when it last acknowledged something, and when it was removed."""

    since_ms: int
    moved_ms: int | None
    removed_ms: int | None


class Reader:
    """A read-only view of one log. Raises DamagedError where the medium gives back nonsense."""

    def __init__(self, db: Connection, path: Path, *, immutable: bool = False) -> None:
        self._db = db
        self.path = path
        self.immutable = immutable
        """No process writes the log, and what one may write later is not seen here: open it again for that."""
        self._numbers: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at *path*; AccessError when there is none or this user may not read it."""
        db, immutable = connect_reader(path)
        reader = cls(db, path, immutable=immutable)
        try:
            assert reader.station
        except BaseException:
            discard(db)
            raise
        return reader

    def close(self) -> None:
        """Close the connection, whatever the medium says to that."""
        discard(self._db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @functools.cached_property
    def station(self) -> str:
        """The station whose log this is."""
        row = self._row("SELECT station FROM about")
        if row is None:
            raise DamagedError(self.path, "it has lost the name of its station")
        return str(row[0])

    def epochs(self) -> list[Epoch]:
        """All epochs that this file knows, oldest first."""
        found = self._epochs()
        if not all(epoch.makes_sense for epoch in found):
            raise DamagedError(self.path, "the table epoch holds nonsense")
        return found

    def _epochs(self) -> list[Epoch]:
        rows = self._rows("SELECT number, epoch, began, reason, machine FROM epoch ORDER BY number")
        return [Epoch(*row) for row in rows]

    def series(self) -> list[Series]:
        """What there is: every series with records, oldest epoch first, and all four of the newest epoch."""
        with self._snapshot():
            epochs = self.epochs()
            found = [self._series(epoch, stream) for epoch in epochs for stream in Stream]
        return [series for series in found if series.first <= series.last or series.epoch == epochs[-1].epoch]

    def _series(self, epoch: Epoch, stream: Stream) -> Series:
        last, head = self.tip(epoch.epoch, stream)
        return Series(epoch.epoch, stream, self._first(epoch.number, stream, last), last, head)

    def extent(self, epoch: str, stream: Stream) -> Extent:
        """How far back and forth the log reaches; records between may be gone, see :meth:`gone`."""
        with self._snapshot():
            last, _ = self.tip(epoch, stream)
            first = self._first(self.number(epoch), stream, last)
        return Extent(first, last)

    def tip(self, epoch: str, stream: Stream) -> tuple[int, bytes]:
        """Seq and head of the last record ever stored, also when it has been freed since; 0 when none was."""
        low, high = self._ids(epoch, 0, SEQ_MASK)
        row = self._row(on(stream, "SELECT id, head FROM $record WHERE id BETWEEN ? AND ? ORDER BY id DESC"), low, high)
        gone = self._row(
            "SELECT last, head FROM gone WHERE number = ? AND stream = ? ORDER BY first DESC",
            self.number(epoch),
            stream,
        )
        with self._sense("gone"):
            if gone and (row is None or gone[0] > row[0] & SEQ_MASK):
                return int(gone[0]), gone[1] or bytes(32)
        return (row[0] & SEQ_MASK, row[1]) if row else (0, genesis(self.station, epoch, stream))

    def _first(self, number: int, stream: Stream, last: int) -> int:
        low, high = record_id(number, 0), record_id(number, SEQ_MASK)
        row = self._row(on(stream, "SELECT id FROM $record WHERE id BETWEEN ? AND ? ORDER BY id"), low, high)
        return row[0] & SEQ_MASK if row else last + 1

    def head_at(self, epoch: str, stream: Stream, seq: int) -> bytes | None:
        """The head after record *seq*, for 0 the genesis; None for a record that is gone and not the last of a gap."""
        if seq == 0:
            return genesis(self.station, epoch, stream)
        number = self.number(epoch)
        query = "SELECT last, head FROM gone WHERE number = ? AND stream = ? AND first <= ? ORDER BY first DESC"
        gone = self._row(query, number, stream, seq)
        with self._sense("gone"):
            is_gone = gone is not None and gone[0] >= seq
        if gone and is_gone:  # of a damaged record nothing more is asked
            return gone[1] if gone[0] == seq else None
        row = self._row(on(stream, "SELECT head FROM $record WHERE id = ?"), record_id(number, seq))
        return row[0] if row else None

    def gone(self, epoch: str, stream: Stream) -> list[Gone]:
        """What was freed or lost of a series, ascending."""
        query = "SELECT first, last, head, reason FROM gone WHERE number = ? AND stream = ? ORDER BY first"
        with self._sense("gone"):
            return [
                Gone(int(first), int(last), *rest)
                for first, last, *rest in self._rows(query, self.number(epoch), stream)
            ]

    def kept(self, epoch: str, stream: Stream) -> list[Range]:
        """The ranges of a series that the log holds, ascending."""
        with self._snapshot():
            last, _ = self.tip(epoch, stream)
            gaps = [(gap.first, gap.last) for gap in self.gone(epoch, stream)]
        return subtract([(1, last)], gaps)

    def batch(
        self, epoch: str, stream: Stream, first: int, last: int, *, max_records: int = _CHUNK, max_bytes: int = 1 << 62
    ) -> list[Row]:
        """Records *first* to *last* in order and without holes: as many as the limits and gaps allow.

        At least one, if there is one: the batch begins behind a gap at *first*, and ends before the next.
        Raises UnreadableError when damage has taken the first one; before a later one the batch ends.
        """
        first, last = self._run(epoch, stream, first, last)
        if first > last:
            return []
        low, high = self._ids(epoch, first, last)
        # Stopped by the limit, SQLite does not touch the page behind the last row, which may be a damaged one.
        most = min(max_records, last - first + 1)
        rows: list[Row] = []
        try:
            with translated(self.path), contextlib.closing(self._db.cursor()) as cursor:
                for columns in cursor.execute(on(stream, _BATCH), (low, high, most)):
                    self._check_order(low, columns[0])
                    low = columns[0] + 1
                    rows.append(_row(*columns))
                    max_bytes -= len(rows[-1].body)
                    if max_bytes < 0 and len(rows) > 1:
                        return rows[:-1]
        except DamagedError as error:
            if not rows:
                raise UnreadableError(error, epoch, stream, first) from error
        return rows

    def _check_order(self, lowest: int, found: int) -> None:
        """Raise DamagedError when a tree gives its rows in disorder: who follows them would walk in circles."""
        if found < lowest:
            raise DamagedError(self.path, "its rows are not in order")

    def _run(self, epoch: str, stream: Stream, first: int, last: int) -> Range:
        """The first part of *first* to *last* without a gap."""
        query = (
            "SELECT first, last FROM gone WHERE number = ? AND stream = ? AND last >= ? AND first <= ? ORDER BY first"
        )
        with self._sense("gone"):
            for gap_first, gap_last in self._rows(query, self.number(epoch), stream, first, last):
                if gap_first > first:
                    return first, gap_first - 1
                first = gap_last + 1
        return first, last

    def rows_at(self, number: int, stream: Stream, first: int, last: int) -> list[tuple[int, bytes]]:
        """Time and bytes of records that lie there, whatever is said to be gone."""
        query = on(stream, "SELECT time, CAST(body AS BLOB) FROM $record WHERE id BETWEEN ? AND ? ORDER BY id")
        return self._rows(query, record_id(number, first), record_id(number, last))

    def time_of(self, epoch: str, stream: Stream, seq: int) -> int:
        """When record *seq*, which is kept, was made (ms since 1970)."""
        row = self._row(on(stream, "SELECT time FROM $record WHERE id = ?"), record_id(self.number(epoch), seq))
        return row[0] if row else 0

    def last_before(self, epoch: str, stream: Stream, first: int, last: int, until_ms: int, *, limit: int) -> int:
        """The last of the records from *first* on, *limit* at most, before one that is not older than *until_ms*."""
        low, high = self._ids(epoch, first, min(last, first + limit - 1))
        query = on(stream, "SELECT id FROM $record WHERE id BETWEEN ? AND ? AND time >= ? ORDER BY id")
        row = self._row(query, low, high, until_ms)
        return max(first, (row[0] & SEQ_MASK) - 1 if row else high & SEQ_MASK)

    def first_since(self, epoch: str, stream: Stream, seq: int, since_ms: int, before_ms: int = 1 << 50) -> int | None:
        """The first record from *seq* on whose minute lies between; None when there is none."""
        low, high = self._ids(epoch, seq, SEQ_MASK)
        query = (
            "SELECT min(first) FROM minute WHERE stream = ? AND minute >= ? AND minute < ? AND first BETWEEN ? AND ?"
        )
        row = self._row(query, stream, since_ms // MINUTE_MS, before_ms // MINUTE_MS, low, high)
        return row[0] & SEQ_MASK if row and row[0] is not None else None

    def walk(self, epoch: str, stream: Stream, first: int, last: int) -> Iterator[Row]:
        """All records from *first* to *last* that there are, in many short transactions."""
        while rows := self.batch(epoch, stream, first, last):
            yield from rows
            first = rows[-1].seq + 1

    def located(self, stream: Stream, since_ms: int, until_ms: int) -> Iterator[tuple[str, Row]]:
        """Records with ``since_ms <= time < until_ms``, each with the name of its epoch, in the order of storing.

        Right also where the clock was set back; seqs of different epochs may repeat.
        """
        low, high = since_ms // MINUTE_MS, (until_ms - 1) // MINUTE_MS
        query = "SELECT first FROM minute WHERE stream = ? AND minute BETWEEN ? AND ? ORDER BY first"
        starts = [row[0] for row in self._rows(query, stream, low, high)]
        names = {epoch.number: epoch.epoch for epoch in self.epochs()}
        position = starts[0] if starts else None
        while position is not None:
            rows = self._from(stream, position)
            position = rows[-1][0] + 1 if rows else None
            for record, row in rows:
                if not low <= row.time_ms // MINUTE_MS <= high:
                    later = bisect.bisect_right(starts, record)
                    position = starts[later] if later < len(starts) else None
                    break
                if since_ms <= row.time_ms < until_ms:
                    yield names[epoch_number(record)], row

    def runs(self, stream: Stream, since_ms: int, until_ms: int) -> list[tuple[str, int, int]]:
        """Where the minutes from *since_ms* to *until_ms* lie: epoch, first and last seq, as few ranges as there are.

        A range begins and ends with a minute, and of an epoch that went on it may end beyond its last record.
        """
        low, high = since_ms // MINUTE_MS, (until_ms - 1) // MINUTE_MS
        query = (
            "SELECT minute, first FROM minute WHERE stream = ?1 AND first >="
            " (SELECT min(first) FROM minute WHERE stream = ?1 AND minute BETWEEN ?2 AND ?3) ORDER BY first"
        )
        names = {epoch.number: epoch.epoch for epoch in self.epochs()}
        found: list[tuple[str, int, int]] = []
        begins: int | None = None
        before = 0
        for minute, record in self._rows(query, stream, low, high):
            is_new_epoch = epoch_number(record) != epoch_number(before)
            if begins is not None and (is_new_epoch or not low <= minute <= high):
                last = SEQ_MASK if is_new_epoch else (record & SEQ_MASK) - 1
                found.append((names[epoch_number(begins)], begins & SEQ_MASK, last))
                begins = None
            if begins is None and low <= minute <= high:
                begins = record
            before = record
        if begins is not None:
            found.append((names[epoch_number(begins)], begins & SEQ_MASK, SEQ_MASK))
        return found

    def beginnings(self, epoch: str, stream: Stream, first: int, last: int, count: int) -> list[tuple[int, int, str]]:
        """Seq, time and beginning, up to its seq, of the first *count* records from *first* to *last*.

        Keys are sorted, so these bytes say device, dictionary, qualities and reasons. To cut them off here costs a
        third of what whole records do.
        """
        query = (
            "SELECT id & ?4, time, substr(body, 1, instr(body, '\"seq\":') - 1) FROM $record"
            " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3"
        )
        low, high = self._ids(epoch, first, last)
        return self._rows(on(stream, query), low, high, count, SEQ_MASK)

    def _from(self, stream: Stream, position: int) -> list[tuple[int, Row]]:
        query = on(stream, "SELECT id, time, CAST(body AS BLOB), head FROM $record WHERE id >= ? ORDER BY id LIMIT ?")
        rows = self._rows(query, position, _CHUNK)
        return [(columns[0], _row(*columns)) for columns in rows]

    def cursors(self) -> dict[tuple[str, str, Stream], Cursor]:
        """Every cursor, by uplink, epoch and stream."""
        query = "SELECT uplink, epoch, stream, cursor FROM cursor JOIN epoch USING (number)"
        with self._sense("cursor"):
            return {(uplink, epoch, Stream(s)): Cursor.from_json(text) for uplink, epoch, s, text in self._rows(query)}

    def parked(self, uplink: str | None = None) -> list[Parked]:
        """What is parked, for one uplink or for all, oldest first."""
        query = (
            "SELECT uplink, epoch, stream, first, last, parked.reason, since FROM parked JOIN epoch USING (number)"
            " WHERE ?1 IS NULL OR uplink = ?1 ORDER BY since, first"
        )
        with self._sense("parked"):
            return [Parked(name, epoch, Stream(s), *rest) for name, epoch, s, *rest in self._rows(query, uplink)]

    def uplinks(self) -> dict[str, UplinkLife]:
        """Every uplink that this log ever served."""
        query = "SELECT name, since, (SELECT max(moved) FROM cursor WHERE uplink = name), removed FROM uplink"
        return {name: UplinkLife(*life) for name, *life in self._rows(query)}

    def fact(self, key: str) -> str | None:
        """A small thing that outlives the process; None when it was never set."""
        row = self._row("SELECT value FROM fact WHERE key = ?", key)
        return None if row is None else row[0]

    def facts(self) -> list[tuple[str, str]]:
        """All small things that outlive the process, by key."""
        return [(key, value) for key, value in self._rows("SELECT key, value FROM fact")]

    def used_bytes(self) -> int:
        """How much of the quota is taken; what was freed counts as free, though the file does not shrink."""
        with translated(self.path):
            pages, free, size = (self._db.pragma(name) for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Show one state of the log to several queries."""
        with translated(self.path), self._db:
            yield

    @contextlib.contextmanager
    def _sense(self, table: str) -> Iterator[None]:
        """What makes no sense was damaged: these tables are written by this program alone."""
        try:
            yield
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedError(self.path, f"the table {table} holds nonsense: {error}") from error

    def unlearn(self) -> None:
        """Believe nothing that was learned in a transaction which was taken back."""
        self._numbers = {}

    def number(self, epoch: str) -> int:
        """The number of *epoch*; for a name that this log does not know one under which nothing is kept."""
        if epoch not in self._numbers:
            self._numbers = {known.epoch: known.number for known in self.epochs()}
        return self._numbers.get(epoch, 0)

    def _ids(self, epoch: str, first: int, last: int) -> Range:
        number = self.number(epoch)
        return record_id(number, max(first, 0)), record_id(number, min(last, SEQ_MASK))

    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        rows = self._rows(query + " LIMIT 1", *values)
        return rows[0] if rows else None

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with translated(self.path):
            return self._db.execute(query, values).fetchall()


def _row(record: int, time_ms: object, body: object, head: object) -> Row:
    """A row as the medium gave it back; what damage has turned into another type cannot be right, and is empty."""
    return Row(
        record & SEQ_MASK,
        time_ms if isinstance(time_ms, int) else -1,
        body if isinstance(body, bytes) else b"",
        head if isinstance(head, bytes) else b"",
    )
