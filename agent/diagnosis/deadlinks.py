"""Wires that cannot be used at all: the adapter, this PC, the network or the far end may be to blame."""

from __future__ import annotations

from agent.diagnosis.finding import WARNING, Facts, Finding, Part

ASK = "Run: sudo station-agent doctor"
GONE = ("there is no such port", "the port is gone")
HUNG_UP = ("the far end closed the connection", "Connection reset by peer", "Broken pipe")
UNKNOWN_NAME = ("Name or service not known", "No address associated with hostname")
NO_NAMES = ("Temporary failure in name resolution",)
"""What the resolver says when it reaches no server (gai_strerror(3): EAI_AGAIN)."""

UNREACHED = {
    "No route to host": "nobody has this address, or it is off",
    "Network is unreachable": "this PC is not on its network",
}
"""What errno(3) calls EHOSTUNREACH and ENETUNREACH."""


def of_dead_link(link: Facts, devices: list[Facts]) -> Finding:
    """The wire itself cannot be used, and *devices* wait for it."""
    why = devices[0]["error"].partition(" cannot be used: ")[2].partition("; next attempt")[0] or devices[0]["error"]
    names = ", ".join(device["name"] for device in devices)
    part, what, hint = _blamed(link, why)
    effect = f"no readings of {names}" if names != link["name"] else ""
    since: str = min(device["since"] for device in devices)
    cause = f"{link['endpoint']}: {what}"
    return Finding(WARNING, part, link["name"], cause, hint or devices[0]["hint"] or "", since, effect)


def _blamed(link: Facts, why: str) -> tuple[Part, str, str]:
    """Whose fault it is, what is wrong and what to do, by what the system said; no step where the driver has one."""
    if link["kind"] == "serial":
        return _of_port(why)
    host = str(link["endpoint"]).rpartition(":")[0]
    if "TLS" in why or "certificate" in why:
        return "certificate", _without_numbers(why), ASK
    if why in HUNG_UP:
        hint = "It may serve one client only: close other programs that ask it"
        return "instrument", "it takes the connection and hangs up", hint
    if why == "Connection refused":
        hint = "Switch on Modbus TCP in its menu, and compare the port"
        return "instrument", "it is there, but nothing listens on this port", hint
    if why in UNKNOWN_NAME:
        return "network", f"the name {host} is not known", f"Write its address in url, or check: getent hosts {host}"
    if why in NO_NAMES:
        return "network", "no name server answers", "Write its address in url, or check: cat /etc/resolv.conf"
    return (
        "network",
        f"it is not reached: {UNREACHED.get(why, why)}",
        f"Check its power, cable and address: ping {host}",
    )


def _without_numbers(why: str) -> str:
    """What TLS said, without OpenSSL's own codes: ``[SSL: …] certificate verify failed: it has expired (_ssl.c:…)``."""
    return why.rpartition(" failed: ")[2].partition(" (_ssl")[0]


def _of_port(why: str) -> tuple[Part, str, str]:
    if why in GONE:
        return "cable", why, "Check the cable and the adapter: ls -l /dev/serial/by-path"
    if why == "Permission denied":
        return "PC", "the daemon may not open it", ASK
    if "held" in why.split():
        return _of_holder(why.partition(" by ")[2])
    return "PC", why, ""


def _of_holder(holder: str) -> tuple[Part, str, str]:
    """Another program has the port open; the driver could not always see which one."""
    if holder == "another program":
        return "PC", "held by another program", ""
    stop = "Stop that program, or give the port to one program only"
    if holder.startswith("ModemManager"):
        stop = "Run: sudo systemctl disable --now ModemManager"
    return "PC", f"held by {holder}", stop
