"""Uplinks that do not deliver: the network, the broker, the password, the certificate, or this PC's clock?"""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import ago
from agent.diagnosis.finding import GOOD, WARNING, Facts, Finding, Part

PARTS: dict[str | None, Part] = {
    "name": "network",
    "timeout": "network",
    "certificate": "certificate",
    "tls": "certificate",
    "unreachable": "network",
}
"""Which part a failed connection points at, by its kind; where no kind is known, the broker."""

REFUSED_USER = (0x86, 0x87)
"""CONNACK: bad user name or password, not authorized. Brokers give either for a wrong password."""


def of_uplink(uplink: Facts) -> Iterator[Finding]:
    """Why it delivers nothing, or not as it should."""
    name, pause = uplink["name"], uplink["pause"]
    if pause:
        yield Finding(WARNING, "broker", name, f"paused: {pause['reason']}", pause["hint"])
    elif uplink["state"] != "connected" and uplink["error"]:
        yield _of_connection(name, uplink["error"], ago(uplink["since"]))
    if uplink["parked"]:
        hint = "See which and why: station-agent records --stream event"
        yield Finding(WARNING, "broker", name, f"the broker refuses {len(uplink['parked'])} ranges of records", hint)
    if uplink["no_subscriber"]:
        cause = f"nobody subscribes to {', '.join(uplink['no_subscriber'])} at the broker"
        yield Finding(WARNING, "consumer", name, cause, "Start the consumer at the centre")
    if uplink["puback_proven"] is False and uplink["confirm"] == "puback":
        yield _of_unproven(name, silent=uplink.get("may_refuse_silently", False))


def _of_connection(name: str, error: Facts, age: str) -> Finding:
    kind, what, hint = error.get("kind"), f"{error['what']} (for {age})", error["hint"]
    if kind == "refused" and error.get("code") in REFUSED_USER:
        hint = "Check username and password_file of this uplink, and its client_id, with the broker's operator"
        return Finding(WARNING, "password", name, what, hint)
    if kind == "certificate" and "not yet valid" in what:
        return Finding(WARNING, "clock", name, what, "Check this PC's clock first: timedatectl")
    if kind == "unreachable" and "nothing listens" in what:
        return Finding(WARNING, "broker", name, what, hint)
    return Finding(WARNING, PARTS.get(kind, "broker"), name, what, hint)


def _of_unproven(name: str, *, silent: bool) -> Finding:
    hint = 'On MQTT 3.1.1 a refusal looks like success; set confirm = "consumer:NAME"'
    if silent:
        cause = "our own state does not come back from the broker: it may refuse everything without a word"
        return Finding(WARNING, "broker", name, cause, f"Ask its operator for the right to publish. {hint}")
    return Finding(GOOD, "broker", name, "deliveries are unproven", hint)
