"""Devices that give nothing: cable, network, address, instrument or this PC may be to blame.

What tells them apart is who else on the wire answers, and whether the silent one
ever did.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import ago
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding, Part

GATEWAY = ("exception_10", "exception_11")
"""What a gateway says for an instrument behind it that it cannot reach (Modbus Application Protocol V1.1b3, 7)."""


def of_wires(snapshot: Facts) -> Iterator[Finding]:
    """A finding for each wire that is dead as a whole, else for each device of it that fails."""
    devices = snapshot["devices"]
    if devices and all(device["state"] == "failing" for device in devices):
        hint = "Begin with power and cables"
        yield Finding(CRITICAL, "station", "", "no device answers: nothing is measured", hint)
    for link in snapshot["links"]:
        yield from _of_wire(link, [device for device in devices if device["link"] == link["name"]])


def _of_wire(link: Facts, devices: list[Facts]) -> Iterator[Finding]:
    failing = [device for device in devices if device["state"] == "failing"]
    down = [device for device in failing if device["reason"] == "link_down"]
    silent = [device for device in failing if device["reason"] == "no_reply"]
    if down:
        yield _of_dead_link(link, down)
    if len(silent) > 1 and len(silent) == len(devices):
        yield _of_silence(link, silent)
    else:
        for device in silent:
            yield _of_silent_one(link, device, others=len(devices) - len(failing))
    for device in devices:
        if device not in down + silent and device["state"] in ("failing", "partial"):
            yield _of_troubled_one(link, device)


def _of_dead_link(link: Facts, devices: list[Facts]) -> Finding:
    """The wire itself cannot be used."""
    first, names = devices[0], _names(devices)
    why = first["error"].partition(" cannot be used: ")[2].partition("; next attempt")[0] or first["error"]
    cause = f"{link['endpoint']}: {why} ({names}, for {ago(first['since'])})"
    if names == link["name"]:
        cause = f"{link['endpoint']}: {why} (for {ago(first['since'])})"
    return Finding(WARNING, _blamed(link["kind"], why), link["name"], cause, first["hint"] or "")


def _blamed(kind: str, why: str) -> Part:
    """Whose fault it is that a wire cannot be opened, by what the system said."""
    if kind == "serial":
        return "cable" if why in ("there is no such port", "the port is gone") else "PC"
    if why.startswith("TLS"):
        return "certificate"
    return "instrument" if why in ("Connection refused", "the far end closed the connection") else "network"


def _of_silence(link: Facts, devices: list[Facts]) -> Finding:
    """All on one wire are silent: hardly all of them at once for reasons of their own."""
    cause = f"nothing answers on it: {_names(devices)} (for {ago(devices[0]['since'])})"
    hint = f"Check the line behind the gateway: station-agent scan {link['name']}"
    if link["kind"] == "serial":
        hint = f"Check cable, wires A and B, baud, parity: station-agent listen {link['name']}"
    return Finding(WARNING, "cable", link["name"], cause, hint)


def _of_silent_one(link: Facts, device: Facts, *, others: int) -> Finding:
    """One device is silent: others on the wire answer, or it is alone there."""
    name, address, age = device["name"], _address(device), ago(device["since"])
    if device["last_time"]:
        cause = f"no answer for {age} from {address}"
        if others:
            cause = f"no answer for {age} from {address}; others on {link['name']} answer"
        hint = f"Check its power and its plug, then run: station-agent read {name}"
        return Finding(WARNING, "instrument", name, cause, hint)
    find = f"station-agent scan {link['name']}"
    if others:
        cause = f"never any answer from {address}; others on {link['name']} answer"
        return Finding(WARNING, "address", name, cause, f"Compare it with its menu, or find it: {find}")
    if link["kind"] == "serial":
        cause = f"never any answer from {address} on {link['endpoint']}"
        return Finding(WARNING, "cable", name, cause, f"Check power, wires A and B, baud and parity, then: {find}")
    cause = f"{link['endpoint']} is there, but never any answer from {address}"
    return Finding(WARNING, "address", name, cause, f"Compare it and the protocol with its menu, or: {find}")


def _of_troubled_one(link: Facts, device: Facts) -> Finding:
    """A device that answers, but not with what was asked for."""
    name, reason = device["name"], device["reason"] or ""
    cause = f"{device['error']} (for {ago(device['since'])})"
    hint = device["hint"] or ""
    if reason in GATEWAY:
        hint = f"The gateway does not reach it. Compare its address: station-agent scan {link['name']}"
        return Finding(WARNING, "address", name, cause, hint)
    if reason.startswith("exception_"):
        return Finding(WARNING, "profile", name, cause, hint)
    return Finding(WARNING, "cable" if reason in ("bad_reply", "checksum") else "instrument", name, cause, hint)


def _address(device: Facts) -> str:
    what = f"address {device.get('address')}"
    return what if device.get("address") is not None else "it"


def _names(devices: list[Facts]) -> str:
    return ", ".join(device["name"] for device in devices)
