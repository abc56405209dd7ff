"""Ranges that leave the log, or come back into it: the one place that writes the table ``gone``.

Every function runs inside a transaction of its caller. What the table says and
what the records' tables hold never differ, so that a hole which nobody knows
of is always a broken chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.store.record import Row
from agent.store.schema import MINUTE_MS, SEQ_MASK, insert, into, on, record_id, table
from agent.store.sqlite import Connection
from drivers.reading import Stream

FREED = "freed"
DAMAGED = "damaged"
MISSING = "missing"
"""Known from the mark beside the log alone: lost with the end of its write-ahead file, or never in this older copy."""
SALVAGING = "salvaging"
"""Still in a damaged log that was set aside, and on its way from there."""
SET_ASIDE = "set_aside"
"""In a damaged log that was set aside, for there was no room for them here."""
MOVING = "moving"
"""Numbered by an older copy of the log, and on their way to new numbers; see :mod:`agent.store.renumber`."""
MOVED = "moved"
"""Under other numbers, in a later epoch."""


def free(db: Connection, number: int, stream: Stream, first: int, last: int) -> None:
    """Delete records *first* to *last*, all of them kept, and keep the head of the last one."""
    low, high = record_id(number, first), record_id(number, last)
    head = db.execute(on(stream, "SELECT head FROM $record WHERE id = ?"), (high,)).get
    db.execute(
        on(
            stream,
            "DELETE FROM minute WHERE stream = ?1 AND first BETWEEN ?2 AND ?3"
            " AND minute IN (SELECT DISTINCT time / ?4 FROM $record WHERE id BETWEEN ?2 AND ?3)",
        ),
        (stream, low, high, MINUTE_MS),
    )
    db.execute(on(stream, "DELETE FROM $record WHERE id BETWEEN ? AND ?"), (low, high))
    db.execute(
        on(stream, into("minute", "SELECT ?, time / ?, id FROM $record WHERE id = ?", "OR IGNORE")),
        (stream, MINUTE_MS, high + 1),
    )
    _join(db, number, stream, first, last, head)


def _join(db: Connection, number: int, stream: Stream, first: int, last: int, head: bytes | None) -> None:
    """Note that *first* to *last* are gone, as one gap with those that it touches."""
    touching: list[tuple[int, int, bytes | None]] = db.execute(
        "DELETE FROM gone WHERE number = ? AND stream = ? AND (last = ? OR first = ?) AND reason = ?"
        " RETURNING first, last, head",
        (number, stream, first - 1, last + 1, FREED),
    ).fetchall()  # type: ignore[assignment]  # apsw types a row by what SQLite could hold
    for other_first, other_last, other_head in touching:
        first = min(first, other_first)
        if other_last > last:
            last, head = other_last, other_head
    declare(db, number, stream, first, last, head, FREED)


def forget_after(db: Connection, number: int, stream: Stream, seq: int) -> None:
    """Delete what lies behind record *seq*: nobody was told that it is stored."""
    beyond = record_id(number, seq), record_id(number, SEQ_MASK)
    db.execute(on(stream, "DELETE FROM $record WHERE id > ? AND id <= ?"), beyond)
    db.execute("DELETE FROM minute WHERE stream = ? AND first > ? AND first <= ?", (stream, *beyond))


def declare(
    db: Connection, number: int, stream: Stream, first: int, last: int, head: bytes | None, reason: str
) -> None:
    """Note that *first* to *last* are not in the log, and the head after *last* if it is known."""
    db.execute(insert("gone", "OR REPLACE"), (number, stream, first, last, head, reason))


def adopt(db: Connection, number: int, stream: Stream, rows: Sequence[Row], head: bytes | None) -> None:
    """Put *rows*, consecutive and part of one gap, back to where they belong; *head* is the one before them."""
    _cut_out(db, number, stream, rows[0].seq, rows[-1].seq, head)
    found = [(record_id(number, row.seq), row.time_ms, row.head, row.body) for row in rows]
    db.executemany(insert(table(stream)), found)
    minutes = [(stream, time_ms // MINUTE_MS, record) for record, time_ms, _, _ in found]
    turns = [now for before, now in zip([(stream, -1, 0), *minutes], minutes, strict=False) if now[1] != before[1]]
    db.executemany(insert("minute", "OR IGNORE"), turns)


def give_up(db: Connection, number: int, stream: Stream, first: int, last: int, head: bytes | None) -> None:
    """Note that *first* to *last*, part of one gap, are lost to damage; *head* is the one before them."""
    after = _cut_out(db, number, stream, first, last, head)
    declare(db, number, stream, first, last, after, DAMAGED)


def _cut_out(db: Connection, number: int, stream: Stream, first: int, last: int, head: bytes | None) -> bytes | None:
    """Take *first* to *last* out of the gap around them; returns the head after *last* where that gap ended there."""
    gap_first, gap_last, gap_head, reason = db.execute(
        "DELETE FROM gone WHERE number = ? AND stream = ? AND first <= ? AND last >= ?"
        " RETURNING first, last, head, reason",
        (number, stream, first, last),
    ).fetchall()[0]
    assert isinstance(gap_first, int)
    assert isinstance(gap_last, int)
    assert isinstance(gap_head, bytes | None)
    if gap_first < first:
        declare(db, number, stream, gap_first, first - 1, head, str(reason))
    if gap_last == last:
        return gap_head
    declare(db, number, stream, last + 1, gap_last, gap_head, str(reason))
    return None
