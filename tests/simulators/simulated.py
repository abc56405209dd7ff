"""A simulated instrument with the real driver at the other end of its wire, and what it says it served."""

from __future__ import annotations

import asyncio
import io
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.simulation.instrument import ReplayInstrument, faults_of, instrument
from agent.simulation.journal import Journal
from agent.simulation.movement import Weather
from agent.simulation.simulation import Simulation
from agent.simulation.values import Values
from agent.simulation.wires import Network, SerialSettings, Terminal, Wire
from drivers.api import Device, Driver, DriverError, Link
from drivers.catalog import make_driver
from drivers.profile import Profile
from drivers.reading import Reading


class Bench:
    """A simulated instrument, the real driver that polls it, and what the simulator says it served."""

    def __init__(self, simulation: Simulation, driver: Driver, notes: io.StringIO) -> None:
        self.simulation = simulation
        self.profile = simulation.instrument.profile
        self._driver = driver
        self._notes = notes

    @property
    def wanted(self) -> list[str]:
        """The channels that it serves; of a replay those that the first example shows."""
        return sorted(self.simulation.instrument.serves or self.profile.examples[0].readings)

    async def poll(self) -> tuple[dict[str, Reading], dict[str, list[object]]]:
        """What the driver reads of all channels, and all that was served of each of them meanwhile."""
        dialogue = self.profile.dialogue
        talks = dialogue is not None and any(not request.send for request in dialogue.requests)
        begin = 0 if talks else self._notes.tell()  # the newest line may have come before it was asked for
        scan = await self._driver.poll(self.wanted)
        return dict(scan.readings), self.served(begin)

    def served(self, begin: int = 0) -> dict[str, list[object]]:
        """What was served of each channel."""
        served: dict[str, list[object]] = defaultdict(list)
        for line in self._notes.getvalue()[begin:].splitlines():
            for name, value in (json.loads(line)["said"] or {}).items():
                served[name].append(value)
        return served

    async def poll_well(self) -> dict[str, Reading]:
        """Poll, and hold every reading against what was served."""
        readings, served = await self.poll()
        for name, reading in readings.items():
            if name in served:
                assert any(same(reading.value, value) for value in served[name]), (name, reading, served[name])
            else:
                assert reading.value is None or isinstance(self.simulation.instrument, ReplayInstrument), name
        return readings

    async def until_well(self) -> dict[str, Reading]:
        """Poll until every channel has a value, as a poller does from tick to tick."""
        async with asyncio.timeout(20):
            while True:
                try:
                    readings = await self.poll_well()
                except DriverError:
                    readings = {}
                if readings and all(reading.value is not None for reading in readings.values()):
                    return readings
                await asyncio.sleep(0.05)

    async def values_under(self, fault: str) -> dict[str, Reading]:
        """What is read while *fault* is on: nothing at all, or readings that were served like that."""
        await self.simulation.tell(fault)
        try:
            readings, served = await self.poll()
        except DriverError:
            return {}
        for name, reading in readings.items():
            assert reading.value is None or any(same(reading.value, value) for value in served[name]), (name, fault)
        return readings


def same(read: object, served: object) -> bool:
    """Equal to the last digit; a scaled float, which nobody prints, to the seventh."""
    if isinstance(read, float) and isinstance(served, float):
        return read == pytest.approx(served, rel=1e-6)
    return read == served and isinstance(read, bool) == isinstance(served, bool)


def hurried(profile: Profile) -> Profile:
    """*profile* without requests that wait longer than the test does."""
    if profile.dialogue is None:
        return profile
    requests = tuple(one.model_copy(update={"timeout": None}) for one in profile.dialogue.requests)
    return profile.model_copy(update={"dialogue": profile.dialogue.model_copy(update={"requests": requests})})


@asynccontextmanager
async def bench(profile: Profile, folder: Path, *, address: int | str | None = None) -> AsyncIterator[Bench]:
    """*profile* on the wire that its model has, and a driver at the other end."""
    profile, notes = hurried(profile), io.StringIO()
    faults = faults_of(profile, 1)
    thing = instrument(Values(profile, Weather(), faults), faults, Journal(notes), address)
    wire: Wire = Network(thing, "127.0.0.1", 0)
    if profile.serial:
        wire = Terminal(thing, folder / "unit", SerialSettings.of(profile.serial, None))
    async with Simulation(thing, wire) as simulation:
        link = Link("rack", wire.url, quiet_s=0.02)
        try:
            yield Bench(simulation, make_driver(Device("unit", thing.address, profile, timeout_s=0.4), link), notes)
        finally:
            await link.close()
