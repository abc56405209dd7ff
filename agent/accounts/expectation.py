"""What a configuration promises: which channels give a value how often, and who brings whom the sample.

It goes into the audit record of every configuration that is applied, so that a report of
last month counts with what was configured then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from agent.settings import DeviceSettings, Settings
from drivers.profile import Channel, Profile
from drivers.reading import Stream


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of one device, which is polled every ``every_s``: ``channels`` with seconds between two values of each.

    0 stands for a channel that gives a value when it has a new one, whenever that is. ``affects`` are the channels
    of other devices, as ``device.channel``, that are suspect when this one says so.
    """

    every_s: float
    channels: Mapping[str, float] = field(default_factory=dict)
    affects: tuple[str, ...] = ()

    @classmethod
    def parse(cls, words: Mapping[str, Any]) -> Self:
        """What :func:`promised` wrote."""
        channels = {name: float(every_s) for name, every_s in words.get("channels", {}).items()}
        return cls(float(words["every_s"]), channels, tuple(words.get("affects", ())))


def promised(settings: Settings) -> dict[str, dict[str, Any]]:
    """The words of the audit record, by device; devices that are not enabled promise nothing."""
    return {
        device.name: _words(settings, device, settings.profiles[device.name])
        for device in settings.devices
        if device.enabled
    }


def _words(settings: Settings, device: DeviceSettings, profile: Profile) -> dict[str, Any]:
    measured = [channel for channel in profile.channels if channel.stream is Stream.MEASUREMENT]
    channels = {channel.name: _every_s(channel, device, profile) for channel in measured}
    words: dict[str, Any] = {"every_s": device.every, "channels": channels}
    behind = {f"{other}.{name}" for other, name in settings.targets(device.affects)}
    foreign = tuple(target for target in _targets(profile) if "." in target)
    behind |= {f"{other}.{name}" for other, name in settings.targets(foreign)}
    if affects := sorted(target for target in behind if not target.startswith(f"{device.name}.")):
        words["affects"] = affects
    return words


def _every_s(channel: Channel, device: DeviceSettings, profile: Profile) -> float:
    """Seconds between two values: those of the polls, or of the instrument's own sampling, 0 where it does not say."""
    return device.every if channel.new_by is None else channel.period or profile.channel(channel.new_by).period


def _targets(profile: Profile) -> Iterator[str]:
    for channel in profile.channels:
        yield from channel.affects
        for flag in (*channel.bits.values(), *channel.states.values()):
            yield from flag.covers or ()
