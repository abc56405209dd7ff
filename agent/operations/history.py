"""What became of alarms, told from their records: also of those that are closed, and with the daemon dead."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agent.operations.alarm import LIMITS, SILENCE
from agent.store.source import Source
from drivers.reading import Stream

_OF_ITS_LIFE = frozenset({"id", "class", "severity", "channel", "flag", "first", "times", "after", "maintenance"})


def history(source: Source, since_ms: int, until_ms: int) -> list[dict[str, Any]]:
    """The lives of all alarms of which anything was recorded from *since_ms* up to *until_ms*, as :func:`lives`."""
    streams = (Stream.EVENT, Stream.AUDIT)
    found = [
        (row.time_ms, json.loads(row.body))
        for stream in streams
        for _, row, _ in source.located(stream, since_ms, until_ms)
        if b'"event":"alarm_' in row.body
    ]
    return lives(record for _, record in sorted(found, key=lambda one: one[0]))


def lives(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Fold *records*, in the order of their time, into a life for each alarm, in the words of an open one.

    ``closed`` is added where it was: time, user and reason.
    """
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        data = record.get("data", {})
        if record["event"].startswith("alarm_") and "id" in data:
            life = found.setdefault(data["id"], _begun(record, data))
            _go_on(life, record, data)
    return list(found.values())


def _begun(record: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    flag = data.get("flag") or (SILENCE if data["class"] == "silence" else LIMITS)
    return {
        "id": data["id"],
        "device": record.get("device", ""),
        "channel": data.get("channel", ""),
        "flag": flag,
        "class": data["class"],
        "severity": data["severity"],
        "state": "active",
        "first": data.get("first", data.get("raised", record["time"])),
        "raised": data.get("raised", record["time"]),
        "times": data.get("times", 1),
        "cleared": None,
        "seconds": 0.0,
        "acknowledged": None,
        "closed": None,
        "evidence": {},
    }


def _go_on(life: dict[str, Any], record: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    by = {key: data[key] for key in ("uid", "user", "reason") if key in data} | {"time": record["time"]}
    match record["event"]:
        case "alarm_raised":
            evidence = {key: value for key, value in data.items() if key not in _OF_ITS_LIFE}
            new = {"raised": record["time"], "times": data["times"], "cleared": None, "acknowledged": None}
            life |= {**new, "severity": data["severity"], "evidence": evidence, "state": "active"}
        case "alarm_acknowledged":
            life["acknowledged"] = by
            life["state"] = life["state"] if life["cleared"] else "acknowledged"
        case "alarm_cleared":
            life |= {"cleared": data["ended"], "seconds": data["seconds"], "state": "cleared"}
        case "alarm_closed":
            life |= {"cleared": data["cleared"], "seconds": data["seconds"], "closed": by, "state": "closed"}
