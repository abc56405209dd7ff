"""A disk that can be told, while the daemon works on it, which operations it fails with which error.

It is the layer through which the daemon's SQLite reaches the system, put there by
:data:`PRELUDE` before the daemon starts; what it is told stands in a file. Below
it are real files with real locks. No compiler and no privilege is needed.
"""

from __future__ import annotations

from pathlib import Path

import apsw

PRELUDE = "from tests.faults.sick_disk import SickDisk; sick_disk = SickDisk({folder!r}, {orders!r})"

ERRORS = {
    ("read", "EIO"): apsw.SQLITE_IOERR_READ,
    ("write", "EIO"): apsw.SQLITE_IOERR_WRITE,
    ("write", "ENOSPC"): apsw.SQLITE_FULL,
    ("write", "EROFS"): apsw.SQLITE_IOERR_WRITE,
    ("sync", "EIO"): apsw.SQLITE_IOERR_FSYNC,
    ("open", "EIO"): apsw.SQLITE_CANTOPEN,
    ("open", "EROFS"): apsw.SQLITE_CANTOPEN,
}
"""What SQLite's own layer makes of the system's errors (os_unix.c: unixRead, unixWrite, unixSync, unixOpen)."""


class Illness:
    """What the disk under *folder* is told, from outside of the daemon."""

    def __init__(self, folder: Path) -> None:
        self._orders = folder / "illness"
        self.prelude = PRELUDE.format(folder=str(folder / "agent"), orders=str(self._orders))

    def begin(self, *words: str) -> None:
        """Fail from now on as *words* say, such as ``write EIO``."""
        fresh = self._orders.with_suffix(".new")
        fresh.write_text("\n".join(words))
        fresh.replace(self._orders)

    def end(self) -> None:
        """Be well."""
        self._orders.unlink()


class SickDisk(apsw.VFS):
    """The layer itself: everything below *folder* but its runtime directory fails as the file *orders* says."""

    def __init__(self, folder: str, orders: str) -> None:
        super().__init__("sick", "unix", makedefault=True)
        self._folder = folder
        self._orders = Path(orders)

    def suffer(self, operation: str, path: str) -> None:
        """Raise what *operation* on *path* is to fail with."""
        if not path.startswith(self._folder) or "/run/" in path or not self._orders.exists():
            return
        for words in self._orders.read_text().splitlines():
            failing, error = words.split()
            if failing == operation:
                raise apsw.exception_for(ERRORS[operation, error])

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None:
            return super().xOpen(name, flags)
        self.suffer("open", _path(name))
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: SickDisk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._disk = disk
        self._path = _path(name)
        super().__init__("unix", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.suffer("read", self._path)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.suffer("write", self._path)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.suffer("write", self._path)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.suffer("sync", self._path)
        super().xSync(flags)


def _path(name: str | apsw.URIFilename) -> str:
    return name.filename() if isinstance(name, apsw.URIFilename) else name
