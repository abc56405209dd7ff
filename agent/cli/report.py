"""``report``: the valid transmission rate (数据有效传输率) of a day or a month, and what each lost tick was lost to."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

from agent.accounts.columns import as_csv, as_words
from agent.accounts.expectation import Expectation, promised
from agent.accounts.page import as_page
from agent.accounts.report import Report, report
from agent.accounts.stretches import Plan
from agent.accounts.tables import Table, by_day, definitions, moment, notes, tables
from agent.accounts.tally import Day
from agent.cli.moments import Period, day, month, station_zone
from agent.columns import fold, padded, shortened, width
from agent.exporting.output import finished
from agent.exporting.sheet import DIALECTS
from agent.language import say
from agent.paths import locate
from agent.settings import ConfigError, Settings
from agent.store.reader import Reader
from agent.store.source import Source
from drivers.reading import Stream

COLUMNS = 80
"""What a report is wide, on a screen, in a mail and on paper."""

LEAST_NAME = 10

EXAMPLES = """\
examples:
  station-agent report --day yesterday
  station-agent report --month 2026-11
  station-agent report --month 2026-11 --format html --output november.html
  station-agent report --month 2026-11 --format csv --output november.csv
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    span = parser.add_mutually_exclusive_group()
    span.add_argument("--day", metavar="DAY", help='"2026-11-22", "yesterday" or "today", the default')
    span.add_argument("--month", metavar="YYYY-MM", help="a month of the station's zone")
    parser.add_argument(
        "--format",
        choices=("text", "csv", "html", "json"),
        default="text",
        help="csv has a row per day, channel and uplink; html is a page to print",
    )
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument(
        "--decimal",
        choices=DIALECTS,
        default="point",
        help="of csv: comma where people write 12,5; semicolons part the columns then",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report; the exit code is 1 when a tick was lost."""
    paths, zone = locate(options.config), station_zone(options.config)
    period = month(options.month, zone) if options.month else day(options.day or "today", zone)
    plan, uplinks, name = _station(options.config)
    with Reader.open(paths.store) as log:
        source, now_ms = Source(log, paths.archive), int(time.time() * 1000)
        found = report(source, _days(period, zone), now_ms=now_ms, today=plan, uplinks=uplinks)
    _put(_rendered(found, options, period, name, zone), options.output)
    return int(any(account.total.lost.total() for account in found.accounts))


def _station(config: Path) -> tuple[Plan | None, Collection[str] | None, str]:
    """What the station file says of devices, of uplinks that get measurements, and its name; None for a wrong file."""
    try:
        settings = Settings.load(config)
    except ConfigError:
        return None, None, ""
    plan = {device: Expectation.parse(words) for device, words in promised(settings).items()}
    uplinks = {uplink.name for uplink in settings.uplinks if Stream.MEASUREMENT in uplink.streams}
    return plan, uplinks, settings.station.name


def _days(period: Period, zone: tzinfo) -> list[Day]:
    """The days of *period*."""
    days: list[Day] = []
    since_ms = period.since_ms
    while since_ms < period.until_ms:
        days.append(Day(*day(f"{datetime.fromtimestamp(since_ms / 1000, zone):%Y-%m-%d}", zone)))
        since_ms = days[-1].until_ms
    return days


def _rendered(found: Report, options: argparse.Namespace, period: Period, name: str, zone: tzinfo) -> bytes:
    match options.format:
        case "csv":
            return as_csv(found, DIALECTS[options.decimal])
        case "html":
            return as_page(found, title=period.name, station=name, zone=zone).encode()
        case "json":
            return json.dumps(as_words(found), ensure_ascii=False).encode() + b"\n"
    return "".join(f"{line}\n" for line in _text(found, period, zone)).encode()


def _text(found: Report, period: Period, zone: tzinfo) -> Iterator[str]:
    yield say(f"station {found.station}: valid transmission rate of {period.name}")
    yield f"{moment(found.since_ms, zone)} – {moment(found.until_ms, zone)} ({zone})"
    for one in tables(found):
        yield ""
        yield from _table(one)
    for one in by_day(found) if len(found.days) > 1 else ():
        yield ""
        yield from _table(one)
    yield ""
    for sentence in (*notes(found, zone), *definitions()):
        yield from fold(sentence, COLUMNS, "  ")


def _table(one: Table) -> Iterator[str]:
    """A table with its numbers to the right, and all of them: what there is too little room for is names."""
    yield one.caption
    names, *numbers = ([width(row[at]) for row in (one.head, *one.rows)] for at in range(len(one.head)))
    widths = [max(column) for column in numbers]
    room = min(max(names), max(COLUMNS - sum(widths) - 2 * len(widths), LEAST_NAME))
    for name, *cells in (one.head, *one.rows):
        aligned = [" " * (wanted - width(cell)) + cell for cell, wanted in zip(cells, widths, strict=True)]
        yield "  ".join([padded(shortened(name, room), room), *aligned])


def _put(content: bytes, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(content.decode())
        return
    with finished(path) as unfinished:
        unfinished.write_bytes(content)
