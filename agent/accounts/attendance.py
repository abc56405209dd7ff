"""When somebody was at work on what, from the audit records of maintenance.

A poll that gave nothing is recorded as such, though it was a technician who held the cable: only these records tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from agent.accounts.steps import ClockStep, ms_of, set_right
from agent.operations.maintenance import ALL

Record = Mapping[str, Any]


class Span(NamedTuple):
    """From ``since_ms`` up to ``until_ms``."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Attendance:
    """When there was maintenance, by its subject: a device, or all of them."""

    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record], steps: Sequence[ClockStep] = ()) -> Self:
        """Read *records* of maintenance, in the order in which they were stored; the last of each one counts.

        *steps* of the clock tell when work ended that was ended by a clock that was behind.
        """
        last = {(data["subject"], data["started"]): data for data in (record["data"] for record in records)}
        spans: dict[str, tuple[Span, ...]] = {}
        for (subject, _), data in last.items():
            spans[subject] = (*spans.get(subject, ()), *_spans(data, steps))
        return cls(spans)

    def at(self, *devices: str) -> tuple[Span, ...]:
        """When somebody was at work on any of *devices*, or on all of the station."""
        return tuple(span for subject in (*devices, ALL) for span in self.spans.get(subject, ()))


def _spans(data: Record, steps: Sequence[ClockStep]) -> Iterator[Span]:
    """Of one maintenance: up to when it ends by itself, unless its end is recorded.

    The clock may have been set in between, even from 1970: then it lasted so long from the start
    on the clock before, and so long up to the end on the one after.
    """
    started_ms = ms_of(data["started"])
    if "ended" not in data:
        yield Span(started_ms, set_right(ms_of(data["until"]), started_ms, steps))
        return
    ended_ms, lasted_ms = ms_of(data["ended"]), round(data["seconds"] * 1000)
    if ended_ms < started_ms:
        ended_ms = set_right(ended_ms, started_ms, steps)
        lasted_ms = max(ended_ms - started_ms, lasted_ms)
    yield Span(started_ms, started_ms + lasted_ms)
    if started_ms + lasted_ms != ended_ms:
        yield Span(ended_ms - lasted_ms, ended_ms)
