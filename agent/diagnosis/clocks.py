"""The wall clock: whether records may be believed to have happened when they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import GOOD, WARNING, Facts, Finding

TOLD_S = 86_400.0
"""So long a step is told, which is also how long nothing is deleted by age after it."""

SERVICE = "Check the time service: timedatectl, chronyc sources"


def of_clock(clock: Facts, now_s: float) -> Iterator[Finding]:
    """Whether it is disciplined, and whether it was set of late."""
    step = clock["step"]
    set_s = datetime.fromisoformat(step["found"]).timestamp() if step else 0.0
    told = f"it was set {_way(step['by_s'])} {ago(step['found'])} ago" if step and abs(now_s - set_s) < TOLD_S else ""
    if not clock["synchronised"]:
        cause = "not synchronised; records say so" + (f"; {told}" if told else "")
        yield Finding(WARNING, "clock", "", cause, SERVICE)
    elif told:
        yield Finding(GOOD, "clock", "", f"{told}; an event names the step", "If nobody meant to: timedatectl")


def _way(by_s: float) -> str:
    return f"{ago(seconds=abs(by_s))} {'forward' if by_s > 0 else 'back'}"
