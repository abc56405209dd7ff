"""The wall clock: whether records may be believed to have happened when they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import GOOD, WARNING, Facts, Finding

TOLD_S = 86_400.0
"""So long a step is told, which is also how long nothing is deleted by age after it."""


def of_clock(clock: Facts, now_s: float) -> Iterator[Finding]:
    """Whether it is disciplined, and whether it was set of late."""
    step = clock["step"]
    set_s = datetime.fromisoformat(step["found"]).timestamp() if step else 0.0
    told = _step(step) if step and abs(now_s - set_s) < TOLD_S else ""
    hint = "Check the time service: timedatectl, chronyc sources"
    if clock["synchronised"] and told:
        yield Finding(GOOD, "clock", "", f"{told}; an event names the step", "If nobody meant to: timedatectl")
    elif not clock["synchronised"] and told:
        yield Finding(WARNING, "clock", "", f"not synchronised; records say so; {told}", hint)
    elif not clock["synchronised"]:
        yield Finding(WARNING, "clock", "", "not synchronised; records say so", hint)


def _step(step: Facts) -> str:
    size, when = ago(seconds=abs(step["by_s"])), ago(step["found"])
    what = f"it was set back by {size}, {when} ago"
    if step["by_s"] > 0:
        what = f"it was set forward by {size}, {when} ago"
    return what
