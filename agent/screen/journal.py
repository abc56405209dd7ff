"""Events and audit records as people read them, the newest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import orjson

from agent.amounts import ago
from agent.columns import cut, fold
from agent.happenings import happening
from agent.language import joined, say
from agent.screen.page import Line, Page, Tone
from agent.screen.values import TIME, local, shown
from agent.store.reader import Reader
from drivers.reading import Stream

NEWEST = 100
"""So many are shown; `station-agent records` has the others."""

CHUNK = 500
MOST_LINES = 3
"""Of one record; what is longer is there to be read with `station-agent records`."""

INDENT = 16
HASH = re.compile(r"[0-9a-f]{32,}")
HASH_SHOWN = 8
"""Digits that tell one from another; the others are there to be read with `station-agent records`."""

SPOKEN = ("quality", "reason", "stream", "state", "flag", "class", "severity", "kind")
"""Keys whose values are words of ours."""

PEOPLES = ("alarm_closed", "maintenance_started", "maintenance_extended", "maintenance_ended", "note_added")
"""Events in which somebody speaks,"""

THEIRS = ("reason", "remark", "text", "person", "order")
"""and the keys of what they said: it is shown as they wrote it, in every language."""

WHY = {"stopped": "somebody ended it", "time": "its time was over"}
"""Why maintenance ended."""

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
    words = details(record, zone)
    at = local(record["time"], zone)
    text = "  ".join(filter(None, (at, happening(name), about, words)))
    tone = ENDINGS.get(name.rpartition("_")[2], "plain")
    lines = list(fold(text, columns, " " * INDENT))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], cut(f"{lines[MOST_LINES - 1]} …", columns)]
    yield from (Line(line, tone) for line in lines)


def details(record: Mapping[str, Any], zone: tzinfo) -> str:
    """Return what varies of an event or audit *record*, in words, with times of *zone*."""
    data = record.get("data", {})
    unit, theirs = data.get("unit", ""), THEIRS if record["event"] in PEOPLES else ()
    told = {key: value if key in theirs else _value(key, value, zone) for key, value in data.items() if key != "unit"}
    return joined(f"{_key(key)} {value} {unit if key == 'value' else ''}".rstrip() for key, value in told.items())


def _key(key: str) -> str:
    """What a value is, without the unit of its key."""
    told = say(key)
    return told if told != key else key.removesuffix("_s").replace("_", " ")


def _value(key: str, value: object, zone: tzinfo) -> str:
    """A value of an event; names stay what they are in every language."""
    match value:
        case bool():
            return say("true" if value else "false")
        case dict():
            flat = not any(isinstance(part, dict | list) for part in value.values())
            return joined(f"{name} {_value(name, part, zone)}" if flat else name for name, part in value.items())
        case list():
            return " … ".join(_value(key, part, zone) for part in value)
        case str() if TIME.fullmatch(value):
            return local(value, zone)
        case str() if HASH.fullmatch(value):
            return f"{value[:HASH_SHOWN]}…"
        case str() if key == "why":
            return say(WHY.get(value, value))
        case str() if key in SPOKEN:
            return say(value).replace("_", " ")
        case str():
            return say(value) if " " in value else value
        case int() | float() if key == "seconds" or key.endswith("_s"):
            return ("-" if value < 0 else "") + say(ago(seconds=abs(value)))
    return shown(value)
