"""What ``affects`` and ``covers`` point at: channels of this and of other devices of the station."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.stationfile.draft import Draft
from agent.stationfile.faults import Complaint, nearest
from agent.stationfile.guesses import as_name
from agent.stationfile.tomlsource import Path
from drivers.profile import Channel, Profile
from drivers.reading import Stream


def expand(target: str, profiles: Mapping[str, Profile]) -> tuple[tuple[str, str], ...]:
    """Return the channels that *target* means, as (device, channel); empty when there is none.

    ``so2`` and ``so2.*`` are all measurements of that device, ``so2.flow`` is that channel.
    """
    device, _, channel = target.partition(".")
    channels = profiles[device].channels if device in profiles else ()
    if channel in ("", "*"):
        return tuple((device, each.name) for each in channels if each.stream is Stream.MEASUREMENT)
    return tuple((device, each.name) for each in channels if each.name == channel)


def unknown_targets(draft: Draft) -> Iterator[Complaint]:
    """Targets that this station does not have."""
    for index, device in draft.devices.items():
        path = ("device", index)
        for at, target in enumerate(device.affects):
            yield from _judge(draft, (*path, "affects", at), target)
        for at, channel in enumerate(device.channels):
            own = [each.name for each in device.channels]
            for where, target in _targets(channel):
                yield from _judge(draft, (*path, "channel", at, *where), target, own)
        if device.profile and index in draft.profiles:
            yield from _of_profile(draft, (*path, "profile"), draft.profiles[index])


def speaks_of_line(profile: Profile) -> bool:
    """Whether a state of this model concerns what is sampled through it."""
    return any(target == "line" for channel in profile.channels for _, target in _targets(channel))


def _targets(channel: Channel) -> Iterator[tuple[Path, str]]:
    for at, target in enumerate(channel.affects):
        yield ("affects", at), target
    for key, flags in (("bits", channel.bits), ("states", channel.states)):
        for name, flag in flags.items():
            for at, target in enumerate(flag.covers or ()):
                yield (key, name, "covers", at), target


def _of_profile(draft: Draft, path: Path, profile: Profile) -> Iterator[Complaint]:
    """Targets of a model at other devices; those within the model were checked with the profile."""
    for channel in profile.channels:
        for _, target in _targets(channel):
            for complaint in _judge(draft, path, target, [each.name for each in profile.channels]):
                yield Complaint(path, f'it speaks of "{target}": {complaint.message}', complaint.hint)


def _judge(draft: Draft, path: Path, target: str, own: list[str] | None = None) -> Iterator[Complaint]:
    """Complain unless *target* is there; *own* are the channels of the same device, None where a device is meant."""
    device, _, channel = target.partition(".")
    if own is not None and not channel:
        if target != "line" and target not in own:
            yield Complaint(path, "not a channel of this device", nearest(target, [*own, "line"]))
        return
    indexes = {name: index for index, name in draft.names("device").items()}
    if device not in indexes:
        if device in map(as_name, indexes):
            return  # its name is a mistake that is told already
        yield Complaint(path, f'there is no [[device]] "{device}"', nearest(device, indexes))
        return
    profile = draft.profiles.get(indexes[device])
    if profile is not None and not expand(target, {device: profile}):
        names = [each.name for each in profile.channels]
        has = f"it has {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
        what = f'"{channel}"' if channel not in ("", "*") else "a measurement"
        yield Complaint(path, f'device "{device}" has not {what}', nearest(channel, names) or has)
