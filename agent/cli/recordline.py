"""One record as one line for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from drivers.reading import Stream


def record_line(stream: Stream, record: dict[str, Any]) -> str:
    """Return time, stream, seq, and what the record says."""
    return " ".join(_words(stream, record))


def _words(stream: Stream, record: dict[str, Any]) -> Iterator[str]:
    yield str(record.get("time", "-"))
    yield f"{stream} {record['seq']}"
    for key in ("device", "uplink", "event"):
        if key in record:
            yield str(record[key])
    quality = record.get("quality", {})
    for name, value in record.get("values", {}).items():
        yield f"{name}={value}" + (f"({quality[name]})" if name in quality else "")
    if "*" in quality:
        yield f"{quality['*']}: {record.get('reason', '')} x{record.get('ticks', 1)}"
    if "data" in record and "values" not in record:
        yield json.dumps(record["data"], ensure_ascii=False)
