"""Devices that give nothing: cable, network, address, instrument or this PC may be to blame.

What tells them apart is who else on the wire answers, and whether the silent one
ever did. What many devices have in common is told once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from agent.diagnosis.deadlinks import of_dead_link
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding

GATEWAY = ("exception_10", "exception_11")
"""What a gateway says for an instrument behind it that it cannot reach (Modbus Application Protocol V1.1b3, 7)."""

BUSY = ("exception_5", "exception_6")
"""What an instrument says that will answer later (the same)."""

ECHO = "the request itself, as an echo"
"""How the protocols call it."""

MANY_LOSSES = 3
"""Of one device in ten minutes: a wire that hangs by a thread, or two who answer at once."""

Trouble = Literal["down", "silent", "damaged", "unreached", "other"]
TROUBLES: dict[str, Trouble] = {
    "link_down": "down",
    "no_reply": "silent",
    "bad_reply": "damaged",
    "checksum": "damaged",
    **dict.fromkeys(GATEWAY, "unreached"),
}
"""By the reason of a device's last failure."""


def of_wires(snapshot: Facts) -> Iterator[Finding]:
    """A finding for each wire that is dead as a whole, else for each device of it that fails."""
    devices = snapshot["devices"]
    owned = [(link, [one for one in devices if one["link"] == link["name"]]) for link in snapshot["links"]]
    found = _of_network(owned, [finding for link, mine in owned for finding in _of_wire(link, mine)])
    if not devices or any(device["state"] != "failing" for device in devices):
        yield from found
    elif len(found) == 1:
        yield found[0]._replace(level=CRITICAL, effect="nothing is measured")
    else:
        hint = "Begin with power and cables"
        yield Finding(CRITICAL, "station", "", "no device answers: nothing is measured", hint)
        yield from found


def _of_network(owned: list[tuple[Facts, list[Facts]]], found: list[Finding]) -> list[Finding]:
    """*found*, with one finding in place of many where nothing on the network is reached: they share a cable."""
    lost = [finding for finding in found if finding.part == "network" and finding.since]
    wires = {link["name"] for link, devices in owned if devices and link["kind"] != "serial"}
    if len(lost) < 2 or {finding.subject for finding in lost} != wires:
        return found
    why = lost[0].cause.rpartition(": ")[2]
    cause = f"no instrument on the network is reached: {why} ({', '.join(sorted(wires))})"
    hint = "Check the switch and this PC's network cable: ip -br address"
    whole = Finding(WARNING, "network", "", cause, hint, min(finding.since or "" for finding in lost))
    return [whole, *(finding for finding in found if finding not in lost)]


def _of_wire(link: Facts, devices: list[Facts]) -> Iterator[Finding]:
    failing = [device for device in devices if device["state"] == "failing"]
    if down := [device for device in failing if _trouble(device) == "down"]:
        yield of_dead_link(link, down)
    rest = [device for device in failing if device not in down]
    if len(rest) > 1 and len(rest) == len(devices) and (whole := _of_whole(link, rest)):
        yield whole
    else:
        for device in rest:
            yield _of_one(link, device, others=len(devices) - len(failing))
    for device in devices:
        if device["state"] == "partial":
            yield Finding(WARNING, "instrument", device["name"], *_said(device))
        if device["state"] != "failing" and device.get("losses", 0) >= MANY_LOSSES:
            yield _of_unsteady_one(link, device)


def _trouble(device: Facts) -> Trouble:
    return TROUBLES.get(device["reason"] or "", "other")


def _of_whole(link: Facts, devices: list[Facts]) -> Finding | None:
    """All on one wire fail in the same way: hardly all of them at once for reasons of their own."""
    troubles, name, names = {_trouble(device) for device in devices}, link["name"], _names(devices)
    answered = any(device["last_time"] for device in devices)
    if troubles == {"silent"}:
        cause = f"nothing answers on it: {names}"
        hint = f"Check the line behind the gateway: station-agent scan {name}"
        if link["kind"] == "serial" and answered:
            hint = f"Check cable and converter power: station-agent listen {name}"
        elif link["kind"] == "serial":
            hint = f"Check cable, wires A and B, baud, parity: station-agent listen {name}"
    elif troubles <= {"silent", "damaged"}:
        cause, hint = f"{_damage(devices)}: {names}", _mend(link, answered=answered)
    elif troubles <= {"silent", "unreached"}:
        cause = f"the gateway answers, its instruments do not: {names}"
        hint = "Check power and wires A, B behind it, and baud in its menu"
    else:
        return None
    return Finding(WARNING, "cable", name, cause, hint, _since(devices))


def _of_one(link: Facts, device: Facts, *, others: int) -> Finding:
    """What is wrong with one device of a wire on which *others* answer."""
    trouble = _trouble(device)
    if trouble == "silent":
        return _of_silent_one(link, device, others=others)
    if trouble == "damaged":
        return _of_damaged_one(link, device, others=others)
    if trouble == "unreached":
        cause = f"the gateway answers, but reaches nobody at {_address(device)}"
        hint = f"Check its power and plug, and its address: station-agent scan {link['name']}"
        return Finding(WARNING, "address", device["name"], cause, hint, device["since"])
    if device["reason"] in BUSY:
        hint = f"Wait a minute; if it stays so, raise every of {device['name']}"
        return Finding(WARNING, "instrument", device["name"], "it says that it is busy", hint, device["since"])
    if (device["reason"] or "").startswith("exception_"):
        cause = f"it refuses what its profile asks for: {device['error'].rpartition(': ')[2]}"
        hint = "Another model or firmware? Compare model and profile with its plate"
        return Finding(WARNING, "profile", device["name"], cause, hint, device["since"])
    return Finding(WARNING, "instrument", device["name"], *_said(device))


def _of_silent_one(link: Facts, device: Facts, *, others: int) -> Finding:
    """One device is silent: others on the wire answer, or it is alone there."""
    name, address, since = device["name"], _address(device), device["since"]
    if device["last_time"]:
        cause = f"no answer from {address}"
        if others:
            cause = f"no answer from {address}; others on {link['name']} answer"
        hint = f"Check its power and its plug, then run: station-agent read {name}"
        return Finding(WARNING, "instrument", name, cause, hint, since)
    find = f"station-agent scan {link['name']}"
    if others:
        hint = f"Compare it with its menu, or find it: {find}"
        cause = f"never any answer from {address}; others on {link['name']} answer"
        return Finding(WARNING, "address", name, cause, hint)
    if link["kind"] == "serial":
        cause = f"never any answer from {address} on {link['endpoint']}"
        return Finding(WARNING, "cable", name, cause, f"Check power, wires A and B, baud and parity, then: {find}")
    cause = f"{link['endpoint']} is there, but never any answer from {address}"
    return Finding(WARNING, "address", name, cause, f"Compare it and the protocol with its menu, or: {find}")


def _of_damaged_one(link: Facts, device: Facts, *, others: int) -> Finding:
    """One device gives what is no answer: baud and parity would spoil those of its neighbours too."""
    name, since = device["name"], device["since"]
    if others:
        cause = f"{_damage([device])}; others on {link['name']} answer well"
        hint = f"Two with {_address(device)}? Unplug {name}, then: station-agent scan {link['name']}"
        return Finding(WARNING, "address", name, cause, hint, since)
    if link["kind"] == "serial":
        return Finding(
            WARNING, "cable", name, _damage([device]), _mend(link, answered=bool(device["last_time"])), since
        )
    cause = f"{link['endpoint']} answers, but not as the profile expects"
    hint = f"Compare protocol and port with its menu, then: station-agent read {name}"
    return Finding(WARNING, "profile", name, cause, hint, since)


def _of_unsteady_one(link: Facts, device: Facts) -> Finding:
    """It answers now: whoever looks at a good moment would see nothing."""
    cause = f"it was lost {device['losses']} times in the last 10 min"
    if link["kind"] == "serial":
        hint = f"Look for a loose wire or a second master: station-agent listen {link['name']}"
        return Finding(WARNING, "cable", device["name"], cause, hint)
    return Finding(
        WARNING, "network", device["name"], cause, "Look for a loose plug or a bad cable, here and at the switch"
    )


def _damage(devices: list[Facts]) -> str:
    """What comes in place of answers."""
    if all((device["error"] or "").endswith(ECHO) for device in devices):
        return "only our own requests come back, as an echo"
    return "the replies come damaged"


def _mend(link: Facts, *, answered: bool) -> str:
    if answered:
        return f"Look for a loose wire or a second master: station-agent listen {link['name']}"
    return f"Check baud rate, parity, wiring: station-agent listen {link['name']}"


def _said(device: Facts) -> tuple[str, str, str]:
    """Cause, next step and begin, as the driver gave them."""
    return device["error"] or "", device["hint"] or "", device["since"]


def _address(device: Facts) -> str:
    what = f"address {device.get('address')}"
    return what if device.get("address") is not None else "it"


def _since(devices: list[Facts]) -> str:
    first: str = min(device["since"] for device in devices)
    return first


def _names(devices: list[Facts]) -> str:
    return ", ".join(device["name"] for device in devices)
