"""Opening the log of a station: the one on disk, and the one in memory that takes its place while the disk refuses."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

from agent.settings import Settings
from agent.store.errors import DamagedError, LogWriteError
from agent.store.medium import medium
from agent.store.refuge import clear
from agent.store.salvage import open_log
from agent.store.store import Store


def open_home(settings: Settings, machine: str) -> Store:
    """Open the log on disk, for the computer *machine*.

    Raises LogFullError or LogWriteError when it is the disk that refuses, and other StoreErrors when waiting is no use.
    """
    store = settings.store
    with medium(store.path):
        store.path.parent.mkdir(parents=True, exist_ok=True)
        if os.statvfs(store.path.parent).f_flag & os.ST_RDONLY:
            raise LogWriteError(store.path, f"the file system of {store.path.parent} is read-only")
        return open_log(
            store.path, station=settings.station.id, machine=machine, quota=store.quota, now_ms=int(time.time() * 1000)
        )


def open_refuge(settings: Settings, machine: str) -> Store:
    """Open the log in the runtime directory, as an earlier life has left it if one did.

    Raises LockedError when another daemon keeps its records there.
    """
    path = refuge_of(settings)
    open_it = partial(
        Store.open,
        path,
        station=settings.station.id,
        machine=machine,
        quota=settings.store.memory,
        now_ms=int(time.time() * 1000),
    )
    try:
        return open_it()
    except DamagedError:
        clear(path)
        return open_it()


def refuge_of(settings: Settings) -> Path:
    """Where the log in memory lies."""
    return settings.station.runtime / "volatile.db"
