"""``records``: prints or follows what stands in the log, also with the daemon dead."""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC
from pathlib import Path

from agent.cli.moments import moment
from agent.cli.recordline import record_line
from agent.paths import locate
from agent.store.reader import Reader
from agent.store.record import Row
from drivers.reading import Stream

PAUSE_S = 0.5
DAY_MS = 86_400_000


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--stream", type=Stream, choices=list(Stream), help="one stream; without it all four")
    parser.add_argument("--device", help="only records of this device")
    parser.add_argument("--since", type=moment(UTC), help='"10min", "2026-11-22 04:30" (UTC), …')
    parser.add_argument("--until", type=moment(UTC), default=None)
    parser.add_argument("--last", type=int, metavar="N", help="the last N records (default 20 where no time is given)")
    parser.add_argument("--follow", action="store_true", help="go on with what is stored from now on, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="the record's own bytes, one a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print; the exit code is 1 when nothing matched."""
    streams = [options.stream] if options.stream else list(Stream)
    path = locate(options.config).store
    with Reader.open(path) as reader:
        seen = {(series.epoch, series.stream): series.last for series in reader.series()}
        found = False
        for stream, body in _past(reader, options, streams):
            found = True
            _print(stream, body, as_json=options.json)
    if options.follow:
        _follow(path, options, seen)
    return int(not found)


def _past(reader: Reader, options: argparse.Namespace, streams: list[Stream]) -> Iterator[tuple[Stream, bytes]]:
    last = options.last if options.last or options.since else 20
    until = options.until or int(time.time() * 1000) + DAY_MS
    rows = [
        (row.time_ms, stream, row.body) for stream in streams for row in _some(reader, stream, options, until, last)
    ]
    rows.sort(key=lambda row: row[0])
    for _, stream, body in rows[-last:] if last else rows:
        yield stream, body


def _some(reader: Reader, stream: Stream, options: argparse.Namespace, until: int, last: int | None) -> Iterable[Row]:
    if options.since is not None or options.until is not None:
        rows = reader.between(stream, options.since or 0, until, options.device)
        return deque(rows, last) if last else rows
    return _newest(reader, stream, last or 20, options.device)


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


def _follow(path: Path, options: argparse.Namespace, seen: dict[tuple[str, Stream], int]) -> None:
    while True:
        with Reader.open(path) as reader:  # anew each time: the log may have been set aside
            for series in reader.series():
                if options.stream not in (None, series.stream):
                    continue
                first = seen.get((series.epoch, series.stream), 0) + 1
                for row in reader.walk(series.epoch, series.stream, first, series.last):
                    if _is_wanted(options.device, row):
                        _print(series.stream, row.body, as_json=options.json)
                seen[series.epoch, series.stream] = series.last
        time.sleep(PAUSE_S)


def _is_wanted(device: str | None, row: Row) -> bool:
    return device is None or json.loads(row.body).get("device") == device


def _print(stream: Stream, body: bytes, *, as_json: bool) -> None:
    if as_json:
        print(body.decode(), flush=True)
        return
    print(record_line(stream, json.loads(body)), flush=True)
