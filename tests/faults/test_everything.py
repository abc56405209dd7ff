"""Faults of all kinds together, by dice: agent, disk, two brokers, their lines, instruments.

Each kind has a file of its own where it can be understood; here it is seen that
they do not add up to something else. An hour of it is `make soak FOR=1h`; the
seed that is printed tells the same stories again: FAULT_SEED=….
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.faults.books import IN_A_HURRY
from tests.faults.mayhem import EVERY_S, Mayhem, live_through, settle, staged, unread
from tests.faults.table import row
from tests.simulators.accounting import delivered, lost, served, silences
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Served
from tests.soak.test_ledger_soak import quarters

LENGTH_S = 15.0
RECOVERY_S = 60.0
LONG_RECOVERY_S = 400.0
LONGEST_FAULT_S = 20.0
GROWTH_MB = 6.0
LATE_S = 2.0
"""A reading that came too late was handed out within so much of the time that its record names."""


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["quick", "long"])
def test_all_faults_together_lose_nothing(tmp_path: Path, long: bool) -> None:
    """What was served arrives at both brokers once, or a record says why it does not."""
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
    print(f"seed {seed}")
    length_s = parse_duration(os.environ.get("FOR") or "10min") if long else LENGTH_S
    with ExitStack() as stack:
        scene = staged(tmp_path, seed, "" if long else IN_A_HURRY, stack)
        scene.longest_s = LONGEST_FAULT_S if long else scene.longest_s
        scene.start()
        asyncio.run(live_through(scene, length_s))
        recovery_s = settle(scene, LONG_RECOVERY_S if long else RECOVERY_S)
        assert scene.agent.stop() == 0, scene.agent.log[-4000:]
        for site in scene.sites:
            told(scene, site.consumer.evidence(), site.stalest_s, recovery_s, seed)
        assert scene.agent.command("verify", timeout_s=600).returncode == 0
    if long:
        assert quarters(scene.memory)[1] - quarters(scene.memory)[0] < GROWTH_MB
        assert quarters(scene.files)[1] <= quarters(scene.files)[0] + 2


def told(scene: Mayhem, evidence: Evidence, stalest_s: float, recovery_s: float, seed: int) -> None:
    """Count what arrived at one broker; AssertionError for a reading that is gone without a word."""
    evidence.assert_complete()
    ledger, arrived = scene.folder / "ledger.txt", delivered(evidence)
    doubled = sum(len(serials) - len(set(serials)) for serials in arrived.values())
    missing = unexplained(scene, evidence)
    polled = sum(map(len, served(ledger).values()))
    count = sum(len(set(serials)) for serials in arrived.values())
    row("all together", scene.done.total(), polled, count, len(missing), doubled, stalest_s, recovery_s, seed=seed)
    print(dict(scene.done))
    assert (missing, doubled) == ([], 0)


def unexplained(scene: Mayhem, evidence: Evidence) -> list[Served]:
    """What was served and never arrived, and neither a start nor a record of its device says why."""
    dead, silent = silences(evidence), unread(scene)
    late_s = LATE_S + scene.longest_s
    return [
        one
        for one in lost(scene.folder / "ledger.txt", evidence)
        if not any(begin_s <= one.wall_s <= end_s for begin_s, end_s in dead.get(f"d{one.device}", ()))
        and not any(
            begin_s - EVERY_S <= one.wall_s <= end_s + late_s for begin_s, end_s in silent.get(f"d{one.device}", ())
        )
    ]
