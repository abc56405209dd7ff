"""How the screens show ages, numbers and tables: pure text, 80 columns, no colour needed."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

LEAST_ROOM = 12
"""Columns that the last cell of a table gets in any case."""


def ago(instant: str | None = None, *, seconds: float | None = None) -> str:
    """Return an age in its two largest units: ``3 d 4 h``, ``12 min``, ``4 s``."""
    if seconds is None:
        if instant is None:
            return "-"
        seconds = max(0.0, time.time() - datetime.fromisoformat(instant).timestamp())
    for unit, length, finer, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= length:
            rest = int(seconds % length // part)
            return f"{int(seconds // length)} {unit}" + (f" {rest} {finer}" if rest else "")
    return f"{int(seconds // 60)} min" if seconds >= 120 else f"{int(seconds)} s"


def number(value: float) -> str:
    """Return a count with thin groups: ``1 234 567``."""
    return f"{value:,.0f}".replace(",", " ")


def width(text: str) -> int:
    """Columns that *text* takes on a terminal; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], columns: int) -> Iterator[str]:
    """Yield the lines of a table; the last column is cut where *columns* end, the others only where they must be."""
    lines = [head, *rows]
    widths = [max(width(line[index]) for line in lines) for index in range(len(head) - 1)]
    if columns - sum(widths) - 2 * len(widths) < LEAST_ROOM:
        widths = [min(room, columns // 5) for room in widths]
    last = max(columns - sum(widths) - 2 * len(widths), LEAST_ROOM)
    for line in lines:
        cells = [cut(cell, room) for cell, room in zip(line, [*widths, last], strict=True)]
        padded = [cell + " " * (room - width(cell)) for cell, room in zip(cells, widths, strict=False)]
        yield "  ".join([*padded, cells[-1]]).rstrip()


def fold(text: str, columns: int, indent: str = "") -> Iterator[str]:
    """Yield *text* in lines of at most *columns*, all but the first behind *indent*."""
    first, *rest = text.split(" ")
    line = first
    for word in rest:
        wider = f"{line} {word}"
        if line.strip() and width(wider) > columns:
            yield line
            wider = indent + word
        while width(wider) > columns:  # a path, say
            yield wider[: columns - len(indent)]
            wider = indent + wider[columns - len(indent) :]
        line = wider
    yield line


def cut(text: str, columns: int) -> str:
    """Return *text* shortened to *columns*, ending in an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    while width(text) >= columns:
        text = text[:-1]
    return text + "…"
