"""Putting a log back in its place that was deleted or replaced while it was open.

The open log is the one whose records were acknowledged, and as long as the process
lives it has all of them, whatever its name now stands for. It is copied to a new
file, and goes on there with its epoch and its numbers. What stands in its
place is moved aside, never deleted. The same is done when another file system was
mounted where the log is: what is not delivered yet must not vanish below it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from agent.store.errors import DamagedError, StoreError
from agent.store.files import sync_folder
from agent.store.footing import Footing
from agent.store.reader import Reader
from agent.store.sqlite import copy, empty_wal
from agent.store.store import Store

_SIDES = ("-wal", "-shm")
_JOURNAL = "-journal"
"""No log of ours has one once it is open; SQLite would roll that of a stranger back into it."""
_MARK = ".high"
"""On the file system of the log it is ours, whatever else was put in place of the log."""
_COPYING, _COPY = ".copying", ".copy"


def follow(store: Store, now_ms: int) -> list[str]:
    """Close *store* so that it goes on where its names are now: on another file system, mounted in place of its own.

    It is copied there as :func:`put_back` does, unless it lies there already, being the same disk plugged in again,
    or cannot be read any more. Returns and raises what that does.
    """
    if not _lies_there(store):
        store.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(DamagedError):
            return put_back(store, now_ms)
    store.abandon()
    return []


def _lies_there(store: Store) -> bool:
    mark = store.mark
    with suppress(StoreError), Reader.open(store.path) as log:
        is_ours = log.station == store.station
        return is_ours and all(log.head_at(mark.epoch, s, seq) == head for s, (seq, head) in mark.last.items())
    return False


def put_back(store: Store, now_ms: int) -> list[str]:
    """Give *store* files that carry its names again, and close it; returns what was moved aside for that.

    Raises LogFullError or LogWriteError when there is no room for a copy; then nothing has changed.
    """
    if store.footing.is_ours(""):
        empty_wal(store.connection, store.path)
    else:
        complete = _beside(store.path, _COPY)
        copy(store.connection, _beside(store.path, _COPYING), store.path)
        _beside(store.path, _COPYING).rename(complete)
        sync_folder(store.path.parent)
    moved = _make_way(store.path, store.footing, now_ms)
    store.close()
    for side in _SIDES:
        _beside(store.path, side).unlink(missing_ok=True)
    finish(store.path, now_ms)
    return moved


def finish(path: Path, now_ms: int) -> None:
    """Bring to its end what was begun: a copy that is complete is the log, whatever lies at *path*."""
    complete = _beside(path, _COPY)
    if complete.exists():
        _make_way(path, None, now_ms)
        complete.rename(path)
    _beside(path, _COPYING).unlink(missing_ok=True)
    sync_folder(path.parent)


def _make_way(path: Path, footing: Footing | None, now_ms: int) -> list[str]:
    """Move aside whatever has the names of the log at *path* and is not what *footing* stands on."""
    moved = []
    aside = _free(f"{path.name}.stranger-{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%dT%H%M%SZ}", path.parent)
    mark = [_MARK] if footing and footing.ground.is_another() else []
    for side in ("", *_SIDES, _JOURNAL, *mark):
        name = _beside(path, side)
        if name.exists() and (side in (_JOURNAL, _MARK) or not (footing and footing.is_ours(side))):
            moved.append(f"{aside}{side}")
            name.rename(name.with_name(moved[-1]))
    return moved


def _free(name: str, folder: Path) -> str:
    """*name*, with a number if there is something of that name already: nothing is moved over anything."""
    taken = (f"{name}-{number}" if number else name for number in count())
    return next(free for free in taken if not any(folder.glob(f"{free}*")))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
