"""Which process holds a device file, as far as /proc and the lock files of serial programs tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LOCK_FOLDERS = (Path("/run/lock"), Path("/var/lock"))


def holder_of(path: str) -> str:
    """Name the other process that has *path* open or locked, ``ModemManager (pid 812)``; empty when none can be seen.

    Without root, processes of other users can be seen only by what they lock.
    """
    device = os.path.realpath(path)
    pid = opener_of(device) or _locker_of(device) or _named_in_lock_file(device)
    return f"{_name(pid)} (pid {pid})" if pid else ""


def opener_of(path: str) -> int:
    """The other process that has *path* open, locked or not; 0 when none can be seen.

    Who keeps the far end of a pseudo-terminal is no rival, though it mostly has the near one open too.
    """
    device = os.path.realpath(path)
    for process in PROC.iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            files = dict(_open_files(process))
            if device in files.values() and not _keeps_far_end(process, files, device):
                return int(process.name)
    return 0


def _open_files(process: Path) -> Iterator[tuple[str, str]]:
    """Each descriptor and where it leads."""
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # gone meanwhile, or another user's
        return
    for descriptor in descriptors:
        with suppress(OSError):
            yield descriptor.name, str(descriptor.readlink())


def _keeps_far_end(process: Path, files: dict[str, str], device: str) -> bool:
    """Whether *process* has the master of the pseudo-terminal *device*: proc(5), ``tty-index`` in fdinfo."""
    number = device.removeprefix("/dev/pts/")
    masters = [name for name, target in files.items() if target.endswith("/ptmx")]
    return any(f"tty-index:\t{number}" in _text(process / "fdinfo" / name).splitlines() for name in masters)


def _locker_of(device: str) -> int:
    """The process that has locked *device*: proc(5), /proc/locks, which everybody may read."""
    try:
        found = Path(device).stat()
    except OSError:
        return 0
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in _text(PROC / "locks").splitlines():
        fields = line.split()
        if place in fields and fields[4].isdecimal() and int(fields[4]) not in (0, os.getpid()):
            return int(fields[4])
    return 0


def _named_in_lock_file(device: str) -> int:
    """The living process that a lock file names, as minicom, cu and pppd write it: FHS 3.0, section 5.9."""
    for folder in LOCK_FOLDERS:
        content = _text(folder / f"LCK..{Path(device).name}").strip()
        if content.isdecimal() and int(content) != os.getpid() and (PROC / content).exists():
            return int(content)
    return 0


def _name(pid: int) -> str:
    return _text(PROC / str(pid) / "comm").strip() or "a process"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
