"""Records in a text file: JSON Lines with heads, as the archive and ``export`` write them.

One line opens a segment and says where it lies in its series, then one line per
record carries the record's own bytes and the head after it::

    {"epoch":"k3nab7q2wz4m","first":1,"prev":"<head before>","station":"330100-A01","stream":"event","v":1}
    {"head":"<head after it>","record":{...}}
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import orjson

from agent.store.record import Row, canonical, next_head, to_ms
from drivers.reading import Stream

_BEGINS = b'{"head":'
_BODY = len(_BEGINS) + 66 + len(',"record":{')
"""Where the first key of a record stands in its line."""

_RECORD = re.compile(rb'\{"head":"([0-9a-f]{64})","record":(\{.*\})\}\n?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a segment lies: the records of one series from ``first`` on; ``prev`` is the head before it, if known."""

    station: str
    epoch: str
    stream: Stream
    first: int
    prev: bytes | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is neither a heading nor a record."""

    line: int
    what: str


def write(out: BinaryIO | gzip.GzipFile, heading: Heading, rows: Iterable[Row]) -> None:
    """Write one segment; *rows* follow each other without a hole, the first one is number ``heading.first``."""
    words = {
        "v": 1,
        "station": heading.station,
        "epoch": heading.epoch,
        "stream": heading.stream,
        "first": heading.first,
        "prev": heading.prev and heading.prev.hex(),
    }
    out.write(canonical(words) + b"\n")
    out.writelines(b'{"head":"%b","record":%b}\n' % (row.head.hex().encode(), row.body) for row in rows)


def read(lines: Iterable[bytes]) -> Iterator[Heading | Row | Fault]:
    """What *lines* hold, one thing per line."""
    for number, line in enumerate(lines, 1):
        yield _record(number, line) if line.startswith(_BEGINS) else _heading(number, line)


def bodies(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Seq and bytes of each record that :func:`write` wrote, neither decoded nor checked.

    Raises ValueError for a line that is not what it should be.
    """
    seq = 0
    for number, line in enumerate(lines, 1):
        if line.startswith(_BEGINS):
            if line[_BODY - 11 : _BODY] != b',"record":{' or line[-2:] != b"}\n":
                raise ValueError(f"line {number}: it is not a head and a record")
            yield seq, line[_BODY - 1 : -2]
            seq += 1
        else:
            heading = _heading(number, line)
            if isinstance(heading, Fault):
                raise ValueError(f"line {number}: {heading.what}")
            seq = heading.first


def excerpt(lines: Iterable[bytes], first: int, last: int) -> Iterator[tuple[bytes | None, Row]]:
    """Records *first* to *last* of what :func:`write` wrote, each with the head before it, if that is known.

    What comes before is passed over undecoded. Ends at the first line that is not what it should be, a record
    that breaks the chain included.
    """
    seq, head = 0, None
    for number, line in enumerate(lines, 1):
        if seq > last:
            return
        if not line.startswith(_BEGINS):
            heading = _heading(number, line)
            if isinstance(heading, Fault):
                return
            seq, head = heading.first, heading.prev
            continue
        if seq >= first - 1:
            row = _record(number, line)
            if isinstance(row, Fault) or row.seq != seq or (head and next_head(head, row.body) != row.head):
                return
            if seq >= first:
                yield head, row
            head = row.head
        else:
            head = None
        seq += 1


def _record(number: int, line: bytes) -> Row | Fault:
    if not (parts := _RECORD.fullmatch(line)):
        return Fault(number, "it is not a head and a record")
    head, body = parts.groups()
    try:
        words = orjson.loads(body)
        time_ms = to_ms(datetime.fromisoformat(words["time"]))
        return Row(int(words["seq"]), time_ms, body, bytes.fromhex(head.decode()))
    except (ValueError, KeyError, TypeError) as error:
        return Fault(number, f"its record cannot be read: {error}")


def _heading(number: int, line: bytes) -> Heading | Fault:
    try:
        words = orjson.loads(line)
        prev = bytes.fromhex(words["prev"]) if words["prev"] else None
        return Heading(words["station"], words["epoch"], Stream(words["stream"]), int(words["first"]), prev)
    except (ValueError, KeyError, TypeError) as error:
        return Fault(number, f"it opens no segment: {error}")
