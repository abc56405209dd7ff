"""A log and its uplinks, with nothing else of a daemon around them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.recorder import Recorder
from agent.settings import UplinkSettings
from agent.store.record import draft
from agent.store.store import Store
from agent.uplink.uplink import Uplink
from drivers.reading import Stream

STATION = "T-1"
DATA = f"station/v1/{STATION}/data"


@dataclass
class Sender:
    """A running recorder; records are put by hand, uplinks started and stopped at will."""

    recorder: Recorder
    archive: Path
    facts: dict[str, Any] = field(default_factory=lambda: {"version": "1.0", "config": "0123abcd"})
    forks: list[str] = field(default_factory=list)
    tasks: dict[Uplink, asyncio.Task[None]] = field(default_factory=dict)

    async def put(self, count: int, stream: Stream = Stream.MEASUREMENT, **fields: Any) -> int:
        """Store *count* records and return the last seq."""
        target = self.recorder.last(stream) + count
        values = {"device": "so2", "meta": "3fa09c1e", "values": {"so2": 12.5}} | fields
        self.recorder.put([draft(stream, datetime.now(UTC), values) for _ in range(count)])
        await self.until(lambda: self.recorder.last(stream) >= target)
        return self.recorder.last(stream)

    async def uplink(self, url: str, name: str = "city", *, start: str = "oldest", **settings: Any) -> Uplink:
        """Start an uplink."""
        words = {"name": name, "url": url, "spread": "0s"} | settings
        await self.recorder.write(lambda store: store.set_uplinks({name: start}))
        uplink = Uplink(
            UplinkSettings(**words),
            STATION,
            self.recorder,
            lambda: self.facts,
            on_fork=self._fork,
            archive=self.archive,
        )
        self.tasks[uplink] = asyncio.create_task(uplink.run())
        return uplink

    async def stop(self, uplink: Uplink) -> None:
        """Stop an uplink as the daemon does."""
        task = self.tasks.pop(uplink)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _fork(self, reason: str) -> None:
        self.forks.append(reason)
        await self.recorder.write(lambda store: store.begin_epoch(reason))

    async def until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Wait for *condition*; TimeoutError otherwise, or what ended an uplink."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            for task in self.tasks.values():
                if task.done():
                    task.result()
            if time.monotonic() > deadline_s:
                raise TimeoutError([uplink.snapshot() for uplink in self.tasks])
            await asyncio.sleep(0.01)

    async def delivered(self, uplink: Uplink, timeout_s: float = 10.0) -> None:
        """Wait until nothing is unacknowledged."""
        await self.until(lambda: uplink._progress.tracks and not behind(uplink), timeout_s)

    async def events(self, name: str) -> list[dict[str, Any]]:
        """The data of the events *name* in the log."""
        await self.recorder.flushed()
        far = 1 << 50
        rows = await self.recorder.read(lambda reader: [row for _, row in reader.located(Stream.EVENT, 0, far)])
        records = [json.loads(row.body) for row in rows]
        return [record.get("data", {}) for record in records if record["event"] == name]


def behind(uplink: Uplink) -> int:
    """How many records are not acknowledged."""
    counts: dict[str, int] = uplink.snapshot()["backlog"]
    return sum(counts.values())


@asynccontextmanager
async def sending(folder: Path) -> AsyncIterator[Sender]:
    """Open the log in *folder*, and close it in good order."""
    folder.mkdir(parents=True, exist_ok=True)

    def opener() -> Store:
        return Store.open(
            folder / "store.db", station=STATION, machine="m", quota=1 << 30, now_ms=time.time_ns() // 1_000_000
        )

    recorder = await Recorder.open(opener, clock=Clock())
    writing = asyncio.create_task(recorder.run())
    sender = Sender(recorder, folder / "archive")
    try:
        yield sender
    finally:
        for uplink in list(sender.tasks):
            await sender.stop(uplink)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
