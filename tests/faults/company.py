"""One station in bad company: many brokers, each of them wrong in a way of its own, all at once.

The daemon is the real one, and every uplink has a broker to itself. How the
uplink to it came through is an :class:`Account`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.process import memory_mb
from tests.faults.bad_brokers import Site
from tests.faults.table import row
from tests.simulators.accounting import delivered, missing_ticks, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain
from tests.simulators.ledger import Device, LedgerProcess
from tests.simulators.scripted_broker import ScriptedBroker
from tests.simulators.stationfile import uplink

EVERY_S = 0.5
DEVICES = 2
REGISTERS = 4

IN_A_HURRY = """
from agent.uplink import delivery, mqtt, outcome, retry, uplink
delivery.PUBACK_S, outcome.GRACE_S = 3.0, 1.0
mqtt.Session.connect.__defaults__ = (2.0,)
retry.FIRST_S = uplink.FIRST_S = 1.0
retry.EARLY_CAP_S = 2.0
"""
"""Deadlines and back-offs some ten times shorter than the real ones, which hold in ``make soak``."""


Lack = tuple[str, str, list[tuple[int, int]]]
"""Epoch, stream and ranges of records."""


@dataclass(frozen=True)
class Account:
    """How one uplink came through."""

    site: Site
    lacking: list[Lack]  # records of the log
    missing: int  # readings that were served and never came
    doubled: int  # readings that came under two numbers

    @property
    def received(self) -> int:
        """Readings, without repetitions."""
        return sum(map(len, delivered(self.site.evidence()).values()))


@dataclass
class Company:
    """What became of the station and of each uplink."""

    length_s: float
    events: list[dict[str, Any]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    polled: int = 0  # readings that the instruments served
    unread: int = 0  # ticks that gave no reading
    missing_ticks: dict[str, int] = field(default_factory=dict)
    exit_code: int = -1
    verified: int = -1
    log: str = ""
    status: dict[str, Any] = field(default_factory=dict)  # before the stories ended
    stored: int = 0  # measurements that the log has in the end
    memory_mb: tuple[float, float] = (0.0, 0.0)  # of the daemon at the beginning, and the most there ever was

    def said(self, event: str, uplink: str) -> list[dict[str, Any]]:
        """The data of the events of that name about one uplink."""
        return [one.get("data", {}) for one in self.events if (one["event"], one.get("uplink")) == (event, uplink)]

    def tell(self) -> None:
        """A row for each fault."""
        for name, one in self.accounts.items():
            site = one.site
            recovery_s = None if site.lasting else site.recovery_s
            row(name, site.injected, self.polled, one.received, one.missing, one.doubled, site.stalest_s, recovery_s)


def keep(
    folder: Path, gather: Callable[[Path], list[Site]], *, length_s: float, bound_s: float, hurried: bool
) -> Company:
    """Keep company with all whom *gather* names, for *length_s*; data has to be fresh again *bound_s* after that.

    *hurried* is with short deadlines, and with an operator who reloads once the brokers are well.
    """
    return asyncio.run(_keep(folder, gather, length_s, bound_s, hurried=hurried))


async def _keep(
    folder: Path, gather: Callable[[Path], list[Site]], length_s: float, bound_s: float, *, hurried: bool
) -> Company:
    company = Company(length_s)
    async with _met(folder, gather(folder)) as (instruments, everybody):
        station = _station(instruments.devices, everybody)
        agent = AgentProcess(folder / "agent", station, prelude=IN_A_HURRY if hurried else "")
        work = [asyncio.create_task(_listen(everybody))]
        work += [asyncio.create_task(site.confirm()) for site in everybody if "confirm =" in site.settings]
        try:
            await _live_through(company, agent, everybody)
            if hurried:
                os.kill(agent.pid, signal.SIGHUP)
            with suppress(TimeoutError):
                await _until(lambda: all(site.recovery_s is not None for site in everybody), bound_s)
            with suppress(TimeoutError):
                await _complete(agent, everybody)
        finally:
            company.exit_code = await asyncio.to_thread(agent.stop)
            for task in work:
                task.cancel()
        await asyncio.to_thread(_reckon, company, agent, everybody, folder / "ledger.txt")
        return company


@asynccontextmanager
async def _met(folder: Path, everybody: list[Site]) -> AsyncIterator[tuple[LedgerProcess, list[Site]]]:
    """Instruments and brokers at work."""
    async with AsyncExitStack() as stack:
        for site in everybody:
            if isinstance(site.broker, ScriptedBroker):
                await stack.enter_async_context(site.broker)
            else:
                stack.enter_context(site.broker)
                site.consumer = stack.enter_context(Consumer(site.broker.port))
        words = ("--devices", str(DEVICES), "--registers", str(REGISTERS))
        yield stack.enter_context(LedgerProcess(folder / "ledger.txt", *words)), everybody


def _station(devices: list[Device], everybody: list[Site]) -> str:
    head = '[station]\nid = "ledger"\nruntime = "run"\n[store]\npath = "store.db"\n'
    uplinks = [f'{uplink(site.name, site.broker.url)}from = "oldest"\n{site.settings}\n' for site in everybody]
    return "".join([head, *map(_device, devices), *uplinks])


def _device(device: Device) -> str:
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n']
    channels += [f'name = "r{register}"\nregister = {register}\ntype = "uint16"\n' for register in range(2, REGISTERS)]
    where = f'url = "{device.url}"\naddress = {device.unit}\nevery = "{EVERY_S * 1000:.0f}ms"\n'
    return f'[[device]]\nname = "d{device.number}"\n{where}' + "".join(f"[[device.channel]]\n{one}" for one in channels)


async def _live_through(company: Company, agent: AgentProcess, everybody: list[Site]) -> None:
    """Tell all stories, and look at `status` just before they end."""
    async with asyncio.TaskGroup() as stories:
        for site in everybody:
            stories.create_task(site.tell(company.length_s))
        await asyncio.sleep(0)  # let them begin
        await asyncio.to_thread(agent.start)
        for site in everybody:
            site.began_s = time.monotonic()
        begins_mb, _ = memory_mb(agent.pid)
        await asyncio.sleep(company.length_s - 2)
        company.status, company.memory_mb = agent.status(), (begins_mb, memory_mb(agent.pid)[1])
        shown = {uplink["name"]: uplink for uplink in company.status["uplinks"]}
        for site in everybody:
            site.shown = shown[site.name]


async def _listen(everybody: list[Site]) -> None:
    """Examine what comes as it comes: all of it at once would make the scripted brokers stand still."""
    while True:
        for site in everybody:
            site.look()
            await asyncio.sleep(0.01)


async def _complete(agent: AgentProcess, everybody: list[Site]) -> None:
    """Wait until everybody has everything; those who should ask for what they lack do so once a second."""
    async with asyncio.timeout(20):
        while lacking := {site.name: found for site in everybody if (found := list(_lacking(site, agent)))}:
            for site in everybody:
                for epoch, stream, ranges in lacking.get(site.name, ()) if site.replays else ():
                    await site.ask(epoch, stream, ranges)
            await asyncio.sleep(1)


def _lacking(site: Site, agent: AgentProcess) -> Iterator[Lack]:
    evidence, store = site.evidence(), agent.status()["store"]
    for chain, gaps in evidence.gaps.items():
        yield chain.epoch, chain.stream, gaps
    for stream, last in store["last"].items():
        highest = max(evidence.records.get(Chain("ledger", store["epoch"], stream), {0: b""}))
        if highest < last and stream in (site.settings or stream):
            yield store["epoch"], stream, [(highest + 1, last)]


def _reckon(company: Company, agent: AgentProcess, everybody: list[Site], ledger: Path) -> None:
    company.log, company.events = agent.log, agent.records("event")
    company.verified = agent.command("verify").returncode
    company.polled = sum(map(len, served(ledger).values()))
    measurements = agent.records("measurement")
    company.stored = len(measurements)
    company.unread = sum(1 for record in measurements if "values" not in record)
    company.missing_ticks = missing_ticks(everybody[0].evidence(), EVERY_S)
    for site in everybody:
        arrived = delivered(site.evidence())
        missing = sum(len(set(serials) - set(arrived.get(device, ()))) for device, serials in served(ledger).items())
        doubled = sum(len(serials) - len(set(serials)) for serials in arrived.values())
        company.accounts[site.name] = Account(site, list(_lacking(site, agent)), missing, doubled)


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - changed by other threads
            await asyncio.sleep(0.2)
