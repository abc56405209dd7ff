"""Logs for tests: made by the real store, filled with plain readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.store.record import Draft, draft, to_ms
from agent.store.store import Store
from drivers.reading import Stream

NOON = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def reading(
    number: int, *, device: str = "so2", stream: Stream = Stream.MEASUREMENT, every_s: float = 5, size: int = 0
) -> Draft:
    """Reading *number* of a device that is polled every five seconds from noon on, padded by *size* bytes."""
    words = {"device": device, "values": {"so2": number / 10}, "raw": "f" * size}
    return draft(stream, NOON + timedelta(seconds=number * every_s), words)


def open_store(
    path: Path, *, station: str = "330100-A01", machine: str = "pc-1", quota: int = 1 << 30, vfs: str | None = None
) -> Store:
    """The log of one station on one machine."""
    return Store.open(path, station=station, machine=machine, quota=quota, now_ms=to_ms(NOON), vfs=vfs)
