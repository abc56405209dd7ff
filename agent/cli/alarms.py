"""``alarms``: what is open, what became of others; ``ack`` says that somebody has seen one, ``close`` why it was.

Looking works with the daemon dead; acting is the daemon's, so that the record names the user.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from agent.amounts import ago
from agent.cli.acting import settled, tell
from agent.cli.moments import local, moment, station_zone
from agent.cli.words import columns_of_screen
from agent.columns import fold, table
from agent.language import say
from agent.operations.current import current
from agent.operations.history import history
from agent.operations.wording import alarm_cause, person_of
from agent.paths import locate
from agent.store.reader import Reader
from agent.store.source import Source

INDENT = " " * 10
TO_COME_MS = 86_400_000
"""A clock that was ahead has left records of times to come."""

EXAMPLES = """\
examples:
  station-agent alarms
  station-agent alarms ack k3nab7q2
  station-agent alarms close k3na --reason "pump head replaced, flow 0.61 L/min again"
  station-agent alarms --since 30d
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("--since", metavar="TIME", help="all since then, also closed ones: 30d, 2026-11-22, …")
    parser.add_argument("--json", action="store_true", help="one JSON object per alarm")
    parser.set_defaults(run=_show)
    actions = parser.add_subparsers(metavar="[ACTION]")
    ack = actions.add_parser("ack", help=say("somebody has seen it"))
    close = actions.add_parser("close", help=say("it is over, and why it was"))
    for action in (ack, close):
        action.add_argument("ids", nargs="+", metavar="ID", help="the id of an open alarm, or its beginning")
    close.add_argument("--reason", required=True, metavar="TEXT", help="what it was, and what was done")
    ack.set_defaults(run=_acknowledge)
    close.set_defaults(run=_close)


def _show(options: argparse.Namespace) -> int:
    """Print; the exit code is 1 when an alarm is open that nobody has acknowledged."""
    paths = locate(options.config)
    if options.since:
        zone = station_zone(options.config)
        with Reader.open(paths.store) as log:
            source, until_ms = Source(log, paths.archive), int(time.time() * 1000) + TO_COME_MS
            found = history(source, moment(options.since, zone), until_ms)
        _print(found, _past(found, zone), options)
        return 0
    found = current(paths, "alarms")
    _print(found, _open(found), options)
    return int(any(alarm["state"] == "active" for alarm in found))


def _print(alarms: Iterable[Mapping[str, Any]], lines: Iterable[str], options: argparse.Namespace) -> None:
    for line in (json.dumps(alarm, ensure_ascii=False) for alarm in alarms) if options.json else lines:
        print(line)


def _open(alarms: list[dict[str, Any]]) -> Iterator[str]:
    if not alarms:
        yield say("no alarm is open")
        return
    head = ("ID", "SEVERITY", "STATE", "SINCE", "DEVICE")
    rows = [
        (one["id"], say(one["severity"]), say(one["state"]), say(ago(one["raised"])), one["device"]) for one in alarms
    ]
    yield from _listed(head, rows, alarms)


def _past(alarms: list[dict[str, Any]], zone: tzinfo) -> Iterator[str]:
    if not alarms:
        yield say("no alarm was raised")
        return
    head = ("ID", "SEVERITY", "STATE", "RAISED", "LASTED", "DEVICE")
    yield from _listed(head, [_life(alarm, zone) for alarm in alarms], alarms)


def _life(alarm: Mapping[str, Any], zone: tzinfo) -> tuple[str, ...]:
    raised = local(round(datetime.fromisoformat(alarm["raised"]).timestamp() * 1000), zone)[:19]
    lasted = say(ago(seconds=alarm["seconds"])) if alarm["cleared"] else "-"
    return alarm["id"], say(alarm["severity"]), say(alarm["state"]), raised, lasted, alarm["device"]


def _listed(head: Sequence[str], rows: Sequence[Sequence[str]], alarms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each alarm, and below it what raised it and what people said of it."""
    columns = columns_of_screen()
    first, *lines = table([say(word) for word in head], rows, columns)
    yield first
    for line, alarm in zip(lines, alarms, strict=True):
        yield line
        for remark in _remarks(alarm):
            yield from fold(f"{INDENT}{remark}", columns, INDENT)


def _remarks(alarm: Mapping[str, Any]) -> Iterator[str]:
    yield say(alarm_cause(alarm))
    if alarm["times"] > 1:
        yield say(f"raised {alarm['times']} times since {ago(alarm['first'])}")
    if by := alarm["acknowledged"]:
        yield say(f"acknowledged by {person_of(by)} {ago(by['time'])} ago")
    if by := alarm.get("closed"):
        yield say(f"closed by {person_of(by)}: {by['reason']}")


def _acknowledge(options: argparse.Namespace) -> int:
    """Say that somebody has seen them."""
    answer = tell(options.config, "alarms_acknowledge", ids=options.ids)
    print(say(f"acknowledged: {', '.join(answer['alarms'])}"))
    return settled(answer)


def _close(options: argparse.Namespace) -> int:
    """Say why they were."""
    answer = tell(options.config, "alarms_close", ids=options.ids, reason=options.reason)
    print(say(f"closed: {', '.join(answer['alarms'])}"))
    return settled(answer)
