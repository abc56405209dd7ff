"""How wide and colourful the terminal is that the commands print on."""

from __future__ import annotations

import os
import sys

COLUMNS = 80
LEAST_COLUMNS = 40

COLOURS = {"good": "32", "warning": "33", "critical": "1;31", "unknown": "35"}
"""By level; each level also has its word, so that nothing is lost without colour."""


def columns_of_screen() -> int:
    """How wide the screen is: what $COLUMNS says, else the terminal, and 80 where there is none."""
    try:
        wide = int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return COLUMNS
    return max(wide, LEAST_COLUMNS)


def painted(text: str, level: str) -> str:
    """Return *text* in the colour of *level*, on a terminal that is asked for colours (no-color.org)."""
    colourless = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if colourless or level not in COLOURS else f"\x1b[{COLOURS[level]}m{text}\x1b[0m"
