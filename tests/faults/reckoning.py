"""A powered station between instruments that number their answers and a broker with a consumer of its own: the books.

Every reading that was served and every record that was said to be stored is held
against what arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.store.cursor import Cursor
from agent.store.reader import Reader
from agent.store.verify import verify_files
from drivers.reading import Stream
from tests.faults.names import Name, heads
from tests.faults.powered import Powered
from tests.simulators.accounting import STATION, delivered, lost, seconds, silences
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Ledger
from tests.simulators.proxy import Proxy

REGISTERS = 8
EVERY_S = 0.02
LATE_S = 1.0
"""On a busy machine an instrument may serve a request that long after the agent gave it up."""
TIMEOUT_S = 30.0


class Reckoning:
    """The counterparts of one station in *folder*, and what was found wrong in the end."""

    def __init__(self, folder: Path, *, devices: int = 3) -> None:
        self.folder = folder
        self.faults: list[str] = []
        self.polled = 0
        self.delivered = 0
        self.missing: list[Name] = []
        self.duplicated = 0
        self._devices = devices

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack = AsyncExitStack()
        self.broker = self._stack.enter_context(Mosquitto(self.folder / "broker"))
        self.consumer = self._stack.enter_context(Consumer(self.broker.port))
        self.proxy = await self._stack.enter_async_context(Proxy(self.broker.port))
        ledger = Ledger(self.folder / "ledger.txt", devices=self._devices, registers=REGISTERS)
        self.ledger = await self._stack.enter_async_context(ledger)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def station_file(self) -> str:
        """A station on all devices of the ledger, with one uplink through the proxy."""
        parts = [
            f'[station]\nid = "{STATION}"\nruntime = "{self.folder}/run"\n',
            '[store]\npath = "data/store.db"\nquota = "1MB"\n',
            *(_device(device.number, device.url) for device in self.ledger.devices),
            f'[[uplink]]\nname = "city"\nurl = "mqtt://127.0.0.1:{self.proxy.port}"\nspread = "0s"\n',
        ]
        return "".join(parts)

    async def everything_arrives(self, log: Path, prehistory: set[str]) -> None:
        """Wait until the consumer has all that the log at *log* holds in half a second, but for old epochs."""
        await asyncio.sleep(0.5)
        with Reader.open(log) as reader:
            wanted = {name for name in heads(reader) if name[0] not in prehistory}
        await self._came(wanted)

    async def _came(self, wanted: set[Name]) -> None:
        with suppress(TimeoutError):  # what does not arrive is in the books
            async with asyncio.timeout(TIMEOUT_S):
                while not wanted <= arrived(self.consumer.evidence()).keys():  # noqa: ASYNC110 - of paho's thread
                    await asyncio.sleep(0.05)

    async def close(self, station: Powered, gone: set[Name]) -> None:
        """Close the books: what was told, found, served and sealed against what arrived.

        What is *gone* from the log is not waited for; what an agent stores while it ends may wait there for its
        next start.
        """
        wanted = station.witness.told.keys() - undelivered(station.log)
        await self._came(wanted - gone)
        evidence, names = self.consumer.evidence(), station.witness.names
        came = arrived(evidence)
        self.faults += evidence.faults
        self.faults += [f"{chain} lacks {ranges}" for chain, ranges in evidence.gaps.items()]
        self.faults += [f"{name} arrived and was never stored" for name in came.keys() - names.heads.keys()]
        names.note(came)
        self.faults += [f"{name} names two records" for name in names.twice]
        self.missing = [name for name in wanted if name not in came]
        self.faults += [f"{name} was stored and never arrived" for name in self.missing]
        self.faults += [str(proof) for proof in verify_files([station.archive]) if proof.broken]
        self.faults += self._unexplained(evidence)

    def _unexplained(self, evidence: Evidence) -> Iterator[str]:
        """Every reading that was served arrived once, or the agent told why not."""
        book, came = self.folder / "ledger.txt", delivered(evidence)
        self.polled = len(book.read_text().splitlines())
        self.delivered = sum(map(len, came.values()))
        self.duplicated = self.delivered - sum(len(set(serials)) for serials in came.values())
        if self.duplicated:
            yield f"{self.duplicated} readings arrived under two numbers"
        spans = told_of(evidence)
        for one in lost(book, evidence):
            begun = one.serial > min(came[one.device])  # before the first record nothing is told of a device
            if begun and not any(begin <= one.wall_s <= end for begin, end in spans[f"d{one.device}"]):
                yield f"device {one.device}, serial {one.serial} is missing, and nothing says why"


def told_of(evidence: Evidence) -> dict[str, list[tuple[float, float]]]:
    """Per device the spans that the agent said it has no readings of, in seconds since 1970."""
    spans = silences(evidence)
    for record in evidence.of("measurement"):
        if "reason" in record:
            begin_s = seconds(record["time"])
            end_s = begin_s + record.get("ticks", 1) * EVERY_S + LATE_S
            spans.setdefault(record["device"], []).append((begin_s, end_s))
    return spans


def undelivered(log: Path) -> set[Name]:
    """What the log at *log* holds, and knows that the uplink has not got."""
    with Reader.open(log) as reader:
        cursors = reader.cursors()
        return {name for name in heads(reader) if not cursors.get(("city", *name[:2]), Cursor()).covers(name[2])}


def arrived(evidence: Evidence) -> dict[Name, bytes]:
    """The head of every record that the consumer got, by name."""
    return {
        (chain.epoch, Stream(chain.stream), seq): evidence.heads[chain][seq]
        for chain, records in evidence.records.items()
        for seq in records
    }


def _device(number: int, url: str) -> str:
    head = f'[[device]]\nname = "d{number}"\nurl = "{url}"\naddress = 1\nevery = "{EVERY_S * 1000:g}ms"\n'
    serial = '[[device.channel]]\nname = "serial"\nregister = 0\ntype = "uint32"\n'
    others = (f'[[device.channel]]\nname = "r{n}"\nregister = {n}\ntype = "uint16"\n' for n in range(2, REGISTERS))
    return "".join([head, serial, *others])
