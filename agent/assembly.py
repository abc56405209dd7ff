"""Puts a link and its devices to work, as the configuration says."""

from __future__ import annotations

import hashlib

from agent.clock import Clock
from agent.operations.desk import Desk
from agent.polling.device import DevicePoller
from agent.polling.judge import Judge
from agent.polling.poller import LinkPoller
from agent.polling.scribe import Scribe
from agent.polling.watch import Watch
from agent.recorder import Recorder
from agent.settings import DeviceSettings, LinkSettings, Settings, station_device
from agent.store.record import canonical
from drivers.api import Link, Profile
from drivers.catalog import make_driver


class Assembly:
    """Builds pollers that share one log, one clock, one judge and one desk."""

    def __init__(self, recorder: Recorder, clock: Clock, judge: Judge, desk: Desk, facts: dict[str, str]) -> None:
        """*facts* is what the log remembers of watched values and sample times."""
        self._recorder = recorder
        self._clock = clock
        self._judge = judge
        self._desk = desk
        self._facts = facts

    def link(self, settings: Settings, wire: LinkSettings) -> LinkPoller:
        """A link and its enabled devices, ready to run; the wire is opened by the first poll."""
        link = Link(wire.name, wire.url, pause_s=wire.pause, quiet_s=wire.quiet)
        devices = [self._device(settings, device, link) for device in settings.devices_on(wire.name)]
        return LinkPoller(link, devices, clock=self._clock)

    def _device(self, settings: Settings, device: DeviceSettings, link: Link) -> DevicePoller:
        profile = settings.profiles[device.name]
        return DevicePoller(
            device.name,
            make_driver(station_device(settings, device), link),
            profile,
            every_s=device.every,
            parameters_s=device.parameters_every,
            scribe=self._scribe(device.name, profile),
            judge=self._judge,
            alarms=self._desk.look,
            watch=Watch(device.name, profile, recall=self._facts.get, keep=self._keep),
            samples=self._samples(device.name, profile),
            recorder=self._recorder,
            clock=self._clock,
        )

    def _scribe(self, name: str, profile: Profile) -> Scribe:
        return Scribe(
            name,
            profile,
            profile_hash=profile_hash(profile),
            put=self._recorder.put,
            dictionary=self._recorder.dictionary,
            synced=lambda: self._clock.synchronised,
        )

    def _samples(self, device: str, profile: Profile) -> dict[str, str]:
        """The sample times recorded last, so that a restart does not record an hourly value twice."""
        keys = {channel.name: f"sample/{device}/{channel.name}" for channel in profile.channels if channel.new_by}
        return {name: self._facts[key] for name, key in keys.items() if key in self._facts}

    def _keep(self, key: str, text: str) -> None:
        self._facts[key] = text
        self._recorder.fact(key, text)


def remembered(settings: Settings) -> list[str]:
    """The facts in the log that the devices of *settings* may want back."""
    channels = [(name, channel) for name, profile in settings.profiles.items() for channel in profile.channels]
    watched = [f"watch/{name}/{channel.name}" for name, channel in channels if channel.watch]
    return watched + [f"sample/{name}/{channel.name}" for name, channel in channels if channel.new_by]


def judge_words(settings: Settings) -> tuple[dict[str, Profile], dict[str, tuple[str, ...]]]:
    """What a judge must know: the profiles, and which channels are sampled through which device."""
    lines = {
        device.name: tuple(f"{target}.{channel}" for target, channel in settings.targets(device.affects))
        for device in settings.devices
    }
    return dict(settings.profiles), lines


def profile_hash(profile: Profile) -> str:
    """Eight hex digits that change whenever anything does in the profile, as it is used here."""
    words = profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return hashlib.sha256(canonical(words)).hexdigest()[:8]
