"""The life-long lock on a log: one writer, of the right user, known by its process id."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from agent.store.errors import AccessError, LockedError
from agent.store.medium import medium


class StoreLock:
    """Held from before the log is opened until after it is closed; the kernel frees it when the process dies."""

    def __init__(self, store: Path) -> None:
        """Take the lock beside *store*, without waiting.

        Raises LockedError with the holder's pid, AccessError when this user must not write here, and LogFullError
        or LogWriteError when the disk refuses.
        """
        _check_user(store)
        path = store.with_name(store.name + ".lock")
        with medium(store):
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
            except PermissionError as error:
                raise _not_for_this_user(store, error.strerror or str(error)) from error
        try:
            self._take(store)
        except BaseException:
            self.release()
            raise

    def _take(self, store: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(store, self._holder()) from None
        with suppress(OSError):  # who holds it is for people; a disk without room for that may still be read
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> int | None:
        with suppress(OSError):
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip()
            return int(holder) if holder.isdecimal() else None
        return None

    def release(self) -> None:
        """Give the lock back; the file stays, for two processes could lock a deleted one and its successor."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _check_user(store: Path) -> None:
    """Raise AccessError when files that this user makes would lock out who owns the log."""
    with medium(store):
        try:
            owner = store.stat().st_uid
        except FileNotFoundError:
            if not store.parent.is_dir():
                hint = f"Make it: mkdir -p {store.parent}"
                raise AccessError(f"the folder {store.parent} does not exist", hint=hint) from None
            return
    if owner != os.geteuid():
        # Even root: the files that SQLite makes beside the log would lock its owner out.
        raise _not_for_this_user(store, f"it belongs to user {owner}, and this is user {os.geteuid()}")


def _not_for_this_user(store: Path, why: str) -> AccessError:
    return AccessError(
        f"{store} must not be written by this user: {why}",
        hint="Run the agent as its own user: sudo -u station-agent station-agent run",
    )
