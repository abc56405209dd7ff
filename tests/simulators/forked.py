"""Python programs that begin with their imports done: forked from a process that did them once.

Most of what a short life of the daemon costs are imports, and a run of the tests sees hundreds of such lives.
The process is a real one all the same, with a session, signals, output and environment of its own; what a cold
start does and costs is for tests that start one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.cli import COMMANDS

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["agent.daemon", *(f"agent.cli.{command}" for command in COMMANDS), __name__])


class Forked:
    """``python -c PROGRAM WORDS`` as :class:`subprocess.Popen` would run it in a session of its own."""

    def __init__(
        self, program: str, words: Sequence[str], *, output: Path, errors: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it; what it says is appended to the files *output* and *errors*."""
        arguments = (program, list(words), output, errors, dict(environment))
        self._process = _CONTEXT.Process(target=_live, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once there is one; TimeoutExpired when that takes longer than *timeout_s*."""
        self._process.join(timeout_s)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout_s or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run(program: str, *words: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run it to its end; TimeoutExpired when that takes longer than *timeout_s*."""
    with TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = Forked(program, words, output=output, errors=errors, environment=os.environ)
        try:
            code = process.wait(timeout_s)
        finally:
            process.send_signal(signal.SIGKILL)
        return subprocess.CompletedProcess([program, *words], code, output.read_text(), errors.read_text())


def _live(program: str, words: list[str], output: Path, errors: Path, environment: dict[str, str]) -> None:
    """Become the process that was asked for."""
    os.setsid()
    for descriptor, path in ((1, output), (2, errors)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *words]
    exec(program, {"__name__": "__main__"})
