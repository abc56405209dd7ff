"""A station whose readings are numbered, and the books over it: what a fault cost, as one row.

The instruments write down every number that they hand out, a consumer of its own
keeps all that its broker sends, and nothing between the two is asked how it went.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.store.gaps import DAMAGED, MISSING
from agent.store.reader import Reader
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.faults.table import row
from tests.simulators.accounting import STATION, complete, delivered, lost, missing_ticks, seconds, served, silences
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain, Evidence, raw_elements
from tests.simulators.ledger import Device, LedgerProcess, Served
from tests.simulators.stationfile import uplink

EVERY_S = 0.1
REGISTERS = 4
FRESH_S = 2.0
"""Data younger than this is fresh."""

IN_A_HURRY = """
import agent.recorder, agent.keeper
from agent.uplink import condition, delivery, mqtt, retry, uplink
agent.recorder.RETRY_S, agent.keeper.REST_S = 0.2, 0.5
delivery.PUBACK_S, condition.LOOK_S = 3.0, 0.5
mqtt.Session.connect.__defaults__ = (2.0,)
retry.FIRST_S = uplink.FIRST_S = retry.EARLY_CAP_S = 0.5
"""
"""Deadlines and rests some ten times shorter than the real ones."""

AND_SOON_IN_MEMORY = "agent.recorder.REFUGE_S, agent.recorder.RETURN_S = 0.5, 0.5"


class Books:
    """Instruments, a broker and a consumer at work, and a daemon that :attr:`agent` starts and stops.

    *prelude* is what the daemon runs first, *store* what its configuration says in ``[store]`` besides *where* the
    log is, and *inside* what starts it elsewhere; *seen* is where its log is found from here then.
    *others* are the URLs of further uplinks, by name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        devices: int = 2,
        prelude: str = IN_A_HURRY,
        store: str = "",
        where: str = "store.db",
        inside: Sequence[str] = (),
        seen: Path | None = None,
        others: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.ledger = folder / "ledger.txt"
        self.broker = Mosquitto(folder / "broker", persistence=True)
        self._folder = folder
        self._instruments = LedgerProcess(self.ledger, "--devices", str(devices), "--registers", str(REGISTERS))
        self._options: dict[str, Any] = {"prelude": prelude, "inside": inside, "environment": environment}
        self._where = where
        self._store = f'[store]\npath = "{where}"\n{store}'
        self._seen = seen
        self._others = others or {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            stack.enter_context(self.broker)
            stack.enter_context(self._instruments)
            self.consumer = stack.enter_context(Consumer(self.broker.port))
            self.agent = AgentProcess(self._folder / "agent", self._text(), **self._options)
            self.agent.store = self.agent.folder / self._where
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self.agent.__exit__(kind, error, trace)

    def _text(self) -> str:
        head = f'[station]\nid = "ledger"\nruntime = "run"\n{self._store}'
        urls = {"city": self.broker.url, **self._others}
        uplinks = [uplink(*one) + 'from = "oldest"\n' for one in urls.items()]
        return "".join([head, *map(_device, self._instruments.devices), *uplinks])

    @property
    def polled(self) -> int:
        """Polls that succeeded in the present life of the daemon."""
        return sum(device["polled"] for device in self.agent.status()["devices"])

    def infect(self, prelude: str) -> None:
        """Let the next life of the daemon run *prelude* first, in place of what this one did."""
        self.agent = AgentProcess(self._folder / "agent", self._text(), **self._options | {"prelude": prelude})
        self.agent.store = self.agent.folder / self._where

    def work(self, polls: int = 20) -> None:
        """Wait for so many polls more."""
        before = self.polled
        self.agent.until(lambda: self.polled >= before + polls, f"{polls} more polls", 30)

    def fresh(self, since_s: float) -> float:
        """Wait for data that is fresh, and return how long after *since_s* (monotonic) it came."""
        found: list[float] = []

        def came() -> bool:
            found[:] = self._fresh(since_s)[:1]
            return bool(found)

        self.agent.until(came, "fresh data", 60)
        return found[0] - since_s

    def _fresh(self, since_s: float) -> list[float]:
        """When fresh data came, from *since_s* on."""
        offset_s = time.time() - time.monotonic()
        late = [m for m in self.consumer.on("*/data/measurement/live") if m.monotonic_s >= since_s]
        made_s = [seconds(json.loads(raw_elements(message.payload)[-1])["time"]) - offset_s for message in late]
        return [m.monotonic_s for m, at_s in zip(late, made_s, strict=True) if m.monotonic_s - at_s < FRESH_S]

    def close(
        self,
        fault: str,
        times: int = 1,
        *,
        recovery_s: float | None = None,
        seed: int | None = None,
        named: int | None = None,
    ) -> Evidence:
        """End the daemon in good order, wait until all has arrived, and tell what *fault* cost; it must be nothing.

        A reading counts as missing unless the daemon was dead between its last record and the next event of a start,
        or a record says of its tick that no answer came in time.
        *named* is how many the log has named as gone from it: as many may be missing, and it need not have all.
        """
        self.settled()
        assert self.agent.stop() == 0, self.agent.log[-4000:]
        evidence = complete(self.consumer, self.agent) if named is None else self._all_but(named)
        assert not evidence.faults, evidence.faults[:5]
        arrived = delivered(evidence)
        missing = self._missing(evidence)
        doubled = sum(len(serials) - len(set(serials)) for serials in arrived.values())
        polled = sum(map(len, served(self.ledger).values()))
        count = sum(len(set(serials)) for serials in arrived.values())
        row(fault, times, polled, count, max(len(missing) - (named or 0), 0), doubled, recovery_s=recovery_s, seed=seed)
        assert len(missing) <= (named or 0), missing
        assert doubled == 0
        if self._seen:
            self._bring(self._seen)
        if named is None:
            assert self.stored() == {device: sorted(serials) for device, serials in arrived.items()}
        with Reader.open(self.agent.store) as log:
            assert [proof.broken for proof in verify_log(log) if proof.broken] == []
        return evidence

    def _all_but(self, named: int) -> Evidence:
        """Wait until the consumer has what the log ends with, and of all before it so many measurements are missing."""

        def has_all(consumer: Consumer) -> bool:
            store, evidence = self.agent.status()["store"], consumer.evidence()
            lasts = ((Chain(STATION, store["epoch"], stream), last) for stream, last in store["last"].items())
            holes = [
                hole for chain, found in evidence.gaps.items() if chain.stream == Stream.MEASUREMENT for hole in found
            ]
            lacking = sum(last - first + 1 for first, last in holes)
            return lacking <= named and all(max(evidence.records.get(key, {0: b""})) >= last for key, last in lasts)

        self.consumer.wait_for(has_all, 30)
        return self.consumer.evidence()

    def _bring(self, seen: Path) -> None:
        """Copy the log from where SQLite does not find its way to (it resolves the links below /proc by itself)."""
        self.agent.store = self._folder / "brought.db"
        for side in ("", "-wal"):
            if (file := seen.with_name(seen.name + side)).exists():
                shutil.copy(file, self.agent.store.with_name(self.agent.store.name + side))

    def _missing(self, evidence: Evidence) -> list[Served]:
        spans, unread = silences(evidence), Counter[str]()
        for record in evidence.of("measurement"):
            unread[record["device"]] += record.get("ticks", 1) if "values" not in record else 0
        missing = []
        for one in lost(self.ledger, evidence):
            device = f"d{one.device}"
            if any(begin <= one.wall_s <= end for begin, end in spans.get(device, ())):
                continue
            unread[device] -= 1  # its answer came too late for the time-out, and the record of that tick says so
            if unread[device] < 0:
                missing.append(one)
        return missing

    def stored(self) -> dict[int, list[int]]:
        """Per device the serials that the log has."""
        found: dict[int, list[int]] = {}
        for record in self.agent.records("measurement"):
            if "values" in record:
                found.setdefault(int(record["device"][1:]), []).append(record["values"]["serial"])
        return {device: sorted(serials) for device, serials in found.items()}

    def named(self) -> int:
        """Measurements that the log says the medium has taken from it."""
        with Reader.open(self.agent.store) as log:
            gaps = [gap for epoch in log.epochs() for gap in log.gone(epoch.epoch, Stream.MEASUREMENT)]
        return sum(gap.last - gap.first + 1 for gap in gaps if gap.reason in (DAMAGED, MISSING))

    def settled(self, uplinks: int = 1) -> None:
        """Wait until nothing waits in memory, and of the log only what is just being delivered by so many uplinks."""
        self.agent.until(lambda: _is_settled(self.agent.status(), uplinks), "an end of the backlog", 60)

    @staticmethod
    def every_tick(evidence: Evidence) -> None:
        """AssertionError when a tick between the first and the last record is not accounted for."""
        assert missing_ticks(evidence, EVERY_S) == {}


def told(evidence: Evidence, name: str) -> list[dict[str, Any]]:
    """The data of the events called *name*, as they arrived."""
    return [event.get("data", {}) for event in evidence.of("event") if event["event"] == name]


def _is_settled(status: dict[str, Any], uplinks: int) -> bool:
    """Whether the first *uplinks* are connected, and have next to nothing to do."""
    ready = (one["state"] == "connected" and sum(one["backlog"].values()) < 20 for one in status["uplinks"][:uplinks])
    return not status["store"]["refused"] and all(ready)


def _device(device: Device) -> str:
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n']
    channels += [f'name = "r{register}"\nregister = {register}\ntype = "uint16"\n' for register in range(2, REGISTERS)]
    where = f'url = "{device.url}"\naddress = {device.unit}\nevery = "{EVERY_S * 1000:.0f}ms"\n'
    return f'[[device]]\nname = "d{device.number}"\n{where}' + "".join(f"[[device.channel]]\n{one}" for one in channels)
