"""A terminal's screen as a picture, with its colours, and wide characters as wide as the terminal has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

CELL, LINE, EDGE = 8.4, 18, 12
"""Width of a column, height of a line, and the margin, in pixels."""

RUN = re.compile(r"[!-~]+(?: [!-~]+)*|[^ -~]+")
"""What is placed together: fonts do not agree on how wide a Chinese character is."""

FONTS = "ui-monospace, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Microsoft YaHei Mono', monospace"
THEME = TerminalTheme(
    (24, 26, 31),
    (215, 218, 224),
    [
        *((72, 77, 88), (224, 108, 117), (127, 190, 107), (229, 192, 123)),
        *((97, 150, 239), (198, 120, 221), (86, 182, 194), (215, 218, 224)),
    ],
)


def svg(screen: str, columns: int) -> str:
    """Return *screen*, lines with escape sequences of colours, as an SVG image."""
    console = Console(width=columns, color_system="truecolor", force_terminal=True)
    lines = [list(Text.from_ansi(line).render(console)) for line in _lines(screen)]
    wide, high = columns * CELL + 2 * EDGE, len(lines) * LINE + 2 * EDGE
    drawn = "\n".join(part for number, line in enumerate(lines) for part in _line(line, EDGE + number * LINE))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}" '
        f'font-family="{FONTS}" font-size="14">\n'
        f'<rect width="100%" height="100%" rx="6" fill="{THEME.background_color.hex}"/>\n{drawn}\n</svg>\n'
    )


def _lines(screen: str) -> list[str]:
    """Its lines but for empty ones at the end; a bar may end in blanks."""
    lines = screen.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _line(segments: list[Segment], top: float) -> Iterator[str]:
    left = float(EDGE)
    for segment in segments:
        style = segment.style or Style.null()
        wide = cell_len(segment.text) * CELL
        ink, paper = _colours(style)
        if paper:
            yield f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{LINE}" fill="{paper}"/>'
        weight = ' font-weight="bold"' if style.bold else ""
        for run in RUN.finditer(segment.text):
            begin, wide_run = left + cell_len(segment.text[: run.start()]) * CELL, cell_len(run[0]) * CELL
            place = f'x="{begin:g}" y="{top + LINE - 5:g}" textLength="{wide_run:g}" lengthAdjust="spacingAndGlyphs"'
            yield f'<text {place} fill="{ink}"{weight}>{escape(run[0])}</text>'
        left += wide


def _colours(style: Style) -> tuple[str, str]:
    """Of what is written, and of what it is written on: nothing for the screen's own."""
    ink = style.color.get_truecolor(THEME).hex if style.color else THEME.foreground_color.hex
    paper = style.bgcolor.get_truecolor(THEME, foreground=False).hex if style.bgcolor else ""
    return (paper or THEME.background_color.hex, ink) if style.reverse else (ink, paper)
