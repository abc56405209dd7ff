"""A process that is started again whenever it dies, as systemd would, and never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from drivers.errors import StationError

PAUSE_S = 0.5
"""Between a death and the next start, as RestartSec= of a unit."""

SHORT_S = 2.0
FAILURES = 3
"""After so many lives in a row that were short and ended by the program itself, it is not tried again."""

_WORDS = 400
"""Characters of its log that an error shows."""

Ready = Callable[[], Coroutine[Any, Any, None]]
"""Returns when the program can be used, or raises."""

# Our death kills it, whatever ours was; a session of its own keeps Ctrl-C on the terminal away from it.
_LAUNCHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class ChildError(StationError):
    """A program of the demonstration does not run."""

    exit_code = 3

    def __init__(self, name: str, why: str, log: Path) -> None:
        said = log.read_text(errors="replace").splitlines() if log.exists() else []
        super().__init__(
            f"{name} {why}" + (f"; its last words: {said[-1][:_WORDS]}" if said else ""),
            hint="Start the demo with --keep DIR, and look at its logs",
        )


class Child:
    """One program under our care; *told* gets a sentence whenever it died or was started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        told: Callable[[str], None],
        ready: Ready | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self._command = command
        self._log = log
        self._told = told
        self._ready = ready
        self._process: Process | None = None
        self._began_s = 0.0
        self._stopping = False
        self._turning = asyncio.Lock()  # whoever starts it or stops it is alone

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and wait until it is ready; raises ChildError when it ended instead."""
        async with self._turning:
            self._stopping = False
            await self._launch()

    async def _launch(self) -> None:
        self._began_s = time.monotonic()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", "-c", _LAUNCHER, str(os.getpid())),
                *self._command,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self._ready is not None:
            await self._await_readiness(self._ready, self._process)

    async def _await_readiness(self, ready: Ready, process: Process) -> None:
        becoming, ending = asyncio.create_task(ready()), asyncio.create_task(process.wait())
        try:
            await asyncio.wait((becoming, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (becoming, ending):
                task.cancel()
            await asyncio.wait((becoming, ending))
        if becoming.cancelled() or becoming.exception():
            raise ChildError(self.name, "did not come up", self._log)

    async def keep(self) -> None:
        """Start it again whenever it dies, until cancelled or :meth:`stop`; raises ChildError when that is in vain."""
        failures = 0
        while self._process is not None:
            code = await self._process.wait()
            if self._stopping:
                return
            short = code >= 0 and time.monotonic() - self._began_s < SHORT_S
            failures = failures + 1 if short else 0
            if failures >= FAILURES:
                raise ChildError(self.name, f"ends by itself with exit code {code}, again and again", self._log)
            self._told(f"{self.name} {_death(code)}; it is being started again")
            await asyncio.sleep(PAUSE_S)
            failures += await self._revive()

    async def _revive(self) -> int:
        """Start again; returns 1 when it did not come up this time."""
        async with self._turning:
            if self._stopping:
                return 0
            self.restarts += 1
            try:
                await self._launch()
            except ChildError:
                return 1
        self._told(f"{self.name} runs again, pid {self.pid}")
        return 0

    async def stop(self, deadline_s: float) -> None:
        """End it with SIGTERM, after *deadline_s* with SIGKILL. Safe to call twice, and before the start."""
        self._stopping = True
        async with self._turning:
            process = self._process
            if process is None or process.returncode is not None:
                return
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # a frozen one cannot hear
            try:
                async with asyncio.timeout(deadline_s):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def _death(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"
