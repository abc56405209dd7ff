"""The points of a curve: as few as the eye can tell apart, and never without the highest and the lowest.

A gap stays a gap: where a poll gave no value, or none was recorded for longer than
usual, the curve is broken. Values that are not valid are kept apart.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import NamedTuple

import orjson

from agent.dictionaries import Dictionaries
from agent.language import say_title
from agent.store.reader import Reader
from agent.store.source import Source
from drivers.reading import Stream
from drivers.units import shown

MISSED = 3
"""So many intervals without a record are a gap."""

DEGREES, HALF_A_TURN = shown("deg"), 180.0

RECENT = 9
"""So many intervals say what is usual: it changes when somebody changes ``every``."""


class Point(NamedTuple):
    """A value at a moment, ``quality`` "valid" or what was wrong with it; without a value a gap begins."""

    time_ms: int
    value: float | None
    quality: str = "valid"


@dataclass(slots=True)
class Curve:
    """One channel from ``since_ms`` to ``until_ms``."""

    device: str
    channel: str
    since_ms: int
    until_ms: int
    title: str = ""
    unit: str = ""
    points: list[Point] = field(default_factory=list)
    read: int = 0
    """Values that the points stand for."""

    @property
    def name(self) -> str:
        """``device.channel``."""
        return f"{self.device}.{self.channel}"

    @property
    def valid(self) -> list[Point]:
        """The valid points, and a point without a value wherever the line between two of them is broken."""
        points = [point if point.quality == "valid" else Point(point.time_ms, None) for point in self.points]
        return list(_parted_in_the_north(points)) if self.unit == DEGREES else points

    @property
    def marked(self) -> dict[str, list[Point]]:
        """The points that are not valid, by quality."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            if point.value is not None and point.quality != "valid":
                found.setdefault(point.quality, []).append(point)
        return found


def _parted_in_the_north(points: Iterable[Point]) -> Iterator[Point]:
    """Directions without the line from 359 to 1, which the wind never was between."""
    last: float | None = None
    for point in points:
        if last is not None and point.value is not None and abs(point.value - last) > HALF_A_TURN:
            yield Point(point.time_ms, None)
        yield point
        last = point.value


def read_curve(
    records: Reader | Source, stream: Stream, device: str, channel: str, since_ms: int, until_ms: int, *, width: int
) -> Curve:
    """Read one channel out of *records*, in as many points as *width* columns can show: a year needs no more memory."""
    curve = Curve(device, channel, since_ms, until_ms)
    points = broken(_points(records, stream, curve))
    curve.points = list(thinned(points, since_ms, max((until_ms - since_ms) / width, 1)))
    return curve


def _points(records: Reader | Source, stream: Stream, curve: Curve) -> Iterator[Point]:
    meta, ours = "", f'"device":"{curve.device}"'.encode()
    for _, row, *_ in records.located(stream, curve.since_ms, curve.until_ms):
        if ours not in row.body:  # most are of other devices, and need not be decoded
            continue
        record = orjson.loads(row.body)
        if record.get("device") != curve.device:
            continue
        if "values" not in record:
            yield Point(row.time_ms, None)
        elif curve.channel in record["values"]:
            meta = record.get("meta", meta)
            quality = record.get("quality", {}).get(curve.channel, "valid")
            value = _number(record["values"][curve.channel])
            curve.read += value is not None
            yield Point(row.time_ms, value, quality)
    dictionaries = Dictionaries(records)
    curve.title = say_title(dictionaries.channel(meta, curve.channel).get("title", ""))
    curve.unit = dictionaries.unit(meta, curve.channel)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def broken(points: Iterable[Point]) -> Iterator[Point]:
    """Yield *points*, and a gap wherever nothing was recorded for :data:`MISSED` times the usual interval."""
    coming = iter(points)
    first = list(islice(coming, RECENT + 1))
    steps = deque((after.time_ms - before.time_ms for before, after in pairwise(first)), RECENT)
    before = None
    for point in chain(first, coming):
        if before is not None:
            step_ms = point.time_ms - before.time_ms
            if step_ms > MISSED * sorted(steps)[len(steps) // 2] > 0:
                yield Point(before.time_ms + 1, None)
            steps.append(step_ms)
        yield point
        before = point


def thinned(points: Iterable[Point], since_ms: int, bucket_ms: float) -> Iterator[Point]:
    """Keep of every quality, in each column of *bucket_ms*, the lowest and the highest point, and one gap, in order."""
    column: dict[tuple[str, bool], Point] = {}
    number = -1
    for point in points:
        place = int((point.time_ms - since_ms) / bucket_ms)
        if place != number:
            yield from _in_order(column)
            column, number = {}, place
        _keep(column, point)
    yield from _in_order(column)


def _in_order(column: Mapping[tuple[str, bool], Point]) -> list[Point]:
    return sorted(set(column.values()), key=lambda point: point.time_ms)


def _keep(column: dict[tuple[str, bool], Point], point: Point) -> None:
    if point.value is None:
        column["", False] = point
        return
    lowest, highest = column.get((point.quality, False)), column.get((point.quality, True))
    if lowest is None or lowest.value is None or point.value < lowest.value:
        column[point.quality, False] = point
    if highest is None or highest.value is None or point.value > highest.value:
        column[point.quality, True] = point
