"""When somebody was at work on what, from the audit records of maintenance.

A poll that gave nothing is recorded as such, though it was a technician who held the cable: only these records tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self

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
    def of(cls, records: Iterable[Record]) -> Self:
        """Read *records* of maintenance, in the order in which they were stored; the last of each one counts."""
        last = {(data["subject"], data["started"]): data for data in (record["data"] for record in records)}
        spans: dict[str, tuple[Span, ...]] = {}
        for (subject, _), data in last.items():
            spans[subject] = (*spans.get(subject, ()), *_spans(data))
        return cls(spans)

    def at(self, *devices: str) -> tuple[Span, ...]:
        """When somebody was at work on any of *devices*, or on all of the station."""
        return tuple(span for subject in (*devices, ALL) for span in self.spans.get(subject, ()))


def _spans(data: Record) -> Iterator[Span]:
    """Of one maintenance: up to when it ends by itself, unless its end is recorded.

    The clock may have been set in between, even from 1970: then it lasted so long from the start
    on the clock before, and so long up to the end on the one after.
    """
    started_ms = _ms(data["started"])
    if "ended" not in data:
        yield Span(started_ms, _ms(data["until"]))
        return
    ended_ms, lasted_ms = _ms(data["ended"]), round(data["seconds"] * 1000)
    yield Span(started_ms, started_ms + lasted_ms)
    if started_ms + lasted_ms != ended_ms:
        yield Span(ended_ms - lasted_ms, ended_ms)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
