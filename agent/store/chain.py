"""Walking the chain: the first record that does not follow from the one before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.store.record import Row, next_head, time_text


@dataclass(frozen=True, slots=True)
class Break:
    """The record *seq* that breaks the chain, and what is wrong with it."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a walk came: seq and head of the last record that was right, and what broke it, if anything did."""

    seq: int
    head: bytes | None
    broken: Break | None


def walk(rows: Iterable[Row], seq: int, head: bytes | None) -> Walked:
    """Follow *rows*, which come after record *seq* with *head*, to the end or to the first broken record.

    Without a head (damage took it) the first record is taken at its word, and proven by nothing.
    """
    rows = iter(rows)
    for row in rows:
        if row.seq != seq + 1:
            return Walked(seq, head, Break(seq + 1, f"it is missing: the next record there is number {row.seq}"))
        found = next_head(head, row.body) if head is not None else row.head
        if found != row.head:
            return Walked(seq, head, Break(row.seq, _blame(row, found, next(rows, None))))
        if wrong := _contradiction(row):
            return Walked(seq, head, Break(row.seq, wrong))
        seq, head = row.seq, row.head
    return Walked(seq, head, None)


def _blame(row: Row, found: bytes, after: Row | None) -> str:
    """Which of body and head was changed: the record after it was hashed over the true head."""
    if after is not None and next_head(row.head, after.body) == after.head:
        return "its content was changed"
    if after is not None and next_head(found, after.body) == after.head:
        return "its head was changed"
    return "its content or its head was changed"


def _contradiction(row: Row) -> str | None:
    """What stands beside the hashed bytes, in columns of their own, must say the same as they do."""
    if b'"seq":%d,' % row.seq not in row.body:
        return "it stands under another number than its content says"
    if f'"time":"{_time(row)}"'.encode() not in row.body:
        return f"the time kept beside it, {_time(row)}, is not the time in its content"
    return None


def _time(row: Row) -> str:
    try:
        return time_text(row.time_ms)
    except OverflowError:
        return f"{row.time_ms} ms after 1970"
