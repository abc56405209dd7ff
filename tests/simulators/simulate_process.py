"""``station-agent simulate`` as a process, on a terminal or in a pipe."""

from __future__ import annotations

import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path


class Run:
    """``station-agent simulate`` as somebody starts it, on a terminal or in a pipe."""

    def __init__(self, folder: Path, *words: str, terminal: bool = False) -> None:
        self.folder = folder
        self.environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "TERM": "xterm", "PYTHONWARNINGS": "error"}
        self._near, far = pty.openpty() if terminal else os.pipe()
        if terminal:
            ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "simulate", *words],
            stdin=far if terminal else subprocess.DEVNULL,
            stdout=far,
            stderr=subprocess.STDOUT,
            env=self.environment,
        )
        os.close(far)
        os.set_blocking(self._near, False)
        self.text = ""

    def until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Wait until *condition* holds of what it prints."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)
            self._read()

    def _read(self) -> None:
        with suppress(OSError):  # nothing new, or a terminal whose other side is gone
            self.text += os.read(self._near, 65536).decode(errors="replace")

    def type(self, line: str) -> None:
        """Type *line* and Enter."""
        os.write(self._near, line.encode() + b"\r")

    def end(self) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(15)
        self._read()
        return code


@contextmanager
def running(folder: Path, *words: str, terminal: bool = False) -> Iterator[Run]:
    """A simulation that is over when the test is."""
    run = Run(folder, *words, terminal=terminal)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()
