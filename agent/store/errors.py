"""What can go wrong with the log on disk, one class per thing a caller does differently."""

from __future__ import annotations

from pathlib import Path

from drivers.errors import StationError
from drivers.reading import Stream


class StoreError(StationError):
    """The log cannot be used as asked."""

    exit_code = 3


class LockedError(StoreError):
    """Another process writes this log."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{path} is in use by {who}",
            hint=f"The agent runs already; look with: ps -p {pid}" if pid else "Look for it with: station-agent status",
        )
        self.pid = pid


class AccessError(StoreError):
    """The log is not there for this user: no such file, no right to it, or another owner."""


class ForeignLogError(StoreError):
    """The file is a log of another station, of a newer version, or no log at all; it is never touched."""


class DamagedError(StoreError):
    """The medium gave back something that is no log any more; see :mod:`agent.store.salvage`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged: {why}",
            hint="The agent sets it aside and saves what can be read when it starts; check the disk with: smartctl -a",
        )
        self.path = path
        self.why = why


class DisplacedError(StoreError):
    """A file of the open log no longer carries its name: it was deleted, or another one put in its place.

    *elsewhere* says that it still has its name, on a file system which another one is mounted in place of.
    """

    def __init__(self, path: Path, name: str, what: str, *, elsewhere: bool = False) -> None:
        super().__init__(
            f"{name} was {what} while the agent was writing it",
            hint=f"The agent puts it back; stop it before anything is done with the files in {path.parent}",
        )
        self.name = name
        self.what = what
        self.elsewhere = elsewhere


class HeldError(StoreError):
    """Somebody's reading keeps the write-ahead file from being emptied, so that it grows with every record."""

    def __init__(self, wal: Path, size: int) -> None:
        super().__init__(
            f"{wal} has grown to {size / 1e6:.0f} MB: another program has been reading the log for long",
            hint=f"End that program, or its query; find it with: fuser -v {wal}",
        )


class UnreadableError(DamagedError):
    """Record ``seq`` of ``epoch`` and ``stream`` cannot be read; see :func:`agent.store.rescue.write_off`."""

    def __init__(self, damage: DamagedError, epoch: str, stream: Stream, seq: int) -> None:
        super().__init__(damage.path, f"{stream} {seq} of epoch {epoch} cannot be read: {damage.why}")
        self.epoch = epoch
        self.stream = stream
        self.seq = seq


class LogFullError(StoreError):
    """No room: ``limit`` is "quota" or "disk". Nothing of the call was stored."""

    def __init__(self, path: Path, limit: str, size: int) -> None:
        if limit == "quota":
            what, hint = f"its quota of {size / 1e6:.0f} MB is used up", "Raise store.quota, or bring the uplinks back"
        else:
            what, hint = "the disk is full", f"Free some space on the file system of {path.parent}"
        super().__init__(f"{path} takes no more records: {what}", hint=hint)
        self.limit = limit


class LogWriteError(StoreError):
    """The medium refused. Nothing of the call was stored."""

    def __init__(self, path: Path, why: str, *, hint: str | None = None) -> None:
        usual = "Check disk and cables; the kernel's view: journalctl -k -p err"
        super().__init__(f"{path} cannot be written: {why}", hint=hint or usual)
