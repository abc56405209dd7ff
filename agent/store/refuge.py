"""Where records go while the disk refuses for long: a log in memory, with an epoch of its own, on the same road.

It lies in the runtime directory, so it ends with the power. Its records have
seqs and heads like any others and are delivered; when the disk takes records
again they move into the log as one transaction, under their own epoch, and the
log goes on under a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from agent.store import gaps
from agent.store.errors import StoreError
from agent.store.reader import Series
from agent.store.record import Row
from agent.store.rescue import ASIDE
from agent.store.retention import FREEING
from agent.store.sqlite import Connection
from agent.store.store import Store

REFUGE_S = 600.0
"""How long the disk may refuse before records get a seq in memory."""

RETURN_S = 30.0
"""How often the disk is asked again meanwhile."""

ENDED = "disk_came_back"
_OF_THE_DISK = (ASIDE, FREEING)
_STEP = 1000


def clear(path: Path) -> None:
    """Remove what an earlier life left of a log in memory: nothing can be proven of it any more."""
    for suffix in ("", "-wal", "-shm", ".high"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def move_in(home: Store, refuge: Store) -> None:
    """Let *refuge* know what uplinks, sessions and watched values there are, as far as the disk still gives it."""
    with suppress(StoreError):
        lives = home.log.uplinks()
        refuge.set_uplinks({name: "oldest" for name, life in lives.items() if life.removed_ms is None})
        refuge.append((), facts={key: text for key, text in home.log.facts() if key not in _OF_THE_DISK})


def bring_home(store: Store, refuge: Store, now_ms: int) -> int:
    """Copy everything of *refuge* into *store*, all or nothing, and begin a new epoch there; return how many records.

    The quota does not count for that. Raises LogFullError or LogWriteError when the disk refuses; then nothing changed.
    """
    total = 0
    with store.without_quota(), store.beginning(ENDED, now_ms) as db:
        names = _adopt_epochs(db, store, refuge)
        for series in refuge.log.series():
            for rows, head in _steps(refuge, series):
                gaps.declare(db, names[series.epoch], series.stream, rows[0].seq, rows[-1].seq, None, gaps.SALVAGING)
                gaps.adopt(db, names[series.epoch], series.stream, rows, head)
                total += len(rows)
            _adopt_gaps(db, names[series.epoch], refuge, series)
        for (uplink, name, stream), cursor in refuge.log.cursors().items():
            moved = (uplink, names[name], stream, cursor.to_json(), now_ms)
            db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)", moved)
        for name, life in refuge.log.uplinks().items():
            db.execute("INSERT OR IGNORE INTO uplink VALUES (?, ?, ?)", (name, life.since_ms, life.removed_ms))
        db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", _facts(store, refuge))
    return total


def _adopt_epochs(db: Connection, store: Store, refuge: Store) -> dict[str, int]:
    """Enter the epochs of *refuge*, and return their numbers in *store* by name."""
    newest = max(epoch.number for epoch in store.log.epochs())
    names = {}
    for number, epoch in enumerate(refuge.log.epochs(), newest + 1):
        names[epoch.epoch] = number
        row = (number, epoch.epoch, epoch.began_ms, epoch.reason, epoch.machine)
        db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", row)
    return names


def _adopt_gaps(db: Connection, number: int, refuge: Store, series: Series) -> None:
    for gap in refuge.log.gone(series.epoch, series.stream):
        gaps.declare(db, number, series.stream, gap.first, gap.last, gap.head, gap.reason)


def _facts(store: Store, refuge: Store) -> list[tuple[str, str]]:
    """What *refuge* remembers; sessions never count down, also when it began without knowing them."""
    facts = {key: text for key, text in refuge.log.facts() if key not in _OF_THE_DISK}
    facts["session"] = str(max(int(log.fact("session") or 0) for log in (store, refuge)))
    return list(facts.items())


def _steps(refuge: Store, series: Series) -> Iterator[tuple[list[Row], bytes | None]]:
    """What *refuge* has kept of a series, in stretches without a hole, each with the head before it."""
    for first, last in refuge.log.kept(series.epoch, series.stream):
        rows = refuge.log.walk(series.epoch, series.stream, first, last)
        head = refuge.log.head_at(series.epoch, series.stream, first - 1)
        while step := list(islice(rows, _STEP)):
            yield step, head
            head = step[-1].head
