"""Where a link leads: the URL of a wire, taken apart.

``serial:///dev/analyzer/rack?baud=9600&parity=N&stopbits=1&bytesize=8``,
``tcp://host:port``, ``udp://host:port``,
``tls://host:port?ca=ca.pem&cert=station.pem&key=station.key&name=gateway``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import parse_qsl, urlsplit

Kind = Literal["serial", "tcp", "udp", "tls"]

SERIAL_OPTIONS = {"baud": "9600", "parity": "N", "stopbits": "1", "bytesize": "8"}
TLS_OPTIONS = {"ca": "", "cert": "", "key": "", "name": ""}
CHOICES = {"parity": ("N", "E", "O", "M", "S"), "stopbits": ("1", "1.5", "2"), "bytesize": ("5", "6", "7", "8")}
SILENCE_CHARACTERS = 3.5
LEAST_SILENCE_S = 0.00175  # the serial line guide fixes the silence above 19200 Bd


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A wire's far end: a device file, or host and port, and how it is set up."""

    kind: Kind
    path: str = ""
    host: str = ""
    port: int = 0
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"

    @property
    def character_s(self) -> float:
        """How long one character takes on a serial line; 0 elsewhere."""
        if self.kind != "serial":
            return 0.0
        bits = 1 + int(self.options["bytesize"]) + float(self.options["stopbits"]) + (self.options["parity"] != "N")
        return bits / int(self.options["baud"])

    @property
    def silence_s(self) -> float:
        """The silence that ends a frame: 3.5 characters of 11 bits, 1.75 ms above 19200 Bd; 0 off serial lines."""
        if self.kind != "serial":
            return 0.0
        baud = int(self.options["baud"])
        return LEAST_SILENCE_S if baud > 19200 else SILENCE_CHARACTERS * 11 / baud


def parse_url(url: str) -> Endpoint:
    """Take *url* apart; raises ValueError that says what is allowed."""
    parts = urlsplit(url)
    if parts.scheme not in ("serial", "tcp", "udp", "tls"):
        raise ValueError("a link's URL begins with serial://, tcp://, udp:// or tls://")
    if parts.username or parts.password:
        raise ValueError("a link's URL holds no user and no password")
    kind = cast("Kind", parts.scheme)
    options = _options(parts.query, {"serial": SERIAL_OPTIONS, "tls": TLS_OPTIONS}.get(kind, {}))
    if kind == "serial":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("a serial URL names the device file with three slashes: serial:///dev/ttyUSB0?baud=9600")
        return Endpoint(kind, path=parts.path, options=options)
    if not parts.hostname or not parts.port or parts.path not in ("", "/"):
        raise ValueError(f"a {kind} URL is {kind}://host:port")
    return Endpoint(kind, host=proper_host(parts.hostname), port=parts.port, options=options)


def proper_host(host: str) -> str:
    """Return *host*; raises ValueError for numbers that are no IP address.

    The resolver would take ``192.0.2`` for 192.0.0.2, and 010 for 8 (inet_aton(3)).
    """
    if re.fullmatch(r"[\d.,]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            what = "an IP address is four numbers from 0 to 255 with points between, without leading zeros"
            raise ValueError(what) from None
    return host


def _options(query: str, known: dict[str, str]) -> dict[str, str]:
    found = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    for key, value in found.items():
        if key not in known:
            allowed = f"allowed: {', '.join(known)}" if known else "this kind of link has none"
            raise ValueError(f"{key!r} is no option here; {allowed}")
        if key in CHOICES and value not in CHOICES[key]:
            raise ValueError(f"{key} is one of {', '.join(CHOICES[key])}, not {value!r}")
    if "baud" in found and not (found["baud"].isdecimal() and 50 <= int(found["baud"]) <= 4_000_000):
        raise ValueError(f"baud is a number from 50 to 4000000, not {found['baud']!r}")
    return known | found
