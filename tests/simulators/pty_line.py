"""Serial lines to pull out and plug in again: in this process, or as a socat that can be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.simulation.line import FileTransport, PtyLine

__all__ = ["PtyLine", "SocatLine"]

START_TIMEOUT_S = 5.0


class SocatLine:
    """Two pseudo-terminals joined by socat: `path` for the station, the far end for *instrument*.

    `unplug` kills socat; the link dangles or is gone, as after a real unplug.
    `plug` starts another one under the same name.
    """

    def __init__(self, path: Path, instrument: Callable[[], asyncio.Protocol]) -> None:
        self.path = path
        self._far = path.with_name(f"{path.name}.far")
        self._instrument = instrument
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: FileTransport | None = None

    def plug(self) -> None:
        """Start socat and put the instrument at its far end. RuntimeError when socat is missing or fails."""
        socat = shutil.which("socat")
        if socat is None:
            raise RuntimeError("socat is not installed; install it with: apt-get install socat")
        self._unlink()
        ends = [f"pty,raw,echo=0,link={end}" for end in (self.path, self._far)]
        self._process = subprocess.Popen([socat, *ends], start_new_session=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (self.path.exists() and self._far.exists()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.unplug()
                raise RuntimeError(f"socat made no line at {self.path}")
            time.sleep(0.005)
        far = os.open(self._far, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(far)
        self._transport = FileTransport(far, self._instrument())

    def unplug(self) -> None:
        """Kill socat: open readers see the line die."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _unlink(self) -> None:
        for end in (self.path, self._far):
            end.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        self.plug()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()
        self._unlink()
