"""A real terminal of any size, to be looked at and typed into: tmux, a terminal emulator that is none of ours."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.simulators.libmodbus import MissingToolError

KEEPING = '"$@"; echo "exit code $?"; exec sleep 1000'
"""Shell that leaves the screen as it was when the program ended."""

_numbers = itertools.count()


class Terminal:
    """Runs *line* on a screen of its own until the context is left; the screen stays when the program ends."""

    def __init__(
        self, line: Sequence[str], *, columns: int = 80, rows: int = 24, environment: Mapping[str, str] | None = None
    ) -> None:
        self._line = list(line)
        self._size = ["-x", str(columns), "-y", str(rows)]
        self._environment = os.environ | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"} | dict(environment or {})
        self._socket = f"station-agent-{os.getpid()}-{next(_numbers)}"

    def __enter__(self) -> Self:
        self._tmux("-u", "-f", "/dev/null", "new-session", "-d", *self._size, "sh", "-c", KEEPING, "sh", *self._line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        return self._tmux("capture-pane", "-p").splitlines()

    @property
    def coloured(self) -> str:
        """The screen with the escape sequences of its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-N")

    @property
    def exit_code(self) -> int | None:
        """Of the program; None as long as it runs."""
        ended = re.search(r"^exit code (\d+)$", "\n".join(self.lines), re.MULTILINE)
        return int(ended[1]) if ended else None

    @property
    def pid(self) -> int:
        """Of the program."""
        shell = self._tmux("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text())

    def press(self, *keys: str) -> None:
        """Press keys, as tmux calls them: ``q``, ``Right``, ``PageUp``."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the screen another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Wait until *condition* holds; AssertionError with the screen when it does not."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, "\n".join(self.lines)
            time.sleep(0.05)

    def shows(self, text: str) -> None:
        """Wait until *text* stands on the screen."""
        self.until(lambda: any(text in line for line in self.lines))

    def _tmux(self, *words: str) -> str:
        tmux = shutil.which("tmux")
        if tmux is None:
            raise MissingToolError("tmux is not installed; install it with: apt-get install tmux")
        command = [tmux, "-L", self._socket, *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
