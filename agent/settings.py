"""What a station is configured to do: its file, read and checked as a whole.

A wrong file is refused with every mistake in it. What is accepted does not change;
a reload reads a new one and compares the two (:mod:`agent.changes`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr

from agent.stationfile.checks import mistakes
from agent.stationfile.doubts import doubts
from agent.stationfile.draft import Draft, own_link, read_draft
from agent.stationfile.faults import ConfigError, Fault, Locator
from agent.stationfile.instruments import device_of, find_profiles
from agent.stationfile.targets import expand
from agent.stationfile.textfile import Parsed, parse, read_text
from agent.stationfile.words import (
    ArchiveSettings,
    DeviceSettings,
    LinkSettings,
    StationFile,
    StationSettings,
    StoreSettings,
    UplinkSettings,
)
from drivers.api import Device
from drivers.profile import Profile

__all__ = [
    "ArchiveSettings",
    "ConfigError",
    "DeviceSettings",
    "Fault",
    "LinkSettings",
    "Settings",
    "StationSettings",
    "StoreSettings",
    "UplinkSettings",
    "station_device",
]


class Settings(StationFile):
    """A station file that is right, with the profile of each of its devices."""

    _source: str = PrivateAttr(default="")
    _path: Path = PrivateAttr(default=Path())
    _warnings: tuple[Fault, ...] = PrivateAttr(default=())
    _profiles: dict[str, Profile] = PrivateAttr(default_factory=dict)
    _own_profiles: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file at *path*; raises ConfigError with every mistake in it."""
        return cls.from_text(read_text(path), path)

    @classmethod
    def from_text(cls, text: str, path: Path, own_profiles: Mapping[str, str] | None = None) -> Self:
        """Read *text* as if it stood at *path*, such as the last one that ran; raises ConfigError.

        *own_profiles* then stand for what lay in the folder ``profiles`` when it ran.
        """
        parsed = parse(text, path.name)
        locator = Locator(path.name, parsed.source, parsed.raw)
        draft, faults = _checked(parsed, locator, path.absolute().parent, own_profiles)
        if faults or draft.station is None or draft.store is None:
            raise ConfigError(str(path), faults)
        settings = cls(
            station=draft.station,
            store=draft.store,
            link=tuple(draft.links.values()),
            device=tuple(draft.devices.values()),
            uplink=tuple(draft.uplinks.values()),
        )
        settings._source, settings._path = text, path
        settings._profiles = {device.name: draft.profiles[at] for at, device in draft.devices.items()}
        settings._own_profiles = draft.own_profiles
        settings._warnings = tuple(locator.faults(doubts(draft)))
        return settings

    @property
    def source(self) -> str:
        """The text of the file."""
        return self._source

    @property
    def sha256(self) -> str:
        """The digest of the text, in hex."""
        return hashlib.sha256(self._source.encode()).hexdigest()

    @property
    def path(self) -> Path:
        """The file, as it was named."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder of the file, absolute; relative names begin here."""
        return self._path.absolute().parent

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What was accepted, but is probably not meant so."""
        return self._warnings

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The profile of each device, by the device's name, with what the file says otherwise about it."""
        return self._profiles

    @property
    def own_profiles(self) -> Mapping[str, str]:
        """The texts of the station's own profiles that this file uses, by name."""
        return self._own_profiles

    @property
    def wires(self) -> tuple[LinkSettings, ...]:
        """Every link, those also that a device with a url of its own has to itself."""
        return self.links + tuple(own_link(device) for device in self.devices if device.url is not None)

    def device(self, name: str) -> DeviceSettings:
        """Return the device of that name; raises KeyError."""
        return {device.name: device for device in self.devices}[name]

    def uplink(self, name: str) -> UplinkSettings:
        """Return the uplink of that name; raises KeyError."""
        return {uplink.name: uplink for uplink in self.uplinks}[name]

    def wire(self, name: str) -> LinkSettings:
        """Return the link of that name; raises KeyError."""
        return {link.name: link for link in self.wires}[name]

    def devices_on(self, wire: str) -> tuple[DeviceSettings, ...]:
        """The enabled devices on the link called *wire*, in the order of the file."""
        return tuple(device for device in self.devices if device.link_name == wire and device.enabled)

    def targets(self, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """The channels, as (device, channel), that ``affects`` of a device means by *names*."""
        return tuple(dict.fromkeys(channel for name in names for channel in expand(name, self._profiles)))


def station_device(settings: Settings, device: DeviceSettings) -> Device:
    """Return *device* as drivers know it."""
    profile, link = settings.profiles[device.name], settings.wire(device.link_name)
    return device_of(device, link, profile, settings.station.zone)


def _checked(
    parsed: Parsed, locator: Locator, folder: Path, own_profiles: Mapping[str, str] | None
) -> tuple[Draft, list[Fault]]:
    """Read and check what could be parsed.

    Where lines had to be left out, what is missing may stand in them: then only
    mistakes in what is there are told.
    """
    if parsed.faults and not parsed.raw:
        return Draft({}, folder), list(parsed.faults)
    draft = read_draft(parsed.raw, folder, own_profiles)
    if not parsed.whole:
        found = [complaint for complaint in draft.complaints if not complaint.message.startswith("missing")]
        return draft, [*parsed.faults, *locator.faults(found)]
    in_profiles = find_profiles(draft)
    return draft, [*parsed.faults, *in_profiles, *locator.faults(mistakes(draft))]
