"""``watch``: the whole station on one screen that stays, for the terminal in the container and over SSH."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from agent.cli import console
from agent.extras import required
from drivers.errors import StationError

EXAMPLES = """\
examples:
  station-agent watch
  station-agent watch --lang zh
  NO_COLOR=1 station-agent watch
"""


class NoTerminalError(StationError):
    """There is no screen to draw on."""

    exit_code = 2


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command: it has none, everything is a key."""
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show it until somebody ends it. Raises NoTerminalError, and ExtraMissingError without textual."""
    draws = sys.stdin.isatty() and sys.stderr.isatty()  # textual draws on stderr
    if not draws or os.environ.get("TERM") == "dumb":
        raise NoTerminalError("watch needs a terminal", hint="Call it on one, or run: station-agent status --watch")
    required("textual", extra="tui", what="watch")
    for name in ("COLUMNS", "LINES"):  # an exported size would stay when the terminal gets another one
        os.environ.pop(name, None)
    sight = import_module("agent.screen.sight").Sight(options.config)
    sight.look()
    import_module("agent.screen.app").Watch(sight, console.note()).run(mouse=False)
    return 0
