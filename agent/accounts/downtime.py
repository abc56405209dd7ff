"""When the agent did not run, and whether the computer did: from the events that it leaves at start and end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agent.accounts.causes import Cause
from agent.accounts.steps import ms_of

Record = Mapping[str, Any]

MARGIN_MS = 10_000
"""How long after its first event an agent may need to poll, and before its last record to have polled."""


class Down(NamedTuple):
    """From ``since_ms`` up to ``until_ms`` nothing was polled, for ``cause``."""

    since_ms: int
    until_ms: int
    cause: Cause

    @property
    def edges(self) -> tuple[int, int, int]:
        """The moments at which something changes for ticks without a record."""
        return self.since_ms - MARGIN_MS, self.since_ms, self.until_ms + MARGIN_MS

    def covers(self, due_ms: int, *, is_explained: bool) -> bool:
        """Whether a tick without a record belongs to it; one due just before it only if nothing else explains that."""
        begins_ms = self.since_ms - (0 if is_explained else MARGIN_MS)
        return begins_ms <= due_ms < self.until_ms + MARGIN_MS


def downtimes(events: Iterable[Record]) -> list[Down]:
    """Return when nothing was polled, from *events* in the order in which they were stored.

    The computer was off when it started after the last record; an agent of a version that did not say
    when it did counts as cut off by the power, unless it had said goodbye. A clock that was wrong at the
    start, as without a battery, tells the end of the time by the step that sets it right. What a log that
    turned out to be an older copy of itself does not know, was not kept: nobody can say how long nothing was polled.
    """
    found: list[Down] = []
    stopped_ms: int | None = None
    for event in events:
        name, at_ms = event["event"], ms_of(event["time"])
        if name == "agent_stopped":
            stopped_ms = at_ms
        elif name == "agent_started":
            if (down := _down(event["data"], at_ms, stopped_ms)) is not None:
                found.append(down)
            stopped_ms = None
        elif name == "clock_stepped":
            data = event["data"]
            back_ms, set_ms = ms_of(data["expected"]), ms_of(data["found"])
            if found and found[-1].until_ms < found[-1].since_ms < set_ms:
                found[-1] = found[-1]._replace(until_ms=set_ms)
            elif back_ms < set_ms:
                found.append(Down(back_ms, set_ms, Cause.AGENT))
        elif name == "epoch_began" and found and _is_older_copy(event["data"].get("reason", "")):
            found[-1] = found[-1]._replace(cause=Cause.AGENT)
    return found


def _down(data: Record, at_ms: int, stopped_ms: int | None) -> Down | None:
    """What the start of an agent says of the time before it; None at the first start of all."""
    last_ms = max(map(ms_of, data.get("last", {}).values()), default=stopped_ms)
    if last_ms is None:
        return None
    up_s = data.get("up_s")
    if up_s is None:
        return Down(last_ms, at_ms, Cause.POWER if stopped_ms is None else Cause.AGENT)
    has_been_off = at_ms - up_s * 1000 > last_ms or at_ms < last_ms
    return Down(last_ms, at_ms, Cause.POWER if has_been_off else Cause.AGENT)


def _is_older_copy(reason: str) -> bool:
    """Whether a new epoch began because the log was put back: its mark says so, a broker or a consumer."""
    return reason.endswith("_high_water") or " shows " in reason
