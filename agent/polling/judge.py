"""Which quality a reading has, and why: states, alarms and limits of the whole station.

A reading is judged by what its own instrument says (range, state, status bits
read in the same poll) and by what stands elsewhere: a cold sampling line makes
the analyzers behind it suspect. The value itself is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drivers.conditions import holding
from drivers.profile import Channel, Flag, Profile
from drivers.reading import Quality, Reading, Stream, worst

ALARM_HOLD_S = 60.0
"""How long a value must be back within ``normal`` before its alarm is cleared, so that none flutters."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A condition or an alarm began or ended: what the event record will say."""

    event: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quality of each channel of a scan, and what began or ended with it."""

    quality: Mapping[str, Quality]
    happenings: Sequence[Happening]


@dataclass(frozen=True, slots=True)
class Standing:
    """One condition that holds now, and the channels (``device.channel``) that it covers."""

    quality: Quality
    targets: frozenset[str]
    recovery_s: float = 0.0
    is_flag: bool = False


@dataclass(slots=True)
class Judge:
    """Knows what stands at the station; one for all devices.

    ``lines`` names, per device, the devices or channels that are sampled through
    it; that is what ``line`` means in a profile.
    """

    profiles: Mapping[str, Profile]
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _standing: dict[tuple[str, str, str], Standing] = field(default_factory=dict)
    _recovering: dict[str, float] = field(default_factory=dict)  # target to the end, monotonic seconds
    _alarms: dict[tuple[str, str], float | None] = field(default_factory=dict)  # to "inside since"

    def judge(self, device: str, readings: Mapping[str, Reading], now_s: float) -> Verdict:
        """Judge one scan taken at monotonic *now_s*."""
        happenings: list[Happening] = []
        for channel in self.profiles[device].channels:
            if (channel.bits or channel.states or channel.normal) and (reading := readings.get(channel.name)):
                if channel.bits or channel.states:
                    happenings += self._look_at_flags(device, channel, reading, now_s)
                if channel.normal:
                    happenings += self._look_at_limits(device, channel, reading, now_s)
        return Verdict(self._qualities(device, readings, now_s), happenings)

    def silent(self, device: str) -> None:
        """A device gave nothing: what its states would decide elsewhere is now suspect."""
        for channel in self.profiles[device].channels:
            targets = frozenset(
                target for target in self._covered(device, channel) if not target.startswith(f"{device}.")
            )
            if targets:
                self._standing[device, channel.name, "unreadable"] = Standing(Quality.SUSPECT, targets)

    def forget(self, device: str) -> None:
        """A device left the station, or its profile changed: nothing of it stands any more."""
        for key in [key for key in self._standing if key[0] == device]:
            del self._standing[key]
        for alarm in [alarm for alarm in self._alarms if alarm[0] == device]:
            del self._alarms[alarm]

    def memory(self, now_s: float, wall_s: float) -> str:
        """What must outlive this process, as text: span gas does not end because the agent was restarted.

        *now_s* is monotonic, *wall_s* the same moment in seconds since 1970.
        """
        flags = [key for key, standing in self._standing.items() if standing.is_flag]
        until = {target: round(end_s - now_s + wall_s, 3) for target, end_s in self._recovering.items()}
        return json.dumps({"flags": flags, "recovering_until": until})

    def recall(self, memory: str, now_s: float, wall_s: float) -> None:
        """Take up what *memory* tells of flags that the profiles still know; the next poll finds what ended since."""
        kept = json.loads(memory)
        known = {(d, c.name, f.name): f for d, p in self.profiles.items() for c in p.channels for f in _flags(c)}
        for key in map(tuple, kept["flags"]):
            if key in known:
                self._standing.setdefault(key, self._standing_of(key, known[key]))
        longest_s = max((flag.recovery for flag in known.values()), default=0.0)  # the wall clock may have been wrong
        for target, end_s in kept["recovering_until"].items():
            if end_s > wall_s:
                self._recovering.setdefault(target, now_s + min(end_s - wall_s, longest_s))

    def _qualities(self, device: str, readings: Mapping[str, Reading], now_s: float) -> dict[str, Quality]:
        qualities = {name: reading.quality for name, reading in readings.items()}
        for target, quality in self._marks(now_s):
            owner, _, name = target.partition(".")
            if owner == device and name in qualities:
                qualities[name] = worst(qualities[name], quality)
        return qualities

    def _marks(self, now_s: float) -> Iterator[tuple[str, Quality]]:
        """What stands against which channel of the station now: mostly nothing."""
        for standing in self._standing.values():
            for target in standing.targets:
                yield target, standing.quality
        for target, until_s in list(self._recovering.items()):
            if now_s < until_s:
                yield target, Quality.RECOVERING
            else:
                del self._recovering[target]

    def _look_at_flags(self, device: str, channel: Channel, reading: Reading, now_s: float) -> Iterator[Happening]:
        unreadable = (device, channel.name, "unreadable")
        if reading.quality is Quality.COMM_FAULT or (reading.value is None and reading.quality is Quality.NO_VALUE):
            if targets := frozenset(self._covered(device, channel)):
                self._standing[unreadable] = Standing(Quality.SUSPECT, targets)
            return
        self._standing.pop(unreadable, None)
        if reading.value is None:  # not fitted: this option says nothing
            return
        flags = {flag.name: flag for flag in _flags(channel)}
        now_on = {flag.name for flag in holding(channel, reading)}
        for name, flag in flags.items():
            key = (device, channel.name, name)
            if name in now_on and key not in self._standing:
                yield from self._begin(key, flag)
            elif name not in now_on and key in self._standing:
                yield from self._end(key, flag, now_s)

    def _begin(self, key: tuple[str, str, str], flag: Flag) -> Iterator[Happening]:
        if flag.quality is None and not flag.alarm:
            return
        self._standing[key] = self._standing_of(key, flag)
        yield Happening("condition_began", _words(key, flag))

    def _standing_of(self, key: tuple[str, str, str], flag: Flag) -> Standing:
        targets = frozenset(self._targets(key[0], flag.covers)) if flag.quality else frozenset()
        return Standing(flag.quality or Quality.VALID, targets, flag.recovery, is_flag=True)

    def _end(self, key: tuple[str, str, str], flag: Flag, now_s: float) -> Iterator[Happening]:
        standing = self._standing.pop(key)
        if standing.recovery_s:
            self._recovering |= dict.fromkeys(standing.targets, now_s + standing.recovery_s)
        yield Happening("condition_ended", _words(key, flag))

    def _look_at_limits(self, device: str, channel: Channel, reading: Reading, now_s: float) -> Iterator[Happening]:
        value = reading.value
        if channel.normal is None or isinstance(value, bool | str) or value is None:
            return
        key, alarm = (device, channel.name, "normal"), (device, channel.name)
        data = {"channel": channel.name, "value": value, "normal": list(channel.normal)}
        if not channel.normal[0] <= value <= channel.normal[1]:
            targets = frozenset(self._targets(device, channel.affects))
            self._standing[key] = Standing(Quality.SUSPECT, targets)
            if alarm not in self._alarms:
                yield Happening("alarm_raised", {**data, "affects": sorted(targets)})
            self._alarms[alarm] = None
            return
        self._standing.pop(key, None)
        if alarm in self._alarms:
            inside_since_s = self._alarms[alarm]
            if inside_since_s is None:
                self._alarms[alarm] = now_s
            elif now_s - inside_since_s >= ALARM_HOLD_S:
                del self._alarms[alarm]
                yield Happening("alarm_cleared", data)

    def _covered(self, device: str, channel: Channel) -> set[str]:
        return {target for flag in _flags(channel) if flag.quality for target in self._targets(device, flag.covers)}

    def _targets(self, device: str, targets: Iterable[str] | None) -> Iterator[str]:
        """Spell targets of a profile out as ``device.channel``; None stands for all measurements of the device."""
        if targets is None:
            yield from self._measurements(device)
            return
        for target in targets:
            if target == "line":
                for behind in self.lines.get(device, ()):
                    yield from self._measurements(behind) if "." not in behind else (behind,)
            elif "." not in target:
                yield f"{device}.{target}"
            elif target.endswith(".*"):
                yield from self._measurements(target[:-2])
            else:
                yield target

    def _measurements(self, device: str) -> Iterator[str]:
        profile = self.profiles.get(device)
        for channel in profile.channels if profile else ():
            if channel.stream is Stream.MEASUREMENT:
                yield f"{device}.{channel.name}"


def _flags(channel: Channel) -> tuple[Flag, ...]:
    return (*channel.bits.values(), *channel.states.values())


def _words(key: tuple[str, str, str], flag: Flag) -> dict[str, object]:
    words: dict[str, object] = {"channel": key[1], "flag": flag.name}
    if flag.quality:
        words["quality"] = str(flag.quality)
    if flag.alarm:
        words["alarm"] = True
    return words
