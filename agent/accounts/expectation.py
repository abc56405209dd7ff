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
    of other devices, as ``device.channel``, that are suspect when this one says so; ``line`` are those that are
    sampled through it.
    """

    every_s: float
    channels: Mapping[str, float] = field(default_factory=dict)
    affects: tuple[str, ...] = ()
    line: tuple[str, ...] = ()

    @classmethod
    def parse(cls, words: Mapping[str, Any]) -> Self:
        """What :func:`promised` wrote."""
        channels = {name: float(every_s) for name, every_s in words.get("channels", {}).items()}
        affects = tuple(words.get("affects", ()))
        return cls(float(words["every_s"]), channels, affects, tuple(words.get("line", affects)))


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
    line = _elsewhere(settings, device, device.affects)
    affects = line | _elsewhere(settings, device, tuple(target for target in _targets(profile) if "." in target))
    if affects:
        words["affects"] = sorted(affects)
    if line != affects:
        words["line"] = sorted(line)
    return words


def _elsewhere(settings: Settings, device: DeviceSettings, names: tuple[str, ...]) -> set[str]:
    """The channels of other devices that *names* mean, as ``device.channel``."""
    return {f"{other}.{name}" for other, name in settings.targets(names) if other != device.name}


def _every_s(channel: Channel, device: DeviceSettings, profile: Profile) -> float:
    """Seconds between two values: those of the polls, or of the instrument's own sampling, 0 where it does not say."""
    return device.every if channel.new_by is None else channel.period or profile.channel(channel.new_by).period


def _targets(profile: Profile) -> Iterator[str]:
    for channel in profile.channels:
        yield from channel.affects
        for flag in (*channel.bits.values(), *channel.states.values()):
            yield from flag.covers or ()
