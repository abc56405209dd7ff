"""The daemon's own parts around a real log, inside the test: for what only a look inside, or another clock, shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.clock import Clock
from agent.crew import Crew
from agent.polling.device import DevicePoller
from agent.polling.poller import LinkPoller
from agent.recorder import Recorder
from agent.settings import Settings
from agent.station import Station
from agent.store.store import Store
from drivers.reading import Stream


class WorkingStation:
    """Polls, stores and delivers as the station file in *folder* says, until the context is left."""

    recorder: Recorder
    station: Station
    crew: Crew

    def __init__(self, folder: Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "station.toml"
        self.config.write_text(text)
        self.clock = Clock()
        self._settings = Settings.load(self.config)
        self._end = asyncio.Event()

    def poller(self, device: str) -> DevicePoller:
        """The device at work."""
        return next(one for link in self.station.links.values() for one in link.devices if one.name == device)

    def link(self, device: str) -> LinkPoller:
        """The link of *device*."""
        return next(link for link in self.station.links.values() if self.poller(device) in link.devices)

    async def change(self, text: str) -> list[str]:
        """Reload with another file."""
        self.config.write_text(text)
        return await self.station.change(Settings.load(self.config))

    async def records(self, stream: Stream, device: str | None = None) -> list[dict[str, Any]]:
        """What the log holds of *stream*, and of *device* if one is named."""
        await self.recorder.flushed()
        rows = await self.recorder.read(
            lambda log: [
                row.body
                for series in log.series()
                if series.stream is stream
                for row in log.walk(series.epoch, stream, series.first, series.last)
            ]
        )
        found = [json.loads(row) for row in rows]
        return [record for record in found if device in (None, record.get("device"))]

    async def events(self, name: str) -> list[dict[str, Any]]:
        """The events and audit records called *name*."""
        found = await self.records(Stream.EVENT) + await self.records(Stream.AUDIT)
        return [record for record in found if record["event"] == name]

    async def until(self, condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> None:
        """Wait until *condition* holds, which may be a coroutine function."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await _value(condition):  # noqa: ASYNC110 - some conditions are files
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"no {what} within {timeout_s:g} s") from None

    async def __aenter__(self) -> Self:
        ready = asyncio.Event()
        self._working = asyncio.create_task(self._work(ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([self._working, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._working.done():
            await self._working
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        await self._working

    async def _work(self, ready: asyncio.Event) -> None:
        settings = self._settings
        self.recorder = await Recorder.open(
            lambda: Store.open(
                settings.store.path,
                station=settings.station.id,
                machine="test",
                quota=settings.store.quota,
                now_ms=int(self.clock.now_s() * 1000),
            ),
            clock=self.clock,
            memory=settings.store.memory,
        )
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(self.recorder.run())
            try:
                async with asyncio.TaskGroup() as staff:
                    self.crew = Crew(staff)
                    self.station = Station(settings, self.crew, self.recorder, self.clock, state=dict)
                    await self.station.begin()
                    ready.set()
                    await self._end.wait()
                    await self.station.stop_polling()
                    await self.station.stop_delivering()
                    self.crew.dismiss()
            finally:
                recording.cancel()


async def _value(condition: Callable[[], Any]) -> Any:
    result = condition()
    return await result if asyncio.iscoroutine(result) else result
