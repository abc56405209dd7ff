"""The points of a curve: as few as the eye can tell apart, and never without the highest and the lowest.

A gap stays a gap: where a poll gave no value, or none was recorded for longer than
usual, the curve is broken. Values that are not valid are kept apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import orjson

from agent.dictionaries import Dictionaries
from agent.language import say
from agent.store.reader import Reader
from drivers.reading import Stream

MISSED = 3
"""So many intervals without a record are a gap."""

_LOOKED_AT = 1000


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
        return [point if point.quality == "valid" else Point(point.time_ms, None) for point in self.points]

    @property
    def marked(self) -> dict[str, list[Point]]:
        """The points that are not valid, by quality."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            if point.value is not None and point.quality != "valid":
                found.setdefault(point.quality, []).append(point)
        return found


def read_curve(
    log: Reader, stream: Stream, device: str, channel: str, since_ms: int, until_ms: int, *, width: int
) -> Curve:
    """Read one channel out of *log*, in as many points as *width* columns can show."""
    curve = Curve(device, channel, since_ms, until_ms)
    found = list(_points(log, stream, curve))
    curve.read = sum(point.value is not None for point in found)
    curve.points = thinned(broken(found), since_ms, max((until_ms - since_ms) / width, 1))
    return curve


def _points(log: Reader, stream: Stream, curve: Curve) -> Iterator[Point]:
    meta = ""
    for row in log.between(stream, curve.since_ms, curve.until_ms, curve.device):
        record = orjson.loads(row.body)
        if "values" not in record:
            yield Point(row.time_ms, None)
        elif curve.channel in record["values"]:
            meta = record.get("meta", meta)
            quality = record.get("quality", {}).get(curve.channel, "valid")
            yield Point(row.time_ms, _number(record["values"][curve.channel]), quality)
    dictionaries = Dictionaries(log)
    curve.title = say(dictionaries.channel(meta, curve.channel).get("title", ""))
    curve.unit = dictionaries.unit(meta, curve.channel)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def broken(points: list[Point]) -> list[Point]:
    """Put a gap wherever nothing was recorded for :data:`MISSED` times the usual interval."""
    steps = [after.time_ms - before.time_ms for before, after in pairwise(points[:_LOOKED_AT])]
    usual_ms = median(steps) if steps else 0
    found = points[:1]
    for before, after in pairwise(points):
        if after.time_ms - before.time_ms > MISSED * usual_ms > 0:
            found.append(Point(before.time_ms + 1, None))
        found.append(after)
    return found


def thinned(points: Iterable[Point], since_ms: int, bucket_ms: float) -> list[Point]:
    """Keep of every quality, in each column of *bucket_ms*, the lowest and the highest point, and one gap, in order."""
    found: list[Point] = []
    column: dict[tuple[str, bool], Point] = {}
    number = -1
    for point in points:
        place = int((point.time_ms - since_ms) / bucket_ms)
        if place != number:
            found += _in_order(column)
            column, number = {}, place
        _keep(column, point)
    return found + _in_order(column)


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
