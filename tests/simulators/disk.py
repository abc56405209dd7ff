"""A disk that loses power, fills up or fails, under the real log.

It stands between SQLite and the operating system as an apsw VFS, which promises
SQLite nothing about sectors; inside :meth:`Disk.under` also between Python and the
files that the agent writes itself. What is written goes to real files, so that
anybody can read it meanwhile, and is booked on a :class:`Platter`, which can make any
image that a disk may legally show after a power cut. Shared memory is not booked:
no power cut leaves any.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import apsw

from tests.simulators.platter import Content, Platter

KINDS = {
    ".db": "log",
    "-wal": "wal",
    "-journal": "journal",
    ".high": "mark",
    ".part": "archive",
    ".gz": "archive",
    ".new": "new log",
    ".condemned": "verdict",
}


class Disk(apsw.VFS):
    """Registers itself as the VFS *name*; use as a context manager."""

    def __init__(self, name: str, rng: random.Random, *, sector: int = 4096) -> None:
        super().__init__(name, "")
        self.name = name
        self.sector = sector
        self._root: Path | None = None
        self.platter = Platter(sector, rng)
        self.operations = 0
        self.done: Counter[str] = Counter()
        """How often what was done to which kind of file."""
        self.cut_at: int | None = None
        self.cut_in: str | None = None
        """What the power cut interrupted; None while there is power."""
        self.cut_under: frozenset[str] = frozenset()
        """The functions that were at work in that thread."""
        self.fault: tuple[str, int] | None = None
        """An operation (write, sync) and the SQLite error code that it fails with."""
        self.forgets = False
        """Whether what a failed sync should have made certain is gone for good, as on Linux."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    def step(self, operation: str, path: str) -> None:
        """Count one operation; fail it when its time has come."""
        self.operations += 1
        what = f"{operation} {_kind(path)}"
        self.done[what] += 1
        if self.fault and operation == self.fault[0]:
            if self.forgets and operation == "sync":
                self.platter.names[path].pending = []
            raise apsw.exception_for(self.fault[1])
        if self.cut_at is not None and self.operations >= self.cut_at:
            if self.cut_in is None:
                self.cut_under = frozenset(frame.f_code.co_name for frame, _ in traceback.walk_stack(None))
                self.cut_in = what
            raise apsw.IOError("power cut")

    def image(self, folder: Path) -> None:
        """Write one legal state after the cut into *folder*; what lay below that of :meth:`under` lies as before."""
        for path, content in self.platter.survivors().items():
            where = folder / Path(path).relative_to(self._root or Path(path).parent)
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(content)

    def content(self, path: str) -> Content:
        """The file at *path*, booked from now on if it was not."""
        if path in self.platter.names:
            return self.platter.names[path]
        if Path(path).exists():
            return self.platter.found(path, Path(path).read_bytes())
        return self.platter.create(path)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags) if name else super().xOpen(name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.step("delete", filename)
        super().xDelete(filename, syncdir)
        self.platter.delete(filename)
        if syncdir:
            self.platter.sync_names()

    @contextmanager
    def under(self, folder: Path) -> Iterator[None]:
        """Book also what Python does with files below *folder*: pwrite, fsync, rename, unlink, and files it opens."""
        self._root = folder
        for path in folder.rglob("*"):
            if path.is_file():
                self.content(str(path))
        calls = _PythonCalls(self, f"{folder}/")
        targets = (os, "pwrite"), (os, "fsync"), (os, "fdatasync"), (Path, "open"), (Path, "rename"), (Path, "unlink")
        patches = [patch.object(where, name, getattr(calls, name)(getattr(where, name))) for where, name in targets]
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in patches:
                one.stop()


class _File(apsw.VFSFile):
    """A real file with real locks and real shared memory, whose writes are also booked at the disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        self._content = disk.content(self._path)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.step("write", self._path)
        super().xWrite(data, offset)
        self._content.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.step("truncate", self._path)
        super().xTruncate(newsize)
        self._content.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002
        self._disk.step("sync", self._path)
        self._disk.platter.sync(self._content)

    def xSectorSize(self) -> int:  # noqa: N802
        return self._disk.sector

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0


class _PythonCalls:
    """What stands in for the calls of Python that change files, each built around the real one."""

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder
        self._opened: set[str] = set()

    def _step(self, operation: str, path: str) -> bool:
        """Whether *path* is on the disk; OSError when it fails."""
        if not f"{path}/".startswith(self._folder):
            return False
        try:
            self._disk.step(operation, path)
        except apsw.FullError:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) from None
        except apsw.Error:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path) from None
        return True

    def pwrite(self, real: Any) -> Any:
        def call(handle: int, data: bytes, offset: int) -> Any:
            path = _named(handle)
            booked = self._step("write", path)
            written = real(handle, data, offset)
            if booked:
                self._content(path).pending.append((offset, data))
            return written

        return call

    def fsync(self, real: Any) -> Any:
        def call(handle: int) -> None:
            path = _named(handle)
            if not self._step("sync", path):
                real(handle)
            elif Path(path).is_dir():
                self._disk.platter.sync_names()
            else:
                content = self._content(path)
                if path in self._opened:  # what was written through a file object shows only now
                    content.pending = [(0, None), (0, Path(path).read_bytes())]
                self._disk.platter.sync(content)

        return call

    fdatasync = fsync

    def _content(self, path: str) -> Content:
        names = self._disk.platter.names
        return names[path] if path in names else self._disk.platter.create(path)

    def open(self, real: Any) -> Any:
        def call(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
            if "w" in mode and self._step("create", str(path)):
                self._opened.add(str(path))
                self._content(str(path))
            return real(path, mode, *rest, **more)

        return call

    def rename(self, real: Any) -> Any:
        def call(old: Path, new: Path) -> Any:
            if self._step("rename", str(old)):
                self._content(str(old))
                self._disk.platter.rename(str(old), str(new))
            return real(old, new)

        return call

    def unlink(self, real: Any) -> Any:
        def call(path: Path, *rest: Any, **more: Any) -> None:
            if path.exists() and self._step("delete", str(path)):
                self._disk.platter.delete(str(path))
            real(path, *rest, **more)

        return call


def _named(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())


def _kind(path: str) -> str:
    known = next((kind for end, kind in KINDS.items() if path.endswith(end)), None)
    return known or ("folder" if Path(path).is_dir() else "file")


@contextmanager
def reading_only(folder: Path) -> Iterator[None]:
    """Inside, this thread may read *folder* but not write there, even if it is root's thread."""
    libc = ctypes.CDLL(None)
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    privileged = os.geteuid() == 0
    if privileged:
        # The file-system user of one thread: without it root's capabilities do not count either.
        libc.setfsuid(65534)
    try:
        yield
    finally:
        if privileged:
            libc.setfsuid(0)
        folder.chmod(mode)
