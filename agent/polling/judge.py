"""Which quality a reading has, and why: states, alarms and limits of the whole station.

A reading is judged by what its own instrument says (range, state, status bits
read in the same poll) and by what stands elsewhere: a cold sampling line makes
the analyzers behind it suspect. The value itself is never touched. What raises
an alarm is told as a sign, poll by poll; the life of alarms is not settled here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.operations.alarm import DEVICE, LIMITS, Key, Sign, Source
from drivers.conditions import holding
from drivers.profile import Channel, Flag, Profile
from drivers.reading import Quality, Reading, Stream, worst

_WORTHLESS = frozenset({Quality.FAULT, Quality.STOPPED, Quality.NO_VALUE})
"""Classes of readings that nobody can use: an alarm that brings one is critical."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A condition began or ended: what the event record will say."""

    event: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quality of each channel of a scan, what began or ended with it, and what it shows of alarms.

    ``seen`` are the channels that could tell: what they show no sign of does not hold.
    """

    quality: Mapping[str, Quality]
    happenings: Sequence[Happening]
    signs: Mapping[Key, Sign]
    seen: Collection[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """One condition that holds now, and the channels (``device.channel``) that it covers."""

    quality: Quality
    targets: frozenset[str]
    recovery_s: float = 0.0
    is_flag: bool = False


def _nobody_is(_device: str) -> bool:
    return False


@dataclass(slots=True)
class Judge:
    """Knows what stands at the station; one for all devices.

    ``lines`` names, per device, the devices or channels that are sampled through
    it; that is what ``line`` means in a profile. ``at_work`` says whether somebody
    is at work on a device: then all of it, and what is sampled through it, is ``maintenance``.
    """

    profiles: Mapping[str, Profile]
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at_work: Callable[[str], bool] = _nobody_is
    _standing: dict[tuple[str, str, str], Standing] = field(default_factory=dict)
    _recovering: dict[str, float] = field(default_factory=dict)  # target to the end, monotonic seconds

    def judge(self, device: str, readings: Mapping[str, Reading], now_s: float) -> Verdict:
        """Judge one scan taken at monotonic *now_s*."""
        happenings: list[Happening] = []
        signs: dict[Key, Sign] = {}
        seen = {DEVICE}
        for channel in self.profiles[device].channels:
            if (channel.bits or channel.states or channel.normal) and (reading := readings.get(channel.name)):
                if channel.bits or channel.states:
                    happenings += self._look_at_flags(device, channel, reading, now_s)
                    signs |= _raised(channel, reading)
                if channel.normal:
                    signs |= self._look_at_limits(device, channel, reading)
                if reading.value is not None:
                    seen.add(channel.name)
        return Verdict(self._qualities(device, readings, now_s), happenings, signs, seen)

    def sources(self) -> set[Source]:
        """All that can raise an alarm at this station, beside silence."""
        return {
            Source(device, channel.name, name)
            for device, profile in self.profiles.items()
            for channel in profile.channels
            for name in _alarms(channel)
        }

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

    def words(self) -> list[dict[str, object]]:
        """What stands now, as plain data: of which device and channel, a flag or ``normal`` or ``unreadable``."""
        return [
            {"device": device, "channel": channel, "what": what, "quality": s.quality, "targets": sorted(s.targets)}
            for (device, channel, what), s in self._standing.items()
        ]

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
        for name in self._worked_on(device, qualities):
            qualities[name] = worst(qualities[name], Quality.MAINTENANCE)
        return qualities

    def _worked_on(self, device: str, names: Collection[str]) -> Iterator[str]:
        """Those channels *names* of *device* that somebody's work spoils: its own, or on the line before it."""
        if self.at_work(device):
            yield from names
            return
        for line in filter(self.at_work, self.lines):
            spoilt = set(self._targets(line, ["line"]))
            yield from (name for name in names if f"{device}.{name}" in spoilt)

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

    def _look_at_limits(self, device: str, channel: Channel, reading: Reading) -> dict[Key, Sign]:
        value = reading.value
        if channel.normal is None or isinstance(value, bool | str) or value is None:
            return {}
        if channel.normal[0] <= value <= channel.normal[1]:
            self._standing.pop((device, channel.name, LIMITS), None)
            return {}
        targets = frozenset(self._targets(device, channel.affects))
        self._standing[device, channel.name, LIMITS] = Standing(Quality.SUSPECT, targets)
        evidence: dict[str, object] = {"value": value, "normal": list(channel.normal), "affects": sorted(targets)}
        if channel.unit:
            evidence["unit"] = channel.unit
        return {(channel.name, LIMITS): Sign("limit", "warning", evidence)}

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


def _raised(channel: Channel, reading: Reading) -> dict[Key, Sign]:
    """The signs of those flags of *channel* that raise an alarm and hold."""
    return {
        (channel.name, flag.name): Sign(
            "state", "critical" if flag.quality in _WORTHLESS else "warning", {"value": reading.value}
        )
        for flag in holding(channel, reading)
        if flag.alarm
    }


def _alarms(channel: Channel) -> Iterator[str]:
    """What of *channel* can raise an alarm."""
    yield from (flag.name for flag in _flags(channel) if flag.alarm)
    if channel.normal:
        yield LIMITS


def _flags(channel: Channel) -> tuple[Flag, ...]:
    return (*channel.bits.values(), *channel.states.values())


def _words(key: tuple[str, str, str], flag: Flag) -> dict[str, object]:
    words: dict[str, object] = {"channel": key[1], "flag": flag.name}
    if flag.quality:
        words["quality"] = str(flag.quality)
    if flag.alarm:
        words["alarm"] = True
    return words
