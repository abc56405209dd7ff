"""``identify``: which profiles fit what answers on a link, with reasons."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.moments import seconds
from agent.cli.news import Screen
from agent.commission.anywhere import carry_out
from agent.language import say

WELL, PARTLY = 80, 40

EXAMPLES = """\
examples:
  station-agent identify rack --address 7
  station-agent identify rack --profile teledyne-t100 --profile teledyne-t200
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("link", help="a link of the station file, or a device with a wire of its own")
    parser.add_argument("--address", type=_address, metavar="N", help="who is asked (Modbus: 1; else as delivered)")
    only = "try only this one; may be repeated"
    parser.add_argument("--profile", dest="profiles", action="append", metavar="NAME", help=only)
    parser.add_argument("--timeout", type=seconds, metavar="200ms", help="how long each answer may take (500ms)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what fits, best first; the exit code is 1 when nothing does."""
    screen = Screen(_line, json=options.json)
    request = {key: getattr(options, key) for key in ("link", "address", "profiles", "timeout")}
    carry_out(options.config, "identify", request, screen.show)
    return int(not screen.last["fits"])


def _line(news: dict[str, Any]) -> str:
    match news["event"]:
        case "plan":
            asking = f"asking on {news['link']} at {news['endpoint']} what {news['profiles']} profiles would ask"
            return say(f"{asking}; about {news['about_s']} s")
        case "progress":
            return say(f"{news['asked']} of {news['of']} tried, {news['found']} answered")
        case "fit":
            values = ", ".join(f"{name} {value}" for name, value in news["readings"].items())
            reasons = "".join(f"\n        {say(reason)}" for reason in news["reasons"])
            fit = say(f"{_verdict(news['score'])} ({news['score']} of 100)")
            return f"  {news['profile']} {fit}{reasons}\n        {say('now')}: {values}"
        case _:
            return say("a fit is no proof: compare with the instrument's display" if news["fits"] else "nothing fits")


def _verdict(score: int) -> str:
    return "fits well" if score >= WELL else "fits partly" if score >= PARTLY else "fits badly"


def _address(text: str) -> int | str:
    return int(text) if text.isdecimal() and text == str(int(text)) else text
