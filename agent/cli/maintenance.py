"""``maintenance``: says that somebody is at work on a device, so that its data are marked; recording goes on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from agent.amounts import ago
from agent.cli.acting import settled, tell
from agent.cli.moments import local, seconds, station_zone
from agent.cli.words import columns_of_screen
from agent.columns import fold, table
from agent.language import say
from agent.operations.current import current
from agent.operations.wording import person_of
from agent.paths import locate

INDENT = " " * 4

EXAMPLES = """\
examples:
  station-agent maintenance
  station-agent maintenance start so2 --reason "new sample filter" --for 2h --order WO-2026-118
  station-agent maintenance stop so2 --reason "filter changed, no leak"
  station-agent maintenance start all --reason "audit of the station" --for 1d
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("--json", action="store_true", help="one JSON object per device, or for all")
    parser.set_defaults(run=_show)
    actions = parser.add_subparsers(metavar="[ACTION]")
    start = actions.add_parser("start", help=say("mark the data from now on"))
    stop = actions.add_parser("stop", help=say("mark them no longer"))
    for action in (start, stop):
        action.add_argument("device", help="a device name from the station file, or all")
    start.add_argument("--reason", required=True, metavar="TEXT", help="what is done")
    start.add_argument(
        "--for", dest="for_s", type=seconds, metavar="TIME", help="how long: 45min, 2h, … (default 8h, at most 30d)"
    )
    start.add_argument("--order", metavar="NUMBER", help="the work order")
    start.set_defaults(run=_start)
    stop.add_argument("--reason", metavar="TEXT", help="what came of it, for the record")
    stop.set_defaults(run=_stop)


def _show(options: argparse.Namespace) -> int:
    """Print what runs."""
    running = current(locate(options.config), "maintenance")
    for line in _json(running) if options.json else _lines(running, station_zone(options.config)):
        print(line)
    return 0


def _json(running: list[dict[str, Any]]) -> Iterator[str]:
    yield from (json.dumps(one, ensure_ascii=False) for one in running)


def _lines(running: list[dict[str, Any]], zone: tzinfo) -> Iterator[str]:
    if not running:
        yield say("no maintenance runs")
        return
    columns, head = columns_of_screen(), ("DEVICE", "SINCE", "UNTIL", "BY", "ORDER")
    rows = [
        (one["subject"], say(ago(one["started"])), _at(one["until"], zone), person_of(one["by"]), one["order"] or "-")
        for one in running
    ]
    first, *lines = table([say(word) for word in head], rows, columns)
    yield first
    for line, one in zip(lines, running, strict=True):
        yield line
        yield from fold(f"{INDENT}{one['reason']}", columns, INDENT)


def _start(options: argparse.Namespace) -> int:
    """Begin, or go on until another time."""
    words = {"device": options.device, "reason": options.reason, "for_s": options.for_s, "order": options.order}
    answer = tell(options.config, "maintenance_start", **words)
    until = _at(answer["until"], station_zone(options.config))
    print(say(f"maintenance of {options.device} runs until {until}; its data are marked, and recorded as before"))
    return settled(answer)


def _stop(options: argparse.Namespace) -> int:
    """End it before its time."""
    answer = tell(options.config, "maintenance_stop", device=options.device, reason=options.reason)
    for one in answer["ended"]:
        print(say(f"maintenance of {one['device']} ended after {ago(seconds=one['seconds'])}"))
    return settled(answer)


def _at(instant: str, zone: tzinfo) -> str:
    """A time of the station's clocks, to the second."""
    return local(round(datetime.fromisoformat(instant).timestamp() * 1000), zone)[:19]
