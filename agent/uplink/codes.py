"""Reason codes of MQTT 5, and what an uplink does about each.

A PUBACK with an error code still ends that exchange, so whatever is tried again
goes out as a new message. A code that nobody has heard of is treated like
"unspecified error".
"""

from __future__ import annotations

from enum import Enum

NO_SUBSCRIBER = 0x10
UNSUPPORTED_VERSION = 0x84
TAKEN_OVER = 0x8E
TOO_MANY = 0x93
TOO_LARGE = 0x95
NO_RETAIN = 0x9A

MEANINGS = {
    0x00: "success",
    0x04: "disconnect with will",
    0x10: "no matching subscribers",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}

HINTS = {
    0x84: 'Set protocol = "3.1.1" for this uplink',
    0x85: "Set client_id of this uplink to what the broker expects",
    0x86: "Check username and password_file of this uplink against the broker's",
    0x87: "Ask the broker's operator for the right to connect, and to publish and subscribe below this station's topic",
    0x8A: "Ask the broker's operator why this client is banned",
    0x8E: "Another client uses the same client_id: find it, or set client_id",
    0x93: "Lower window of this uplink",
    0x95: "Lower max_packet of this uplink, or raise the broker's limit",
    0x96: "Lower rate of this uplink, or raise the broker's limit",
    0x97: "Ask the broker's operator to raise the quota of this client",
    0x9A: "The broker keeps no retained messages; the uplink goes on without them",
    0x9C: "Set url to the server that the broker's operator names",
    0x9D: "Set url to the server that the broker's operator names",
}


def meaning(code: int) -> str:
    """What *code* says, with its number."""
    return f"{MEANINGS.get(code, 'unknown reason')} (0x{code:02X})"


def hint(code: int) -> str:
    """The next step for somebody who reads *code*."""
    return HINTS.get(code, "Look at the broker's log at this time")


class Verdict(Enum):
    """What becomes of a batch after its PUBACK."""

    TAKEN = "taken"
    PAUSE = "pause"  # not this batch's fault: the uplink rests
    SPLIT = "split"  # this batch's fault: smaller, then parked
    RETRY = "retry"  # nobody can tell: again a few times, then as SPLIT


VERDICTS = {
    0x00: Verdict.TAKEN,
    NO_SUBSCRIBER: Verdict.TAKEN,
    0x87: Verdict.PAUSE,
    0x97: Verdict.PAUSE,
    TOO_LARGE: Verdict.SPLIT,
    0x99: Verdict.SPLIT,
}


def verdict(code: int) -> Verdict:
    """What the PUBACK *code* of a batch means for it."""
    return VERDICTS.get(code, Verdict.RETRY)


INNOCENT = frozenset(
    {0x00, 0x04, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, TOO_MANY, 0x96, 0x97, 0x98, NO_RETAIN, 0x9B}
    | {0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2}
)
"""DISCONNECT codes that say nothing against the batch that was on its way."""
