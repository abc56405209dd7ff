"""Gives records new numbers that an older copy of the log has numbered a second time.

A log that was put back from an image, with the mark beside it, cannot know it. It
polls and numbers from where the image ended until an uplink meets what the broker or
a consumer knows; that may be days. What was stored in that time stands under numbers
that once were given to other records. It must go out, and not under those: it moves
into the new epoch, a chunk at a time. The readings stay as they are; only the number
in a record is another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from agent.store import gaps
from agent.store.cursor import intersect
from agent.store.reader import Reader
from agent.store.record import Draft, draft, event
from agent.store.schema import on, record_id
from agent.store.sqlite import Connection
from drivers.reading import Stream

UNPROVEN = "unproven"
"""The fact that says where the log stood when it was opened for the first time since an uplink last heard a broker."""

CHUNK = 500
"""Records that get new numbers in one transaction at most."""

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (Stream.EVENT, Stream.AUDIT, Stream.MEASUREMENT, Stream.PARAMETER)
"""Dictionaries are events, and come before the records that use them."""


@dataclass(frozen=True, slots=True)
class Start:
    """Up to where the numbers of an epoch are beyond doubt, and when the last acknowledgement had come by then."""

    epoch: str
    last: Mapping[Stream, int]
    heard_ms: int

    @classmethod
    def of(cls, log: Reader, epoch: str, last: Mapping[Stream, int]) -> Start:
        """Where *epoch* stands now; or an earlier start of it, when no acknowledgement has come since."""
        heard_ms = max((life.moved_ms or 0 for life in log.uplinks().values()), default=0)
        known = _parsed(log.fact(UNPROVEN))
        if known is None or (known.epoch, known.heard_ms) != (epoch, heard_ms):
            return cls(epoch, dict(last), heard_ms)
        return cls(epoch, {stream: min(known.last.get(stream, 0), seq) for stream, seq in last.items()}, heard_ms)

    def text(self) -> str:
        """As the fact keeps it."""
        return json.dumps({"epoch": self.epoch, "heard": self.heard_ms, "last": self.last}, sort_keys=True)


def _parsed(text: str | None) -> Start | None:
    """What :meth:`Start.text` wrote; None for what damage has turned it into."""
    try:
        words = json.loads(text or "")
        last = {Stream(stream): int(seq) for stream, seq in words["last"].items()}
        return Start(str(words["epoch"]), last, int(words["heard"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records that are to get new numbers: ``first`` to ``last`` of a series, out of a gap that ends at ``end``.

    There are fewer ``drafts`` where damage has taken some.
    """

    number: int
    epoch: str
    stream: Stream
    first: int
    last: int
    end: int
    drafts: list[Draft]


def disown(db: Connection, log: Reader, start: Start) -> None:
    """In a transaction: take what was numbered since *start* out of its epoch, to be moved."""
    for stream in Stream:
        last, _ = log.tip(start.epoch, stream)
        for first, end in intersect(log.kept(start.epoch, stream), [(start.last.get(stream, 0) + 1, last)]):
            head = log.head_at(start.epoch, stream, end)
            gaps.declare(db, log.number(start.epoch), stream, first, end, head, gaps.MOVING)


def next_chunk(log: Reader) -> Chunk | None:
    """What is to be moved next; None when nothing is."""
    for epoch in log.epochs():
        for stream in _FIRST:
            for gap in log.gone(epoch.epoch, stream):
                if gap.reason == gaps.MOVING:
                    last = min(gap.last, gap.first + CHUNK - 1)
                    rows = log.rows_at(epoch.number, stream, gap.first, last)
                    drafts = [found for row in rows if (found := _as_new(stream, *row))]
                    return Chunk(epoch.number, epoch.epoch, stream, gap.first, last, gap.last, drafts)
    return None


def forget(db: Connection, log: Reader, chunk: Chunk) -> None:
    """In the transaction that stores the records of *chunk* under new numbers: take them away from the old ones."""
    number, stream = chunk.number, chunk.stream
    ids = record_id(number, chunk.first), record_id(number, chunk.last)
    head = log.head_at(chunk.epoch, stream, chunk.end)
    at_last = db.execute(on(stream, "SELECT head FROM $record WHERE id = ?"), ids[1:]).get
    db.execute(on(stream, "DELETE FROM $record WHERE id BETWEEN ? AND ?"), ids)
    db.execute("DELETE FROM minute WHERE stream = ? AND first BETWEEN ? AND ?", (stream, *ids))
    gaps.declare(db, number, stream, chunk.first, chunk.last, at_last, gaps.MOVED)
    if chunk.last < chunk.end:
        gaps.declare(db, number, stream, chunk.last + 1, chunk.end, head, gaps.MOVING)


def told(chunk: Chunk, to: str) -> Draft:
    """The event about it."""
    data = {"stream": chunk.stream, "epoch": chunk.epoch, "first": chunk.first, "last": chunk.last, "to": to}
    lost = chunk.last - chunk.first + 1 - len(chunk.drafts)
    return event("records_renumbered", datetime.now(UTC), data=data | {"lost": lost})


def _as_new(stream: Stream, time_ms: int, body: bytes) -> Draft | None:
    """The record without its number; None for one that cannot be read any more."""
    try:
        fields = orjson.loads(body)
        del fields["seq"], fields["time"]
        return draft(stream, _UNIX + timedelta(milliseconds=time_ms), fields)
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
