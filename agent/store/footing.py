"""Whether the files of an open log still are the ones that carry its names.

SQLite goes on writing to a file that was deleted, and says that all is well: the
records are gone when the process ends. So before each transaction the names are
looked at, which costs some microseconds.
"""

from __future__ import annotations

import os
from pathlib import Path

from agent.store.errors import DamagedError, DisplacedError, LogWriteError
from agent.store.medium import medium
from agent.store.sqlite import WAL_LIMIT

_SIDES = ("", "-wal", "-shm")


class Ground:
    """The file system that a log lies on, and what is mounted in its place since.

    A bare mount point shows what lies below the file system that is gone: nothing must be begun there, for it
    would be hidden as soon as that is back.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._device, self._root = _mounted(store.parent)

    def is_another(self) -> bool:
        """Whether another file system is there now; raises LogWriteError where there is but the bare mount point."""
        with medium(self._store):
            device, root = _mounted(self._store.parent)
        if device == self._device:
            return False
        if len(root.parts) < len(self._root.parts):
            why = f"its file system is no longer mounted at {self._root}"
            raise LogWriteError(self._store, why, hint=f"Mount it again: mount {self._root}")
        return True


class Footing:
    """The files of one log as they were when it was opened, and how long they have been since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with medium(path):
            self.ground = Ground(path)
            self._found = {side: self._look(side) for side in _SIDES}

    def check(self) -> None:
        """Raise DisplacedError when a name has gone or names something else, DamagedError when a file was cut short.

        LogWriteError when the disk does not even say that, or is not mounted any more.
        """
        for side in _SIDES:
            known, found = self._found[side], self._look(side)
            if not self.is_ours(side, found):
                what = "covered by another file system" if self.ground.is_another() else None
                raise DisplacedError(
                    self.path, self._name(side).name, what or ("replaced" if found else "deleted"), elsewhere=bool(what)
                )
            if known and found:
                self._check_length(side, known.st_size, found.st_size)
            self._found[side] = found

    def is_ours(self, side: str, found: os.stat_result | None = None) -> bool:
        """Whether the name with the suffix *side* still names the file that was opened."""
        known, found = self._found[side], found or self._look(side)
        return known is None or (found is not None and os.path.samestat(known, found))

    @property
    def is_displaced(self) -> bool:
        """Whether the log lives on only as long as it is open: its name is gone, or names another file."""
        return not self.is_ours("")

    def _look(self, side: str) -> os.stat_result | None:
        with medium(self.path):
            try:
                return self._name(side).stat()
            except FileNotFoundError:
                return None

    def _check_length(self, side: str, before: int, now: int) -> None:
        # SQLite never shortens a log that is never vacuumed, and its write-ahead file only to this limit.
        least = min(before, WAL_LIMIT) if side == "-wal" else before
        if side != "-shm" and now < least:
            raise DamagedError(self.path, f"{self._name(side).name} was cut short from {before} to {now} bytes")

    def _name(self, side: str) -> Path:
        return self.path.with_name(self.path.name + side)


def _mounted(folder: Path) -> tuple[int, Path]:
    """The device of the file system that *folder* is on, or would be, and the uppermost folder of it."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    device = place.stat().st_dev
    while place != place.parent and place.parent.stat().st_dev == device:
        place = place.parent
    return device, place
