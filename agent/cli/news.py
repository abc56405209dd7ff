"""Shows what a long command tells, as it comes: a line each, and progress that overwrites itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

WIPE = "\r\x1b[K"


class Screen:
    """Prints news with *line*, which says nothing of what needs no line; ``last`` is what came last.

    Progress goes to standard error, and only to a terminal.
    """

    def __init__(self, line: Callable[[dict[str, Any]], str | None], *, json: bool) -> None:
        self.last: dict[str, Any] = {}
        self._line = line
        self._json = json
        self._live = sys.stderr.isatty()
        self._open = False  # whether progress stands there

    def show(self, news: dict[str, Any]) -> None:
        """Print *news* at once."""
        self.last = news
        if self._json:
            print(json.dumps(news, ensure_ascii=False), flush=True)
        elif text := self._line(news):
            self._print(text, passing=news["event"] == "progress")

    def _print(self, text: str, *, passing: bool) -> None:
        if passing:
            if self._live:
                print(f"{WIPE}{text}", end="", file=sys.stderr, flush=True)
                self._open = True
            return
        if self._open:
            print(WIPE, end="", file=sys.stderr, flush=True)
            self._open = False
        print(text, flush=True)
