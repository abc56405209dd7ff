"""Curves in a terminal, drawn by plotext, which comes with an extra."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from agent.curves.axis import times, values
from agent.curves.points import Curve, Point
from agent.extras import required
from agent.language import say

MARKS = "x+o*#%"
"""Of qualities, in the order in which they occur."""

LABEL = 14
"""Columns that a label of the time axis takes, with the room around it."""

ROWS = 3
"""Lines between two labels of the other axis, at least."""


class Pen(NamedTuple):
    """What a terminal can draw with: *line* as plotext calls it, and characters in place of those that it lacks."""

    line: str
    instead: dict[int, int]


FINE = Pen("hd", {})
"""Four points to a character."""

CONSOLE = Pen("•", {})
"""The fonts of Debian's console-setup (Lat15, Uni2) have frames and dots, but no quarters of a block."""

PLAIN = Pen("*", str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++"))
"""Outside of Unicode a frame may be missing, or be as wide as a Chinese character."""


def pen() -> Pen:
    """What this terminal can draw with."""
    out = sys.__stdout__  # textual puts something of its own in place of sys.stdout
    if out and "utf" not in out.encoding.lower():
        return PLAIN
    return CONSOLE if os.environ.get("TERM") == "linux" else FINE


def draw(curve: Curve, zone: tzinfo, *, columns: int, rows: int, colour: bool) -> Iterator[str]:
    """Yield the lines of one curve: its name, the plot with local times of *zone*, and what the marks mean.

    Raises ExtraMissingError.
    """
    plotext = required("plotext", extra="tui", what="a curve in the terminal")
    yield heading(curve)
    if not curve.read:
        yield "  " + say("no value in this time")
        return
    with_pen, figure = pen(), plotext.figure
    figure.clear()
    figure.plot_size(columns, rows)
    figure.theme("simple" if colour else "colorless")
    _line(figure, curve.valid, with_pen.line)
    for mark, points in zip(MARKS, curve.marked.values(), strict=False):
        figure.draw(figure.signal(*_sides(points), marker=mark))
    _axes(figure, curve, zone, max(columns // LABEL, 1), max(rows // ROWS, 3))
    for line in figure.build().string(colorless=not colour).splitlines():
        yield line.rstrip().translate(with_pen.instead)
    yield from legend(curve)


def heading(curve: Curve) -> str:
    """Name, title and unit of a curve."""
    return curve.name + (f"  {curve.title}" if curve.title else "") + (f"  [{curve.unit}]" if curve.unit else "")


def legend(curve: Curve) -> Iterator[str]:
    """What the marks mean."""
    meanings = [f"{mark} {say(quality)}" for mark, quality in zip(MARKS, curve.marked, strict=False)]
    if meanings:
        yield "  " + "   ".join(meanings)


def _axes(figure: Any, curve: Curve, zone: tzinfo, most_times: int, most_values: int) -> None:
    across, upwards = figure.ruler("x"), figure.ruler("y")
    across.lim(curve.since_ms, curve.until_ms)
    across.ticks(*_unzipped(times(curve, zone, most_times)))
    known = [point.value for point in curve.points if point.value is not None]
    upwards.ticks(*_unzipped(values(min(known), max(known), most_values)))


def _unzipped(labels: Sequence[tuple[float, str]]) -> tuple[list[float], list[str]]:
    return [place for place, _ in labels], [text for _, text in labels]


def _line(figure: Any, points: Sequence[Point], marker: str) -> None:
    """A line through the points with a value, broken at the others."""
    known = [point for point in points if point.value is not None]
    if not known:
        return
    signal = figure.signal(*_sides(known), marker=marker).lines()
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
