"""How long the certificates of an uplink are still good for: ours, its authority's, the broker's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding

SOON_S = 30 * 86_400.0
"""So long before its end a certificate is a warning."""

KEYS = {"ca": "ca_file", "client": "cert_file"}
HINTS = {
    "ca": "Get the new authority from the broker's operator, as ca_file",
    "client": "Get a new certificate from the broker's operator, as cert_file",
    "broker": "Ask the broker's operator to renew it",
}


def of_certificates(uplink: Facts, now_s: float) -> Iterator[Finding]:
    """What has expired, or will soon."""
    for whose, end in uplink.get("certificates", {}).items():
        if end is None:
            continue
        left_s = datetime.fromisoformat(end).timestamp() - now_s
        what = "the broker's certificate"
        if whose in KEYS:
            what = KEYS[whose]
        hint = HINTS.get(whose, HINTS["broker"])
        if left_s <= 0:
            cause = f"{what} expired {ago(seconds=-left_s)} ago"
            yield Finding(CRITICAL, "certificate", uplink["name"], cause, hint)
        elif left_s < SOON_S:
            yield Finding(WARNING, "certificate", uplink["name"], f"{what} expires in {ago(seconds=left_s)}", hint)
