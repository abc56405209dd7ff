"""``export``: writes a time range as CSV or JSON Lines, with heads."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from agent.cli.moments import moment
from agent.exporting import export_csv, export_lines
from agent.paths import locate
from agent.settings import ConfigError, Settings
from agent.store.reader import Reader
from drivers.reading import Stream
from drivers.units import shown


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--since", required=True, help='"2026-11-01", "2026-11-22 04:30", "24h", in the station\'s zone'
    )
    parser.add_argument("--until", default="now", help="the end, which is not in it; default now")
    parser.add_argument("--stream", type=Stream, choices=list(Stream), action="append", help="default: all four")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="jsonl proves itself, csv does not")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the range; the exit code is 1 when nothing lies in it."""
    zone, units = _station(options.config)
    since_ms, until_ms = moment(zone)(options.since), moment(zone)(options.until)
    streams = options.stream or list(Stream)
    started = time.monotonic()
    target = options.output.open("wb") if options.output else nullcontext(sys.stdout.buffer)
    with target as out, Reader.open(locate(options.config).store) as log:
        total = _write(log, streams, since_ms, until_ms, options.format, zone, units, out)
    print(f"{total} records in {time.monotonic() - started:.1f} s", file=sys.stderr)
    return int(total == 0)


def _write(
    log: Reader,
    streams: list[Stream],
    since_ms: int,
    until_ms: int,
    form: str,
    zone: ZoneInfo,
    units: dict[str, str],
    out: BinaryIO,
) -> int:
    if form == "csv":
        return export_csv(log, streams, since_ms, until_ms, zone, units, out)
    return sum(export_lines(log, stream, since_ms, until_ms, out) for stream in streams)


def _station(config: Path) -> tuple[ZoneInfo, dict[str, str]]:
    """Zone and units of the station; UTC and none beside a file that is wrong."""
    try:
        settings = Settings.load(config)
    except ConfigError:
        return ZoneInfo("UTC"), {}
    units = {
        f"{device}.{channel.name}": shown(channel.unit)
        for device, profile in settings.profiles.items()
        for channel in profile.channels
    }
    return settings.station.zone, units
