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

from agent import gaps
from agent.reader import Series
from agent.record import Row
from agent.store import Store
from agent.store_errors import StoreError

REFUGE_S = 600.0
"""How long the disk may refuse before records get a seq in memory."""

RETURN_S = 30.0
"""How often the disk is asked again meanwhile."""

ENDED = "disk_came_back"
_STEP = 1000


def clear(path: Path) -> None:
    """Remove what an earlier life left of a log in memory: nothing can be proven of it any more."""
    for suffix in ("", "-wal", "-shm", ".high"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def move_in(home: Store, refuge: Store) -> None:
    """Let *refuge* know what sessions and watched values were, as far as the disk still gives it."""
    with suppress(StoreError):
        refuge.append((), facts=dict(home.log.facts()))


def bring_home(store: Store, refuge: Store, now_ms: int) -> int:
    """Copy everything of *refuge* into *store*, all or nothing, and begin a new epoch there; return how many records.

    Raises LogFullError or LogWriteError when the disk refuses after all; then nothing changed.
    """
    total = 0
    with store.writing() as db:
        number = max(epoch.number for epoch in store.log.epochs())
        names = {}
        for epoch in refuge.log.epochs():
            number += 1
            names[epoch.epoch] = number
            row = (number, epoch.epoch, epoch.began_ms, epoch.reason, epoch.machine)
            db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", row)
        for series in refuge.log.series():
            for rows, head in _steps(refuge, series):
                gaps.declare(db, names[series.epoch], series.stream, rows[0].seq, rows[-1].seq, None, gaps.SALVAGING)
                gaps.adopt(db, names[series.epoch], series.stream, rows, head)
                total += len(rows)
        for (uplink, name, stream), cursor in refuge.log.cursors().items():
            moved = (uplink, names[name], stream, cursor.to_json(), now_ms)
            db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?, ?)", moved)
        db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", refuge.log.facts())
    store.begin_epoch(ENDED, now_ms)
    return total


def _steps(refuge: Store, series: Series) -> Iterator[tuple[list[Row], bytes | None]]:
    rows = refuge.log.walk(series.epoch, series.stream, series.first, series.last)
    head = refuge.log.head_at(series.epoch, series.stream, series.first - 1)
    while step := list(islice(rows, _STEP)):
        yield step, head
        head = step[-1].head
