"""The calls through which a program reaches its disk: they can be told to fail, and are written down.

SQLite, Python and the C library go through them alike, so that a disk which
refuses to open, look, read, write or sync does so whoever asks. Below them are real
files with real locks. The program is given our own calls through LD_PRELOAD.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class DiskCalls:
    """What processes started with `environment` can do with the files below *folder*, but for those in *runtime*."""

    def __init__(self, folder: Path, *, runtime: Path, beside: Path, trace: Path | None = None) -> None:
        """Files of its own go to *beside*. RuntimeError when there is no C compiler, or it fails."""
        self._orders, library = beside / "disk-orders", beside / "disk-calls.so"
        self.environment = {
            "LD_PRELOAD": str(library),
            "DISK_FOLDER": str(folder),
            "DISK_RUNTIME": str(runtime),
            "DISK_ORDERS": str(self._orders),
        }
        """What a process has to find to reach this disk."""
        if trace:
            self.environment["DISK_TRACE"] = str(trace)
        _compile(library)

    def begin(self, *words: str) -> None:
        """Fail from now on as *words* say, such as ``write EIO``; the calls are look, open, read, write, sync."""
        fresh = self._orders.with_suffix(".new")
        fresh.write_text("\n".join(words))
        fresh.replace(self._orders)

    def end(self) -> None:
        """Be well."""
        self._orders.unlink()


def _compile(library: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("there is no C compiler; install one with: apt-get install gcc libc6-dev")
    line = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(line, check=True, capture_output=True, text=True)
