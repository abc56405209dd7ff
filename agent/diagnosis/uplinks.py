"""Uplinks that do not deliver: network, broker, password, certificate or this PC's clock may be to blame."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import ago
from agent.diagnosis.finding import CRITICAL, GOOD, WARNING, Facts, Finding, Part

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


def of_uplinks(uplinks: list[Facts]) -> Iterator[Finding]:
    """Each of them; that none of several reaches its broker is hardly the fault of all the brokers."""
    found = [finding for uplink in uplinks for finding in of_uplink(uplink)]
    lost = {finding.subject for finding in found if finding.part == "network"}
    if len(uplinks) > 1 and len(lost) == len(uplinks):
        hint = "Check this PC's own network first: ip -br address; ip route"
        yield Finding(WARNING, "PC", "", "no uplink reaches its broker", hint)
    yield from found


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
        streams = {topic.rpartition("/data/")[2].partition("/")[0] for topic in uplink["no_subscriber"]}
        cause = f"nobody subscribes to {', '.join(sorted(streams))} at the broker"
        yield Finding(WARNING, "consumer", name, cause, "Start the consumer at the centre")
    if uplink["puback_proven"] is False and uplink["confirm"] == "puback":
        yield _of_unproven(name, silent=uplink.get("may_refuse_silently", False))


def _of_connection(name: str, error: Facts, age: str) -> Finding:
    """Whose fault it is that there is no connection, by what was said when it failed."""
    kind, what, hint = error.get("kind"), error["what"].removeprefix("broker "), error["hint"]
    level, part = WARNING, PARTS.get(kind, "broker")
    if kind == "refused" and error.get("code") in REFUSED_USER:
        part = "password"
        hint = "Check username, password_file and client_id with its operator"
    elif kind == "certificate" and "not yet valid" in what:
        part = "clock"
        hint = "Check this PC's clock first: timedatectl"
    elif kind == "certificate" and "expired" in what:
        level = CRITICAL
        hint = "Ask its operator for a new one; check this PC's clock: timedatectl"
    elif kind == "unreachable" and "nothing listens" in what:
        part = "broker"
    return Finding(level, part, name, f"{what} (for {age})", hint)


def _of_unproven(name: str, *, silent: bool) -> Finding:
    hint = 'On MQTT 3.1.1 a refusal looks like success; set confirm = "consumer:NAME"'
    if silent:
        cause = "our own state does not come back from the broker: it may refuse everything without a word"
        return Finding(WARNING, "broker", name, cause, f"Ask its operator for the right to publish. {hint}")
    return Finding(GOOD, "broker", name, "deliveries are unproven", hint)
