"""What the states of an instrument say about its channels, and about those of others.

Pure: one poll in, conditions out. How long they last, what recovers after them and
what limits say is the station's business. Targets are given as the profile spells
them: ``so2``, ``so2.so2``, ``so2.*``, ``line``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.profile import Channel, Flag, Profile
from drivers.reading import Quality, Reading, Stream, worst


@dataclass(frozen=True, slots=True)
class Condition:
    """One flag that holds and has a class, on one of the targets that it covers.

    ``source`` is the channel that the flag belongs to.
    """

    target: str
    quality: Quality
    flag: str
    source: str
    recovery_s: float = 0.0
    alarm: bool = False


def holding(channel: Channel, reading: Reading) -> Iterator[Flag]:
    """The flags of *channel* that hold in *reading*; none when it has no value, for then nothing is known.

    Bits hold by their place in the number, states by their name, which is what a reading has of them.
    """
    value = reading.value
    if value is None:
        return
    if channel.bits:
        number = int(value)
        yield from (flag for place, flag in channel.bits.items() if bool(number >> int(place) & 1) == flag.when)
    held = {flag.name: flag for flag in channel.states.values() if flag.name == value}
    yield from held.values()


def conditions(profile: Profile, readings: Mapping[str, Reading]) -> list[Condition]:
    """The conditions that *readings* of one poll put on channels; a flag without a class puts none."""
    return [
        Condition(target, flag.quality, flag.name, channel.name, flag.recovery, flag.alarm)
        for channel in profile.channels
        if channel.name in readings
        for flag in holding(channel, readings[channel.name])
        if flag.quality
        for target in covered(profile, flag)
    ]


def covered(profile: Profile, flag: Flag) -> tuple[str, ...]:
    """The targets of *flag*: those it names, else all measurements of the profile."""
    if flag.covers is not None:
        return flag.covers
    return tuple(channel.name for channel in profile.channels if channel.stream is Stream.MEASUREMENT)


def qualities(profile: Profile, readings: Mapping[str, Reading]) -> dict[str, Quality]:
    """The class of each of *readings*: its own, or that of the worst condition of the same poll on it."""
    found = conditions(profile, readings)
    return {
        name: worst(reading.quality, *(one.quality for one in found if one.target == name))
        for name, reading in readings.items()
    }
