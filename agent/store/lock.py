"""The life-long lock on a log: one writer, of the right user, known by its process id."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from agent.store.errors import AccessError, LockedError


class StoreLock:
    """Held from before the log is opened until after it is closed; the kernel frees it when the process dies."""

    def __init__(self, store: Path) -> None:
        """Take the lock beside *store*, without waiting.

        Raises LockedError with the holder's pid, or AccessError when this user must not write here.
        """
        _check_user(store)
        path = store.with_name(store.name + ".lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as error:
            raise _no_access(path, error.strerror or str(error)) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise LockedError(store, int(holder) if holder.isdecimal() else None) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; the file stays, for two processes could lock a deleted one and its successor."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _check_user(store: Path) -> None:
    if not store.parent.is_dir():
        raise AccessError(f"the folder {store.parent} does not exist", hint=f"Make it: mkdir -p {store.parent}")
    try:
        owner = store.stat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise _no_access(store, error.strerror or str(error)) from error
    if owner != os.geteuid():
        # Even root: the files that SQLite makes beside the log would lock its owner out.
        raise _no_access(store, f"it belongs to user {owner}, and this is user {os.geteuid()}")


def _no_access(path: Path, why: str) -> AccessError:
    return AccessError(
        f"{path} must not be written by this user: {why}",
        hint="Run the agent as its own user: sudo -u station-agent station-agent run",
    )
