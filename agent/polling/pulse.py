"""Whether this process ran at all: a tick that was missed because it did not is told apart from a busy wire."""

from __future__ import annotations

import asyncio
import time

from agent.clock import Clock

BEAT_S = 0.25
LATE_S = 0.1
"""So much later than it should be, and this process did not run."""


class Pulse:
    """Notices when this process did not run: stopped by a signal, or starved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paused = (0.0, 0.0)  # the last time, seconds since 1970
        self._beaten_s = 0.0  # monotonic
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Watch from now on."""
        self._beaten_s = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def end(self) -> None:
        """Watch no more."""
        if self._timer:
            self._timer.cancel()

    def paused(self, begin_s: float, end_s: float) -> bool:
        """Whether the process did not run at some moment between the two, seconds since 1970."""
        return begin_s < self._paused[1] and end_s > self._paused[0]

    def _beat(self) -> None:
        silent_s = time.monotonic() - self._beaten_s
        if silent_s > BEAT_S + LATE_S:
            now_s = self._clock.now_s()
            self._paused = (now_s - silent_s, now_s)
        self.begin()
