"""``scan``: finds who answers on a link, beside the running daemon or directly."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.moments import seconds
from agent.cli.news import Screen
from agent.commission.anywhere import carry_out
from agent.language import say

EXAMPLES = """\
examples:
  station-agent scan rack
  station-agent scan rack --addresses 1-32
  station-agent scan rack --serial 9600,19200 --parity N,E
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("link", help="a link of the station file, or a device with a wire of its own")
    parser.add_argument("--addresses", metavar="LIST", help="1-247 (the default for Modbus), 1,2,16-31, 0-9,A-Z")
    parser.add_argument("--profile", metavar="NAME", help="look for instruments of this model and not for Modbus units")
    parser.add_argument("--protocol", metavar="NAME", help="modbus-rtu, -ascii or -tcp, where it is not the usual")
    parser.add_argument("--table", choices=("holding", "input", "coil", "discrete"), help="what is asked for")
    parser.add_argument("--register", type=int, metavar="N", help="which register is asked for (0)")
    parser.add_argument("--timeout", type=seconds, metavar="200ms", help="how long each may take to answer (300ms)")
    parser.add_argument("--serial", type=baud_rates, metavar="9600,…", help="baud rates to try, on a link not polled")
    parser.add_argument("--parity", type=parities, metavar="N,E", help="parities to try, on a link not polled")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print who answers; the exit code is 1 when nobody does."""
    keys = ("link", "addresses", "profile", "protocol", "table", "register", "timeout", "parity")
    request = {key: getattr(options, key) for key in keys} | {"baud": options.serial}
    screen = Screen(_line, json=options.json)
    carry_out(options.config, "scan", request, screen.show)
    return int(not screen.last["found"])


def _line(news: dict[str, Any]) -> str | None:
    match news["event"]:
        case "plan":
            return _plan(news)
        case "found":
            return _found(news)
        case "progress":
            return say(f"{news['asked']} of {news['of']} asked, {news['found']} answered")
        case "skipped":
            return say(f"not tried: {news['why']}")
        case _:
            hint = f"\n  {say('next')}: {say(news['hint'])}" if "hint" in news else ""
            return say(f"{news['found']} answered") + hint


def _plan(news: dict[str, Any]) -> str:
    how = " ".join(str(news[key]) for key in ("baud", "parity") if key in news)
    what = news["profile"] or news["protocol"]
    beside = f", between the polls of {', '.join(news['beside'])}" if news["beside"] else ""
    return say(
        f"scanning {news['link']} at {news['endpoint']}{f' with {how}' if how else ''}: {news['addresses']} addresses "
        f"as {what}, {news['timeout_s']:g} s each, about {news['about_s']:g} s together{beside}"
    )


def _found(news: dict[str, Any]) -> str:
    who = f" ({news['device']})" if news["device"] else ""
    damaged = f"{say('damaged')}: " if news["answer"] == "damaged" else ""
    address = say(f"address {news['address']}")
    return f"  {address}{who}: {damaged}{say(news['text'])}"


def baud_rates(text: str) -> list[int]:
    """Parse numbers with commas between them."""
    return [int(part) for part in text.split(",")]


def parities(text: str) -> list[str]:
    """Parse letters with commas between them."""
    return text.upper().split(",")
