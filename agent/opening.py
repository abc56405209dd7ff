"""Opening the log of a station: the one on disk, and the one in memory that takes its place while the disk refuses."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.settings import Settings
from agent.store.errors import AccessError, LogWriteError
from agent.store.lock import StoreLock
from agent.store.refuge import clear
from agent.store.salvage import open_log
from agent.store.store import Store

_OF_THE_DISK = {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE}


def open_home(settings: Settings, machine: str) -> Store:
    """Open the log on disk, for the computer *machine*.

    Raises LogFullError or LogWriteError when it is the disk that refuses, and other StoreErrors when waiting is no use.
    """
    store = settings.store
    with _medium(store.path):
        store.path.parent.mkdir(parents=True, exist_ok=True)
        if os.statvfs(store.path.parent).f_flag & os.ST_RDONLY:
            raise LogWriteError(store.path, f"the file system of {store.path.parent} is read-only")
        return open_log(
            store.path, station=settings.station.id, machine=machine, quota=store.quota, now_ms=int(time.time() * 1000)
        )


def open_refuge(settings: Settings, machine: str) -> Store:
    """Open a log in the runtime directory; what an earlier life left there is gone for good.

    Raises LockedError when another daemon keeps its records there.
    """
    path = settings.station.runtime / "volatile.db"
    lock = StoreLock(path)
    try:
        clear(path)
        return Store.open(
            path,
            station=settings.station.id,
            machine=machine,
            quota=settings.store.memory,
            now_ms=int(time.time() * 1000),
            lock=lock,
        )
    except BaseException:
        lock.release()
        raise


@contextmanager
def _medium(path: Path) -> Iterator[None]:
    """Tell a disk that fails from a user who has no right to it."""
    try:
        yield
    except AccessError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _OF_THE_DISK:
            raise LogWriteError(path, os.strerror(cause.errno)) from error
        raise
    except PermissionError as error:
        hint = "Run the agent as its own user: sudo -u station-agent station-agent run"
        raise AccessError(f"{error.filename}: {error.strerror}", hint=hint) from error
    except OSError as error:
        raise LogWriteError(path, error.strerror or str(error)) from error
