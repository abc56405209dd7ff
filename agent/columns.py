"""Text in columns, as terminals show it: Chinese characters take two. Pure text, no colour needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

LEAST_ROOM = 12
"""Columns that the last cell of a table gets in any case."""


def width(text: str) -> int:
    """Columns that *text* takes on a terminal; Chinese characters take two."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width  # a library of its own, which most screens do without

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def padded(text: str, columns: int) -> str:
    """Return *text* with blanks behind it up to *columns*."""
    return text + " " * (columns - width(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], columns: int) -> Iterator[str]:
    """Yield the lines of a table; the last column is cut where *columns* end, the others only where they must be."""
    lines = [head, *rows]
    widths = [max(width(line[index]) for line in lines) for index in range(len(head) - 1)]
    if columns - sum(widths) - 2 * len(widths) < LEAST_ROOM:
        widths = [min(room, columns // 5) for room in widths]
    last = max(columns - sum(widths) - 2 * len(widths), LEAST_ROOM)
    for line in lines:
        cells = [cut(cell, room) for cell, room in zip(line, [*widths, last], strict=True)]
        filled = [padded(cell, room) for cell, room in zip(cells, widths, strict=False)]
        yield "  ".join([*filled, cells[-1]]).rstrip()


def fold(text: str, columns: int, indent: str = "") -> Iterator[str]:
    """Yield *text* in lines of at most *columns*, all but the first behind *indent*."""
    first, *rest = text.split(" ")
    line = first
    for word in rest:
        wider = f"{line} {word}"
        if line.strip() and width(wider) > columns:
            yield line
            wider = indent + word
        while width(wider) > columns:  # a path, say, or a sentence without blanks
            fits = _fitting(wider, columns)
            yield wider[:fits]
            wider = indent + wider[fits:]
        line = wider
    yield line


def cut(text: str, columns: int) -> str:
    """Return *text* shortened to *columns*, ending in an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    return text[: _fitting(text, columns - 1)] + "…"


def _fitting(text: str, columns: int) -> int:
    """How many characters of *text* fit into *columns*."""
    used = 0
    for place, char in enumerate(text):
        used += width(char)
        if used > columns:
            return place
    return len(text)
