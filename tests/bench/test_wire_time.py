"""What the agent adds to a transaction on a serial line, beyond the wire's own time and the required silence."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from tests.bench.figures import Figures
from tests.simulators.masters import agent_periods, bare_periods, needed_s
from tests.simulators.throttled_line import throttled

pytestmark = pytest.mark.bench

ROUNDS, EACH = 4, 12


@pytest.mark.parametrize("registers", [1, 20])
@pytest.mark.parametrize("baud", [9600, 19200, 115200])
def test_the_agent_adds_little_to_the_wires_own_time(
    tmp_path: Path, figures: Figures, baud: int, registers: int
) -> None:
    """A slow line is the scarcest thing at a station. In turn with a bare loop, for the machine may be shared."""
    agent: list[float] = []
    bare: list[float] = []
    with throttled(tmp_path / "line", baud):
        for _ in range(ROUNDS):
            agent += agent_periods(tmp_path / "line", baud, registers, EACH)
            bare += bare_periods(tmp_path / "line", baud, registers, EACH)
    needed_ms = 1000 * needed_s(baud, registers)
    run = f"RTU at {baud}, {registers} registers"
    added = figures.add(f"{run}: agent adds", "ms", [1000 * one - needed_ms for one in agent], below=1)
    figures.add(f"{run}: a bare loop adds", "ms", [1000 * one - needed_ms for one in bare])
    figures.add(f"{run}: share of the wire's time used", "%", 100 * needed_ms / 1000 / statistics.median(agent))

    assert min(added.values) < 5
