"""What was served against what arrived: the books of the ledger tests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.simulators.agent_process import AgentProcess
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Served, derived, read_ledger

STATION = "ledger"


def delivered(evidence: Evidence) -> dict[int, list[int]]:
    """Per device the serials that arrived, in the order of seq; every register beside them is checked on the way."""
    found: dict[int, list[int]] = {}
    for record in evidence.of("measurement"):
        if "values" not in record:
            continue
        number, values = int(record["device"][1:]), record["values"]
        serial = values.pop("serial")
        for name, value in values.items():
            expected = derived(number, serial, int(name[1:]))
            assert value == expected, f"{record['device']} {serial}: {name} is {value}, served was {expected}"
        found.setdefault(number, []).append(serial)
    return found


def served(log: Path) -> dict[int, list[int]]:
    """Per device the serials that its instrument handed out."""
    return {device: [one.serial for one in ones] for device, ones in read_ledger(log).items()}


def lost(log: Path, evidence: Evidence) -> list[Served]:
    """What was served and never arrived."""
    arrived = {device: set(serials) for device, serials in delivered(evidence).items()}
    return [one for device, ones in read_ledger(log).items() for one in ones if one.serial not in arrived[device]]


def silences(evidence: Evidence) -> dict[str, list[tuple[float, float]]]:
    """Per device the spans without ticks that the agent told of after each start, in seconds since 1970."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for record in evidence.of("event"):
        if record["event"] == "agent_started":
            for device, since in record["data"].get("last", {}).items():
                spans.setdefault(device, []).append((seconds(since), seconds(record["time"])))
    return spans


def seconds(text: str) -> float:
    """Seconds since 1970 of a record's time."""
    return datetime.fromisoformat(text).timestamp()


def missing_ticks(evidence: Evidence, every_s: float) -> dict[str, int]:
    """Per device how many ticks its records do not account for, between the first and the last of them.

    Counted, not placed: a reading that took long carries the time of its reply, which may lie in the next tick.
    """
    times: dict[str, list[float]] = {}
    ticks: dict[str, int] = {}
    for record in evidence.of("measurement"):
        device = record["device"]
        times.setdefault(device, []).append(seconds(record["time"]))
        ticks[device] = ticks.get(device, 0) + record.get("ticks", 1)
    expected = {device: int(max(at) / every_s) - int(min(at) / every_s) + 1 for device, at in times.items()}
    return {device: expected[device] - ticks[device] for device in times if expected[device] > ticks[device]}


def complete(consumer: Consumer, agent: AgentProcess, timeout_s: float = 30.0) -> Evidence:
    """Wait until the consumer has what the agent's log ends with, and everything before it."""
    consumer.wait_for(lambda consumer: not list(_lacking(consumer, agent)), timeout_s)
    return consumer.evidence()


def complete_by_replay(consumer: Consumer, agent: AgentProcess, timeout_s: float = 60.0) -> Evidence:
    """The same, asking the agent once a second for what the broker took and then lost."""
    deadline_s, number = time.monotonic() + timeout_s, 0
    while lacking := list(_lacking(consumer, agent)):
        assert time.monotonic() < deadline_s, f"still missing: {lacking}\n{agent.log[-3000:]}"
        consumer.wait_for(lambda consumer: consumer.connected, timeout_s)  # the broker may just have come back
        for epoch, stream, ranges in lacking:
            number += 1
            words: dict[str, Any] = {"v": 1, "id": f"r{number}", "by": "judge", "epoch": epoch, "stream": stream}
            request = json.dumps({**words, "ranges": ranges}).encode()
            consumer.publish(f"station/v1/{STATION}/replay/judge", request)
        time.sleep(1.0)
    return consumer.evidence()


def _lacking(consumer: Consumer, agent: AgentProcess) -> Iterator[tuple[str, str, list[tuple[int, int]]]]:
    evidence, store = consumer.evidence(), agent.status()["store"]
    for chain, gaps in evidence.gaps.items():
        yield chain.epoch, chain.stream, gaps
    for stream, last in store["last"].items():
        highest = max(evidence.records.get((STATION, store["epoch"], stream), {0: b""}))
        if highest < last:
            yield store["epoch"], stream, [(highest + 1, last)]
