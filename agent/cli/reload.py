"""``reload``: makes the running daemon read its configuration again, and says what came of it."""

from __future__ import annotations

import argparse

from agent.control.client import ask
from agent.language import say
from agent.paths import locate

EXAMPLES = """\
examples:
  station-agent check && station-agent reload
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask the daemon; a wrong file is reported by it, and the running configuration stays."""
    answer = ask(locate(options.config).runtime / "control.sock", {"do": "reload"})
    for line in answer["changes"] or ["nothing changed"]:
        print(say(line))
    return 0
