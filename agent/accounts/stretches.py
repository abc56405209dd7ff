"""The time that a report is about, in stretches of one configuration each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson

from agent.accounts.expectation import Expectation
from agent.accounts.steps import ClockStep, ms_of, set_right
from agent.store.source import ArchiveError, Source
from drivers.errors import StationError
from drivers.reading import Stream

_EVER_MS = 1 << 47

Plan = Mapping[str, Expectation]
"""What is expected, by device."""


class NothingExpectedError(StationError):
    """The log does not say what was to be measured in a time."""

    def __init__(self, name: str, *, goes_on: bool) -> None:
        hint = "See how far back it reaches with: station-agent status"
        if goes_on:
            hint = "The last 90 s are not counted yet: ask again in two minutes"
        super().__init__(f"the log knows of no configuration that ran in {name}", hint=hint)


class Stretch(NamedTuple):
    """From ``since_ms`` up to ``until_ms`` this was expected."""

    since_ms: int
    until_ms: int
    plan: Plan


def stretches(
    source: Source, since_ms: int, until_ms: int, today: Plan | None, steps: Sequence[ClockStep] = ()
) -> list[Stretch]:
    """Return what was expected from *since_ms* to *until_ms*, as far as log and archive reach back.

    *today* stands for configurations applied by an agent that did not record yet what they promise. *steps* of the
    clock tell when one was applied that has the time of a clock that was behind.
    """
    found: list[tuple[int, Plan]] = []
    for _, row, _ in source.located(Stream.AUDIT, 0, until_ms):
        if b'"event":"configuration_applied"' in row.body:
            plan = _plan(orjson.loads(row.body).get("data", {}))
            before_ms = found[-1][0] if found else 0
            at_ms = max(set_right(row.time_ms, before_ms, steps), before_ms)
            found.append((at_ms, plan if plan is not None else today or {}))
    if not found:
        return []
    begins = max(since_ms, reach_ms(source))
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


def reach_ms(source: Source) -> int:
    """When the first measurement was made that somebody still has, if there were others before it; else 0."""
    for file in source.files(Stream.MEASUREMENT, 0, _EVER_MS):
        with suppress(ArchiveError):
            return ms_of(orjson.loads(next(source.bodies(file))[1])["time"]) if file.first > 1 else 0
    for series in source.log.series():
        if series.stream is Stream.MEASUREMENT and series.first <= series.last:
            return source.log.time_of(series.epoch, series.stream, series.first) if series.first > 1 else 0
    return 0


def _plan(data: Mapping[str, Any]) -> Plan | None:
    if "devices" not in data:
        return None
    return {name: Expectation.parse(words) for name, words in data["devices"].items()}
