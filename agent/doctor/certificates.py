"""TLS of each uplink and link: are the files usable, is the far end believed, how long do certificates hold."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agent.diagnosis.certificates import of_certificates
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, good, told, unchecked
from agent.settings import LinkSettings, UplinkSettings
from agent.uplink.handshake import PORT, explained
from agent.uplink.tls import CertificateError, context, expires

CONNECT_S = 5.0
OBJECTION_S = 0.5


class End(NamedTuple):
    """Somebody to shake hands with: ``name`` is the one that his certificate must have."""

    subject: str
    host: str
    port: int
    name: str
    ca: Path | None
    cert: Path | None
    key: Path | None
    means: str
    is_in_use: bool = False

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


def examine(case: Case) -> Iterator[Result]:
    """Look at each uplink and each link that uses TLS."""
    if case.settings is None:
        return
    ends = [_of_uplink(uplink) for uplink in case.settings.uplinks if uplink.broker.tls]
    ends += [_of_link(wire, case) for wire in case.settings.wires if wire.endpoint.kind == "tls"]
    for end in ends:
        yield from _end(end)


def _of_uplink(uplink: UplinkSettings) -> End:
    host, port = uplink.broker.host, uplink.broker.port
    files = uplink.ca_file, uplink.cert_file, uplink.key_file
    return End(f"uplink {uplink.name}", host, port, host, *files, "nothing is delivered")


def _of_link(wire: LinkSettings, case: Case) -> End:
    end, options = wire.endpoint, wire.endpoint.options
    ca, cert, key = (Path(options[file]) if options[file] else None for file in ("ca", "cert", "key"))
    means, is_in_use = "nothing on this line can be read", bool(case.of("link", wire.name).get("up"))
    return End(f"link {wire.name}", end.host, end.port, options["name"] or end.host, ca, cert, key, means, is_in_use)


def _end(end: End) -> Iterator[Result]:
    for file in (end.ca, end.cert, end.key):
        if file is not None and _is_hidden(file):
            yield unchecked(end.subject, f"{file} may not be read by this user", "Call the doctor with sudo")
            return
    lifetimes = list(_lifetimes(end))
    yield from lifetimes
    if any(result.verdict == "bad" for result in lifetimes):
        return  # the far end refuses what has expired
    try:
        trust = context(end.ca, end.cert, end.key)
    except CertificateError as error:
        yield bad(end.subject, str(error), end.means, error.hint)
        return
    if end.is_in_use:  # an instrument may serve one connection only
        yield good(end.subject, f"the daemon is connected to {end.place}, so its certificate is believed")
    else:
        yield _handshake(end, trust)


def _is_hidden(file: Path) -> bool:
    try:
        with file.open("rb"):
            return False
    except PermissionError:
        return True
    except OSError:
        return False


def _lifetimes(end: End) -> Iterator[Result]:
    files = {"ca": end.ca, "client": end.cert}
    ends = {whose: expires(file) for whose, file in files.items() if file is not None}
    wrong = list(_ending(end, ends))
    yield from wrong
    if not wrong and (first := min((when for when in ends.values() if when is not None), default=None)):
        yield good(end.subject, f"our own certificates hold until {first:%Y-%m-%d}")


def _ending(end: End, ends: dict[str, datetime | None]) -> Iterator[Result]:
    """Which of *ends* are past, or near; by whose certificate it is."""
    certificates = {whose: when and when.isoformat() for whose, when in ends.items()}
    for finding in of_certificates({"name": end.subject, "certificates": certificates}, time.time()):
        yield told(finding)._replace(subject=end.subject)


def _handshake(end: End, trust: ssl.SSLContext) -> Result:
    """Shake hands as the daemon does, and hang up before a word of the protocol within."""
    try:
        with (
            socket.create_connection((end.host, end.port), CONNECT_S) as wire,
            trust.wrap_socket(wire, server_hostname=end.name) as safe,
        ):
            certificate, version = safe.getpeercert() or {}, safe.version()
            _hear_out(safe)
    except ssl.SSLError as error:
        what, hint = explained(error, end.name)
        return bad(end.subject, f"{end.place}: {what}", end.means, hint)
    except ConnectionResetError:
        return bad(end.subject, f"{end.place}: it takes the connection and hangs up", end.means, PORT)
    except OSError:
        return unchecked(end.subject, f"{end.place} is not reached, so its certificate is not seen")
    return _peer(end, str(certificate.get("notAfter", "")), version or "TLS")


def _hear_out(safe: ssl.SSLSocket) -> None:
    """Give the far end a moment to object: with TLS 1.3 it looks at our certificate after the handshake."""
    safe.settimeout(OBJECTION_S)
    try:
        safe.recv(1)
    except (TimeoutError, ConnectionError):
        return


def _peer(end: End, not_after: str, version: str) -> Result:
    if not not_after:
        return good(end.subject, f"{version}, and the certificate is believed")
    when = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    is_broker = end.subject.startswith("uplink ")
    for result in _ending(end, {"broker" if is_broker else "link": when}):
        return result
    return good(end.subject, f"{version}, and its certificate holds until {when:%Y-%m-%d}")
