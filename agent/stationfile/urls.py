"""The address of a broker, and what is wrong with an address.

No message repeats the address: somebody may have written a password into it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import ValidationInfo

from agent.paths import file_named
from agent.stationfile.syntax import plain
from drivers.endpoint import Endpoint, parse_url, proper_host

PORTS = {"mqtt": 1883, "mqtts": 8883}
_FILES = ("ca", "cert", "key")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker listens."""

    host: str
    port: int
    tls: bool

    @property
    def is_local(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_broker(url: str) -> Broker:
    """Take the URL of a broker apart; raises ValueError that says what is allowed."""
    _refuse_secrets(url, "name the user in username and the file with the password in password_file")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("a broker is mqtts://host:port, with a port from 1 to 65535") from None
    if parts.scheme == "hj212":
        raise ValueError("hj212:// is reserved and not yet spoken; use mqtts:// or mqtt://")
    if parts.scheme not in PORTS:
        raise ValueError("a broker is mqtts://host:port, or mqtt://host:port without encryption")
    if not parts.hostname or port == 0:
        raise ValueError("a broker is mqtts://host:port, with a port from 1 to 65535")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing follows host and port; topics begin with what root says")
    return Broker(proper_host(parts.hostname), port or PORTS[parts.scheme], parts.scheme == "mqtts")


def broker_url(url: str) -> str:
    """Return *url* when it is the URL of a broker; raises ValueError else."""
    parse_broker(url)
    return url


def link_url(url: str, info: ValidationInfo) -> str:
    """Return the URL of a link with its files found from the station file; raises ValueError."""
    _refuse_secrets(url, "a wire is opened without them")
    try:
        endpoint = parse_url(url)
    except ValueError as error:
        raise ValueError(_without_python(str(error))) from None
    if endpoint.kind != "tls":
        return url
    folder = (info.context or {}).get("folder", Path())
    options = dict(parse_qsl(urlsplit(url).query))
    found = {key: str(file_named(value, folder)) if key in _FILES else value for key, value in options.items()}
    return urlunsplit(urlsplit(url)._replace(query=urlencode(found, safe="/:")))


def same_wire(endpoint: Endpoint) -> tuple[str, str]:
    """What two URLs have in common when they mean one wire, however it is set up."""
    return endpoint.kind, str(endpoint).lower() if endpoint.host else str(Path(endpoint.path))


def _refuse_secrets(url: str, hint: str) -> None:
    if not url.isprintable() or " " in url:
        raise ValueError("an address has no blanks and no line ends")
    if plain(url) != url:
        raise ValueError("an address has plain characters only: points, colons and digits that are not wide")
    if "@" in url:
        raise ValueError(f"no user and no password belong into an address: {hint}")


def _without_python(message: str) -> str:
    if message.startswith("Port"):
        return "a port is a number from 1 to 65535"
    if message.startswith(("bad query", "Exceeds", "Invalid", "netloc", "'")) and "option" not in message:
        return "options are written as ?baud=9600&parity=N"
    return message
