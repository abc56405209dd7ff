"""CSV that a spreadsheet program opens rightly, also a Chinese one; it has a row per value and cannot prove anything.

The byte-order mark makes these programs read UTF-8 where another encoding is usual
(GB 18030 in China). ``time`` is the station's local time in whole seconds and without
an offset: with either of them it would stay text, or be shown as minutes and tenths.
``utc`` is the exact instant. Numbers are written as numbers; a text that a program
would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime, tzinfo
from typing import BinaryIO

from agent.exporting.cells import Cell, Counting, cells
from agent.exporting.source import Source
from agent.store.record import time_text
from drivers.reading import Stream, Value

COLUMNS = ("time", "utc", "stream", "seq", "device", "channel", "value", "unit", "quality", "reason", "ticks")


def export_csv(
    source: Source, streams: list[Stream], since_ms: int, until_ms: int, zone: tzinfo, out: BinaryIO
) -> tuple[int, int]:
    """Write streams as CSV with times in *zone*; return how many records and rows."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    found = Counting(cells(source, streams, since_ms, until_ms))
    table.writerows(_row(cell, zone) for cell in found)
    text.detach()
    return found.records, found.rows


def _row(cell: Cell, zone: tzinfo) -> tuple[object, ...]:
    local = datetime.fromtimestamp(cell.time_ms // 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
    return (
        local,
        time_text(cell.time_ms),
        cell.stream,
        cell.seq,
        cell.device,
        cell.channel,
        plain(cell.value),
        cell.unit,
        cell.quality,
        cell.reason,
        "" if cell.ticks is None else cell.ticks,
    )


def plain(value: Value) -> str | int | float:
    """Return *value* as a cell that a spreadsheet takes for what it is."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case str() if value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(value):
            return "'" + value
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
