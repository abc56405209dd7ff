"""One record as one line for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from agent.happenings import happening
from agent.language import punctuation, say
from agent.screen.journal import details
from drivers.reading import Stream


def record_line(stream: Stream, record: dict[str, Any], zone: tzinfo = UTC) -> str:
    """Return time in *zone*, stream, seq, and what the record says."""
    return " ".join(_words(stream, record, zone))


def _words(stream: Stream, record: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    yield _time(record.get("time"), zone)
    yield f"{say(str(stream))} {record['seq']}"
    yield from (str(record[key]) for key in ("device", "uplink") if key in record)
    if "event" in record:
        told = details(record, zone) if record["event"] != "dictionary" else ""
        yield happening(record["event"]) + (f"{punctuation(': ')}{told}" if told else "")
    quality = record.get("quality", {})
    for name, value in record.get("values", {}).items():
        yield f"{name}={value}" + (f"({say(quality[name])})" if name in quality else "")
    if "*" in quality:
        yield f"{say(quality['*'])}{punctuation(': ')}{say(record.get('reason', ''))} x{record.get('ticks', 1)}"


def _time(text: object, zone: tzinfo) -> str:
    """A time of a record in *zone*, with its offset; in UTC as it stands there."""
    if zone is UTC or not isinstance(text, str):
        return str(text or "-")
    return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="milliseconds")
