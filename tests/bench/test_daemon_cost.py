"""What a station of 20 devices with 40 values each costs at 1 Hz, and how soon a broker has its readings.

Nothing here asks the agent how it does. Processor time and memory are the
kernel's count. A reply's instant is the instrument's own, written down before it
answers; a PUBACK's is that at which a tap before the agent had passed it on.
Both flatter nobody: the reply's way to the agent and the tap's hops are in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.figures import Figures
from tests.bench.process import cpu_s, machine_s, memory_mb
from tests.bench.tap import Flight, Tap
from tests.simulators.accounting import seconds
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import LedgerProcess, read_ledger
from tests.test_ledger import station

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

DEVICES, REGISTERS, EVERY_S = 20, 40, 1.0
SETTLED = 5
"""Polls of every device before the measurement begins: starting is not what a station does all day."""
MEASURED_S = 30.0


@dataclass(frozen=True)
class Course:
    """How one reading got to the broker; instants in seconds since 1970."""

    served_s: float
    recorded_s: float  # the record's own time, cut to milliseconds
    published_s: float
    acknowledged_s: float


@pytest.mark.parametrize("subscribers", [0, 1])
def test_twenty_devices_at_one_hertz(
    tmp_path: Path, broker: Mosquitto, figures: Figures, yardstick_us: float, subscribers: int
) -> None:
    """The load that design and hardware are chosen for."""
    arguments = ("--devices", str(DEVICES), "--registers", str(REGISTERS))
    with ExitStack() as stack:
        tap = stack.enter_context(Tap(broker.port))
        ledger = stack.enter_context(LedgerProcess(tmp_path / "ledger.txt", *arguments))
        if subscribers:
            stack.enter_context(Consumer(broker.port))
        words = station(ledger.devices, {"city": tap.url}, every=f"{EVERY_S:g}s")
        agent = stack.enter_context(AgentProcess(tmp_path / "agent", words, as_shipped=True))
        agent.until(lambda: min(device["polled"] for device in agent.status()["devices"]) >= SETTLED, "settling", 60)

        began_s, used_s, busy = time.time(), cpu_s(agent.pid), machine_s()
        time.sleep(MEASURED_S)
        ended_s, used_s = time.time(), cpu_s(agent.pid) - used_s
        busy_s, all_s = (end - begin for end, begin in zip(machine_s(), busy, strict=True))
        _, peak_mb = memory_mb(agent.pid)
        assert agent.stop() == 0, agent.log
    found = [one for one in courses(tmp_path / "ledger.txt", tap.flights) if began_s <= one.served_s < ended_s]
    assert len(found) >= 0.5 * DEVICES * MEASURED_S / EVERY_S, "readings are missing"

    run = f", {('no', 'one')[subscribers]} subscriber"
    share = figures.add(f"daemon: of one core{run}", "%", 100 * used_s / (ended_s - began_s), below=10)
    figures.add(f"daemon: processor time per record{run}", "us", 1e6 * used_s / len(found))
    figures.add(f"the same / json.dumps of a record{run}", "times", 1e6 * used_s / len(found) / yardstick_us)
    memory = figures.add(f"daemon: resident memory at its most{run}", "MB", peak_mb, below=80)
    published = [1000 * (one.published_s - one.served_s) for one in found]
    acknowledged = [1000 * (one.acknowledged_s - one.served_s) for one in found]
    figures.add(f"reply to PUBLISH (committed, packed, sent){run}", "ms", published)
    delay = figures.add(f"reply to PUBACK{run}", "ms", acknowledged, below=10)
    recorded = [1000 * (one.acknowledged_s - one.recorded_s) for one in found]
    figures.add(f"time in the record to PUBACK{run}", "ms", recorded)
    figures.add(f"all cores, everybody's work{run}", "% busy", 100 * busy_s / all_s)

    assert share.median < 50
    assert memory.median < 160
    assert delay.median < 500


def courses(ledger: Path, flights: list[Flight]) -> Iterator[Course]:
    """What became of every reading that was acknowledged."""
    served = {(one.device, one.serial): one.wall_s for ones in read_ledger(ledger).values() for one in ones}
    for flight in flights:
        if "/data/measurement/" in flight.topic:
            for record in json.loads(flight.payload)["records"]:
                if values := record.get("values"):
                    at_s = served[int(record["device"][1:]), values["serial"]]
                    yield Course(at_s, seconds(record["time"]), flight.published_s, flight.acknowledged_s)
