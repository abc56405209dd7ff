"""What an instrument of a profile shows at any time: values that move within what is normal, and its states.

A channel begins where an example of the profile has it, else in the middle of what
is normal or can be measured, and moves around that. Slopes, set points, serial
numbers and whatever else is watched, or has no unit, stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from agent.simulation.faults import Faults
from agent.simulation.movement import Curve, Weather
from drivers.profile import Channel, Flag, Profile
from drivers.reading import Quality, Stream

Shown = Decimal | int | bool | str | datetime
"""A number in the channel's unit, bits, a truth value, a text or the key of a state, or an instrument's clock."""

ZERO = (Quality.ZERO_CHECK, Quality.ZERO_CALIBRATION)
SPAN = (Quality.SPAN_CHECK, Quality.SPAN_CALIBRATION)
USUAL = {
    "Cel": 22.0,
    "%": 45.0,
    "deg": 180.0,
    "m/s": 2.0,
    "[pH]": 7.4,
    "V": 12.0,
    "mV": 500.0,
    "Hz": 50.0,
    "hPa": 1010.0,
    "mbar": 1010.0,
    "kPa": 101.0,
    "mm[Hg]": 755.0,
    "[in_i'Hg]": 29.5,
    "cm3/min": 600.0,
}
"""Of several printed values the one that is nearest to this is taken, and this where none is printed."""

SIZES = {"Cel": 20.0, "deg": 180.0, "hPa": 20.0, "mbar": 20.0, "kPa": 2.0, "mm[Hg]": 15.0, "V": 1.0, "Hz": 0.2}
"""How large a quantity is for its movement, where the value itself says nothing about that."""

SPAN_GAS = {"[ppb]": 400.0, "[ppm]": 40.0, "ug/m3": 500.0, "mg/m3": 40.0}
SPAN_FACTOR = 5.0
FLOWS = ("L/min", "mL/min", "cm3/min", "L/s", "m3/h")
BLOCKED_PART, ZERO_PART, MARGIN = 0.02, 0.002, 0.02
DIGITS = 4
"""Significant digits of what a channel without a resolution of its own shows."""


class Values:
    """The channels of *profile* over time; *timezone* is what the instrument's own clock shows."""

    def __init__(self, profile: Profile, weather: Weather, faults: Faults, *, timezone: tzinfo = UTC) -> None:
        self.profile = profile
        self.timezone = timezone
        self._weather = weather
        self._faults = faults
        self._steady = {one.name: _beginning(profile, one) for one in profile.channels}
        self._followed = {one.name: profile.channel(one.new_by) for one in profile.channels if one.new_by}

    def begin(self, name: str, number: Decimal) -> None:
        """Let the channel *name* move around *number*, unless an example says where it begins."""
        channel = self.profile.channel(name)
        if isinstance(self._steady[name], Decimal) and not any(_printed(self.profile, channel)):
            self._steady[name] = Decimal(repr(_mean(channel, [float(number)])))

    def at(self, now: datetime) -> dict[str, Shown]:
        """Every channel as it is at *now* (aware)."""
        held, gas = held_flags(self.profile, self._faults), self._on_gas()
        return {one.name: self._shown(one, held, gas, now) for one in self.profile.channels}

    def _on_gas(self) -> set[str]:
        """The channels that see calibration gas in place of air."""
        if not (self._faults.zero or self._faults.span):
            return set()
        return gassed(self.profile, SPAN if self._faults.span else ZERO)

    def _shown(self, channel: Channel, held: set[str], gas: set[str], now: datetime) -> Shown:
        steady = self._steady[channel.name]
        if channel.states:
            return next((key for key, flag in channel.states.items() if flag.name in held), str(steady))
        if channel.bits:
            return _with_bits(int(steady) if isinstance(steady, int) else 0, channel, held)
        if channel.type == "time":
            return sampled_at(channel, now).astimezone(self.timezone)
        if not isinstance(steady, Decimal):
            return steady
        if follows := self._followed.get(channel.name):
            now = sampled_at(follows, now)
        return self._number(channel, float(steady), now, is_gas=channel.name in gas)

    def _number(self, channel: Channel, mean: float, now: datetime, *, is_gas: bool) -> Decimal:
        if self._faults.blocked and is_flow(channel):
            return _rounded(mean * BLOCKED_PART, mean)
        curve = _curve(channel, mean)
        if is_gas:
            level = _span(self.profile, channel, mean) if self._faults.span else ZERO_PART * mean
            curve = Curve(level, waver=level * ZERO_PART)
        value = self._weather.at(now.timestamp(), channel.name, curve)
        if channel.unit == "deg":
            value %= 360
        return _rounded(_within(channel, value, is_gas=is_gas), mean)


def possible_faults(profile: Profile) -> dict[str, bool]:
    """Which faults of the instrument itself its states and channels can show."""
    return {
        "alarm": bool(alarms(profile)),
        "zero": any(True for flag in flags(profile) if flag.quality in ZERO),
        "span": any(True for flag in flags(profile) if flag.quality in SPAN),
        "blocked": any(is_flow(one) for one in profile.channels),
    }


def alarms(profile: Profile) -> dict[str, str]:
    """The states that are no ordinary ones, with their class; those that raise an alarm come first."""
    named = sorted((flag for flag in flags(profile) if flag.alarm or flag.quality), key=lambda flag: not flag.alarm)
    return {flag.name: flag.quality or "alarm" for flag in named}


def flags(profile: Profile) -> Iterator[Flag]:
    """Every flag of *profile*."""
    for channel in profile.channels:
        yield from (*channel.bits.values(), *channel.states.values())


def held_flags(profile: Profile, faults: Faults) -> set[str]:
    """The names of the flags that hold while *faults* are on."""
    held = set(faults.alarm)
    classes = (ZERO if faults.zero else ()) + (SPAN if faults.span else ())
    held |= {flag.name for flag in flags(profile) if flag.quality in classes}
    if faults.blocked:
        held |= {flag.name for flag in flags(profile) if "flow" in flag.name and (flag.alarm or flag.quality)}
    return held


def gassed(profile: Profile, classes: tuple[Quality, ...]) -> set[str]:
    """The channels that see the calibration gas while a state of one of *classes* holds."""
    measured = {one.name for one in profile.channels if one.stream is Stream.MEASUREMENT}
    found: set[str] = set()
    for flag in flags(profile):
        if flag.quality in classes:
            found |= measured if flag.covers is None else measured & set(flag.covers)
    return found


def is_flow(channel: Channel) -> bool:
    """Whether a blocked sampling line shows in *channel*."""
    return channel.stream is Stream.PARAMETER and (
        channel.unit in FLOWS or (channel.unit == "m/s" and channel.group == "sampling")
    )


def sampled_at(channel: Channel, now: datetime) -> datetime:
    """What an instrument's clock says at *now*: its last whole period, labelled as the profile says."""
    step_s = channel.period or 1.0
    label_s = now.timestamp() // step_s * step_s
    if channel.period and channel.label == "begin":
        label_s -= step_s
    return datetime.fromtimestamp(label_s, UTC)


def _beginning(profile: Profile, channel: Channel) -> Shown:
    """Where the channel begins, in the type of :data:`Shown`."""
    printed = list(_printed(profile, channel))
    if channel.states:
        return _ordinary_state(channel, printed)
    if channel.bits or channel.type in ("bits", "bool") or channel.bit is not None:
        return _ordinary_bits(channel, printed)
    if channel.type == "string":
        return next((str(value) for value in printed), "SIM")
    numbers = [float(value) for value in printed if isinstance(value, int | Decimal) and not isinstance(value, bool)]
    return Decimal(repr(_mean(channel, numbers)))


def _printed(profile: Profile, channel: Channel) -> Iterator[int | Decimal | str | bool]:
    """What the examples print for the channel; those in which it is not good come last."""
    shown = [one for one in profile.examples if channel.name in one.readings]
    for example in sorted(shown, key=lambda one: channel.name in one.quality):
        yield example.readings[channel.name]


def _ordinary_state(channel: Channel, printed: list[int | Decimal | str | bool]) -> str:
    ordinary = {flag.name: key for key, flag in reversed(channel.states.items()) if not (flag.quality or flag.alarm)}
    shown = next((ordinary[str(name)] for name in printed if str(name) in ordinary), None)
    return shown or next(reversed(ordinary.values()), next(iter(channel.states)))


def _ordinary_bits(channel: Channel, printed: list[int | Decimal | str | bool]) -> int | bool:
    worrying = {int(key): flag for key, flag in channel.bits.items() if flag.quality or flag.alarm}
    for number in printed:
        if isinstance(number, int) and not any(bool(number >> n & 1) == f.when for n, f in worrying.items()):
            return number
    number = sum(1 << place for place, flag in worrying.items() if not flag.when)
    return bool(number) if channel.bit is not None or channel.type == "bool" else number


def _with_bits(number: int, channel: Channel, held: set[str]) -> int:
    for key, flag in channel.bits.items():
        if flag.name in held:
            number = number | 1 << int(key) if flag.when else number & ~(1 << int(key))
    return number


def _mean(channel: Channel, printed: list[float]) -> float:
    low, high = channel.normal or channel.range or (-math.inf, math.inf)
    inside = [value for value in printed if low <= value <= high]
    usual = USUAL.get(channel.unit or "")
    if inside:
        return inside[0] if usual is None else min(inside, key=lambda value: abs(value - usual))
    if usual is not None and low <= usual <= high:
        return usual
    if channel.normal or (channel.range and high - low < 1e4):
        return (low + high) / 2
    return 1.0 if low <= 1.0 <= high else low


def _curve(channel: Channel, mean: float) -> Curve:
    if channel.watch or channel.unit in (None, "1"):
        return Curve(mean)
    swing, waver = (0.15, 0.08) if channel.stream is Stream.MEASUREMENT else (0.01, 0.005)
    size = SIZES.get(channel.unit or "", abs(mean))
    return Curve(mean, size * swing, 14.0, size * waver, floor=0.0 if mean >= 0 else -math.inf)


def _within(channel: Channel, value: float, *, is_gas: bool) -> float:
    """*value* kept inside what is normal, and inside what can be measured."""
    if channel.normal and not is_gas:
        value = _between(value, *channel.normal, MARGIN)
    return _between(value, *channel.range, 0.0) if channel.range else value


def _between(value: float, low: float, high: float, margin: float) -> float:
    """*value*, or the nearest to it that is *margin*, a part of the whole, away from both ends."""
    away = margin * (high - low) if math.isfinite(high - low) else 0.0
    return min(max(value, low + away), high - away)


def _span(profile: Profile, channel: Channel, mean: float) -> float:
    """What span gas shows: as an example prints it, else what is usual for the unit."""
    for example in profile.examples:
        if example.quality.get(channel.name) in SPAN and channel.name in example.readings:
            return float(Decimal(str(example.readings[channel.name])))
    gas = SPAN_GAS.get(channel.unit or "", SPAN_FACTOR * mean)
    high = channel.range[1] if channel.range else math.inf
    return min(gas, 0.8 * high)


def _rounded(value: float, mean: float) -> Decimal:
    places = DIGITS - 1 - math.floor(math.log10(abs(mean))) if mean else DIGITS
    return round(Decimal(repr(value)), max(0, places))


def utc_now() -> datetime:
    """The time by the computer's clock."""
    return datetime.now(UTC)
