"""The wall clock: whether records may be believed to have happened when they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import GOOD, WARNING, Facts, Finding

TOLD_S = 86_400.0
"""So long a step is told, which is also how long nothing is deleted by age after it."""

TOLERANCE_S = 60.0
SERVICE = "Check the time service: timedatectl, chronyc sources"
SET = 'Set it: sudo timedatectl set-time "YYYY-MM-DD hh:mm:ss"'


def of_clock(clock: Facts, now_s: float, youngest_s: float = 0.0) -> Iterator[Finding]:
    """Whether it is disciplined, can be right at all, and was set of late.

    *youngest_s* is of a file that was there before now: a clock that shows less is behind.
    """
    step = clock["step"]
    set_s = datetime.fromisoformat(step["found"]).timestamp() if step else 0.0
    told = _step(step) if step and abs(now_s - set_s) < TOLD_S else ""
    if clock["synchronised"] and told:
        yield Finding(GOOD, "clock", "", f"{told}; an event names the step", "If nobody meant to: timedatectl")
    elif not clock["synchronised"] and youngest_s > now_s + TOLERANCE_S:
        cause = f"it is {ago(seconds=youngest_s - now_s)} behind, or more; records get wrong times"
        yield Finding(WARNING, "clock", "", cause, SET)
    elif not clock["synchronised"] and told:
        yield Finding(WARNING, "clock", "", f"not synchronised; records say so; {told}", SERVICE)
    elif not clock["synchronised"]:
        yield Finding(WARNING, "clock", "", "not synchronised; records say so", SERVICE)


def with_doubted_certificates(findings: list[Finding]) -> list[Finding]:
    """*findings* with the certificates that only a wrong clock refuses told where the clock is: one cause, one line."""
    doubted = [one for one in findings if one.part == "clock" and one.subject]
    wrong = next((one for one in findings if one.part == "clock" and not one.subject and one.level != GOOD), None)
    if not doubted or wrong is None:
        return findings
    names = ", ".join(one.subject for one in doubted)
    effect = f"the certificate of {names} seems not yet valid"
    kept = [one for one in findings if one not in (*doubted, wrong)]
    return [wrong._replace(effect=effect, hint=SET), *kept]


def _step(step: Facts) -> str:
    size, when = ago(seconds=abs(step["by_s"])), ago(step["found"])
    what = f"it was set back by {size}, {when} ago"
    if step["by_s"] > 0:
        what = f"it was set forward by {size}, {when} ago"
    return what
