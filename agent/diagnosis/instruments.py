"""Devices that answer, and what they say: alarms, limits, absurd values, sampling lines that are not well."""

from __future__ import annotations

from collections.abc import Iterator

from agent.diagnosis.finding import GOOD, WARNING, Facts, Finding, Part

ATTENDED = frozenset(
    {
        "maintenance",
        "zero_calibration",
        "span_calibration",
        "zero_check",
        "span_check",
        "accuracy_check",
        "recovering",
    }
)
"""Classes that somebody means to be: worth a remark, no warning."""

QUIET = frozenset({"valid", "not_fitted", "comm_fault", "not_polled"})
"""Classes that tell nothing here: all is well, or the wire is to blame; maintenance too, where it is told as such."""

PARTS: dict[str | None, Part] = {"sampling": "sampling line", "station": "station"}
"""What a parameter of each group speaks of; all others of the instrument."""

FLOWS = ("L/min", "mL/min", "L/h", "m³/h", "m/s")
HINTS = {
    ("low", "flow"): "Look for a blocked tube, a full filter, a stopped pump or fan",
    ("high", "flow"): "Look for a leak, an open end, and at the setting of the pump",
    ("low", "°C"): "Check the heater of the line, its fuse and its setpoint",
    ("high", "°C"): "Check the setpoint and the sensor of the line's heater",
    ("high", "%"): "Look for water in the line, and at its heater",
}


def of_instruments(snapshot: Facts) -> Iterator[Finding]:
    """What stands against readings, then the readings that are bad for a reason of their own."""
    devices = {device["name"]: device for device in snapshot["devices"]}
    standing = [one for one in snapshot.get("standing", ()) if one["device"] in devices]
    told = [finding for one in sorted(standing, key=_is_limit) for finding in _of_standing(one, devices[one["device"]])]
    yield from _of_lines(told)
    explained = {(target, one["quality"]) for one in standing for target in one["targets"]}
    quiet = QUIET | {"maintenance"} if snapshot.get("maintenance") else QUIET
    for device in devices.values():
        if device["state"] in ("good", "partial"):
            yield from _of_readings(device, explained, quiet)


def _is_limit(one: Facts) -> bool:
    """Sort key: what a device says of itself, then what it leads to."""
    return bool(one["what"] == "normal")


def _of_lines(told: list[Finding]) -> Iterator[Finding]:
    """*told*, with all that is wrong with one sampling line in one finding: a stopped pump also shows as a low flow."""
    lines: dict[str, Finding] = {}
    for one in told:
        if one.part != "sampling line":
            yield one
        elif first := lines.get(one.subject):
            hint = first.hint if first.hint in HINTS.values() else one.hint
            level = max(first.level, one.level)
            lines[one.subject] = first._replace(level=level, cause=f"{first.cause}; {one.cause}", hint=hint)
        else:
            lines[one.subject] = one
    yield from lines.values()


def _of_standing(one: Facts, device: Facts) -> Iterator[Finding]:
    """A limit that is broken or a state that holds: what it is, and whose readings it spoils."""
    channel = next((channel for channel in device["channels"] if channel["name"] == one["channel"]), None)
    if channel is None or channel["value"] is None or one["what"] == "unreadable":
        yield from _of_unreadable(one, device)
        return
    part = PARTS.get(channel.get("group"), "instrument")
    if one["what"] == "normal":
        low, high = channel["normal"]
        cause = f"{_shown(channel)}, normal is {low:g} to {high:g}"
        hint = _step(part, channel, device["name"])
        yield Finding(WARNING, part, device["name"], _with_targets(cause, one), hint)
        return
    level = GOOD if one["quality"] in ATTENDED else WARNING
    hint = "" if level == GOOD else f"Look at its display and its manual: station-agent read {device['name']}"
    cause = f"it says {one['what']} ({one['channel']})"
    yield Finding(level, part, device["name"], _with_targets(cause, one), hint)


def _with_targets(cause: str, one: Facts) -> str:
    """*cause*, and what it makes of which readings."""
    what = f"{cause}; {_spoilt(one)} is {one['quality']}"
    return what if one["targets"] else cause


def _spoilt(one: Facts) -> str:
    """Whose readings are meant: channels of the same device, else the devices that they belong to."""
    owned = (target.partition(".") for target in one["targets"])
    return ", ".join(dict.fromkeys(name if device == one["device"] else device for device, _, name in owned))


def _of_unreadable(one: Facts, device: Facts) -> Iterator[Finding]:
    """What would tell whether other readings are good cannot be read."""
    is_line = any(not target.startswith(f"{device['name']}.") for target in one["targets"])
    if is_line or device["state"] == "good":
        cause = f"{one['channel']} cannot be read; {_spoilt(one)} is suspect"
        part: Part = "sampling line" if is_line else "instrument"
        yield Finding(WARNING, part, device["name"], cause, f"Run: station-agent read {device['name']}")


def _step(part: Part, channel: Facts, device: str) -> str:
    """What to do about a limit that is broken."""
    side = "low" if channel["value"] < channel["normal"][0] else "high"
    kind = "flow" if channel["unit"] in FLOWS else channel["unit"]
    hint = f"Look at it, then compare: station-agent read {device}"
    return HINTS.get((side, kind), hint) if part == "sampling line" else hint


def _of_readings(device: Facts, explained: set[tuple[str, str]], quiet: frozenset[str]) -> Iterator[Finding]:
    measured = [channel for channel in device["channels"] if channel["stream"] == "measurement"]
    if absurd := [channel for channel in device["channels"] if channel.get("order")]:
        yield _of_word_order(device["name"], absurd)
    asked = measured or device["channels"]
    if asked and all(channel["quality"] == "not_fitted" for channel in asked):
        yield _of_another_model(device["name"])
    for channel in measured:
        quality = channel["quality"]
        if quality in quiet or channel in absurd or (f"{device['name']}.{channel['name']}", quality) in explained:
            continue
        yield _of_reading(device["name"], channel)


def _of_another_model(device: str) -> Finding:
    """It refuses all that its profile asks for: a device that has some of it not fitted still has the rest."""
    cause = "it answers, but has nothing of what its profile asks for"
    return Finding(
        WARNING, "profile", device, cause, "Another model or firmware? Compare model and profile with its plate"
    )


def _of_word_order(device: str, absurd: list[Facts]) -> Finding:
    order = absurd[0]["order"]
    seen = f"{absurd[0]['name']} {absurd[0]['value']:.3g}"
    cause = f"{seen} is absurd; order {order['is']} would make it {order['value']:g}"
    if len(absurd) > 1:
        cause = f"{cause}, and {len(absurd) - 1} more"
    return Finding(WARNING, "profile", device, cause, f'Set order = "{order["is"]}" for it, and reload')


def _of_reading(device: str, channel: Facts) -> Finding:
    quality, read = channel["quality"], f"station-agent read {device}"
    if quality in ATTENDED:
        return Finding(GOOD, "instrument", device, f"{channel['name']} is marked {quality}", "")
    if quality in ("over_range", "under_range") and channel.get("range"):
        low, high = channel["range"]
        cause = f"{_shown(channel)} is outside of what it can measure, {low:g} to {high:g}"
        hint = f"Compare with its display; check unit, scale and order in the profile: {read}"
        return Finding(WARNING, "instrument", device, cause, hint)
    cause = f"{channel['name']} is marked {quality}"
    return Finding(WARNING, "instrument", device, cause, f"Look at its display and its manual: {read}")


def _shown(channel: Facts) -> str:
    value = f"{channel['value']:g}" if isinstance(channel["value"], float) else channel["value"]
    return f"{channel['name']} {value} {channel['unit']}".rstrip()
