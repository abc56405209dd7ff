"""The demonstration as a whole: who starts when, who is brought back when killed, and how it ends.

Order matters at the end: the agent stops first and delivers what it has, the
subscriber gets time to receive it, then the broker and the instruments go.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.demo.instruments import Station
from agent.receive.asking import Asker
from agent.receive.receiving import Receiver
from agent.receive.subscription import Interest, Subscription
from agent.simulation.console import Console
from agent.stage.brokers import HOST, Choice, DemoBroker
from agent.stage.child import Child
from agent.stage.judge import Count, Judge
from agent.stage.stationfile import ROOT, station_file
from agent.store.errors import StoreError
from agent.uplink.broker import Address

SUBSCRIBER = "judge"
PATIENCE_S = 1.0
"""A gap that stood so long is asked for again."""

AGENT_STOPS_S = 10.0
ARRIVES_S = 3.0
"""What the agent had delivered when it stopped is with the subscriber after this."""

ENCORES = 2
"""So often the agent is started once more when a broker that was killed has taken records with it."""

ENCORE_S = 15.0
NOTES = 200


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, and how many seconds after the start."""

    at_s: float
    text: str


class Play:
    """A station, a broker, the agent and a judge, with their files in *folder*."""

    def __init__(self, folder: Path, choice: Choice = "auto") -> None:
        self.folder = folder
        self.config = folder / "station.toml"
        self.log = folder / "log" / "store.db"
        self.notes: deque[Note] = deque(maxlen=NOTES)
        self.noted = 0
        self._began_s = time.monotonic()
        self.instruments = Station(folder / "lines")
        self.console = Console(folder / "faults", self._tell)
        self.broker = DemoBroker(folder / "broker", choice, self.note)
        command = [sys.executable, "-P", "-m", "agent", "--config", str(self.config), "run"]
        self.agent = Child("agent", command, folder / "agent.log", told=self.note)
        self.judge = Judge(Receiver(ROOT, whole=True), self.note)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def age_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def note(self, text: str) -> None:
        """Remember what happened."""
        self.notes.append(Note(self.age_s, text))
        self.noted += 1

    async def _tell(self, line: str) -> str:
        said = await self.instruments.tell(line)
        if "\n" not in said:
            self.note(said)
        return said

    def status(self) -> dict[str, Any]:
        """The agent's own snapshot; empty as long as there is none."""
        try:
            words: dict[str, Any] = json.loads((self.folder / "run" / "status.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return words

    def count(self) -> Count:
        """How the two sides compare now."""
        try:
            return self.judge.count(self.log)
        except StoreError:  # the agent has not made its log yet
            return Count(0, 0, 0, 0)

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.instruments)
            self._stack.push_async_callback(self.console.stop)
            await self.console.start()
            self._stack.push_async_callback(self.broker.process.stop, 3.0)
            await self.broker.process.start()
            self._write()
            self._stack.push_async_callback(self._end_tasks)
            self._run(self._subscription().run())
            self._run(self.broker.process.keep())
            self._stack.push_async_callback(self.agent.stop, AGENT_STOPS_S)
            await self.agent.start()
            self._run(self.agent.keep())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _write(self) -> None:
        for name in ("run", "log"):
            (self.folder / name).mkdir(exist_ok=True)
        text = station_file(self.folder, self.instruments.ports, self.instruments.paths, self.broker.url)
        self.config.write_text(text)

    def _subscription(self) -> Subscription:
        return Subscription(
            Address(HOST, self.broker.port, SUBSCRIBER),
            Interest(ROOT),
            self.judge.receiver,
            self.judge,
            name=SUBSCRIBER,
            asker=Asker(SUBSCRIBER, ROOT, self.judge.receiver, patience_s=PATIENCE_S),
            again_s=0.1,
        )

    def _run(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raise what one of the parts ended with, such as ChildError."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def finish(self) -> Count:
        """Stop polling, let everything arrive, and count."""
        self.note("stopping the agent: it delivers what it has")
        await self.agent.stop(AGENT_STOPS_S)
        count = await self._arrived(ARRIVES_S)
        for _ in range(ENCORES):
            if not count.missing:
                break
            self.note(f"{count.missing} records did not arrive: the agent is started again to deliver them")
            await self.agent.start()
            await self._arrived(ENCORE_S)
            await self.agent.stop(AGENT_STOPS_S)
            count = await self._arrived(ARRIVES_S)
        return count

    async def _arrived(self, deadline_s: float) -> Count:
        """Wait until nothing is missing, or for *deadline_s*."""
        until_s = time.monotonic() + deadline_s
        while (count := self.count()).missing and time.monotonic() < until_s:
            self.check()
            await asyncio.sleep(0.1)
        return count
