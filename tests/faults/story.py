"""A station between instruments that number their answers and a broker with a consumer of its own, and their books."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.store.reader import Reader
from agent.store.verify import verify_files
from drivers.reading import Stream
from tests.faults.damage import heads
from tests.faults.powered import Name, Powered
from tests.simulators.accounting import STATION, delivered, lost, silences
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain
from tests.simulators.ledger import Ledger
from tests.simulators.proxy import Proxy

REGISTERS = 8
TIMEOUT_S = 30.0


@dataclass
class Story:
    """The counterparts of one station in *folder*, and what was found wrong."""

    folder: Path
    devices: int = 3
    faults: list[str] = field(default_factory=list)
    polled: int = 0
    delivered: int = 0
    missing: int = 0
    duplicated: int = 0

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        self.broker = self._stack.enter_context(Mosquitto(self.folder / "broker"))
        self.consumer = self._stack.enter_context(Consumer(self.broker.port))
        self.proxy = await self._stack.enter_async_context(Proxy(self.broker.port))
        ledger = Ledger(self.folder / "ledger.txt", devices=self.devices, registers=REGISTERS)
        self.ledger = await self._stack.enter_async_context(ledger)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def everything_arrives(self, log: Path) -> None:
        """Wait until the consumer has all that the log at *log* holds now."""
        await asyncio.sleep(0.5)
        with Reader.open(log) as reader:
            wanted = heads(reader)
        async with asyncio.timeout(TIMEOUT_S):
            while not self.has(wanted):
                await asyncio.sleep(0.05)

    def has(self, wanted: dict[Name, bytes]) -> bool:
        """Whether every record of *wanted* has arrived."""
        known = self.consumer.evidence().records
        return all(seq in known.get(Chain(STATION, epoch, stream), {}) for epoch, stream, seq in wanted)

    def judge(self, station: Powered) -> None:
        """Close the books: what was told, found, served and sealed against what arrived."""
        evidence = self.consumer.evidence()
        self.faults += evidence.faults
        self.faults += [f"{chain} lacks {ranges}" for chain, ranges in evidence.gaps.items()]
        for (epoch, stream, seq), head in station.witness.told.items():
            if (arrived := evidence.heads.get(Chain(STATION, epoch, stream), {}).get(seq)) != head:
                self.missing += 1
                self.faults.append(f"{epoch} {stream} {seq} was stored and {'changed' if arrived else 'never arrived'}")
        known = station.witness.told | station.witness.seen
        for chain, records in evidence.records.items():
            unknown = [seq for seq in records if (chain.epoch, Stream(chain.stream), seq) not in known]
            self.faults += [f"{chain} {seq} arrived and was never stored" for seq in unknown]
        self._judge_readings()
        self.faults += [str(proof) for proof in verify_files([station.archive]) if proof.broken]

    def _judge_readings(self) -> None:
        """Every reading that was served arrived once, or a silence that the agent told of covers it."""
        evidence, book = self.consumer.evidence(), self.folder / "ledger.txt"
        arrived = delivered(evidence)
        self.delivered = sum(map(len, arrived.values()))
        self.duplicated = self.delivered - sum(len(set(serials)) for serials in arrived.values())
        self.polled = len(book.read_text().splitlines())
        spans = silences(evidence)
        for one in lost(book, evidence):
            begun = one.serial > min(arrived[one.device])  # before the first record nothing is told of a device
            if begun and not any(begin <= one.wall_s <= end for begin, end in spans[f"d{one.device}"]):
                self.faults.append(f"device {one.device}, serial {one.serial} is missing, and nothing says why")
        if self.duplicated:
            self.faults.append(f"{self.duplicated} readings arrived under two numbers")

    def table(self, fault: str, times: int, recovery_s: Sequence[float]) -> str:
        """One line of the table that a soak prints, with its heading."""
        heading = (
            f"{'fault':24} {'times':>6} {'polled':>8} {'delivered':>9} {'missing':>8} {'twice':>6} {'recovery':>9}"
        )
        longest_s = max(recovery_s, default=0.0)
        line = f"{fault:24} {times:6} {self.polled:8} {self.delivered:9} {self.missing:8} {self.duplicated:6}"
        return f"{heading}\n{line} {longest_s:7.2f} s"


def station_file(story: Story, *, every: str, store: str = 'quota = "1MB"\n') -> str:
    """A station on all devices of the ledger, with one uplink through the proxy."""
    parts = [
        f'[station]\nid = "{STATION}"\nruntime = "{story.folder}/run"\n[store]\npath = "data/store.db"\n{store}',
        *(_device(device.number, device.url, every) for device in story.ledger.devices),
        f'[[uplink]]\nname = "city"\nurl = "mqtt://127.0.0.1:{story.proxy.port}"\nspread = "0s"\n',
    ]
    return "".join(parts)


def _device(number: int, url: str, every: str) -> str:
    head = f'[[device]]\nname = "d{number}"\nurl = "{url}"\naddress = 1\nevery = "{every}"\n'
    serial = '[[device.channel]]\nname = "serial"\nregister = 0\ntype = "uint32"\n'
    others = (f'[[device.channel]]\nname = "r{n}"\nregister = {n}\ntype = "uint16"\n' for n in range(2, REGISTERS))
    return "".join([head, serial, *others])
