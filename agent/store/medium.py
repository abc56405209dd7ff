"""What the refusals of the system mean for the log: a disk that fails may be well again, a wrong path never."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.store.errors import AccessError, LogFullError, LogWriteError, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_OF_THE_USER = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}


def refusal(path: Path, error: OSError) -> StoreError:
    """What *error* means for the log at *path*: LogFullError, LogWriteError, or AccessError when waiting is no use."""
    if error.errno in _FULL:
        return LogFullError(path, "disk", 0)
    why = error.strerror or str(error)
    if error.errno not in _OF_THE_USER:
        return LogWriteError(path, why)
    return no_access(Path(error.filename) if isinstance(error.filename, str) else path, why)


def no_access(path: Path, why: str) -> AccessError:
    """What lies at *path* is not for this user."""
    return AccessError(
        f"{path} cannot be opened: {why}",
        hint=f"Look at owner and rights with: ls -ld {path.parent} {path}; members of the agent's group may read",
    )


@contextmanager
def medium(path: Path) -> Iterator[None]:
    """Say in our words what the system refuses; see :func:`refusal`."""
    try:
        yield
    except OSError as error:
        raise refusal(path, error) from error


def why_not(path: Path) -> OSError | None:
    """What the system says to who opens the files of the log at *path*, or makes one beside it; None for nothing.

    SQLite tells a sick disk, one that is full and a missing right by one and the same error.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        for side in ("", "-wal", "-shm"):
            _open(path.with_name(path.name + side), os.O_RDONLY)
    except OSError as error:
        return error
    return _why_no_file_beside(path) if os.access(path.parent, os.W_OK) else None


def _why_no_file_beside(path: Path) -> OSError | None:
    trial = path.with_name(f"{path.name}.trial")
    try:
        _open(trial, os.O_WRONLY | os.O_CREAT)
        trial.unlink(missing_ok=True)
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path.parent))
    return None


def _open(path: Path, flags: int) -> None:
    try:
        os.close(os.open(path, flags, 0o600))
    except FileNotFoundError:
        if flags & os.O_CREAT:
            raise
