"""CSV that a spreadsheet program opens rightly, also a Chinese one; it has a row per value and cannot prove anything.

The byte-order mark makes these programs read UTF-8 where another encoding is usual
(GB 18030 in China). ``time`` is the station's local time in whole seconds and without
an offset: with either of them it would stay text, or be shown as minutes and tenths.
``utc`` is the exact instant. Numbers are written as numbers; a text that a program
would take for a formula, a date or another number begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import BinaryIO, NamedTuple, TextIO

from agent.exporting.cells import Cell, Counting, cells
from agent.store.record import time_text
from agent.store.source import Source
from drivers.reading import Stream, Value

COLUMNS = ("time", "utc", "stream", "seq", "device", "channel", "value", "unit", "quality", "reason", "ticks", "clock")


_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_MISTAKEN = re.compile(
    rf"""\s*[=+\-@\t\r＝＋－＠].*                      # a formula
    | (?=.*\d)[\d.,:/+\-\s年月日时分秒%eETZ]*          # a number, a date or a time of day
    | (?:\d+[-\s.]?)?{_MONTH}[-\s.]?\d*               # a day, as MAR1 is one
    | true | false""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{0,8}[1-9])?")
"""Numbers that come out of a spreadsheet program as they went in."""


class Dialect(NamedTuple):
    """How columns are separated and where fractions begin: programs follow the country of their user."""

    separator: str
    decimal: str


POINT = Dialect(",", ".")
"""China, and wherever people write 12.5."""

COMMA = Dialect(";", ",")
"""Wherever people write 12,5: there a point parts thousands."""

DIALECTS = {"point": POINT, "comma": COMMA}


class Sheet:
    """Rows as lines of CSV."""

    def __init__(self, out: TextIO, dialect: Dialect) -> None:
        self._table = csv.writer(out, delimiter=dialect.separator)
        self._decimal = dialect.decimal

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Write *rows*; None is an empty cell."""
        if self._decimal == ".":
            self._table.writerows(rows)
        else:
            self._table.writerows([self._number(cell) for cell in row] for row in rows)

    def _number(self, cell: object) -> object:
        return repr(cell).replace(".", self._decimal) if isinstance(cell, float) else cell


def export_csv(
    source: Source,
    streams: list[Stream],
    since_ms: int,
    until_ms: int,
    zone: tzinfo,
    out: BinaryIO,
    dialect: Dialect = POINT,
) -> tuple[int, int]:
    """Write streams as CSV with times in *zone*; return how many records and rows."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    sheet = Sheet(text, dialect)
    sheet.write([COLUMNS])
    found = Counting(cells(source, streams, since_ms, until_ms))
    sheet.write(_row(cell, zone) for cell in found)
    text.detach()
    return found.records, found.rows


def _row(cell: Cell, zone: tzinfo) -> tuple[object, ...]:
    local = datetime.fromtimestamp(cell.time_ms // 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
    return (
        local,
        time_text(cell.time_ms),
        cell.stream,
        cell.seq,
        plain(cell.device),
        plain(cell.channel),
        plain(cell.value),
        cell.unit,
        cell.quality,
        cell.reason,
        cell.ticks,
        cell.clock,
    )


def plain(value: Value) -> Value:
    """Return *value* as a cell that a spreadsheet program takes for what it is."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return _as_text(value)
    return value


@lru_cache(maxsize=4096)
def _as_text(text: str) -> str:
    """Return *text* behind an apostrophe where it would be taken for something else."""
    is_mistaken = text and not _PLAIN.fullmatch(text) and _MISTAKEN.fullmatch(text)
    return f"'{text}" if is_mistaken else text
