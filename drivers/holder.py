"""Which process holds a device file, as far as /proc tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def holder_of(path: str) -> str:
    """Name the other process that has *path* open, ``ModemManager (pid 812)``; empty when none can be seen.

    Without root only processes of the same user can be seen.
    """
    wanted = os.path.realpath(path)
    for process in PROC.iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid() and wanted in _open_files(process):
            return f"{_name(process)} (pid {process.name})"
    return ""


def _open_files(process: Path) -> Iterator[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # gone meanwhile, or another user's
        return
    for descriptor in descriptors:
        try:
            yield str(descriptor.readlink())
        except OSError:
            continue


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
