"""``listen``: shows what comes on a link by itself, raw and decoded."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.moments import seconds
from agent.cli.news import Screen
from agent.columns import padded
from agent.commission.anywhere import carry_out
from agent.language import say

EXAMPLES = """\
examples:
  station-agent listen mast
  station-agent listen mast --for 1min
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("link", help="a link of the station file, or a device with a wire of its own")
    parser.add_argument("--for", dest="seconds", type=seconds, metavar="10s", help="how long (10s)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is heard; the exit code is 1 when there was nothing."""
    screen = Screen(_line, json=options.json)
    carry_out(options.config, "listen", {"link": options.link, "seconds": options.seconds}, screen.show)
    return int(not screen.last["lines"])


def _line(news: dict[str, Any]) -> str:
    if news["event"] == "plan":
        return say(f"listening on {news['link']} at {news['endpoint']} for {news['seconds']:g} s; Ctrl-C ends it")
    if news["event"] == "done":
        return say(f"{news['lines']} lines, {news['bytes']} bytes")
    lines = [f"{news['time'][11:23]}  {news['text']}"]
    if news["text"].count("<") > news["raw"].count(" ") / 2:  # more of it has no letter than has one
        lines.append(f"    {padded(say('raw'), 8)} {news['raw']}")
    for one in news["decoded"]:
        values = ", ".join(f"{r['channel']} {r['value']}" for r in one["readings"] if r["value"] is not None)
        lines.append(f"    {one['device']}: {values}")
    lines += [f"    {padded(say('perhaps'), 8)} {say(guess)}" for guess in news["guesses"]]
    return "\n".join(lines)
