"""TLS of each uplink: are the files usable, is the broker's certificate believed, how long do they all hold."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.diagnosis.certificates import of_certificates
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, good, told, unchecked
from agent.settings import UplinkSettings
from agent.uplink.tls import CertificateError, context, expires

CONNECT_S = 5.0

REASONS = {
    9: (
        "it is not valid yet",
        "this PC's clock is wrong, or the certificate was made with one that is",
        "Run: timedatectl",
    ),
    10: ("it has expired", "nothing is delivered until it is renewed", "Ask the broker's operator to renew it"),
    62: (
        "it is not for the name {host}",
        "this may be another broker, or the operator gave it another name",
        "Write the name in url that the operator's certificate has",
    ),
    64: (
        "it is not for the address {host}",
        "certificates are mostly made for names, not for addresses",
        "Write the broker's name in url instead of its address",
    ),
}
"""By the codes of X509_verify_cert_error_string(3) of OpenSSL."""

UNKNOWN_AUTHORITY = (
    "who signed it is not trusted here",
    "this may be another broker, or ca_file is not that of its authority",
    "Ask the broker's operator for the certificate of the authority, and name it in ca_file",
)


def examine(case: Case) -> Iterator[Result]:
    """Look at each uplink that uses TLS."""
    for uplink in case.settings.uplinks if case.settings else ():
        if uplink.broker.tls:
            yield from _uplink(uplink)


def _uplink(uplink: UplinkSettings) -> Iterator[Result]:
    name = f"uplink {uplink.name}"
    for file in (uplink.ca_file, uplink.cert_file, uplink.key_file):
        if file is not None and _is_hidden(file):
            yield unchecked(name, f"{file} may not be read by this user", "Call the doctor with sudo")
            return
    yield from _lifetimes(uplink)
    try:
        trust = context(uplink.ca_file, uplink.cert_file, uplink.key_file)
    except CertificateError as error:
        yield bad(name, str(error), "this uplink cannot connect", error.hint)
        return
    yield _handshake(name, uplink, trust)


def _is_hidden(file: Path) -> bool:
    try:
        with file.open("rb"):
            return False
    except PermissionError:
        return True
    except OSError:
        return False


def _lifetimes(uplink: UplinkSettings) -> Iterator[Result]:
    files = {"ca": uplink.ca_file, "client": uplink.cert_file}
    ends = {whose: expires(file) for whose, file in files.items() if file is not None}
    facts = {"name": uplink.name, "certificates": {whose: end and end.isoformat() for whose, end in ends.items()}}
    wrong = list(of_certificates(facts, time.time()))
    yield from map(told, wrong)
    if ends and not wrong:
        first = min(end for end in ends.values() if end is not None) if any(ends.values()) else None
        if first:
            yield good(f"uplink {uplink.name}", f"our own certificates hold until {first:%Y-%m-%d}")


def _handshake(name: str, uplink: UplinkSettings, trust: ssl.SSLContext) -> Result:
    """Shake hands as the daemon does, and hang up before a word of MQTT."""
    host, port = uplink.broker.host, uplink.broker.port
    try:
        with (
            socket.create_connection((host, port), CONNECT_S) as wire,
            trust.wrap_socket(wire, server_hostname=host) as safe,
        ):
            certificate, version = safe.getpeercert() or {}, safe.version()
    except ssl.SSLCertVerificationError as error:
        what, means, hint = REASONS.get(error.verify_code, UNKNOWN_AUTHORITY)
        found = f"the broker's certificate is refused: {what.format(host=host)}"
        return bad(name, found, means, hint)
    except ssl.SSLError as error:
        means = "nothing is delivered; this port perhaps does not speak TLS"
        return bad(name, f"TLS with {host}:{port} failed: {error.reason or error}", means, "Check the port in url")
    except OSError:
        return unchecked(name, f"{host}:{port} is not reached, so its certificate is not seen")
    return _peer(name, uplink, str(certificate.get("notAfter", "")), version or "TLS")


def _peer(name: str, uplink: UplinkSettings, not_after: str, version: str) -> Result:
    if not not_after:
        return good(name, f"{version}, and the certificate is believed")
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    facts = {"name": uplink.name, "certificates": {"broker": end.isoformat()}}
    for finding in of_certificates(facts, time.time()):
        return told(finding)
    return good(name, f"{version}, and the broker's certificate holds until {end:%Y-%m-%d}")
