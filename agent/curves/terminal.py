"""Curves in a terminal, drawn by plotext, which comes with an extra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from agent.curves.points import Curve, Point
from agent.extras import required
from agent.language import say

MARKS = "x+o*#%"
"""Of qualities, in the order in which they occur."""

LABEL = 14
"""Columns that a label of the time axis takes, with the room around it."""

STEPS_S = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    14400,
    21600,
    43200,
    86400,
    172800,
    604800,
)
"""Between two labels, in seconds."""


def draw(curve: Curve, zone: tzinfo, *, columns: int, rows: int, colour: bool) -> Iterator[str]:
    """Yield the lines of one curve: its name, the plot with local times of *zone*, and what the marks mean.

    Raises ExtraMissingError.
    """
    plotext = required("plotext", extra="tui", what="a curve in the terminal")
    yield heading(curve)
    if not curve.read:
        yield "  " + say("no value in this time")
        return
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, rows)
    figure.theme("simple" if colour else "colorless")
    _line(figure, curve.valid)
    for mark, points in zip(MARKS, curve.marked.values(), strict=False):
        figure.draw(figure.signal(*_sides(points), marker=mark))
    labelled = places(curve, zone, max(columns // LABEL, 1))
    ruler = figure.ruler("x")
    ruler.lim(curve.since_ms, curve.until_ms)
    ruler.ticks(labelled, [clock(place, curve, zone) for place in labelled])
    yield from (line.rstrip() for line in figure.build().string(colorless=not colour).splitlines())
    yield from legend(curve)


def heading(curve: Curve) -> str:
    """Name, title and unit of a curve."""
    return curve.name + (f"  {curve.title}" if curve.title else "") + (f"  [{curve.unit}]" if curve.unit else "")


def legend(curve: Curve) -> Iterator[str]:
    """What the marks mean."""
    meanings = [f"{mark} {say(quality)}" for mark, quality in zip(MARKS, curve.marked, strict=False)]
    if meanings:
        yield "  " + "   ".join(meanings)


def clock(time_ms: float, curve: Curve, zone: tzinfo) -> str:
    """A moment as the axis shows it: the shorter the curve, the finer."""
    span_h = (curve.until_ms - curve.since_ms) / 3_600_000
    form = "%m-%d" if span_h > 24 * 7 else "%d. %H:%M" if span_h > 24 else "%H:%M" if span_h > 0.2 else "%H:%M:%S"
    return f"{datetime.fromtimestamp(time_ms / 1000, zone):{form}}"


def _line(figure: Any, points: Sequence[Point]) -> None:
    """A line through the points with a value, broken at the others."""
    known = [point for point in points if point.value is not None]
    if not known:
        return
    signal = figure.signal(*_sides(known), marker="hd").lines()
    after_gap, index = False, 0
    for point in points:
        if point.value is None:
            after_gap = True
            continue
        if after_gap:
            signal.line(index, False)
        after_gap, index = False, index + 1
    figure.draw(signal)


def _sides(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [float(point.time_ms) for point in points], [point.value for point in points if point.value is not None]


def places(curve: Curve, zone: tzinfo, most: int) -> list[int]:
    """Where the time axis is labelled: at round local times, at most so many."""
    span_ms = curve.until_ms - curve.since_ms
    step_ms = 1000 * next((step for step in STEPS_S if span_ms <= step * 1000 * most), span_ms // 1000 // most + 1)
    offset = datetime.fromtimestamp(curve.since_ms / 1000, zone).utcoffset() or timedelta()
    shift_ms = round(offset.total_seconds() * 1000)
    first_ms = -(-(curve.since_ms + shift_ms) // step_ms) * step_ms - shift_ms
    return list(range(first_ms, curve.until_ms + 1, step_ms))
