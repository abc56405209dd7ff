"""TLS as an uplink uses it: whom to trust, who we are, and until when the certificates hold."""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.errors import StationError

_BEGIN = "-----BEGIN CERTIFICATE-----"
_CERTIFICATE = re.compile(f"{_BEGIN}.*?-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME, _GENERALIZED_TIME, _CONTEXT_0 = 0x17, 0x18, 0xA0

UNUSABLE = {
    "KEY_VALUES_MISMATCH": "the key belongs to another certificate",
    "NO_START_LINE": "it is not PEM",
    "PEM_LIB": "it is not PEM",
    "BAD_DECRYPT": "the key has a password",
    "BAD_PASSWORD_READ": "the key has a password",
}
"""What OpenSSL calls the commonest faults of files."""


class CertificateError(StationError):
    """A file of certificates or keys cannot be used."""


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector, and tells why it ended."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands; raises what ssl raises, with the socket closed."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        """Send; where the peer has left, raise the alert that says why rather than that it left."""
        try:
            return super().send(data, flags)
        except (ssl.SSLEOFError, ConnectionError):
            # With TLS 1.3 a certificate is refused after the handshake, when we write already.
            with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self.recv(1)
            raise


def context(ca_file: Path | None, cert_file: Path | None = None, key_file: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer, with the host name checked.

    With *ca_file* nobody else is trusted, not even the system's authorities.
    Raises CertificateError that names the file.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = _Socket
    try:
        if ca_file is None:
            made.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            made.load_verify_locations(cafile=str(ca_file))
    except OSError as error:
        raise _unusable("ca_file", ca_file, error) from error
    if cert_file is not None:
        try:
            # A password given in vain keeps OpenSSL from asking for one on the terminal.
            made.load_cert_chain(str(cert_file), str(key_file) if key_file else None, password="")
        except OSError as error:
            raise _unusable("cert_file and key_file", cert_file, error) from error
    return made


def _unusable(key: str, path: Path | None, error: OSError) -> CertificateError:
    reason = getattr(error, "reason", None)
    why = UNUSABLE.get(reason or "", reason) or error.strerror or str(error)
    return CertificateError(
        f"{key}: {path} cannot be used: {why}",
        hint="Check that the file exists, is PEM, belongs to the key, and may be read by the agent's user",
    )


def expires(path: Path) -> datetime | None:
    """When the first of the certificates in the PEM file *path* to end does so; None if there is none to be read."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        return min((_not_after(ssl.PEM_cert_to_DER_cert(pem)) for pem in _CERTIFICATE.findall(text)), default=None)
    except (OSError, ValueError, IndexError):
        return None


def _not_after(certificate: bytes) -> datetime:
    """The second time of the field Validity (RFC 5280, 4.1)."""
    to_be_signed = _elements(_elements(certificate)[0][1])[0][1]
    fields = [value for tag, value in _elements(to_be_signed) if tag != _CONTEXT_0]
    _, (tag, text) = _elements(fields[3])  # after serial number, signature algorithm and issuer
    written = text.decode("ascii")
    if tag == _UTC_TIME:
        written = ("19" if written[:2] >= "50" else "20") + written
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"no time has the tag {tag:#x}")
    return datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each DER element in *der*."""
    found = []
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(der[at : at + count]), at + count
        found.append((tag, der[at : at + length]))
        at += length
    return found
