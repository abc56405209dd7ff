"""The time that a report is about, in stretches of one configuration each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from agent.accounts.expectation import Expectation
from agent.store.reader import Reader
from drivers.errors import StationError
from drivers.reading import Stream

Plan = Mapping[str, Expectation]
"""What is expected, by device."""


class NothingExpectedError(StationError):
    """The log does not say what was to be measured in a time."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the log knows of no configuration that ran in {name}",
            hint="See how far back it reaches with: station-agent status; the last 90 s are not counted yet",
        )


class Stretch(NamedTuple):
    """From ``since_ms`` up to ``until_ms`` this was expected."""

    since_ms: int
    until_ms: int
    plan: Plan


def stretches(log: Reader, since_ms: int, until_ms: int, today: Plan | None) -> list[Stretch]:
    """Return what was expected from *since_ms* to *until_ms*, as far as the log reaches back.

    *today* stands for configurations applied by an agent that did not record yet what they promise.
    """
    found: list[tuple[int, Plan]] = []
    for row in log.between(Stream.AUDIT, 0, until_ms):
        if b'"event":"configuration_applied"' in row.body:
            plan = _plan(orjson.loads(row.body).get("data", {}))
            at_ms = max(row.time_ms, found[-1][0] if found else 0)  # the clock may have been wrong at a start
            found.append((at_ms, plan if plan is not None else today or {}))
    if not found:
        return []
    begins = max(since_ms, reach_ms(log))
    parts: list[Stretch] = []
    for (at_ms, plan), (next_ms, _) in zip(found, [*found[1:], (until_ms, {})], strict=True):
        first_ms, last_ms = max(at_ms, begins), min(next_ms, until_ms)
        if first_ms >= last_ms:
            continue
        if parts and parts[-1].plan == plan and parts[-1].until_ms == first_ms:
            parts[-1] = parts[-1]._replace(until_ms=last_ms)
        else:
            parts.append(Stretch(first_ms, last_ms, plan))
    return parts


def reach_ms(log: Reader) -> int:
    """When the first measurement was made that is still there, if some were freed before it; else 0."""
    for series in log.series():
        if series.stream is Stream.MEASUREMENT and series.first <= series.last:
            return log.time_of(series.epoch, series.stream, series.first) if series.first > 1 else 0
    return 0


def _plan(data: Mapping[str, Any]) -> Plan | None:
    if "devices" not in data:
        return None
    return {name: Expectation.parse(words) for name, words in data["devices"].items()}
