"""The wall clock: is it kept by a time service, and can it be right at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.amounts import ago
from agent.clock import kernel_says
from agent.diagnosis.clocks import SET, of_clock
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, told, unchecked
from agent.doctor.system import pairs
from agent.store.errors import StoreError
from agent.store.reader import Reader

TOLERANCE_S = 60.0
RTC = Path("/sys/class/rtc/rtc0/since_epoch")
TIMEDATED = ("timedatectl", "show", "--property=NTP", "--property=NTPSynchronized")
SERVICE = "Check the time service and its server: timedatectl, chronyc sources"


def examine(case: Case) -> Iterator[Result]:
    """Compare with what cannot have happened yet, then ask who keeps the clock."""
    yield from _future(case)
    yield _kept()
    yield from _battery()
    if case.turns:
        step = case.snapshot["clock"]["step"]
        yield from map(told, of_clock({"synchronised": True, "step": step}, time.time()))


def _future(case: Case) -> Iterator[Result]:
    """Files and records that are younger than now show that the clock is behind."""
    now_s = time.time()
    instants = {"the station file": _written_s(case.paths.config), "this program": _written_s(Path(__file__))}
    instants["the newest record"] = _newest_s(case.paths.store)
    what, latest_s = max(instants.items(), key=lambda one: one[1])
    now, latest = (f"{datetime.fromtimestamp(each_s, UTC):%Y-%m-%d %H:%M} UTC" for each_s in (now_s, latest_s))
    if latest_s > now_s + TOLERANCE_S:
        found = f"it shows {now}, but {what} is of {latest}: it is {ago(seconds=latest_s - now_s)} behind, or more"
        yield bad("time", found, "readings get wrong times, and certificates may be refused", SET)
    else:
        yield good("time", f"it shows {now}")


def _written_s(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _newest_s(store: Path) -> float:
    try:
        with Reader.open(store) as log:
            kept = [one for one in log.series() if one.first <= one.last]
            return max((log.time_of(one.epoch, one.stream, one.last) / 1000 for one in kept), default=0.0)
    except (StoreError, OSError):
        return 0.0


def _kept() -> Result:
    says = kernel_says()
    words = pairs(TIMEDATED)
    if says is None and words:
        says = words.get("NTPSynchronized") == "yes"
    if says is None:
        return unchecked("time service", "this user may not ask the kernel, and timedatectl does not answer")
    if says:
        return good("time service", "the clock is synchronised")
    means = "it drifts, and records say that they are unsynced"
    if words.get("NTP") == "no":
        return doubtful("time service", "none is switched on", means, "Run: sudo timedatectl set-ntp true")
    return doubtful("time service", "the clock is not synchronised", means, SERVICE)


def _battery() -> Iterator[Result]:
    """The clock on the board, which the PC starts with (rtc of the kernel: since_epoch, in UTC)."""
    try:
        off_s = time.time() - int(RTC.read_text())
    except (OSError, ValueError):
        return
    if abs(off_s) > 86_400:
        means = "after a power cut without a network, readings get wrong times"
        hint = "Replace the battery on the board, then: sudo hwclock --systohc"
        yield doubtful("battery", f"the clock on the board is off by {ago(seconds=abs(off_s))}", means, hint)
