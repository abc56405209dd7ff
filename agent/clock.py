"""Time as a station needs it: intervals that no clock step disturbs, instants that say how sure they are.

The wall clock of a station PC jumps: at boot without a battery, when NTP first
answers, when somebody sets it. Ticks therefore run on the monotonic clock,
through an anchor that ties it to the wall clock. When the two drift apart by
more than :data:`STEP_S` the wall clock was stepped (or the machine slept): the
anchor moves, ticks re-align, and whoever asked is told.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

STEP_S = 1.0
"""A difference beyond this is a step; below it, NTP slewing that the anchor follows."""

TURN_S = 5.0
"""No wait lasts longer than this without looking at the clock again."""

_STA_UNSYNC = 0x0040  # <sys/timex.h>
_TIME_ERROR = 5


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock jumped by ``by_s`` seconds: it would have read ``expected`` and read ``found``."""

    expected: datetime
    found: datetime

    @property
    def by_s(self) -> float:
        """Seconds, positive when the clock went forward."""
        return (self.found - self.expected).total_seconds()


class Clock:
    """Wall time that flows evenly between steps."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()
        self._listeners: list[Callable[[Step], None]] = []
        self._synchronised = False
        self._asked_s = float("-inf")
        self.last_step: Step | None = None
        self.last_step_at_s: float | None = None  # monotonic

    def on_step(self, listener: Callable[[Step], None]) -> None:
        """Call *listener* after each step, in the event loop."""
        self._listeners.append(listener)

    def off_step(self, listener: Callable[[Step], None]) -> None:
        """Call *listener* no more."""
        self._listeners.remove(listener)

    def now_s(self) -> float:
        """Seconds since 1970 UTC; looks for a step first."""
        monotonic_s, wall_s = time.monotonic(), time.time()
        error_s = wall_s - (monotonic_s + self._offset_s)
        self._offset_s = wall_s - monotonic_s
        if abs(error_s) > STEP_S:
            self._stepped(Step(instant(wall_s - error_s), instant(wall_s)))
        return wall_s

    def synchronised(self) -> bool:
        """Whether the clock is disciplined; asked of the kernel at most once a second."""
        if time.monotonic() - self._asked_s >= 1.0:
            self._asked_s, self._synchronised = time.monotonic(), is_synchronised()
        return self._synchronised

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return instant(self.now_s())

    async def until(self, due_s: float) -> bool:
        """Wait until the wall clock reads *due_s*, at most :data:`TURN_S`; True when it is reached."""
        wait_s = due_s - self.now_s()
        if wait_s > 0:
            await asyncio.sleep(min(wait_s, TURN_S))
        return self.now_s() >= due_s

    def _stepped(self, step: Step) -> None:
        self.last_step = step
        self.last_step_at_s = time.monotonic()
        for listener in self._listeners:
            listener(step)


def instant(seconds: float) -> datetime:
    """The aware UTC time of *seconds* since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


class _Timex(ctypes.Structure):
    """The head of ``struct timex``; the kernel writes no more than the padding leaves room for."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def is_synchronised() -> bool:
    """Whether the kernel knows its clock to be disciplined (adjtimex(2), read-only).

    chronyd, ntpd and systemd-timesyncd all clear STA_UNSYNC. Where the call is
    forbidden nobody can say, and the answer is no.
    """
    timex = _Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC
