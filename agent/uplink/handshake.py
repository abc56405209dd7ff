"""Why a TLS handshake failed, as somebody without a book on TLS reads it. Pure."""

from __future__ import annotations

import ssl
from typing import NamedTuple


class Reason(NamedTuple):
    """What is wrong and the next step; ``{host}`` stands for the far end's name."""

    what: str
    hint: str


CLOCK = "Check this PC's clock first: timedatectl"
RENEW = "Ask its operator for a new one; check this PC's clock: timedatectl"
ISSUED = "Ask its operator for a new certificate, as cert_file and key_file"
PORT = "Check the port in url: mqtts:// speaks TLS, mqtt:// does not"

REFUSED = {
    9: Reason("certificate is not yet valid", CLOCK),
    10: Reason("certificate has expired", RENEW),
    62: Reason("it is for another name than {host}", "Write the name in url that its operator gave it"),
    64: Reason("it is not for the address {host}", "Write its name in url instead of its address"),
}
"""The broker's certificate, by the codes of X509_verify_cert_error_string(3)."""

UNKNOWN_AUTHORITY = Reason("who signed it is not trusted here", "Ask its operator for its authority's file, as ca_file")

ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": Reason("it wants a certificate from us", ISSUED),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": Reason("it does not agree; it may want a certificate from us", ISSUED),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": Reason("it says that our cert_file has expired", ISSUED),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": Reason("it says that our cert_file was revoked", ISSUED),
    "TLSV1_ALERT_UNKNOWN_CA": Reason("it does not trust who signed our cert_file", ISSUED),
    "SSLV3_ALERT_BAD_CERTIFICATE": Reason("it does not accept our cert_file", ISSUED),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": Reason("it does not accept our cert_file", ISSUED),
    "TLSV1_ALERT_ACCESS_DENIED": Reason("it does not let our cert_file in", ISSUED),
    "WRONG_VERSION_NUMBER": Reason("this port does not speak TLS", PORT),
    "RECORD_LAYER_FAILURE": Reason("this port does not speak TLS", PORT),
    "UNEXPECTED_EOF_WHILE_READING": Reason("it hangs up during the TLS handshake", PORT),
    "TLSV1_ALERT_PROTOCOL_VERSION": Reason("it knows no TLS of today (1.2 or newer)", "Ask its operator for TLS 1.2"),
    "UNSUPPORTED_PROTOCOL": Reason("it knows no TLS of today (1.2 or newer)", "Ask its operator for TLS 1.2"),
}
"""By what OpenSSL calls the alert that came, or what it stumbled over (RFC 8446, 6.2)."""

OTHER = "Check that the port speaks TLS, and cert_file and key_file when the broker wants a client certificate"


def explained(error: ssl.SSLError, host: str) -> Reason:
    """What *error* means for who connects to *host*."""
    if isinstance(error, ssl.SSLCertVerificationError):
        found = REFUSED.get(error.verify_code, UNKNOWN_AUTHORITY)
        return Reason(f"its certificate is not accepted: {found.what.format(host=host)}", found.hint)
    known = ALERTS.get(error.reason or "", Reason(str(error.reason or error), OTHER))
    return Reason(f"TLS failed: {known.what}", known.hint)
