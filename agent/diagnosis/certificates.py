"""How long the certificates of an uplink are still good for: ours, its authority's, the broker's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding

SOON_S = 30 * 86_400.0
"""So long before its end a certificate is a warning."""

WHOSE = {
    "ca": ("ca_file", "Get the new authority from its operator, as ca_file"),
    "client": ("cert_file", "Get a new certificate from its operator, as cert_file"),
    "broker": ("the broker's certificate", "Ask its operator to renew it"),
    "link": ("the far end's certificate", "Renew it in its menu"),
}
"""What ends, and the next step."""


def without_refusals(findings: list[Finding]) -> list[Finding]:
    """*findings* without connections that fail because of a file of ours that has expired: that is told already."""
    over = {(one.subject, one.cause.partition(" expired ")[0]) for one in findings if " expired " in one.cause}
    ours = {name for name, file in over if file in ("cert_file", "ca_file")}
    return [one for one in findings if not (one.since and one.part == "certificate" and one.subject in ours)]


def of_certificates(uplink: Facts, now_s: float) -> Iterator[Finding]:
    """What has expired, or will soon."""
    for whose, end in uplink.get("certificates", {}).items():
        if end is None:
            continue
        left_s = datetime.fromisoformat(end).timestamp() - now_s
        what, hint = WHOSE[whose]
        if left_s <= 0:
            cause = f"{what} expired {ago(seconds=-left_s)} ago"
            yield Finding(CRITICAL, "certificate", uplink["name"], cause, hint)
        elif left_s < SOON_S:
            yield Finding(WARNING, "certificate", uplink["name"], f"{what} expires in {ago(seconds=left_s)}", hint)
