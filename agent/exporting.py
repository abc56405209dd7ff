"""A time range of the log as a file: JSON Lines that prove themselves, or CSV that a spreadsheet opens.

JSON Lines have the form of the archive (:mod:`agent.store.lines`): heads beside the
records, a new heading wherever records that belong to another time were left
out. CSV has a row per value and cannot prove anything.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import count, groupby
from typing import BinaryIO

from agent.store.lines import Heading, write
from agent.store.reader import Reader
from agent.store.record import Row
from drivers.reading import Stream

COLUMNS = ("time", "stream", "seq", "device", "channel", "value", "unit", "quality", "reason")


def export_lines(log: Reader, stream: Stream, since_ms: int, until_ms: int, out: BinaryIO) -> int:
    """Write one stream as JSON Lines; return how many records."""
    total = 0
    located = log.located(stream, since_ms, until_ms)
    counter = count()
    for (epoch, _), run in groupby(located, key=lambda one: (one[0], one[1].seq - next(counter))):
        rows = [row for _, row in run]
        prev = log.head_at(epoch, stream, rows[0].seq - 1)
        write(out, Heading(log.station, epoch, stream, rows[0].seq, prev), rows)
        total += len(rows)
    return total


def export_csv(
    log: Reader, streams: list[Stream], since_ms: int, until_ms: int, zone: tzinfo, units: dict[str, str], out: BinaryIO
) -> int:
    """Write streams as CSV, times in *zone*; *units* by ``device.channel``. Return how many records.

    The byte-order mark makes spreadsheet programs read UTF-8 also where another encoding is usual.
    """
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    table = csv.writer(text)
    table.writerow(COLUMNS)
    total = 0
    for stream in streams:
        for row in log.between(stream, since_ms, until_ms):
            total += 1
            table.writerows(_cells(stream, row, zone, units))
    text.detach()
    return total


def _cells(stream: Stream, row: Row, zone: tzinfo, units: dict[str, str]) -> Iterator[tuple[object, ...]]:
    record = json.loads(row.body)
    device, quality = record.get("device", ""), record.get("quality", {})
    local = datetime.fromtimestamp(row.time_ms / 1000, zone).isoformat(sep=" ", timespec="milliseconds")
    where = (local, str(stream), row.seq, device)
    if "values" not in record:
        said = record.get("event", "*")
        data = json.dumps(record["data"], ensure_ascii=False) if "data" in record else record.get("ticks", "")
        yield (*where, said, data, "", quality.get("*", ""), record.get("reason", ""))
        return
    reasons = record.get("reasons", {})
    for name, value in record["values"].items():
        unit = units.get(f"{device}.{name}", "")
        shown = "" if value is None else value
        yield (*where, name, shown, unit, quality.get(name, "valid"), reasons.get(name, ""))
