"""One record as one line for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from agent.language import say
from drivers.reading import Stream


def record_line(stream: Stream, record: dict[str, Any], zone: tzinfo = UTC) -> str:
    """Return time in *zone*, stream, seq, and what the record says."""
    return " ".join(_words(stream, record, zone))


def _words(stream: Stream, record: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    yield _time(record.get("time"), zone)
    yield f"{say(str(stream))} {record['seq']}"
    for key in ("device", "uplink", "event"):
        if key in record:
            yield str(record[key])
    quality = record.get("quality", {})
    for name, value in record.get("values", {}).items():
        yield f"{name}={value}" + (f"({say(quality[name])})" if name in quality else "")
    if "*" in quality:
        yield f"{say(quality['*'])}: {record.get('reason', '')} x{record.get('ticks', 1)}"
    if "data" in record and "values" not in record:
        yield json.dumps(record["data"], ensure_ascii=False)


def _time(text: object, zone: tzinfo) -> str:
    """A time of a record in *zone*, with its offset; in UTC as it stands there."""
    if zone is UTC or not isinstance(text, str):
        return str(text or "-")
    return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="milliseconds")
