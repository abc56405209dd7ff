"""One station to which everything happens: agent, disk, two brokers, their lines and the instruments, all by dice.

Every fault is a short story with an end; several may be told at once, but not two
about the same thing. A seed tells the same stories in the same order again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.bench.process import descriptors, memory_mb
from tests.faults.sick_disk import Illness
from tests.faults.stories import Site
from tests.simulators.accounting import complete_by_replay, seconds
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import LedgerProcess
from tests.simulators.nameserver import Names
from tests.simulators.relay import Lines, bad_lines
from tests.test_ledger import station

EVERY_S = 0.5
LOAD = ("--devices", "4", "--rtu-devices", "2", "--text-devices", "1")
AT_ONCE = 3
BREATH_S = 2.0
"""The longest wait between the beginnings of two faults."""

WARM_S = 10.0
"""How long a life of the daemon lasts until its caches are filled."""


@dataclass
class Mayhem:
    """Everything that is at work, and what was done to it."""

    folder: Path
    dice: random.Random
    lines: Lines
    agent: AgentProcess
    instruments: LedgerProcess
    sites: list[Site]
    disk: Illness
    done: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)  # MB of the daemon, of lives that are warm
    files: list[int] = field(default_factory=list)  # descriptors, of the same
    born_s: float = 0.0
    longest_s: float = 3.0  # of one fault

    def start(self) -> None:
        """Begin a life of the daemon."""
        with self.lines.at_station():
            self.agent.spawn()
        self.born_s = time.monotonic()

    def look(self) -> None:
        """Note how big the daemon is; whatever is done to it, it never ends by itself."""
        assert "VmRSS" in Path(f"/proc/{self.agent.pid}/status").read_text(), self.agent.log[-4000:]
        if time.monotonic() - self.born_s > WARM_S:
            self.memory.append(memory_mb(self.agent.pid)[0])
            self.files.append(descriptors(self.agent.pid))

    def span_s(self) -> float:
        """How long the next fault lasts."""
        return self.dice.uniform(0.3, self.longest_s)

    async def frozen(self, pid: int) -> None:
        """A process that hangs for a while."""
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self.span_s())
        finally:
            os.kill(pid, signal.SIGCONT)


Trouble = Callable[[Mayhem], Awaitable[None]]


async def agent_killed(scene: Mayhem) -> None:
    """SIGKILL, and systemd starts it anew."""
    scene.agent.kill()
    scene.start()


async def agent_restarted(scene: Mayhem) -> None:
    """An operator restarts the service."""
    await asyncio.to_thread(scene.agent.stop)
    scene.start()


async def agent_frozen(scene: Mayhem) -> None:
    """SIGSTOP: a machine that is suspended, or starved."""
    await scene.frozen(scene.agent.pid)


async def agent_reloaded(scene: Mayhem) -> None:
    """The same configuration is read again; nobody asks for it before the daemon has said that it is ready."""
    if (scene.agent.folder / "run" / "status.json").exists():
        os.kill(scene.agent.pid, signal.SIGHUP)


async def instruments_frozen(scene: Mayhem) -> None:
    """All fall silent at once; what they were asked they answer late."""
    await scene.frozen(scene.instruments.pid)


async def _ill(scene: Mayhem, *, words: str) -> None:
    scene.disk.begin(words)
    await asyncio.sleep(scene.span_s())
    scene.disk.end()


async def broker_killed(scene: Mayhem, *, number: int) -> None:
    """SIGKILL; what it acknowledged in the last turn of its loop is gone."""
    site = scene.sites[number]
    site.broker.kill()
    await asyncio.sleep(scene.span_s())
    with scene.lines.at_brokers():
        site.broker.start()


async def broker_frozen(scene: Mayhem, *, number: int) -> None:
    """It accepts and never answers."""
    await scene.frozen(scene.sites[number].broker.pid)


async def line_cut(scene: Mayhem, *, number: int) -> None:
    """No packet passes, and nobody is told."""
    site = scene.sites[number]
    site.cut()
    await asyncio.sleep(scene.span_s())
    site.mend()


async def line_bad(scene: Mayhem, *, number: int) -> None:
    """Lossy, late and thin."""
    site = scene.sites[number]
    for way in (site.line.up, site.line.down):
        way.loss, way.duplicates, way.delay_s, way.rate = 0.2, 0.05, 0.3, 20_000.0
    await asyncio.sleep(scene.span_s())
    site.mend()


async def connection_forgotten(scene: Mayhem, *, number: int) -> None:
    """A gateway restarts."""
    scene.sites[number].line.forget()


def troubles() -> dict[str, dict[str, Trouble]]:
    """By whom they strike, and by name."""
    found: dict[str, dict[str, Trouble]] = {
        "agent": {one.__name__: one for one in (agent_killed, agent_restarted, agent_frozen, agent_reloaded)},
        "disk": {
            f"disk: {words}": partial(_ill, words=words)
            for words in ("write EIO", "write ENOSPC", "sync EIO", "open EIO")
        },
        "instruments": {"instruments_frozen": instruments_frozen},
    }
    for number in (0, 1):
        stories = (broker_killed, broker_frozen, line_cut, line_bad, connection_forgotten)
        found[f"broker {number}"] = {story.__name__: partial(story, number=number) for story in stories}
    return found


async def live_through(scene: Mayhem, length_s: float) -> None:
    """Strike by dice for *length_s*, then let every story end."""
    victims = troubles()
    busy: dict[str, asyncio.Task[None]] = {}
    ends_s = time.monotonic() + length_s
    async with asyncio.TaskGroup() as stories:
        while time.monotonic() < ends_s:
            await asyncio.sleep(scene.dice.uniform(0.1, BREATH_S))
            busy = {victim: task for victim, task in busy.items() if not task.done()}
            if "agent" not in busy:
                scene.look()
            free = [victim for victim in victims if victim not in busy]
            if len(busy) < AT_ONCE:
                victim = scene.dice.choice(free)
                name = scene.dice.choice(list(victims[victim]))
                scene.done[name] += 1
                busy[victim] = stories.create_task(victims[victim][name](scene))


def settle(scene: Mayhem, bound_s: float) -> float:
    """Wait until both brokers have fresh data, then until they have all; returns what the first took, in seconds."""
    began_s = time.monotonic()
    for site in scene.sites:
        site.mended_s = began_s
        site.consumer.wait_for(lambda _, site=site: site.recovered, bound_s)
    recovery_s = max(site.recovery_s or 0.0 for site in scene.sites)
    for site in scene.sites:
        complete_by_replay(site.consumer, scene.agent, timeout_s=bound_s)
    return recovery_s


def unread(scene: Mayhem) -> dict[str, list[tuple[float, float]]]:
    """Per device the spans (seconds since 1970) for which the log says that it gave no reading."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for record in scene.agent.records("measurement"):
        if "values" not in record:
            begin_s = seconds(record["time"])
            spans.setdefault(record["device"], []).append((begin_s, begin_s + record.get("ticks", 1) * EVERY_S))
    return spans


def staged(folder: Path, seed: int, prelude: str, stack: ExitStack) -> Mayhem:
    """Everything at work; *stack* ends it."""
    lines = stack.enter_context(bad_lines(seed))
    names = Names(folder / "names")
    sites = list(_sites(folder, lines, names, stack))
    with lines.at_station():
        instruments = stack.enter_context(LedgerProcess(folder / "ledger.txt", *LOAD))
    disk = Illness(folder)
    urls = {site.name: site.url for site in sites}
    text = station(instruments.devices, urls, every=f"{EVERY_S * 1000:.0f}ms")
    everything = "\n".join([disk.prelude, lines.prelude(names), prelude])
    agent = AgentProcess(folder / "agent", text, prelude=everything, as_shipped=True)
    stack.push(agent)
    return Mayhem(folder, random.Random(seed), lines, agent, instruments, sites, disk)


def _sites(folder: Path, lines: Lines, names: Names, stack: ExitStack) -> Iterator[Site]:
    for name in ("city", "province"):
        with lines.at_brokers():
            port = free_port()
            line = lines.line(port)
            elsewhere = {line.far_host} - {"127.0.0.1"}
            broker = Mosquitto(
                folder / name,
                port=port,
                persistence=True,
                listener_settings=[f"listener {port} {host}" for host in elsewhere],
            )
            stack.enter_context(broker)
            consumer = stack.enter_context(Consumer(port))
        yield Site(name, line, line, broker, consumer, lines, names)
