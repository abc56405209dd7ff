"""What records say of ticks: when, how many, with a reading or why not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any


def seconds(record: dict[str, Any]) -> float:
    """When *record* was made, since 1970."""
    return datetime.fromisoformat(record["time"]).timestamp()


def number(record: dict[str, Any], every_s: float) -> int:
    """The tick in which *record* was made."""
    return int(seconds(record) / every_s + 1e-4)  # a due instant itself may lie a rounding error below


def readings(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of *records* that a poll gave."""
    return [record for record in records if "values" in record]


def gaps(records: Iterable[dict[str, Any]], reason: str) -> list[dict[str, Any]]:
    """Those of *records* that stand for ticks without a reading, for *reason*."""
    return [record for record in records if record.get("reason") == reason]


def ticks(records: Iterable[dict[str, Any]]) -> int:
    """How many ticks *records* account for."""
    return sum(record.get("ticks", 1) for record in records)


def unaccounted(records: list[dict[str, Any]], every_s: float) -> int:
    """Ticks between the first and the last reading of *records* that none of them accounts for."""
    last = readings(records)[-1]
    between = [record for record in records if seconds(record) <= seconds(last)]
    return number(last, every_s) - number(records[0], every_s) + 1 - ticks(between)
