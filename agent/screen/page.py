"""What a page is, and how it becomes the lines of a screen: title and keys stay, the rest scrolls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from agent.columns import cut, width
from agent.diagnosis import LEVELS
from agent.language import say

Tone = Literal["plain", "head", "good", "warning", "critical", "picked", "bar"]
"""How a line stands out; what it means is always said in words as well."""

TONES: tuple[Tone, ...] = ("good", "warning", "critical", "warning")
"""By level of a finding."""

FRAME_ROWS = 3
"""Title, tabs and keys."""


class Line(NamedTuple):
    """One line of the screen."""

    text: str
    tone: Tone = "plain"


class Page(NamedTuple):
    """``head`` stays, ``body`` scrolls; line *picked* of the body stays in sight."""

    head: Sequence[Line] = ()
    body: Sequence[Line] = ()
    picked: int | None = None


class Screen(NamedTuple):
    """What is drawn: the lines, and how far the body is scrolled, which may be less than was asked for."""

    lines: list[Line]
    top: int


def title(level: int, station: str, right: str, columns: int) -> Line:
    """The first line: how the station does, which one it is, and what time it is there."""
    left = f" {say(LEVELS[level].upper())}  {station} "
    left = cut(left, max(columns - width(right) - 2, 10))
    return Line(_spread(left, f"{right} ", columns), "bar" if level == 0 else TONES[level])


def tabs(names: Sequence[str], current: int) -> str:
    """The pages with their keys; the one that is shown stands in brackets, for terminals without any colour."""
    words = (f"{number} {say(name)}" for number, name in enumerate(names, 1))
    return " ".join(f"[{word}]" if index == current else f" {word} " for index, word in enumerate(words))


def keys(pairs: Sequence[tuple[str, str]], columns: int) -> Line:
    """The last line: which key does what; what does not fit is left out, but never how to end it."""
    words = [f"{key} {say(what)}" for key, what in pairs]
    while len(words) > 1 and width("  ".join(words)) > columns - 2:
        del words[-2]
    return Line(_spread(cut(f" {'  '.join(words)}", columns), "", columns), "bar")


def arrange(first: Line, names: str, page: Page, last: Line, top: int, columns: int, rows: int) -> Screen:
    """Fit everything into *rows* of *columns*; of a body that is too long the part from *top* on is shown."""
    head = list(page.head)[: max(rows - FRAME_ROWS - 1, 0)]
    room = max(rows - FRAME_ROWS - len(head), 0)
    top = _in_sight(top, page.picked, room, len(page.body))
    part = list(page.body)[top : top + room]
    blank = [Line("")] * (room - len(part))
    second = Line(_spread(names, _beyond(top, room, len(page.body)), columns))
    lines = [first, second, *head, *part, *blank, last]
    return Screen([Line(cut(line.text, columns), line.tone) for line in lines[:rows]], top)


def _in_sight(top: int, picked: int | None, room: int, count: int) -> int:
    if picked is not None:
        top = min(max(top, picked - room + 1), picked)
    return max(min(top, count - room), 0)


def _beyond(top: int, room: int, count: int) -> str:
    """How many lines are above and below what is shown."""
    above, below = top, max(count - top - room, 0)
    return " ".join(filter(None, (f"↑{above}" if above else "", f"↓{below}" if below else ""))) + " "


def _spread(left: str, right: str, columns: int) -> str:
    return left + " " * (columns - width(left) - width(right)) + right
