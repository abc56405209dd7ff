"""How long a technician waits for the one screen."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.figures import Figures
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.ledger import LedgerProcess
from tests.test_ledger import station

pytestmark = pytest.mark.bench

ROUNDS = 31
SCRIPT = str(Path(sys.executable).with_name("station-agent"))
SHOWN = (0, 1)
"""Exit codes of `status` that come with a screen: good, and something to look at."""


def wall_ms(command: list[str], codes: tuple[int, ...]) -> float:
    """How long *command* takes from start to end."""
    began_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    took_s = time.perf_counter() - began_s
    assert done.returncode in codes, f"{command} ended with {done.returncode}: {done.stderr}"
    return 1000 * took_s


def test_status_is_there_at_once(tmp_path: Path, broker: Mosquitto, figures: Figures) -> None:
    """A station of 20 devices with 40 channels each, its daemon at work; interleaved, for the machine is shared."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "20") as ledger,
        AgentProcess(
            tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="1s"), as_shipped=True
        ) as agent,
    ):
        agent.until(lambda: all(device["polled"] for device in agent.status()["devices"]), "a poll of each device")
        status = [SCRIPT, "--config", str(agent.config), "status"]
        commands = {
            "python -c pass": ([sys.executable, "-c", "pass"], (0,)),
            "status --json": ([*status, "--json"], SHOWN),
            "status": (status, SHOWN),
        }
        took = [{name: wall_ms(*command) for name, command in commands.items()} for _ in range(ROUNDS)]
    walls = {name: [one[name] for one in took] for name in commands}

    figures.add("python -c pass", "ms", walls["python -c pass"])
    json = figures.add("station-agent status --json", "ms", walls["status --json"], below=150)
    screen = figures.add("station-agent status", "ms", walls["status"])
    bare = statistics.median(walls["python -c pass"])
    ratio = figures.add("status --json / python -c pass", "times", json.median / bare, below=8)
    figures.add("status / python -c pass", "times", screen.median / bare)

    assert ratio.median <= 8
    assert json.median < 1500
