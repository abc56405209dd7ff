"""The clock of the station as its records tell of it: moments, and how it was set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from agent.store.record import to_ms


class ClockStep(NamedTuple):
    """The clock would have shown ``expected_ms``, and was set to ``found_ms``."""

    expected_ms: int
    found_ms: int


def clock_steps(events: Iterable[Mapping[str, Any]]) -> list[ClockStep]:
    """How the clock was set, from *events* in the order in which they were stored."""
    steps = (event["data"] for event in events if event["event"] == "clock_stepped")
    return [ClockStep(ms_of(data["expected"]), ms_of(data["found"])) for data in steps]


def set_right(time_ms: int, before_ms: int, steps: Sequence[ClockStep]) -> int:
    """What a right clock would have shown: of *time_ms*, which was recorded after *before_ms*, but lies before it.

    The next of *steps* that brought the clock beyond *before_ms* tells how far it was behind.
    """
    if time_ms >= before_ms:
        return time_ms
    later = (step for step in steps if time_ms <= step.expected_ms and before_ms <= step.found_ms)
    step = min(later, default=None, key=lambda step: step.found_ms)
    return time_ms if step is None else time_ms + step.found_ms - step.expected_ms


def ms_of(time: str) -> int:
    """A time of a record in milliseconds since 1970."""
    return to_ms(datetime.fromisoformat(time))
