"""``export``: writes a time range as JSON Lines with heads, as CSV or as Parquet, or seals a month for the cupboard."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from agent import __version__
from agent.cli.moments import Period, moment, month, station_zone
from agent.exporting.jsonl import export_lines
from agent.exporting.output import finished
from agent.exporting.parquet import export_parquet
from agent.exporting.seal import seal_month
from agent.exporting.sheet import DIALECTS, export_csv
from agent.language import say
from agent.paths import locate
from agent.store.reader import Reader
from agent.store.source import Source
from drivers.errors import StationError
from drivers.reading import Stream

EXAMPLES = """\
examples:
  station-agent export --since 2026-11-01 --until 2026-12-01 --format csv --output november.csv
  station-agent export --since 24h --stream measurement > yesterday.jsonl
  station-agent export --month 2026-11 --format parquet --output november.parquet
  station-agent export --month 2026-11 --seal /media/cupboard
"""


class ExportError(StationError):
    """The command line does not say enough."""

    exit_code = 2


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("--since", help='"2026-11-01", "2026-11-22 04:30", "24h", in the station\'s zone')
    parser.add_argument("--until", help="the end, which is not in it (default: now)")
    parser.add_argument("--month", metavar="YYYY-MM", help="a whole month of the station's zone")
    parser.add_argument("--stream", type=Stream, choices=list(Stream), action="append", help="default: all four")
    parser.add_argument(
        "--format",
        choices=("jsonl", "csv", "parquet"),
        default="jsonl",
        help="jsonl proves itself, the others do not; csv opens in a spreadsheet program",
    )
    parser.add_argument(
        "--decimal",
        choices=DIALECTS,
        default="point",
        help="of csv: comma where people write 12,5; semicolons part the columns then",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: stdout")
    parser.add_argument(
        "--seal",
        type=Path,
        metavar="FOLDER",
        help="with --month: a file for each stream and a manifest with heads and SHA-256, for verify",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the range; the exit code is 1 when nothing lies in it."""
    zone = station_zone(options.config)
    period = _period(options)
    started_s = time.monotonic()
    paths = locate(options.config)
    with Reader.open(paths.store) as log:
        source = Source(log, paths.archive)
        if options.seal:
            return _seal(source, period, options.seal, str(zone))
        streams = options.stream or list(Stream)
        total = _write(source, streams, period, options, str(zone))
    print(say(f"{total} records in {time.monotonic() - started_s:.1f} s"), file=sys.stderr)
    return int(total == 0)


def _period(options: argparse.Namespace) -> Period:
    zone = station_zone(options.config)
    if options.month:
        if options.since or options.until:
            raise ExportError("--month names the whole range", hint="Leave out --since and --until")
        return month(options.month, zone)
    if options.seal:
        raise ExportError("only a whole month is sealed", hint="Name it: --month 2026-11")
    if not options.since:
        raise ExportError("it is not said what to export", hint="Say --since 24h, or --month 2026-11")
    return Period("", moment(options.since, zone), moment(options.until or "now", zone))


def _write(source: Source, streams: list[Stream], period: Period, options: argparse.Namespace, zone: str) -> int:
    _, since_ms, until_ms = period
    if options.format == "parquet":
        if options.output is None:
            raise ExportError("Parquet is no text for a terminal", hint="Name a file: --output FILE")
        with finished(options.output) as path:
            return export_parquet(source, streams, since_ms, until_ms, zone, path)[0]
    with _target(options.output) as out:
        if options.format == "csv":
            zone_of_times, dialect = station_zone(options.config), DIALECTS[options.decimal]
            return export_csv(source, streams, since_ms, until_ms, zone_of_times, out, dialect)[0]
        parts = [export_lines(source, stream, since_ms, until_ms, out) for stream in streams]
        return sum(segment.records for segments in parts for segment in segments)


@contextmanager
def _target(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with finished(path) as unfinished, unfinished.open("wb") as out:
        yield out


def _seal(source: Source, period: Period, folder: Path, zone: str) -> int:
    now_ms = int(time.time() * 1000)
    words: dict[str, Any] = seal_month(source, *period, folder, zone=zone, agent=__version__, now_ms=now_ms)
    for file in words["files"]:
        print(f"{file['file']}  {file['records']}  {file['sha256']}")
    print(say(f"seal of {period.name}, for the label: {words['seal']}"))
    print(say(f"Look at it at any time with: station-agent verify {folder}"))
    lost = [(file["stream"], gap) for file in words["files"] for gap in file["lost"]]
    for stream, gap in lost:
        print(say(f"{stream} {gap['first']} to {gap['last']} of epoch {gap['epoch']} are in neither log nor archive"))
    return int(bool(lost))
