"""Copies records from a log that was set aside into the one that took its place, a chunk at a time.

First what an uplink still lacks, then the rest, the newest first. A record
that is still to be copied lies in a gap of the new log whose reason is
``salvaging``, so that a power cut at any moment finds a log that is whole and
knows what is left to do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from agent.store import gaps
from agent.store.cursor import Cursor, Range, intersect, merge
from agent.store.errors import LogFullError
from agent.store.reader import Epoch
from agent.store.record import event
from agent.store.room import margin
from agent.store.store import CHUNK, Store
from agent.store.wreck import Part, ask, open_wreck, read_parts
from drivers.reading import Stream

ASIDE = "salvage"
"""The fact that names the file that was set aside, while there is something to copy from it.

In a line each those that were set aside before, when a log is damaged again that had not yet got all of theirs.
"""

_NAMED = 100


@dataclass(frozen=True, slots=True)
class _Piece:
    """Consecutive records that are still to be copied."""

    epoch: Epoch
    stream: Stream
    first: int
    last: int


def turn(store: Store) -> bool:
    """Copy a chunk of what is still in a log that was set aside; True while there may be more."""
    asides = (store.fact(ASIDE) or "").splitlines()
    if not asides:
        return False
    lacking, waiting = needed(store), _waiting(store)
    with contextlib.suppress(LogFullError):  # the disk has less room than the quota: what is left stays where it is
        if waiting and store.quota.limit - store.log.used_bytes() > 2 * margin(store.quota.limit):
            _copy(store, asides, _start(lacking[0]) if lacking else _end(waiting[-1]))
            return True
    _finish(store, asides)
    return False


def write_off(store: Store, epoch: str, stream: Stream, first: int, last: int) -> list[Range]:
    """Note what of *first* to *last* the medium no longer gives back, in a log that can still be written.

    Returns the lost ranges; from then on nothing tries to read them.
    """
    lost = [
        (part.first, part.last)
        for begin, end in intersect(store.log.kept(epoch, stream), [(first, last)])
        for part in read_parts(store.log, epoch, stream, begin, end)
        if not part.rows
    ]
    with store.writing() as db:
        for begin, end in lost:
            gaps.declare(db, store.log.number(epoch), stream, begin, end, None, gaps.DAMAGED)
    return lost


def _waiting(store: Store) -> list[_Piece]:
    """What is still to be copied, oldest first."""
    return [
        _Piece(epoch, stream, gap.first, gap.last)
        for epoch in store.log.epochs()
        for stream in Stream
        for gap in store.log.gone(epoch.epoch, stream)
        if gap.reason == gaps.SALVAGING
    ]


def needed(store: Store) -> list[_Piece]:
    """The part of it that an uplink still lacks; all of it when the damage has taken the uplinks too."""
    names = [name for name, life in store.log.uplinks().items() if life.removed_ms is None]
    cursors = store.log.cursors()
    pieces = []
    for piece in _waiting(store):
        known = [cursors.get((name, piece.epoch.epoch, piece.stream), Cursor()) for name in names] or [Cursor()]
        lacking = merge(gap for cursor in known for gap in cursor.gaps(piece.first, piece.last))
        pieces += [replace(piece, first=first, last=last) for first, last in lacking]
    return pieces


def _start(piece: _Piece) -> _Piece:
    return replace(piece, last=min(piece.last, piece.first + CHUNK - 1))


def _end(piece: _Piece) -> _Piece:
    return replace(piece, first=max(piece.first, piece.last - CHUNK + 1))


def _copy(store: Store, asides: Sequence[str], piece: _Piece) -> None:
    """Copy *piece* from where it is, and give up what cannot be read of it."""
    number, stream = piece.epoch.number, piece.stream
    parts, head = [Part(piece.first, piece.last, [])], None
    for aside in asides:
        parts, found = _filled(store, store.path.with_name(aside), piece, parts)
        head = head or found
    with store.writing(sum(len(row.body) for part in parts for row in part.rows)) as db:
        for part in parts:
            if part.rows:
                gaps.adopt(db, number, stream, part.rows, head)
            else:
                gaps.give_up(db, number, stream, part.first, part.last, head)


def _filled(store: Store, aside: Path, piece: _Piece, parts: Sequence[Part]) -> tuple[list[Part], bytes | None]:
    """*parts* of *piece* with the records that *aside* gives back, and the head before them."""
    epoch, stream = piece.epoch.epoch, piece.stream
    wreck = open_wreck(aside, store.station)
    if wreck is None:
        return list(parts), None
    try:
        found = [[part] if part.rows else read_parts(wreck, epoch, stream, part.first, part.last) for part in parts]
        return list(chain.from_iterable(found)), ask(lambda: wreck.head_at(epoch, stream, piece.first - 1), None)
    finally:
        wreck.close()


def _finish(store: Store, asides: Sequence[str]) -> None:
    """Tell what was lost, and what was left for want of room."""
    lost, left = _named(store, gaps.DAMAGED), _named(store, gaps.SALVAGING)
    data = {"aside": asides[0], "lost": lost[:_NAMED], "lost_ranges": len(lost), "left": left[:_NAMED]}
    with store.writing() as db:
        db.execute("UPDATE gone SET reason = ? WHERE reason = ?", (gaps.SET_ASIDE, gaps.SALVAGING))
    store.append([event("log_salvaged", datetime.now(UTC), data=data)], facts={ASIDE: ""})


def _named(store: Store, reason: str) -> list[dict[str, object]]:
    return [
        {"epoch": epoch.epoch, "stream": stream, "first": gap.first, "last": gap.last}
        for epoch in store.log.epochs()
        for stream in Stream
        for gap in store.log.gone(epoch.epoch, stream)
        if gap.reason == reason
    ]
