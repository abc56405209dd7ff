"""Parquet, for those who compute: a row per value, typed columns, times in UTC. pyarrow comes with an extra.

Numbers stand in ``value`` (true and false as 1 and 0), everything else in ``text``.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from agent.exporting.cells import Cell, Counting, cells
from agent.extras import required
from agent.store.source import Source
from drivers.reading import Stream

GROUP = 100_000
"""Rows in one group: so much is held in memory."""


def export_parquet(
    source: Source, streams: list[Stream], since_ms: int, until_ms: int, zone: str, path: Path
) -> tuple[int, int]:
    """Write *path*, in which *zone* is noted; return how many records and rows. Raises ExtraMissingError, OSError."""
    arrow = required("pyarrow", extra="parquet", what="an export as Parquet")
    parquet = required("pyarrow.parquet", extra="parquet", what="an export as Parquet")
    schema = _schema(arrow).with_metadata({"station": source.station, "timezone": zone})
    found = Counting(cells(source, streams, since_ms, until_ms))
    with parquet.ParquetWriter(path, schema, compression="zstd") as out:
        while group := list(islice(found, GROUP)):
            out.write_table(arrow.table(_columns(group), schema=schema))
    return found.records, found.rows


def _schema(arrow: Any) -> Any:
    word = arrow.dictionary(arrow.int32(), arrow.string())
    return arrow.schema(
        [
            ("time", arrow.timestamp("ms", tz="UTC")),
            ("stream", word),
            ("epoch", word),
            ("seq", arrow.int64()),
            ("device", word),
            ("channel", word),
            ("value", arrow.float64()),
            ("text", arrow.string()),
            ("unit", word),
            ("quality", word),
            ("reason", word),
            ("ticks", arrow.int64()),
            ("clock", word),
        ]
    )


def _columns(group: list[Cell]) -> dict[str, list[Any]]:
    return {
        "time": [cell.time_ms for cell in group],
        "stream": [str(cell.stream) for cell in group],
        "epoch": [cell.epoch for cell in group],
        "seq": [cell.seq for cell in group],
        "device": [cell.device for cell in group],
        "channel": [cell.channel for cell in group],
        "value": [float(cell.value) if isinstance(cell.value, int | float) else None for cell in group],
        "text": [cell.value if isinstance(cell.value, str) else None for cell in group],
        "unit": [cell.unit for cell in group],
        "quality": [cell.quality for cell in group],
        "reason": [cell.reason for cell in group],
        "ticks": [cell.ticks for cell in group],
        "clock": [cell.clock for cell in group],
    }
