"""A broker as an uplink sees it: where it is, what it said at CONNACK, why it is not reached."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Literal

from agent.uplink.codes import UNSUPPORTED_VERSION, hint, meaning
from agent.uplink.handshake import PORT, explained
from drivers.errors import StationError

Protocol = Literal["5", "3.1.1"]

UNLIMITED = 268_435_455
"""Bytes: the largest packet that MQTT can express."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for us when we vanish."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to connect. ``tls`` is None for plain TCP; its repr never shows the password."""

    host: str
    port: int
    client_id: str
    tls: ssl.SSLContext | None = None
    username: str | None = None
    keepalive_s: int = 60

    @property
    def endpoint(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Broker:
    """What the broker granted at CONNACK."""

    protocol: Protocol
    receive_maximum: int = 65_535
    maximum_packet_size: int = UNLIMITED
    retain_available: bool = True
    keepalive_s: int = 60
    certificate_expires: str | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a connection ended; ``code`` only when the broker said it in a DISCONNECT, ``hint`` where there is one."""

    text: str
    code: int | None = None
    hint: str = ""


Kind = Literal["name", "unreachable", "refused", "closed", "mute", "timeout", "certificate", "tls"]


class ConnectError(StationError):
    """A connection did not come about. ``code`` is the CONNACK code when there was one."""

    exit_code = 3

    def __init__(self, kind: Kind, endpoint: str, why: str, *, hint: str, code: int | None = None) -> None:
        super().__init__(f"broker {endpoint}: {why}", hint=hint)
        self.kind = kind
        self.code = code

    @property
    def may_be_old(self) -> bool:
        """Whether brokers that know only MQTT 3.1.1 meet version 5 so: some say it, others hang up, or just hang."""
        return self.code == UNSUPPORTED_VERSION or self.kind in ("closed", "mute")

    @classmethod
    def refused(cls, endpoint: str, code: int) -> ConnectError:
        """The broker answered CONNECT with an error."""
        return cls("refused", endpoint, f"connection refused: {meaning(code)}", hint=hint(code), code=code)

    @classmethod
    def closed(cls, endpoint: str, why: str) -> ConnectError:
        """The broker hung up without an answer to CONNECT."""
        return cls(
            "closed",
            endpoint,
            f"closed the connection without an answer ({why})",
            hint="Look at the broker's log; a broker that knows only MQTT 3.1.1, or wants TLS, behaves so",
        )

    @classmethod
    def cut(cls, endpoint: str, why: str) -> ConnectError:
        """The connection ended before the subscriptions were answered."""
        return cls(
            "closed",
            endpoint,
            f"connection lost while subscribing: {why}",
            hint="Look at the broker's log at this time",
        )

    @classmethod
    def silent(cls, endpoint: str, deadline_s: float, *, reached: bool) -> ConnectError:
        """Nothing came back in time; *reached* says whether at least the connection below MQTT came about."""
        if reached:
            why = f"it takes the connection, but gives no answer within {deadline_s:g} s"
            step = "Check that the port in url speaks MQTT; a TLS port that is asked without TLS is silent too"
            return cls("mute", endpoint, why, hint=step)
        step = "Check the network, the firewall and the port in url"
        return cls("timeout", endpoint, f"no answer within {deadline_s:g} s", hint=step)

    @classmethod
    def because(cls, endpoint: str, error: Exception) -> ConnectError:
        """Translate what the operating system or TLS raised."""
        kind, why, step = _explain(endpoint.rpartition(":")[0], error)
        return cls(kind, endpoint, why, hint=step)


def _explain(host: str, error: Exception) -> tuple[Kind, str, str]:
    if isinstance(error, ssl.SSLError):
        why, step = explained(error, host)
        return "certificate" if isinstance(error, ssl.SSLCertVerificationError) else "tls", why, step
    if isinstance(error, (socket.gaierror, UnicodeError)):
        why = f"name not found: {getattr(error, 'strerror', None) or error}"
        return "name", why, f"Check the host name in url, and DNS: getent hosts {host}"
    if isinstance(error, TimeoutError):
        return "timeout", "no answer to the TCP connection", "Check the network, the firewall and the port in url"
    if isinstance(error, ConnectionRefusedError):
        return "unreachable", "nothing listens there", "Check that the broker runs, and the port in url"
    if isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)):
        return "unreachable", "it takes the connection and hangs up", PORT
    return "unreachable", getattr(error, "strerror", None) or str(error), "Check this PC's network and the host in url"
