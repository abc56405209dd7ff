"""What is at work: a task per link and per uplink, and how a new configuration takes their place.

A reload touches what differs and nothing else: unaffected links keep their
ticks, unaffected uplinks their connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from agent.accounts.expectation import promised
from agent.assembly import Assembly, judge_words, remembered
from agent.changes import Changes, Difference, changes
from agent.clock import Clock, Step
from agent.crew import Crew
from agent.lastgood import facts as kept_facts
from agent.operations.alarm import SILENT, Source
from agent.operations.desk import FACTS, Desk
from agent.polling.device import CONDITIONS, DevicePoller
from agent.polling.judge import Judge
from agent.polling.poller import LinkPoller
from agent.recorder import Recorder
from agent.settings import Settings, UplinkSettings
from agent.store.reader import Reader, UplinkLife
from agent.uplink.uplink import Uplink
from drivers.api import Scan
from drivers.errors import StationError
from drivers.reading import Stream

FAREWELL_S = 3.0
"""How long uplinks may go on delivering once polling has ended."""


STEPPED = "clock/stepped"
"""The fact in the log that keeps the last step of the clock: a restart does not make it trustworthy."""


class RestartNeededError(StationError):
    """The new file changes what only a restart can change."""

    exit_code = 2

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(
            f"{', '.join(keys)} cannot change while the agent runs; nothing of the file was applied",
            hint="Run: systemctl restart station-agent",
        )


class Station:
    """The links and uplinks of one configuration."""

    def __init__(
        self,
        settings: Settings,
        crew: Crew,
        recorder: Recorder,
        clock: Clock,
        *,
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self.settings = settings
        self.links: dict[str, LinkPoller] = {}
        self.uplinks: dict[str, Uplink] = {}
        self._crew = crew
        self._recorder = recorder
        self._clock = clock
        self._state = state
        self.desk = Desk(recorder, clock, lambda: [device.name for device in self.settings.devices])
        self._judge = Judge({}, at_work=self.desk.maintenance.covers)
        self._bystanders: dict[str, DevicePoller] = {}  # not changed, but stopped for what else is on their wire
        self._applying = asyncio.Lock()

    async def prepare(self) -> None:
        """Make the uplinks known to the log, so that whatever is recorded from now on is theirs too."""
        await self._name_uplinks(self.settings)

    async def begin(self) -> None:
        """Start everything that the configuration names."""
        self._clock.on_step(lambda step: self._recorder.fact(STEPPED, str(step)))
        if self._clock.last_step is None and (text := (await self._remembered([STEPPED])).get(STEPPED)):
            self._clock.last_step = Step.parse(text)
        self.desk.begin(await self._remembered(FACTS))
        async with self._applying:
            await self._put_to_work(self.settings)

    async def change(self, new: Settings) -> list[str]:
        """Apply *new* and return, a line each, what changed.

        Raises RestartNeededError, or StoreError while the log cannot take the names of uplinks; then nothing did.
        """
        async with self._applying:
            difference = changes(self.settings, new)
            if difference.refused:
                raise RestartNeededError(difference.refused)
            await self._name_uplinks(new)
            await self._take_away(difference, new)
            await self._put_to_work(new)
            for uplink in self.uplinks.values():
                uplink.retry_parked()
            return _told(difference)

    async def stop_polling(self) -> None:
        """End the links; polls under way get their answer first, and what was gathered is recorded."""
        await self._stop_links(self.links.keys())

    async def _stop_links(self, names: Collection[str]) -> None:
        await asyncio.gather(*[self.links[name].leave() for name in names])
        await self._crew.stop(*[f"link {name}" for name in names])

    async def stop_delivering(self) -> None:
        """End the uplinks; those that are connected deliver what is committed first, for :data:`FAREWELL_S` at most."""
        deadline_s = time.monotonic() + FAREWELL_S
        while time.monotonic() < deadline_s and any(map(_delivers, self.uplinks.values())):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await self._crew.stop(*[f"uplink {name}" for name in self.uplinks])

    async def read(self, device: str) -> Scan:
        """Poll one of :attr:`devices` now, between the ticks; raises DriverError."""
        poller = next(poller for poller in self.links.values() if device in [one.name for one in poller.devices])
        return await poller.read(device)

    @property
    def devices(self) -> list[str]:
        """The names of all devices that are polled."""
        return [device.name for poller in self.links.values() for device in poller.devices]

    def standing(self) -> list[dict[str, Any]]:
        """What stands against readings now, as plain data."""
        return self._judge.words()

    def turns(self) -> Mapping[str, float]:
        """When each link and uplink task last turned (monotonic seconds)."""
        links = {f"link {name}": poller.turned_s for name, poller in self.links.items()}
        return links | {f"uplink {name}": uplink.turned_s for name, uplink in self.uplinks.items()}

    async def _take_away(self, difference: Changes, new: Settings) -> None:
        links = _touched(difference.links) | {
            settings.device(name).link_name
            for settings in (self.settings, new)
            for name in _touched(difference.devices)
            if name in {device.name for device in settings.devices}
        }
        uplinks = _touched(difference.uplinks)
        await self._stop_links(links & self.links.keys())
        await self._crew.stop(*[f"uplink {name}" for name in uplinks])
        stopped = [device for name in links & self.links.keys() for device in self.links[name].devices]
        self._bystanders = {
            device.name: device for device in stopped if device.name not in _touched(difference.devices)
        }
        self.links = {name: poller for name, poller in self.links.items() if name not in links}
        self.uplinks = {name: uplink for name, uplink in self.uplinks.items() if name not in uplinks}
        for device in (*difference.devices.removed, *difference.devices.changed):
            self._judge.forget(device)

    async def _put_to_work(self, settings: Settings) -> None:
        """Start what is not at work yet, and keep the configuration as the last that ran."""
        self._judge.profiles, self._judge.lines = judge_words(settings)
        keys = [CONDITIONS, *remembered(settings)]
        facts = await self._remembered(keys)
        if memory := facts.get(CONDITIONS):
            self._judge.recall(memory, time.monotonic(), self._clock.now_s())
        assembly = Assembly(self._recorder, self._clock, self._judge, self.desk, facts)
        for wire in settings.wires:
            if wire.name not in self.links and settings.devices_on(wire.name):
                self.links[wire.name] = poller = assembly.link(settings, wire)
                for device in poller.devices:
                    if old := self._bystanders.pop(device.name, None):
                        device.take_over(old)
                self._crew.start(f"link {wire.name}", poller.run())
        for words in settings.uplinks:
            if words.name not in self.uplinks:
                self.uplinks[words.name] = self._uplink(words)
                self._crew.start(f"uplink {words.name}", self.uplinks[words.name].run())
        self.settings = settings
        self._keep(settings)
        polled = set(self.devices)
        sources = {source for source in self._judge.sources() if source.device in polled}
        self.desk.only(sources | {Source(device, *SILENT) for device in polled})

    async def _remembered(self, keys: Iterable[str]) -> dict[str, str]:
        """What the log remembers of *keys*, if it can be read."""
        return await self._recorder.recall(lambda log: {key: text for key in keys if (text := log.fact(key))}, {})

    def _keep(self, settings: Settings) -> None:
        """Keep what runs now as the last that ran, and record that it was applied, with the digests of its files."""
        for key, text in kept_facts(settings).items():
            self._recorder.fact(key, text)
        profiles = {name: sha256(text.encode()).hexdigest() for name, text in settings.own_profiles.items()}
        data = {"file": str(settings.path), "sha256": settings.sha256, "devices": promised(settings)}
        data |= {"profiles": profiles} if profiles else {}
        self._recorder.event("configuration_applied", data=data, stream=Stream.AUDIT)

    async def _name_uplinks(self, settings: Settings) -> None:
        """Make the uplinks known to the log, unless it knows them: a disk without room is no reason not to poll."""
        oldest = self._recorder.is_volatile  # a log in memory has no past that an uplink might not want
        starts = {uplink.name: "oldest" if oldest else uplink.start for uplink in settings.uplinks}
        lives: dict[str, UplinkLife] = await self._recorder.recall(Reader.uplinks, {})
        if {name for name, life in lives.items() if life.removed_ms is None} != starts.keys():
            await self._recorder.write(lambda store: store.set_uplinks(starts))

    def _uplink(self, words: UplinkSettings) -> Uplink:
        return Uplink(
            words,
            self.settings.station.id,
            self._recorder,
            self._state,
            on_fork=self._fork,
            archive=self.settings.store.archive_path,
        )

    async def _fork(self, reason: str) -> None:
        """A broker or consumer knows a later record, or another one, than this log: go on under a new epoch."""
        epoch = await self._recorder.write(lambda store: store.fork(reason))
        self._recorder.event("epoch_began", data={"epoch": epoch, "reason": reason})


def _delivers(uplink: Uplink) -> bool:
    state = uplink.snapshot()
    return state["state"] == "connected" and any(state["backlog"].values())


def _touched(difference: Difference) -> set[str]:
    return {*difference.added, *difference.removed, *difference.changed}


def _told(changed: Changes) -> list[str]:
    return [*_of("link", changed.links), *_of("device", changed.devices), *_of("uplink", changed.uplinks)]


def _of(kind: str, found: Difference) -> Iterator[str]:
    yield from (f"{kind} {name} was added" for name in found.added)
    yield from (f"{kind} {name} was removed" for name in found.removed)
    yield from (f"{kind} {name} was changed" for name in found.changed)
