"""Where records go while the disk refuses for long: a log in memory, with an epoch of its own, on the same road.

It lies in the runtime directory, so it outlives the process and ends with the power.
Its records have seqs and heads like any others and are delivered; when the disk takes
records again they move into the log as one transaction, under their own epoch, and
the log goes on under a new one. Whatever is interrupted and done again, each of them
comes home once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path

from agent.store import gaps
from agent.store.cursor import intersect
from agent.store.errors import StoreError
from agent.store.highwater import Mark
from agent.store.reader import Series
from agent.store.record import Row
from agent.store.rescue import ASIDE
from agent.store.retention import FREEING
from agent.store.schema import insert
from agent.store.sqlite import Connection
from agent.store.store import Store

REFUGE_S = 600.0
"""How long the disk may refuse before records get a seq in memory."""

RETURN_S = 30.0
"""How often the disk is asked again meanwhile."""

ENDED = "disk_came_back"

HOME = "home"
"""The fact in the log in memory that says how far the one on disk had come, as its writer was told."""

_NOT_TO_BE_MOVED = (ASIDE, FREEING, HOME)
_STEP = 1000


def clear(path: Path) -> None:
    """Remove a log in memory; the file itself last, for as long as that is there the rest is needed."""
    for suffix in ("-wal", "-shm", ".high", ".condemned", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def move_in(home: Store, refuge: Store) -> None:
    """Let *refuge* know what uplinks, sessions and watched values there are, as far as the disk still gives it."""
    refuge.set_fact(HOME, json.dumps(home.mark.words()))
    with suppress(StoreError):
        lives = home.log.uplinks()
        refuge.set_uplinks({name: "oldest" for name, life in lives.items() if life.removed_ms is None})
        refuge.append((), facts={key: text for key, text in home.log.facts() if key not in _NOT_TO_BE_MOVED})


def bring_home(store: Store, refuge: Store, now_ms: int) -> int:
    """Copy what *store* lacks of *refuge*, all or nothing, and begin a new epoch there; return how many records.

    It may have much of it, from a commit that failed and is there all the same, or one whose end nobody lived to see.
    The quota does not count for that. Raises LogFullError or LogWriteError when the disk refuses.
    """
    _take_away_untold(store, refuge, now_ms)
    had = {series: store.log.tip(series.epoch, series.stream)[0] for series in refuge.log.series()}
    total = 0
    with store.quota.lifted(), _going_on(store, refuge, had, now_ms) as db:
        names = _adopt_epochs(db, store, refuge)
        for series, last in had.items():
            for rows, head in _steps(refuge, series, last):
                gaps.declare(db, names[series.epoch], series.stream, rows[0].seq, rows[-1].seq, None, gaps.SALVAGING)
                gaps.adopt(db, names[series.epoch], series.stream, rows, head)
                total += len(rows)
            _adopt_gaps(db, names[series.epoch], refuge, series, last)
        for (uplink, name, stream), cursor in refuge.log.cursors().items():
            db.execute(insert("cursor", "OR REPLACE"), (uplink, names[name], stream, cursor.to_json(), now_ms))
        for name, life in refuge.log.uplinks().items():
            db.execute(insert("uplink", "OR IGNORE"), (name, life.since_ms, life.removed_ms))
        db.executemany(insert("fact", "OR REPLACE"), _facts(store, refuge))
    return total


def _take_away_untold(store: Store, refuge: Store, now_ms: int) -> None:
    """Take from *store* what a failed commit left in it, if *refuge* has all of that again."""
    mark = Mark.of(json.loads(refuge.fact(HOME) or "null") or {"epoch": "", "last": {}})
    left = [
        _content(row)
        for stream, (seq, _) in mark.last.items()
        for row in store.log.walk(mark.epoch, stream, seq + 1, store.log.tip(mark.epoch, stream)[0])
    ]
    if left and {*left} <= {_content(row) for series in refuge.log.series() for row in _rows(refuge, series)}:
        store.agree(mark, now_ms)


def _content(row: Row) -> bytes:
    """What a record says but for its number."""
    return row.body.replace(b'"seq":%d,' % row.seq, b"", 1)


def _rows(log: Store, series: Series) -> Iterator[Row]:
    return log.log.walk(series.epoch, series.stream, series.first, series.last)


def _going_on(
    store: Store, refuge: Store, had: Mapping[Series, int], now_ms: int
) -> AbstractContextManager[Connection]:
    """The transaction in which *store* goes on under a new epoch, unless it did when all came home before."""
    known = all(store.log.number(epoch.epoch) for epoch in refuge.log.epochs())
    if known and all(series.last <= last for series, last in had.items()):
        return store.writing()
    return store.beginning(ENDED, now_ms)


def _adopt_epochs(db: Connection, store: Store, refuge: Store) -> dict[str, int]:
    """Enter the epochs of *refuge*, and return their numbers in *store* by name."""
    names = {epoch.epoch: epoch.number for epoch in store.log.epochs()}
    for epoch in refuge.log.epochs():
        if epoch.epoch not in names:
            names[epoch.epoch] = max(names.values()) + 1
            row = (names[epoch.epoch], epoch.epoch, epoch.began_ms, epoch.reason, epoch.machine)
            db.execute(insert("epoch"), row)
    return names


def _adopt_gaps(db: Connection, number: int, refuge: Store, series: Series, had: int) -> None:
    for gap in refuge.log.gone(series.epoch, series.stream):
        if gap.last > had:
            gaps.declare(db, number, series.stream, max(gap.first, had + 1), gap.last, gap.head, gap.reason)


def _facts(store: Store, refuge: Store) -> list[tuple[str, str]]:
    """What *refuge* remembers; sessions never count down, also when it began without knowing them."""
    facts = {key: text for key, text in refuge.log.facts() if key not in _NOT_TO_BE_MOVED}
    facts["session"] = str(max(int(log.fact("session") or 0) for log in (store, refuge)))
    return list(facts.items())


def _steps(refuge: Store, series: Series, had: int) -> Iterator[tuple[list[Row], bytes | None]]:
    """What *refuge* has kept of a series behind *had*, in stretches without a hole, each with the head before it."""
    for first, last in intersect(refuge.log.kept(series.epoch, series.stream), [(had + 1, series.last)]):
        rows = refuge.log.walk(series.epoch, series.stream, first, last)
        head = refuge.log.head_at(series.epoch, series.stream, first - 1)
        while step := list(islice(rows, _STEP)):
            yield step, head
            head = step[-1].head
