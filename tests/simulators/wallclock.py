"""A wall clock that a test can set, for a whole process: Python, SQLite and the C library see it alike.

Setting the real one needs root and would be everybody's. The process is given
our own `clock_gettime` through LD_PRELOAD; the monotonic clock stays the real
one, as it does when somebody sets the time or the machine was asleep.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """The time that processes started with `environment` see."""

    def __init__(self, folder: Path, *, synchronised: bool = True) -> None:
        """RuntimeError when there is no C compiler, or it fails."""
        self._file, self._library = folder / "wall-clock", folder / "wall-clock.so"
        self._ahead_s, self._synchronised = 0.0, synchronised
        self._show()
        self._compile()

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to find to see this clock."""
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK": str(self._file)}

    @property
    def now(self) -> datetime:
        """The time as those processes see it."""
        return datetime.fromtimestamp(time.time() + self._ahead_s, UTC)

    def set(self, moment: datetime) -> float:
        """Let it be *moment* now; returns by how many seconds the clock jumped."""
        before_s = self._ahead_s
        self._ahead_s = moment.timestamp() - time.time()
        self._show()
        return self._ahead_s - before_s

    def step(self, by_s: float) -> None:
        """Set the clock forward, or back."""
        self._ahead_s += by_s
        self._show()

    def synchronise(self, *, synchronised: bool = True) -> None:
        """Let the kernel say that the clock is disciplined, or is no more."""
        self._synchronised = synchronised
        self._show()

    def _show(self) -> None:
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.write(struct.pack("=qq", round(self._ahead_s * 1e9), self._synchronised))

    def _compile(self) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise RuntimeError("there is no C compiler; install one with: apt-get install gcc libc6-dev")
        line = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE)]
        subprocess.run(line, check=True, capture_output=True, text=True)
