"""How long the certificates of an uplink are still good for: ours, its authority's, the broker's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding

SOON_S = 30 * 86_400.0
"""So long before its end a certificate is a warning."""

NAMES = {"ca": "ca_file", "client": "cert_file", "broker": "the broker's certificate"}
STEPS = {
    "ca": "Ask the broker's operator for the new authority, put it into ca_file",
    "client": "Ask the broker's operator for a new certificate, put it into cert_file",
    "broker": "Ask the broker's operator to renew it",
}


def of_certificates(uplink: Facts, now_s: float) -> Iterator[Finding]:
    """What has expired, or will soon."""
    for whose, end in uplink.get("certificates", {}).items():
        if end is None:
            continue
        left_s = datetime.fromisoformat(end).timestamp() - now_s
        name = NAMES.get(whose, whose)
        hint = STEPS.get(whose, STEPS["broker"])
        if left_s <= 0:
            cause = f"{name} expired {ago(seconds=-left_s)} ago"
            yield Finding(CRITICAL, "certificate", uplink["name"], cause, hint)
        elif left_s < SOON_S:
            yield Finding(WARNING, "certificate", uplink["name"], f"{name} expires in {ago(seconds=left_s)}", hint)
