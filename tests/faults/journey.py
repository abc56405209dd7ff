"""A journey through time: the real daemon polls on while its wall clock is set, unset and left alone.

Only the daemon sees that clock; instruments, broker and judge keep the real one,
so that what the daemon says of time can be held against what was.
"""

from __future__ import annotations

import bisect
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.simulators.accounting import complete, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Device, LedgerProcess, Served, read_ledger
from tests.simulators.stationfile import uplink
from tests.simulators.ticks import seconds
from tests.simulators.wallclock import WallClock

EVERY_S = 0.1
AROUND_S = 1.0
"""Within this time of a step a reading may have the time before or after it."""

BOOT = datetime(2000, 1, 1, tzinfo=UTC)
"""What a PC without a battery believes."""

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)
STEPS = {
    "NTP answers at last": None,
    "three hours on": 3 * HOUR,
    "one hour back": -HOUR,
    "two years on": 2 * YEAR,
    "five years back": -5 * YEAR,
    "as it was": 3 * YEAR,
    "after a night asleep": 8 * HOUR,
}
"""What happens to the clock, in this order; the first sets it right."""

LATER_LIVES = (timedelta(), 25 * HOUR)
"""How long the station is off before its later lives: a day after the last step age counts again."""

HURRY = """
import agent.clock, agent.keeper
agent.clock.ASK_S = agent.keeper.REST_S = agent.keeper.SEAL_S = 0.1
agent.keeper.Retention.__init__.__defaults__ = (0.1,)
"""
"""Room and archive are looked after ten times a second, so that whatever would be deleted is."""


@dataclass(frozen=True)
class Spell:
    """A time between two steps: when it began (monotonic), and how far the clock was ahead of the real one."""

    name: str
    began_s: float
    ahead_s: float


@dataclass
class Journey:
    """What was lived through, and what became of it."""

    spells: list[Spell]
    ledger: dict[int, list[Served]]
    evidence: Evidence
    log: str
    stored: dict[str, list[dict[str, Any]]]
    sessions: set[int]
    archive: list[str]
    verified: int
    exit_codes: list[int]
    ended_s: float  # monotonic: when the first life of the daemon was told to end

    def readings(self) -> Iterator[tuple[dict[str, Any], Served]]:
        """Each measurement that arrived, in the order of seq, and how its instrument remembers it."""
        at = {(one.device, one.serial): one for ones in self.ledger.values() for one in ones}
        for record in self.evidence.of("measurement"):
            if "values" in record:
                yield record, at[int(record["device"][1:]), record["values"]["serial"]]

    def ahead_s(self, served: Served) -> list[float]:
        """How far the clock may have been ahead when that was read: around a step there are two answers."""
        begun = [spell.began_s for spell in self.spells]
        first, last = (bisect.bisect(begun, served.monotonic_s + late_s) - 1 for late_s in (-AROUND_S, AROUND_S))
        return [spell.ahead_s for spell in self.spells[max(0, first) : last + 1]]

    def steps(self) -> list[float]:
        """The jumps that were made while the daemon looked, in seconds."""
        lived = [spell for spell in self.spells if spell.began_s < self.ended_s]
        return [after.ahead_s - before.ahead_s for before, after in pairwise(lived)]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events called *name* that arrived."""
        return [record for record in self.evidence.of("event") if record["event"] == name]

    @property
    def longest_pause_s(self) -> float:
        """The longest time in the first life, on a clock that nobody set, without a reading of some device."""
        times = [[one.monotonic_s for one in ones if one.monotonic_s < self.ended_s] for ones in self.ledger.values()]
        return max(after - before for own in times for before, after in pairwise(own))


def travel(folder: Path, *, stay: int) -> Journey:
    """Make the journey, with *stay* readings of each device between two steps."""
    wall = WallClock(folder, synchronised=False)
    wall.set(BOOT)
    with (
        Mosquitto(folder / "broker") as broker,
        LedgerProcess(folder / "ledger.txt", "--devices", "2", "--registers", "4") as ledger,
        Consumer(broker.port) as consumer,
    ):
        agent = AgentProcess(
            folder / "agent", _station(ledger.devices, broker.url), prelude=HURRY, environment=wall.environment
        )
        spells = [Spell("no NTP at boot", time.monotonic(), BOOT.timestamp() - time.time())]
        sessions = set()
        agent.start()
        for name, by in STEPS.items():
            _stay(agent, folder / "ledger.txt", stay)
            sessions.add(agent.status()["uplinks"][0]["session"])
            spells.append(_step(agent, wall, name, by))
        _stay(agent, folder / "ledger.txt", stay)
        sessions.add(agent.status()["uplinks"][0]["session"])
        ended_s = time.monotonic()
        codes = [agent.stop()]
        for asleep in LATER_LIVES:
            wall.step(asleep.total_seconds())
            spells.append(Spell("another life", time.monotonic(), (wall.now - datetime.now(UTC)).total_seconds()))
            agent.start()
            _stay(agent, folder / "ledger.txt", stay)
            codes.append(agent.stop())
        evidence = complete(consumer, agent)
        return Journey(
            spells,
            read_ledger(folder / "ledger.txt"),
            evidence,
            agent.log,
            {stream: agent.records(stream) for stream in ("measurement", "event", "audit")},
            sessions,
            sorted(path.name for path in (folder / "agent" / "archive").iterdir()),
            agent.command("verify").returncode,
            codes,
            ended_s,
        )


def _station(devices: list[Device], broker: str) -> str:
    head = '[station]\nid = "ledger"\nruntime = "run"\n[store]\npath = "store.db"\nkeep = "1d"\n'
    archive = '[store.archive]\nkeep = "2d"\n'  # the last life is not so late, at whatever hour the first began
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n', 'name = "r2"\nregister = 2\n']
    inside = "".join(f"[[device.channel]]\n{channel}" for channel in channels)
    tables = [
        f'[[device]]\nname = "d{one.number}"\nurl = "{one.url}"\naddress = 1\nevery = "{EVERY_S * 1000:g}ms"\n{inside}'
        for one in devices
    ]
    return head + archive + "".join(tables) + uplink("city", broker) + 'from = "oldest"\n'


def _step(agent: AgentProcess, wall: WallClock, name: str, by: timedelta | None) -> Spell:
    """Set the clock: by so much, or right."""
    began_s = time.monotonic()
    if by is None:
        wall.set(datetime.now(UTC))
        wall.synchronise()
        agent.until(lambda: agent.status()["clock"]["synchronised"], "word of the discipline")
    elif "asleep" in name:  # the clock that counts intervals stands still in a sleep, and so does everything else
        os.kill(agent.pid, signal.SIGSTOP)
        wall.step(by.total_seconds())
        os.kill(agent.pid, signal.SIGCONT)
    else:
        wall.step(by.total_seconds())
    return Spell(name, began_s, (wall.now - datetime.now(UTC)).total_seconds())


def _stay(agent: AgentProcess, ledger: Path, readings: int) -> None:
    """Wait until each device has served so many more."""
    before = {device: len(serials) for device, serials in served(ledger).items()}

    def enough() -> bool:
        now = served(ledger)
        return len(now) == 2 and all(
            len(serials) >= before.get(device, 0) + readings for device, serials in now.items()
        )

    agent.until(enough, f"{readings} more readings", timeout_s=30)


def told_s(record: dict[str, Any], one: Served) -> float:
    """By how much a record is ahead of the real time at which its instrument was read."""
    return seconds(record) - one.wall_s
