"""``status``: one screen that answers "why is it not green", with the daemon running, hung or dead.

Everything here comes from the snapshot that the daemon leaves in the runtime
directory. No pydantic, no asyncio, no structlog: a technician who presses enter
wants the answer, not the imports.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from agent.cli.status_screen import screen
from agent.cli.words import columns_of_screen
from agent.diagnosis import Facts, Finding, diagnose, look, overall
from agent.diagnosis.finding import LEVELS
from agent.paths import Paths, locate

REDRAW_S = 1.0

EXAMPLES = """\
examples:
  station-agent status
  station-agent status --watch               until Ctrl-C
  station-agent status --json | jq .level    for Nagios or Zabbix the exit code is enough
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="the snapshot and the findings as one JSON object")
    parser.add_argument("--watch", action="store_true", help="show it anew every second until Ctrl-C")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the screen; the exit code is the level, as monitoring systems expect it."""
    if options.watch:
        return _watch(options)
    text, level = _told(options)
    print(text)
    return level


def _told(options: argparse.Namespace) -> tuple[str, int]:
    """What there is to print now, and how bad it is."""
    paths = locate(options.config)
    snapshot, findings = _looked(paths)
    level = overall(findings)
    if options.json:
        words = {"level": LEVELS[level], "findings": [one.facts() for one in findings], "snapshot": snapshot}
        return json.dumps(words, ensure_ascii=False), level
    return "\n".join(screen(snapshot, findings, level, paths.station, columns_of_screen())), level


def _looked(paths: Paths) -> tuple[Facts | None, list[Finding]]:
    found = look(paths)
    return (None, [found]) if isinstance(found, Finding) else (found, diagnose(found, paths))


def _watch(options: argparse.Namespace) -> int:
    """Print it every second; on a terminal always in the same place. The exit code is the last level."""
    level = 0
    try:
        while True:
            text, level = _told(options)
            print(_in_place(text) if sys.stdout.isatty() and not options.json else text, flush=True)
            time.sleep(REDRAW_S)
    except KeyboardInterrupt:
        return level


def _in_place(text: str) -> str:
    """*text* over what stood on the terminal before, without clearing it first: that would flicker."""
    lines = text.splitlines()
    rows = os.get_terminal_size(sys.stdout.fileno()).lines - 1
    shown = lines if len(lines) <= rows else [*lines[: rows - 1], f"… +{len(lines) - rows + 1}"]
    return "\x1b[H" + "\x1b[K\n".join(shown) + "\x1b[J"
