"""The uplinks that a log serves: their names, how far each of them is, and what was set aside for it.

Every function runs inside a transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.store.cursor import Cursor
from agent.store.reader import Parked, Reader
from agent.store.schema import insert, into
from agent.store.sqlite import Connection
from drivers.reading import Stream

UPLINKS_LOST = "uplinks_lost"
"""The fact that damage has taken the names of the uplinks: who is named next may lack anything."""

_FACT = insert("fact", "OR REPLACE")


@dataclass(frozen=True, slots=True)
class Move:
    """A cursor as it now stands; ``cursor`` is :meth:`agent.store.cursor.Cursor.to_json`."""

    uplink: str
    epoch: str
    stream: Stream
    cursor: str


def name(db: Connection, log: Reader, starts: Mapping[str, str], now_ms: int) -> None:
    """Make the uplinks of the configuration known: name to ``"now"`` or ``"oldest"``.

    That word counts once, for an uplink never seen before, unless damage made the log forget its uplinks:
    then they get all of it. One that was removed holds nothing, and if it comes back it goes on where it
    stood, as far as the log still reaches.
    """
    known, forgotten = log.uplinks(), log.fact(UPLINKS_LOST) == "yes"
    for uplink, start in starts.items():
        if uplink not in known:
            db.execute(insert("uplink"), (uplink, now_ms, None))
            move(db, [] if forgotten or start == "oldest" else _all_of_it(log, uplink), now_ms)
    for uplink, life in known.items():
        removed = None if uplink in starts else life.removed_ms or now_ms
        db.execute("UPDATE uplink SET removed = ? WHERE name = ?", (removed, uplink))
    if forgotten:
        db.execute(_FACT, (UPLINKS_LOST, "no"))


def forget(db: Connection) -> None:
    """Note that nobody knows any more which uplinks there were."""
    db.execute(_FACT, (UPLINKS_LOST, "yes"))


def move(db: Connection, moves: Sequence[Move], now_ms: int) -> None:
    """Move cursors."""
    db.executemany(
        into("cursor", "SELECT ?, number, ?, ?, ? FROM epoch WHERE epoch = ?", "OR REPLACE"),
        [(one.uplink, one.stream, one.cursor, now_ms, one.epoch) for one in moves],
    )


def park(db: Connection, part: Parked) -> None:
    """Set a range aside."""
    db.execute(
        into("parked", "SELECT ?, number, ?, ?, ?, ?, ? FROM epoch WHERE epoch = ?", "OR REPLACE"),
        (part.uplink, part.stream, part.first, part.last, part.reason, part.since_ms, part.epoch),
    )


def unpark(db: Connection, uplink: str, epoch: str, stream: Stream, first: int, last: int) -> None:
    """Forget the ranges that were set aside between *first* and *last*."""
    db.execute(
        "DELETE FROM parked WHERE uplink = ? AND stream = ? AND first >= ? AND last <= ?"
        " AND number = (SELECT number FROM epoch WHERE epoch = ?)",
        (uplink, stream, first, last, epoch),
    )


def _all_of_it(log: Reader, uplink: str) -> list[Move]:
    """Cursors at the end of everything that there is."""
    return [Move(uplink, one.epoch, one.stream, Cursor(one.last).to_json()) for one in log.series() if one.last]
