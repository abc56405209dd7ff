"""One station with ten brokers, each behind a line of its own, and every line is bad at once in its own way.

The daemon is the real one with its real deadlines, the brokers are mosquittos, and
at each of them a consumer of its own counts. How the uplink on one line came
through is a :class:`Passage`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.faults.stories import EARLY, LATE, Site
from tests.faults.table import row
from tests.simulators.accounting import complete, complete_by_replay, delivered, missing_ticks, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Device, LedgerProcess
from tests.simulators.nameserver import Names
from tests.simulators.relay import Lines, bad_lines
from tests.simulators.stationfile import uplink

EVERY_S = 0.5
DEVICES = 3
REGISTERS = 4  # a record of some 130 bytes: a line of 16 kbit/s carries what three devices give


@dataclass(frozen=True)
class Passage:
    """How one uplink came through."""

    evidence: Evidence
    injected: int  # faults; lost packets where that is the fault
    missing: int  # readings that were served and never came
    doubled: int  # readings that came under two numbers
    replayed: int  # batches asked for again, as a killed broker had lost them
    stalest_s: float  # how old the newest reading at the broker was, at the worst
    recovery_s: float  # from the end of the fault to fresh data

    @property
    def received(self) -> int:
        """Readings, without duplicates."""
        return sum(len(serials) for serials in delivered(self.evidence).values())

    @classmethod
    def of(cls, site: Site, ledger: Path) -> Passage:
        """What the consumer at *site* can tell."""
        evidence = site.consumer.evidence()
        arrived = delivered(evidence)
        return cls(
            evidence,
            injected=site.injected,
            missing=_missing(served(ledger), arrived),
            doubled=sum(len(serials) - len(set(serials)) for serials in arrived.values()),
            replayed=len(site.consumer.on("*/data/*/replay")),
            stalest_s=site.stalest_s,
            recovery_s=site.recovery_s or float("inf"),
        )


@dataclass
class Weather:
    """What became of the station and of each uplink."""

    kind: str
    seed: int
    length_s: float
    bound_s: float
    passages: dict[str, Passage] = field(default_factory=dict)
    polled: int = 0  # readings that the instruments served
    unread: int = 0  # ticks that gave no reading
    missing_ticks: dict[str, int] = field(default_factory=dict)
    exit_code: int = -1
    verified: int = -1
    log: str = ""

    def tell(self) -> None:
        """A row for each fault."""
        print(f"bad lines made of {self.kind}; batches asked for again, as a killed broker had lost them:")
        print({name: one.replayed for name, one in self.passages.items() if one.replayed})
        for name, one in self.passages.items():
            times = (one.stalest_s, one.recovery_s)
            row(name, one.injected, self.polled, one.received, one.missing, one.doubled, *times, seed=self.seed)


def experience(folder: Path, *, length_s: float, bound_s: float, seed: int) -> Weather:
    """Run the station through faults of *length_s*; data has to be fresh again *bound_s* after the last one."""
    with ExitStack() as stack:
        lines = stack.enter_context(bad_lines(seed))
        names = Names(folder / "names")
        sites = {name: _site(name, folder, lines, names, stack) for name in (*EARLY, *LATE)}
        with lines.at_station():
            instruments = LedgerProcess(folder / "ledger.txt", "--devices", str(DEVICES), "--registers", str(REGISTERS))
            stack.enter_context(instruments)
        text = _station(instruments.devices, sites)
        agent = AgentProcess(folder / "agent", text, prelude=lines.prelude(names), as_shipped=True)
        stack.push(agent)
        weather = Weather(lines.kind, seed, length_s, bound_s)
        asyncio.run(_live_through(sites, agent, lines, names, length_s, bound_s))
        _settle(weather, sites, agent, folder / "ledger.txt")
    return weather


def _site(name: str, folder: Path, lines: Lines, names: Names, stack: ExitStack) -> Site:
    with lines.at_brokers():
        port = free_port()
        line, second = lines.line(port), lines.line(port)
        elsewhere = {line.far_host, second.far_host} - {"127.0.0.1"}
        broker = Mosquitto(
            folder / name,
            port=port,
            persistence=True,
            listener_settings=[f"listener {port} {host}" for host in sorted(elsewhere)],
        )
        stack.enter_context(broker)
        consumer = stack.enter_context(Consumer(port))
    return Site(name, line, second, broker, consumer, lines, names)


def _station(devices: list[Device], sites: dict[str, Site]) -> str:
    head = '[station]\nid = "ledger"\nruntime = "run"\n[store]\npath = "store.db"\n'
    return head + "".join(map(_device, devices)) + "".join(map(_uplink, sites.values()))


def _uplink(site: Site) -> str:
    return uplink(site.name, site.url) + 'from = "oldest"\n'


def _device(device: Device) -> str:
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n']
    channels += [f'name = "r{register}"\nregister = {register}\ntype = "uint16"\n' for register in range(2, REGISTERS)]
    where = f'url = "{device.url}"\naddress = {device.unit}\nevery = "{EVERY_S * 1000:.0f}ms"\n'
    return f'[[device]]\nname = "d{device.number}"\n{where}' + "".join(f"[[device.channel]]\n{one}" for one in channels)


async def _live_through(
    sites: dict[str, Site], agent: AgentProcess, lines: Lines, names: Names, length_s: float, bound_s: float
) -> None:
    """Tell all stories, and wait until every broker has fresh data, or should have."""
    async with asyncio.TaskGroup() as stories:
        for name, story in EARLY.items():
            stories.create_task(sites[name].tell(story, length_s))
        await asyncio.sleep(0)  # let them begin
        await asyncio.to_thread(lines.start_at_station, agent.start, names)
        for name in LATE:
            await _until(partial(_has_data, sites[name]), bound_s)
        for name, story in LATE.items():
            stories.create_task(sites[name].tell(story, length_s))
    for site in sites.values():
        with suppress(TimeoutError):
            await _until(partial(_has_recovered, site), bound_s - (time.monotonic() - site.mended_s))


def _has_recovered(site: Site) -> bool:
    return site.recovered


def _has_data(site: Site) -> bool:
    return any(True for _ in site.arrivals())


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    async with asyncio.timeout(max(timeout_s, 0)):
        while not condition():  # noqa: ASYNC110 - changed by other threads
            await asyncio.sleep(0.1)


def _settle(weather: Weather, sites: dict[str, Site], agent: AgentProcess, ledger: Path) -> None:
    """Let every consumer ask for what its broker has lost, stop the daemon, and count."""
    for site in sites.values():
        _complete(site, agent)
    weather.exit_code = agent.stop()
    for site in sites.values():
        _complete(site, agent)
    weather.log = agent.log
    weather.verified = agent.command("verify").returncode
    weather.polled = sum(map(len, served(ledger).values()))
    weather.unread = sum(1 for record in agent.records("measurement") if "values" not in record)
    weather.passages = {name: Passage.of(site, ledger) for name, site in sites.items()}
    weather.missing_ticks = missing_ticks(weather.passages["clean"].evidence, EVERY_S)


def _missing(served: dict[int, list[int]], arrived: dict[int, list[int]]) -> int:
    return sum(len(set(serials) - set(arrived.get(device, ()))) for device, serials in served.items())


def _complete(site: Site, agent: AgentProcess) -> None:
    """Wait until *site* has everything; what it lacks after that is counted, and told by the test of this line."""
    try:
        complete(site.consumer, agent, timeout_s=5)
    except TimeoutError:
        with suppress(AssertionError):
            complete_by_replay(site.consumer, agent, timeout_s=10)
