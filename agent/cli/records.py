"""``records``: prints or follows what was recorded, also with the daemon dead. Times are in the station's zone.

With a time, what the log has freed since comes from the archive.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from functools import partial
from heapq import merge
from pathlib import Path
from typing import NamedTuple

from agent.cli.moments import moment, station_zone
from agent.cli.recordline import record_line
from agent.paths import locate
from agent.store.reader import Reader
from agent.store.record import Row
from agent.store.source import Source
from drivers.reading import Stream

PAUSE_S = 0.5
DAY_MS = 86_400_000
NEWEST = 20
"""So many are shown where neither a time nor a number is given."""

EXAMPLES = """\
examples:
  station-agent records --device so2 --follow
  station-agent records --since "2026-11-22 08:00" --until "2026-11-22 09:00" --stream measurement
  station-agent records --stream audit --since 30d
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("--stream", type=Stream, choices=list(Stream), help="one stream; without it all four")
    parser.add_argument("--device", help="only records of this device")
    parser.add_argument("--since", metavar="TIME", help='"10min", "2026-11-22 04:30" in the station\'s zone, …')
    parser.add_argument("--until", metavar="TIME", help="the end, which is not in it")
    parser.add_argument("--last", type=int, metavar="N", help="the last N records (default 20 where no time is given)")
    parser.add_argument("--follow", action="store_true", help="go on with what is stored from now on, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="the record's own bytes, one a line")
    parser.set_defaults(run=run)


Show = Callable[[Stream, bytes], None]
Timed = tuple[int, Stream, bytes]
"""When a record was made (ms), and its bytes."""


class Wanted(NamedTuple):
    """Which records are asked for; without a time, or with ``last``, the newest of them."""

    streams: list[Stream]
    device: str | None
    since_ms: int | None
    until_ms: int | None
    last: int | None


def run(options: argparse.Namespace) -> int:
    """Print; the exit code is 1 when nothing matched."""
    zone = station_zone(options.config)
    wanted, show = _wanted(options, zone), partial(_print, zone=None if options.json else zone)
    paths = locate(options.config)
    with Reader.open(paths.store) as log:
        seen = {(series.epoch, series.stream): series.last for series in log.series()}
        found = False
        for _, stream, body in _past(Source(log, paths.archive), wanted):
            found = True
            show(stream, body)
    if options.follow:
        _follow(paths.store, wanted, show, seen)
    return int(not found)


def _wanted(options: argparse.Namespace, zone: tzinfo) -> Wanted:
    return Wanted(
        [options.stream] if options.stream else list(Stream),
        options.device,
        moment(options.since, zone) if options.since else None,
        moment(options.until, zone) if options.until else None,
        options.last or (None if options.since or options.until else NEWEST),
    )


def _past(source: Source, wanted: Wanted) -> Iterable[Timed]:
    """What was recorded, by its time: a month need not fit into memory."""
    rows = merge(*(_some(source, stream, wanted) for stream in wanted.streams), key=lambda timed: timed[0])
    return deque(rows, wanted.last) if wanted.last else rows


def _some(source: Source, stream: Stream, wanted: Wanted) -> Iterator[Timed]:
    for row in _rows(source, stream, wanted):
        yield row.time_ms, stream, row.body


def _rows(source: Source, stream: Stream, wanted: Wanted) -> Iterable[Row]:
    if wanted.since_ms is None and wanted.until_ms is None:
        return _newest(source.log, stream, wanted.last or NEWEST, wanted.device)
    until_ms = int(time.time() * 1000) + DAY_MS if wanted.until_ms is None else wanted.until_ms
    rows = (one.row for one in source.located(stream, wanted.since_ms or 0, until_ms))
    return (row for row in rows if _is_wanted(wanted.device, row))


def _newest(reader: Reader, stream: Stream, count: int, device: str | None) -> Iterable[Row]:
    """The last *count* records, walking back from the end without touching the rest."""
    newest: deque[Row] = deque()
    for series in reversed([series for series in reader.series() if series.stream is stream]):
        high = series.last
        while high >= series.first and len(newest) < count:
            low = max(series.first, high - 499)
            rows = reader.batch(series.epoch, stream, low, high, max_records=500)
            fitting = [row for row in rows if _is_wanted(device, row)]
            newest.extendleft(reversed(fitting[-(count - len(newest)) :]))
            high = low - 1
    return newest


def _follow(path: Path, wanted: Wanted, show: Show, seen: dict[tuple[str, Stream], int]) -> None:
    while True:
        with Reader.open(path) as reader:  # anew each time: the log may have been set aside
            for series in reader.series():
                if series.stream not in wanted.streams:
                    continue
                first = seen.get((series.epoch, series.stream), 0) + 1
                for row in reader.walk(series.epoch, series.stream, first, series.last):
                    if _is_wanted(wanted.device, row):
                        show(series.stream, row.body)
                seen[series.epoch, series.stream] = series.last
        time.sleep(PAUSE_S)


def _is_wanted(device: str | None, row: Row) -> bool:
    """Whether a record names *device*; only the few that may are decoded."""
    if device is None:
        return True
    return f'"device":"{device}"'.encode() in row.body and json.loads(row.body).get("device") == device


def _print(stream: Stream, body: bytes, *, zone: tzinfo | None) -> None:
    """Print a record for people, with times of *zone*, or as the bytes that it is."""
    print(record_line(stream, json.loads(body), zone) if zone else body.decode(), flush=True)
