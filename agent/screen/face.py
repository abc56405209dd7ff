"""The one widget: it draws lines, and redraws those that changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from agent.screen.page import Line, Tone

STYLES: dict[Tone, Style] = {
    "plain": Style(),
    "head": Style(bold=True),
    "good": Style(color="green"),
    "warning": Style(color="yellow", bold=True),
    "critical": Style(color="red", bold=True, reverse=True),
    "picked": Style(reverse=True),
    "bar": Style(reverse=True),
}
"""Colours of the terminal's own palette; where there are none, bold and reverse remain, and the words."""


class Face(Widget):
    """The whole screen, a line of one tone after the other."""

    DEFAULT_CSS = "Face { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Draw *lines* in place of those that stand there; only what differs goes to the terminal."""
        old, self.lines = self.lines, list(lines)
        if len(old) != len(self.lines):
            self.refresh()
            return
        changed = [y for y, (was, line) in enumerate(zip(old, self.lines, strict=True)) if was != line]
        if changed:
            self.refresh(*[Region(0, y, self.size.width, 1) for y in changed])

    def render_line(self, y: int) -> Strip:
        """Line *y* over the whole width."""
        line = self.lines[y] if y < len(self.lines) else Line("")
        return Strip([Segment(line.text, STYLES[line.tone])]).adjust_cell_length(self.size.width)
