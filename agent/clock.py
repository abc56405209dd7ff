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
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

STEP_S = 1.0
"""A difference beyond this is a step; below it, NTP slewing that the anchor follows."""

TURN_S = 5.0
"""No wait lasts longer than this without looking at the clock again."""

ASK_S = 20.0
"""How often it is asked whether the clock is disciplined."""

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

    def __str__(self) -> str:
        """As text that :meth:`parse` reads."""
        return f"{self.expected.isoformat()} {self.found.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The step that was written as *text*; raises ValueError for anything else."""
        expected, found = map(datetime.fromisoformat, text.split(" "))
        return cls(expected, found)


class Clock:
    """Wall time that flows evenly between steps."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()
        self._listeners: list[Callable[[Step], None]] = []
        self._synchronised = kernel_says()
        self.last_step: Step | None = None

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

    @property
    def synchronised(self) -> bool:
        """Whether the clock is disciplined; where nobody can say, it is not."""
        return bool(self._synchronised)

    async def watch(self) -> None:
        """Find out every now and then whether the clock is disciplined, until cancelled."""
        while True:
            says = kernel_says()
            self._synchronised = await timedated_says() if says is None else says
            await asyncio.sleep(ASK_S)

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


def kernel_says() -> bool | None:
    """Whether the kernel knows its clock to be disciplined (adjtimex(2), read-only); None where asking is forbidden.

    chronyd, ntpd and systemd-timesyncd all clear STA_UNSYNC.
    """
    timex = _Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    if state == -1:
        return None
    return state != _TIME_ERROR and not timex.status & _STA_UNSYNC


async def timedated_says() -> bool | None:
    """The same asked of systemd-timedated over D-Bus: a hardened unit may not call adjtimex itself.

    None where nobody answers.
    """
    name = "org.freedesktop.timedate1"
    words = ("busctl", "get-property", name, "/org/freedesktop/timedate1", name, "NTPSynchronized")
    try:
        asked = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    except OSError:
        return None
    try:
        async with asyncio.timeout(ASK_S / 4):
            answer, _ = await asked.communicate()
    except TimeoutError:
        asked.kill()
        await asked.wait()
        return None
    return {b"b true": True, b"b false": False}.get(answer.strip())
