"""Curves as a PNG, drawn by matplotlib, which comes with an extra.

Chinese needs a font that has its characters; where the system has none, the picture
speaks English, and whoever called is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from agent.curves.axis import times
from agent.curves.points import Curve, Point
from agent.curves.terminal import heading
from agent.extras import required
from agent.language import say

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Noto Sans CJK JP",  # the first of the collection that Debian's package has, and all that older matplotlib sees
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "AR PL UMing CN",
    "SimHei",
    "Microsoft YaHei",
    "SimSun",
)
MARKS = "xov^s*"
INCHES = (10.0, 2.6)
DPI = 120
LABELS = 12
"""At most so many on the time axis."""


def save(curves: Sequence[Curve], station: str, zone: tzinfo, path: Path) -> bool:
    """Write a picture with a panel for each curve of *station*; False when it lacks a font for what should be said.

    Raises ExtraMissingError, and OSError when the file cannot be written.
    """
    matplotlib = required("matplotlib", extra="plot", what="a curve as PNG")
    figures = required("matplotlib.figure", extra="plot", what="a curve as PNG")
    required("matplotlib.backends.backend_agg", extra="plot", what="a curve as PNG")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its caches, to whoever has no home
    font = chinese_font()
    whole = font is not None or all(text.isascii() for curve in curves for text in _texts(curve))
    family = [font, "DejaVu Sans"] if font else ["DejaVu Sans"]
    with matplotlib.rc_context({"font.family": family, "axes.unicode_minus": False}):
        figure = figures.Figure(figsize=(INCHES[0], INCHES[1] * len(curves)), dpi=DPI, layout="constrained")
        figure.suptitle(f"{station}  {_span(curves[0], zone)}", fontsize=9, x=0.01, ha="left")
        panels = figure.subplots(len(curves), 1, squeeze=False)[:, 0]
        for panel, curve in zip(panels, curves, strict=True):
            _draw(panel, curve, zone, plain=font is None)
        figure.savefig(path, format="png")
    return whole


def chinese_font() -> str | None:
    """The first font of the system that has Chinese characters; None when there is none."""
    fonts = required("matplotlib.font_manager", extra="plot", what="a curve as PNG")
    manager = fonts.fontManager
    if name := _first_of(manager):
        return name
    known = {font.fname for font in manager.ttflist}  # as they were when matplotlib first ran here
    for path in set(fonts.findSystemFonts()) - known:
        with suppress(OSError, RuntimeError):
            manager.addfont(path)
    return _first_of(manager)


def _first_of(manager: Any) -> str | None:
    known = {font.name for font in manager.ttflist}
    return next((name for name in CHINESE_FONTS if name in known), None)


def _span(curve: Curve, zone: tzinfo) -> str:
    return f"{_at(curve.since_ms, zone):%Y-%m-%d %H:%M} – {_at(curve.until_ms, zone):%Y-%m-%d %H:%M} ({zone})"


def _texts(curve: Curve) -> list[str]:
    return [curve.title, *(say(quality) for quality in curve.marked)]


def _draw(panel: Any, curve: Curve, zone: tzinfo, *, plain: bool) -> None:
    """Draw one curve; *plain* says that only what is ASCII, or in every font, can be written."""
    title = heading(curve)
    panel.set_title(title if not plain or curve.title.isascii() else _bare(curve), loc="left", fontsize=9)
    panel.plot(*_sides(curve.valid, zone), linewidth=0.9, color="#1f4e79", marker=".", markersize=1.5)
    for number, (mark, (quality, points)) in enumerate(zip(MARKS, curve.marked.items(), strict=False), 1):
        label, colour = quality if plain else say(quality), f"C{number}"
        panel.plot(*_sides(points, zone), mark, color=colour, markersize=3.5, linestyle="none", label=label)
    if curve.marked:
        panel.legend(fontsize=7, loc="best")
    panel.set_xlim(_at(curve.since_ms, zone), _at(curve.until_ms, zone))
    labels = times(curve, zone, LABELS)
    panel.set_xticks([_at(place, zone) for place, _ in labels], [text for _, text in labels])
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.tick_params(labelsize=7)
    panel.grid(linewidth=0.3)


def _bare(curve: Curve) -> str:
    """Name and unit: units are in every font."""
    return curve.name + (f"  [{curve.unit}]" if curve.unit else "")


def _sides(points: Sequence[Point], zone: tzinfo) -> tuple[list[datetime], list[float]]:
    """Times and values; a gap is a NaN, which breaks the line."""
    values = [float("nan") if point.value is None else point.value for point in points]
    return [_at(point.time_ms, zone) for point in points], values


def _at(time_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
