"""The promise, counted for as long as one likes: FOR=1h, a minute if nothing is said.

Beside the books of the ledger it is watched whether the daemon grows: what leaks
a little shows only after hours.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.bench.process import descriptors, memory_mb
from tests.simulators.accounting import (
    complete,
    complete_by_replay,
    delivered,
    lost,
    missing_ticks,
    seconds,
    served,
    silences,
)
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import LedgerProcess
from tests.test_ledger import station

pytestmark = pytest.mark.soak

LOAD = ("--devices", "20", "--registers", "40")
WARM_POLLS = 10
"""Polls of every device after which caches are filled and nothing has a reason to grow."""
GROWTH_MB = 4.0
"""More than this between the first and the last quarter is a leak; SQLite's caches fill slowly."""
BLOW_S = (0.5, 6.0)


def for_s() -> float:
    """How long to run; ValueError for a FOR that is no duration."""
    return parse_duration(os.environ.get("FOR") or "60s")


def warm(agent: AgentProcess, polls: int = WARM_POLLS) -> None:
    """Wait until every device was polled that often."""
    agent.until(lambda: min(device["polled"] for device in agent.status()["devices"]) >= polls, "the first polls", 60)


def reconnected(agent: AgentProcess, since_s: float) -> None:
    """Wait until a snapshot that was written after *since_s* (seconds since 1970) shows the uplink at work."""

    def at_work() -> bool:
        status = agent.status()
        return seconds(status["written"]) > since_s and status["uplinks"][0]["state"] == "connected"

    agent.until(at_work, "a connection after the last blow", 60)


def quarters(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the first and of the last quarter."""
    size = max(1, len(values) // 4)
    return statistics.median(values[:size]), statistics.median(values[-size:])


def test_nothing_is_lost_and_nothing_grows(tmp_path: Path, broker: Mosquitto) -> None:
    """800 registers at 1 Hz: every serial that was served arrives once, and the daemon stays as it is."""
    memory: list[float] = []
    files: list[int] = []
    with (
        LedgerProcess(tmp_path / "ledger.txt", *LOAD) as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(
            tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="1s"), as_shipped=True
        ) as agent,
    ):
        warm(agent)
        ends_s = time.monotonic() + for_s()
        while time.monotonic() < ends_s:
            memory.append(memory_mb(agent.pid)[0])
            files.append(descriptors(agent.pid))
            time.sleep(1.0)
        assert agent.stop() == 0, agent.log
        evidence = complete(consumer, agent)

    evidence.assert_complete()
    assert delivered(evidence) == served(tmp_path / "ledger.txt")
    assert missing_ticks(evidence, 1.0) == {}
    assert evidence.duplicates == 0
    first_mb, last_mb = quarters(memory)
    count = sum(map(len, delivered(evidence).values()))
    print(f"{count} readings; {first_mb:.1f} MB, then {last_mb:.1f} MB; {files[-1]} files")
    assert last_mb - first_mb < GROWTH_MB
    assert quarters(files)[1] <= quarters(files)[0]


def test_kills_at_random_moments_lose_nothing_that_was_stored(tmp_path: Path) -> None:
    """Agent and broker are killed again and again: what is missing was never committed, and an event says when."""
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    kills = {"agent": 0, "broker": 0}
    with (
        Mosquitto(tmp_path / "broker", persistence=True) as broker,
        LedgerProcess(tmp_path / "ledger.txt", *LOAD) as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="1s")) as agent,
    ):
        warm(agent, polls=2)
        ends_s = time.monotonic() + for_s()
        while time.monotonic() < ends_s:
            time.sleep(dice.uniform(*BLOW_S))
            victim = dice.choice(("agent", "broker"))
            kills[victim] += 1
            killed: AgentProcess | Mosquitto = agent if victim == "agent" else broker
            killed.kill()
            killed.start()
        reconnected(agent, time.time())
        consumer.wait_for(lambda consumer: consumer.connected)
        complete_by_replay(consumer, agent, timeout_s=120)
        assert agent.stop() == 0, agent.log
        evidence = complete(consumer, agent)

    print(f"seed {seed}: {kills}, {sum(map(len, delivered(evidence).values()))} readings")
    evidence.assert_complete()
    for device, serials in delivered(evidence).items():
        assert len(set(serials)) == len(serials), f"device {device} delivered a reading under two numbers"
    missing, spans = lost(tmp_path / "ledger.txt", evidence), silences(evidence)
    for one in missing:
        covered = any(begin_s <= one.wall_s <= end_s for begin_s, end_s in spans[f"d{one.device}"])
        assert covered, f"device {one.device}, serial {one.serial} is missing, and no event says why"
    assert len(missing) <= kills["agent"] * len(ledger.devices)
    assert agent.command("verify").returncode == 0
