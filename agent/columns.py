"""Text in columns, as terminals show it: Chinese characters take two. Pure text, no colour needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

LEAST_ROOM = 12
"""Columns that the last cell of a table gets in any case."""

_FIRST_WIDE, _LAST_WIDE = "\u2e80", "\uffef"
_KINDS = {
    " ": " ",
    **dict.fromkeys("0123456789", "d"),
    **dict.fromkeys("，。、；：！？）】》～…", ">"),
    **dict.fromkeys("（【《", "<"),
}
"""Of characters: blank, digit, closing mark, opening mark; others are Chinese (c) or letters (l)."""


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
    """Yield *text* in lines of at most *columns*, all but the first behind *indent*; Chinese breaks between any two."""
    line = ""
    for unit in _units(text):
        needed = width(unit.rstrip())
        if line.strip() and width(line) + needed > columns and needed <= columns - width(indent):
            yield line.rstrip()
            line = indent
        line += unit
        while width(line.rstrip()) > columns:  # a path, say
            fits = _fitting(line, columns)
            yield line[:fits]
            line = indent + line[fits:]
    yield line.rstrip()


def _units(text: str) -> Iterable[str]:
    """What stays on one line, with the blanks behind it."""
    if text.isascii():
        return [f"{word} " for word in text.split(" ")]
    kinds = "".join(map(_kind, text))
    return [text[unit.start() : unit.end()] for unit in _unit().finditer(kinds)]


def _kind(char: str) -> str:
    if char in _KINDS:
        return _KINDS[char]
    return "c" if _FIRST_WIDE <= char <= _LAST_WIDE else "l"


@cache
def _unit() -> re.Pattern[str]:
    """In kinds, since a pattern of Chinese letters takes as long to make as all else that a screen needs.

    A word without blanks, a number and its unit, or a Chinese character; and the marks that belong to it.
    """
    amount = "[ld]*d (?:[ld]{1,4}(?![ld])|c{1,2})"
    return re.compile(f" *<*(?:{amount}|[ld]+|[c<>])>* *|[^ ]| +")


def cut(text: str, columns: int) -> str:
    """Return *text* shortened to *columns*, ending in an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    return text[: _fitting(text, columns - 1)] + "…"


def shortened(text: str, columns: int) -> str:
    """Return *text* with an ellipsis in its midst where it is too long: of long names the ends differ."""
    if width(text) <= columns:
        return text
    tail = text[::-1][: _fitting(text[::-1], (columns - 1) // 2)][::-1]
    return text[: _fitting(text, columns - 1 - width(tail))] + "…" + tail


def _fitting(text: str, columns: int) -> int:
    """How many characters of *text* fit into *columns*."""
    used = 0
    for place, char in enumerate(text):
        used += width(char)
        if used > columns:
            return place
    return len(text)
