"""A station whose file changes all the time: added to, renamed in, spoilt and mended again, by the same daemon."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.settings import ConfigError, Settings
from tests.simulators.accounting import complete, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Device, LedgerProcess
from tests.simulators.stationfile import HEAD, device, uplink

EVERY_S = 0.2
CHANNELS = (
    '[[device.channel]]\nname = "serial"\nregister = 0\ntype = "uint32"\n',
    '[[device.channel]]\nname = "r2"\nregister = 2\n',
)
LEDGER_HEAD = HEAD.replace("test-1", "ledger")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Plan:
    """A station of which some parts never change: `d1` alone on its wire, `d2` beside others, the uplink `city`."""

    devices: Sequence[Device]
    city: str
    town: str

    def text(self, third: str = "d3", every: str = "100ms", fourth: bool = False, towns: Sequence[str] = ()) -> str:
        """A file with the third device so called and so often polled, perhaps a fourth, and more uplinks."""
        own, shared = self.devices[0], self.devices[1:]
        head = LEDGER_HEAD + f'[[link]]\nname = "bus"\nurl = "{shared[0].url}"\n' + self._uplink("city", self.city)
        steady = device("d1", f'url = "{own.url}"', f"{EVERY_S * 1000:g}ms", *CHANNELS)
        steady += device("d2", 'link = "bus"', f"{EVERY_S * 1000:g}ms", *CHANNELS, address=shared[0].unit)
        moving = device(third, 'link = "bus"', every, *CHANNELS, address=shared[1].unit) if third else ""
        moving += device("d4", 'link = "bus"', "200ms", *CHANNELS, address=shared[2].unit) if fourth else ""
        return head + steady + moving + "".join(self._uplink(name, self.town) for name in towns)

    def _uplink(self, name: str, url: str) -> str:
        return uplink(name, url) + 'from = "oldest"\n'

    def good(self) -> dict[str, str]:
        """Files that are right."""
        return {
            "device added": self.text(fourth=True),
            "device changed": self.text(every="200ms", fourth=True),
            "device renamed": self.text("third", "200ms", fourth=True),
            "device removed": self.text("", fourth=True),
            "uplink added": self.text(towns=["town"]),
            "uplink renamed": self.text(towns=["land"]),
            "uplink removed": self.text(),
        }


def bad(folder: Path, text: str, chance: random.Random) -> dict[str, Callable[[Path], object]]:
    """Ways to spoil a station file of which *text* is the last good state."""
    return {
        "half written": lambda file: file.write_text(half(text, chance, folder)),
        "a mistake": lambda file: file.write_text(text.replace('every = "', 'evry = "', 1)),
        "empty": lambda file: file.write_text(""),
        "zeros after a power cut": lambda file: file.write_bytes(bytes(len(text))),
        "another encoding": lambda file: file.write_bytes(f"{text}\n# 下沙".encode("gbk")),
        "missing": lambda file: file.unlink(),
        "a folder": into_a_folder,
        "what only a restart can change": lambda file: file.write_text(text.replace('"store.db"', '"other.db"')),
    }


def into_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def half(text: str, chance: random.Random, folder: Path, least: int = len(LEDGER_HEAD)) -> str:
    """The beginning of *text*, at random, such that it is no right file."""
    while True:
        begin = text[: chance.randrange(least, len(text))]
        try:
            Settings.from_text(begin, folder / "station.toml")
        except ConfigError:
            return begin


@dataclass
class Reloads:
    """What became of a station whose file changed all the time."""

    seed: int
    good: list[str] = field(default_factory=list)  # the files that were applied
    spoilt: list[str] = field(default_factory=list)  # the kinds of those that were not
    applied: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    served: dict[int, list[int]] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)
    asked: dict[str, int] = field(default_factory=dict)
    log: str = ""
    exit_code: int = -1


def live(folder: Path, seed: int, length_s: float | None) -> Reloads:
    """Change the file in every way, or for *length_s*, with a good one after each bad one."""
    lived, chance = Reloads(seed), random.Random(seed)
    with (
        Mosquitto(folder / "city") as city,
        Mosquitto(folder / "town") as town,
        LedgerProcess(folder / "ledger.txt", "--devices", "1") as alone,
        LedgerProcess(folder / "shared.txt", "--devices", "3", "--one-port") as bus,
        Consumer(city.port) as consumer,
    ):
        plan = Plan([*alone.devices, *bus.devices], city.url, town.url)
        lived.good.append(plan.text())
        with AgentProcess(folder / "agent", lived.good[0]) as agent:
            agent.until(lambda: agent.status()["uplinks"][0]["state"] == "connected", "a connection")
            for name, spoil in moves(plan, agent, chance, length_s):
                if spoil is None:
                    lived.good.append(text := plan.good()[name])
                    replace(agent.config, lambda file, text=text: file.write_text(text))  # type: ignore[misc]
                    reload(agent, "configuration_applied", len(lived.good))
                    agent.until(lambda text=text: all_polled(agent, text), "a poll of every device")  # type: ignore[misc]
                else:
                    lived.spoilt.append(name)
                    replace(agent.config, spoil)
                    reload(agent, "configuration_refused", len(lived.spoilt))
                before = len(served(folder / "ledger.txt").get(1, ()))
                agent.until(lambda least=before: len(served(folder / "ledger.txt").get(1, ())) > least, "a tick")  # type: ignore[misc]
                lived.sessions |= {one["session"] for one in agent.status()["uplinks"] if one["name"] == "city"}
            asked = {one["name"]: one["counters"] for one in agent.status()["devices"]}
            lived.asked = {name: counters["asked"] if counters else 0 for name, counters in asked.items()}
            lived.exit_code = agent.stop()
            lived.evidence = complete(consumer, agent)
            lived.applied = [record["data"] for record in agent.events("configuration_applied")]
            lived.refused = [record["data"] for record in agent.events("configuration_refused")]
            lived.records = {name: agent.records("measurement", name) for name in ("d1", "d2", "third")}
            lived.log = agent.log
        lived.served = served(folder / "ledger.txt")
    return lived


def all_polled(agent: AgentProcess, text: str) -> bool:
    """Whether the devices of *text*, and no others, are at work."""
    devices = agent.status()["devices"]
    named = {device.name for device in Settings.from_text(text, agent.config).devices}
    return {one["name"] for one in devices} == named and all(one["polled"] > 0 for one in devices)


def reload(agent: AgentProcess, event: str, count: int) -> None:
    """Tell the daemon to read its file, as systemd does; wait until *event* was recorded so many times."""
    os.kill(agent.pid, signal.SIGHUP)
    agent.until(lambda: len(agent.events(event)) >= count, f"{event} number {count}")


def moves(
    plan: Plan, agent: AgentProcess, chance: random.Random, length_s: float | None
) -> Iterator[tuple[str, Callable[[Path], object] | None]]:
    """What is done to the file next: a good one by its name, or a bad one with how it is made."""
    spoilt = bad(agent.folder, plan.text(fourth=True), chance)
    names = [*plan.good(), *spoilt]
    if length_s is None:
        kinds = list(spoilt)
        chance.shuffle(kinds)
        for good in plan.good():
            yield good, None
            for kind in (kinds.pop() for _ in range(2 if len(kinds) > 7 else 1)):
                yield kind, spoilt[kind]
        return
    end_s = time.monotonic() + length_s
    while time.monotonic() < end_s:
        name = chance.choice(names)
        yield name, spoilt.get(name)


def replace(file: Path, write: Callable[[Path], object]) -> None:
    """Put another file there, whatever is there now."""
    if file.is_dir():
        file.rmdir()
    file.touch()
    write(file)
