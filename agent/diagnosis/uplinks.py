"""Uplinks that do not deliver: network, broker, password, certificate or this PC's clock may be to blame."""

from __future__ import annotations

from collections.abc import Iterator

from agent.diagnosis.finding import CRITICAL, GOOD, WARNING, Facts, Finding, Part

PARTS: dict[str | None, Part] = {
    "name": "network",
    "timeout": "network",
    "certificate": "certificate",
    "tls": "certificate",
    "unreachable": "network",
}
"""Which part a failed connection points at, by its kind; where no kind is known, the broker."""

AT_THE_BROKER = (
    "nothing listens there",
    "it takes the connection and hangs up",
    "it hangs up during the TLS handshake",
    "this port does not speak TLS",
)
"""What was said by somebody: neither the network nor a certificate is to blame."""

REFUSED_USER = (0x86, 0x87)
"""CONNACK: bad user name or password, not authorized. Brokers give either for a wrong password."""

MANY_LOSSES = 3
"""Of the connection in ten minutes: somebody else may use our identity."""


def of_uplinks(uplinks: list[Facts]) -> Iterator[Finding]:
    """Each of them; that none of several reaches its broker is hardly the fault of all the brokers."""
    found = [finding for uplink in uplinks for finding in of_uplink(uplink)]
    lost = [finding for finding in found if finding.part == "network"]
    if len(lost) < 2 or len(lost) < len(uplinks):
        yield from found
        return
    why = lost[0].cause.partition(": ")[2]
    cause = f"no uplink reaches its broker: {', '.join(finding.subject for finding in lost)}: {why}"
    hint = "Check this PC's own network first: ip -br address; ip route"
    if all("name not found" in finding.cause for finding in lost):
        hint = "Check this PC's DNS and its way out: cat /etc/resolv.conf; ip route"
    yield Finding(WARNING, "PC", "", cause, hint, min(finding.since or "" for finding in lost))
    yield from (finding for finding in found if finding not in lost)


def of_uplink(uplink: Facts) -> Iterator[Finding]:
    """Why it delivers nothing, or not as it should."""
    name, pause, is_connected = uplink["name"], uplink["pause"], uplink["state"] == "connected"
    if pause:
        yield Finding(WARNING, "broker", name, f"it takes nothing for now: {pause['reason']}", pause["hint"])
    elif uplink.get("losses", 0) >= MANY_LOSSES:
        cause = f"the connection was lost {uplink['losses']} times in the last 10 min"
        hint = "Does another PC or a test tool use its client_id? Else look at the broker's log"
        yield Finding(WARNING, "broker", name, cause, hint)
    elif not is_connected and uplink["error"]:
        yield _of_connection(uplink)
    if uplink["parked"]:
        hint = "See which and why: station-agent records --stream event"
        yield Finding(WARNING, "broker", name, f"the broker refuses {len(uplink['parked'])} ranges of records", hint)
    if is_connected:
        yield from _of_doubts(uplink)


def _of_doubts(uplink: Facts) -> Iterator[Finding]:
    """What does not arrive, or cannot be known to, though the broker takes it."""
    if uplink["no_subscriber"]:
        streams = {topic.rpartition("/data/")[2].partition("/")[0] for topic in uplink["no_subscriber"]}
        cause = f"nobody subscribes to {', '.join(sorted(streams))} at the broker"
        yield Finding(WARNING, "consumer", uplink["name"], cause, "Start the consumer at the centre")
    if uplink["puback_proven"] is False and uplink["confirm"] == "puback":
        yield _of_unproven(uplink["name"], silent=uplink.get("may_refuse_silently", False))


def _of_connection(uplink: Facts) -> Finding:
    """Whose fault it is that there is no connection, by what was said when it failed."""
    error = uplink["error"]
    kind, what, hint = error.get("kind"), error["what"].removeprefix("broker "), error["hint"]
    level, part = WARNING, PARTS.get(kind, "broker")
    if kind == "refused" and error.get("code") in REFUSED_USER:
        part = "password"
        hint = "Check username, password_file and client_id with its operator"
    elif kind == "certificate" and "not yet valid" in what:
        part = "clock"
    elif kind == "certificate" and "expired" in what:
        level = CRITICAL
    elif kind is None and what.startswith(("cert_file", "ca_file")):
        part = "certificate"
    elif any(said in what for said in AT_THE_BROKER):
        part = "broker"
    return Finding(level, part, uplink["name"], what, hint, uplink["since"])


def _of_unproven(name: str, *, silent: bool) -> Finding:
    hint = 'On MQTT 3.1.1 a refusal looks like success; set confirm = "consumer:NAME"'
    if silent:
        cause = "our own state does not come back from the broker: it may refuse everything without a word"
        return Finding(WARNING, "broker", name, cause, f"Ask its operator for the right to publish. {hint}")
    return Finding(GOOD, "broker", name, "deliveries are unproven", hint)
