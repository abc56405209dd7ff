"""The real daemon as a process of its own, to be asked, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.store.reader import Reader
from tests.simulators import forked

MAIN = "import sys; from agent.cli import main; sys.exit(main())"
COMMAND = [sys.executable, "-c", MAIN]

QUICK = """
import agent.daemon, agent.health, agent.station
agent.health.PERIOD_S = 0.1
agent.daemon.FLUSH_S = agent.station.FAREWELL_S = 8.0
"""
"""A snapshot ten times a second in place of one: nobody waits for it here. A farewell may take longer: what a busy
machine does not deliver in it comes with the next life, and most tests know no next one."""

AS_SOMEBODY = """
import contextlib, encodings.utf_8_sig, io, os, sys
from agent.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main([sys.argv[3], "--help"])
os.setgroups({groups}); os.setgid({user}); os.setuid({user})
sys.exit(main())
"""
"""Python may lie where only root can read it, so what a command takes is imported before the user changes."""


class AgentProcess:
    """`station-agent run` on a station file in *folder*; what it says goes to `agent.log` there.

    *prelude* is Python that the daemon runs before anything else, *environment* what it finds besides ours, and
    *inside* a command line that starts every process in another place, such as a namespace. *as_shipped* it does its
    imports itself, in the namespaces of the thread that starts it, and is not :data:`QUICK`.
    """

    def __init__(
        self,
        folder: Path,
        station: str,
        *,
        prelude: str = "",
        environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
        as_shipped: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = folder / "store.db"
        """Where its log is found from here."""
        self.config = folder / "station.toml"
        self.config.write_text(station)
        self._inside = list(inside)
        self._program = "\n".join([*([] if as_shipped else [QUICK]), prelude, MAIN])
        self._environment = os.environ | dict(environment or {})
        self._forked = not (as_shipped or inside or "LD_PRELOAD" in self._environment)
        self._process: subprocess.Popen[bytes] | forked.Forked | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()

    @property
    def log(self) -> str:
        """What the daemon said, over all its lives."""
        path = self.folder / "agent.log"
        return path.read_text() if path.exists() else ""

    @property
    def pid(self) -> int:
        """Of the present life."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Begin a life; returns when the daemon has written its first snapshot."""
        self.spawn()
        self.until(lambda: (self.folder / "run" / "status.json").exists(), "a first snapshot")

    def spawn(self) -> None:
        """Begin a life that need not last until the first snapshot."""
        (self.folder / "run" / "status.json").unlink(missing_ok=True)
        words, path = ["--config", str(self.config), "run"], self.folder / "agent.log"
        if self._forked:
            self._process = forked.Forked(self._program, words, output=path, errors=path, environment=self._environment)
            return
        line = [*self._inside, sys.executable, "-c", self._program, *words]
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                line, stdout=log, stderr=log, start_new_session=True, env=self._environment
            )

    def stop(self, timeout_s: float = 20.0) -> int:
        """End this life in good order; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout_s)
        self._process = None
        return code

    def kill(self) -> None:
        """End this life as a power cut of the process would."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def wait(self, timeout_s: float = 20.0) -> int:
        """Wait until the daemon ends by itself; returns its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._process = None
        return code

    def status(self) -> dict[str, Any]:
        """The snapshot as it lies there now."""
        snapshot: dict[str, Any] = json.loads((self.folder / "run" / "status.json").read_bytes())
        return snapshot

    def records(self, stream: str, device: str | None = None) -> list[dict[str, Any]]:
        """What the log holds of *stream*, and of *device* if one is named; the daemon may run meanwhile."""
        with Reader.open(self.store) as log:
            rows = [
                json.loads(row.body)
                for series in log.series()
                if series.stream == stream
                for row in log.walk(series.epoch, series.stream, series.first, series.last)
            ]
        return [row for row in rows if device in (None, row.get("device"))]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events and audit records called *name*."""
        return [record for record in self.records("event") + self.records("audit") if record["event"] == name]

    def command(self, *words: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run another command of the command line on the same station."""
        words = ("--config", str(self.config), *words)
        if not self._inside and "LD_PRELOAD" not in os.environ:  # which counts at a cold start only
            return forked.run(MAIN, *words, timeout_s=timeout_s)
        line = [*self._inside, *COMMAND, *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, check=False)

    def command_as(self, user: int, groups: Sequence[int], *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as another *user* who is in *groups*; only root can."""
        program = AS_SOMEBODY.format(groups=list(groups), user=user)
        return forked.run(program, "--config", str(self.config), *words)

    def until(self, condition: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
        """Wait until *condition* holds; AssertionError with the daemon's own words when it does not."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            assert not ended, f"the daemon ended before {what}:\n{self.log[-4000:]}"
            assert time.monotonic() < deadline_s, f"no {what} within {timeout_s:g} s:\n{self.log[-4000:]}"
            time.sleep(0.02)
