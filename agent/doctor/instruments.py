"""The instruments, as the daemon sees them; without one nothing is asked, for that is what ``read`` is for."""

from __future__ import annotations

from collections.abc import Iterator

from agent.diagnosis.instruments import of_instruments
from agent.diagnosis.wires import of_wires
from agent.doctor.case import Case
from agent.doctor.result import Result, broken, good, told, unchecked


def examine(case: Case) -> Iterator[Result]:
    """Pass on what the diagnosis makes of the snapshot."""
    if not case.turns:
        yield unchecked("instruments", "the daemon says nothing now", "Ask each of them: station-agent read DEVICE")
        return
    yield from map(broken, of_wires(case.snapshot))
    yield from map(told, of_instruments(case.snapshot))
    well = [device["name"] for device in case.snapshot["devices"] if device["state"] == "good"]
    if well:
        yield good("instruments", f"answering: {', '.join(well)}")
