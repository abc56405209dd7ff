"""Putting a log back in its place that was deleted or replaced while it was open.

The open log is the one whose records were acknowledged, and as long as the process
lives it has all of them, whatever its name now stands for. It is copied to a new
file, and goes on there with its epoch and its numbers. What stands in its
place is moved aside, never deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from agent.store.files import sync_folder
from agent.store.footing import Footing
from agent.store.sqlite import copy, empty_wal
from agent.store.store import Store

_SIDES = ("-wal", "-shm")
_JOURNAL = "-journal"
"""No log of ours has one once it is open; SQLite would roll that of a stranger back into it."""
_COPYING, _COPY = ".copying", ".copy"


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
    for side in ("", *_SIDES, _JOURNAL):
        name = _beside(path, side)
        if name.exists() and (side == _JOURNAL or not (footing and footing.is_ours(side))):
            moved.append(f"{aside}{side}")
            name.rename(name.with_name(moved[-1]))
    return moved


def _free(name: str, folder: Path) -> str:
    """*name*, with a number if there is something of that name already: nothing is moved over anything."""
    taken = (f"{name}-{number}" if number else name for number in count())
    return next(free for free in taken if not any(folder.glob(f"{free}*")))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
