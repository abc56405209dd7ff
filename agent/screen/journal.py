"""Events and audit records as people read them, the newest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import orjson

from agent.columns import cut, fold
from agent.language import say
from agent.screen.page import Line, Page, Tone
from agent.screen.values import shown
from agent.store.reader import Reader
from drivers.reading import Stream

NEWEST = 100
"""So many are shown; `station-agent records` has the others."""

CHUNK = 500
MOST_LINES = 3
"""Of one record; what is longer is there to be read with `station-agent records`."""

INDENT = 16
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z")
SPOKEN = ("quality", "reason", "stream", "state")
"""Keys whose values are words of ours."""

BOOKKEEPING = ("dictionary",)
"""Events that say nothing to people."""

ENDINGS: dict[str, Tone] = {"lost": "warning", "refused": "warning", "fork": "critical", "aside": "critical"}
"""Tone by the last word of an event's name."""


def newest(path: Path, stream: Stream, count: int = NEWEST) -> list[Mapping[str, Any]]:
    """The last *count* records of *stream*, the newest first. Opens the log anew: it may have been set aside."""
    found: list[Mapping[str, Any]] = []
    with Reader.open(path) as log:
        for series in reversed([one for one in log.series() if one.stream is stream]):
            high = series.last
            while high >= series.first and len(found) < count:
                rows = log.batch(series.epoch, stream, max(series.first, high - CHUNK + 1), high, max_records=CHUNK)
                records = (orjson.loads(row.body) for row in reversed(rows))
                found += [record for record in records if record.get("event") not in BOOKKEEPING]
                high -= CHUNK
    return found[:count]


def journal_page(records: Sequence[Mapping[str, Any]], zone: tzinfo, columns: int) -> Page:
    """Each record in as many lines as it needs, with its local time."""
    lines = [line for record in records for line in _told(record, zone, columns)]
    return Page(body=lines or [Line(say("nothing has happened yet"))])


def _told(record: Mapping[str, Any], zone: tzinfo, columns: int) -> Iterator[Line]:
    name = str(record.get("event", "?"))
    about = record.get("device") or record.get("uplink") or ""
    words = ", ".join(f"{say(key)} {_value(key, value, zone)}" for key, value in record.get("data", {}).items())
    at = _local(record["time"], zone)
    text = "  ".join(filter(None, (at, say(name).replace("_", " "), about, words)))
    tone = ENDINGS.get(name.rpartition("_")[2], "plain")
    lines = list(fold(text, columns, " " * INDENT))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], cut(f"{lines[MOST_LINES - 1]} …", columns)]
    yield from (Line(line, tone) for line in lines)


def _value(key: str, value: object, zone: tzinfo) -> str:
    """A value of an event; names stay what they are in every language."""
    match value:
        case dict():
            return orjson.dumps(value).decode()
        case list():
            return " … ".join(_value(key, part, zone) for part in value)
        case str() if TIME.fullmatch(value):
            return _local(value, zone)
        case str():
            return say(value) if key in SPOKEN or " " in value else value
    return shown(value)


def _local(instant: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(zone):%m-%d %H:%M:%S}"
