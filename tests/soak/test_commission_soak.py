"""Looking into instruments beside the polls for as long as one likes: FOR=1h, a minute if nothing is said."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.simulators.agent_process import AgentProcess
from tests.simulators.ledger import LedgerProcess
from tests.simulators.ticks import gaps, readings, ticks, unaccounted
from tests.test_ledger import station

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

EVERY_S = 0.5
COMMANDS = (
    ("scan", "bus", "--addresses", "1-20", "--timeout", "50ms"),
    ("probe", "d2", "2", "30"),
    ("identify", "bus", "--address", "2", "--timeout", "50ms"),
    ("scan", "d1", "--addresses", "1-10", "--timeout", "50ms"),
    ("read", "d3", "--raw"),
    ("probe", "bus", "--unit", "99", "--timeout", "50ms", "0", "4"),
    ("listen", "bus", "--for", "1s"),
)


def test_no_tick_is_lost_however_long_somebody_looks(tmp_path: Path) -> None:
    """Commissioning takes days, and the station measures all the while; every tick is there or says why not."""
    until_s = time.monotonic() + parse_duration(os.environ.get("FOR") or "60s")
    count = 0
    with LedgerProcess(tmp_path / "ledger.txt", "--devices", "1", "--rtu-devices", "2") as ledger:
        text = station(ledger.devices, {}, every="500ms").replace("baud=115200", 'baud=115200"\nquiet = "20ms')
        with AgentProcess(tmp_path / "agent", text) as agent:
            agent.until(lambda: all(one["polled"] > 1 for one in agent.status()["devices"]), "polls of all devices")
            for words in itertools.cycle(COMMANDS):
                if time.monotonic() > until_s:
                    break
                done = agent.command(*words, timeout_s=300)
                count += 1
                assert "Traceback" not in done.stderr
            assert agent.stop() == 0
            records = {name: agent.records("measurement", name) for name in ("d1", "d2", "d3")}

    for name, had in records.items():
        paused = ticks(gaps(had, "agent_paused"))
        print(f"{name}: {len(readings(had))} readings beside {count} commands, {paused} ticks while not running")
        assert unaccounted(had, EVERY_S) == 0, name
        assert ticks(had) - len(readings(had)) == paused, [record for record in had if "reason" in record]
