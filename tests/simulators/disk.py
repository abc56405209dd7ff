"""A disk that loses power, fills up or fails, under a real SQLite.

It stands between SQLite and the operating system as an apsw VFS: it keeps, for
every file, what was synced and what was only written since, and can make any
image that a disk may legally show after a power cut. It promises SQLite nothing
about sectors.
"""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import apsw

Write = tuple[int, bytes | None]
"""Offset and data of one write; None truncates there."""


@dataclass
class Content:
    """One file: what survives for certain, and what was written since."""

    durable: bytearray | None = None
    pending: list[Write] = field(default_factory=list)


class Disk(apsw.VFS):
    """Registers itself as the VFS *name*; use as a context manager."""

    def __init__(self, name: str, rng: random.Random, *, sector: int = 4096) -> None:
        super().__init__(name, "")
        self.name = name
        self.rng = rng
        self.sector = sector
        self.files: dict[str, Content] = {}
        self.operations = 0
        self.cut_at: int | None = None
        self.fault: tuple[str, int] | None = None
        """An operation (write, sync) and the SQLite error code that it fails with."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    def step(self, operation: str) -> None:
        """Count one operation; fail it when its time has come."""
        self.operations += 1
        if self.fault and operation == self.fault[0]:
            raise apsw.exception_for(self.fault[1])
        if self.cut_at is not None and self.operations >= self.cut_at:
            raise apsw.IOError("power cut")

    def image(self, folder: Path) -> None:
        """Write one legal state after the cut: none, all, a prefix or any subset of the unsynced sectors, one torn."""
        for path, content in self.files.items():
            if content.durable is not None or content.pending:
                survived = play(bytearray(content.durable or b""), self._survivors(content.pending))
                (folder / Path(path).name).write_bytes(survived)

    def _survivors(self, pending: list[Write]) -> list[Write]:
        parts = self._sectors(pending)
        match self.rng.choice(("none", "all", "prefix", "subset", "torn")):
            case "none":
                return []
            case "prefix":
                return parts[: self.rng.randrange(len(parts) + 1)]
            case "subset":
                return [part for part in parts if self.rng.random() < 0.5]
            case "torn" if parts:
                offset, data = parts[-1]
                return [*parts[:-1], (offset, data and data[: self.rng.randrange(1, len(data) + 1)])]
        return parts

    def _sectors(self, pending: list[Write]) -> list[Write]:
        """Writes as the disk may reorder them: by sector, unless a truncation is among them."""
        if any(data is None for _, data in pending):
            return list(pending)
        return [
            (offset + at, data[at : at + self.sector])
            for offset, data in pending
            if data is not None
            for at in range(0, len(data), self.sector)
        ]

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags) if name else super().xOpen(name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.step("delete")
        super().xDelete(filename, syncdir)
        self.files.pop(filename, None)


class _File(apsw.VFSFile):
    """A real file with real locks and real shared memory, whose writes are also booked at the disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        self._content = disk.files.setdefault(path, Content())
        if self._content == Content() and Path(path).exists():
            self._content.durable = bytearray(Path(path).read_bytes()) or None

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.step("write")
        super().xWrite(data, offset)
        self._content.pending.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.step("truncate")
        super().xTruncate(newsize)
        self._content.pending.append((newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002
        self._disk.step("sync")
        self._content.durable = play(bytearray(self._content.durable or b""), self._content.pending)
        self._content.pending = []

    def xSectorSize(self) -> int:  # noqa: N802
        return self._disk.sector

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0


def play(data: bytearray, writes: list[Write]) -> bytearray:
    """*data* after *writes*."""
    for offset, chunk in writes:
        if chunk is None:
            del data[offset:]
            continue
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(chunk)] = chunk
    return data


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
