"""One connection to one broker; the only module that knows paho-mqtt.

Every connection has a fresh paho client and a clean start: the log is the
session, so paho's own queue never resends anything. paho's network thread does
nothing but hop to the event loop. paho enforces neither Receive Maximum nor
Maximum Packet Size: window and size are the caller's business.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ssl import SSLError, SSLSocket, cert_time_to_seconds
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.uplink.broker import UNLIMITED, Address, Broker, ConnectError, Loss, Will
from agent.uplink.broker import Protocol as Version
from agent.uplink.codes import meaning

CONNECT_S = 10.0
"""From the first packet to CONNACK, name resolution and TLS included."""

GOODBYE_S = 1.0
"""How long a DISCONNECT may take to leave before the socket is shut."""

UNACKNOWLEDGED_S = 30.0
"""TCP gives up a connection whose data was not acknowledged for so long."""

INBOUND = 131_072
"""Bytes: the largest packet that we ask a broker to send."""

CHUNK = 65_536
"""Bytes that are read at a time."""

WITHOUT_WORDS = {
    0x80: "closed by the broker without a reason",
    0x82: "the broker sent something that is not MQTT, or a code that does not exist",
    0x8D: "the broker stopped answering pings",
}
"""What paho's own codes for a lost connection stand for."""

VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class Listener(Protocol):
    """Who is told, always in the event loop, what happens on a connection."""

    def acknowledged(self, mid: int, code: int) -> None:
        """A message was answered by the broker; on 3.1.1 the code is always 0."""

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message came."""

    def lost(self, loss: Loss) -> None:
        """The connection ended without our doing; said once."""


class Session:
    """One connection, used once: connect, publish and subscribe, close."""

    def __init__(
        self,
        address: Address,
        listener: Listener,
        *,
        protocol: Version = "5",
        password: str | None = None,
        will: Will | None = None,
        inbound: int = INBOUND,
    ) -> None:
        """*inbound* is the largest packet, in bytes, that the broker may send.

        A broker of MQTT 5 drops larger ones; of those that come all the same, the payload is cut off there.
        """
        self._address = address
        self._inbound = inbound
        self._listener = listener
        self._protocol: Version = protocol
        self._loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[Broker] = self._loop.create_future()
        self._subacks: dict[int, asyncio.Future[list[int]]] = {}
        self._dialing = threading.Lock()
        self._closed = False
        self._lost = False
        self._socket: socket.socket | None = None
        self._errors = _LastError()
        self._client = self._new_client(password, will)

    def _new_client(self, password: str | None, will: Will | None) -> Client:
        client = _SparingClient(
            self._inbound,
            CallbackAPIVersion.VERSION2,
            client_id=self._address.client_id,
            protocol=VERSIONS[self._protocol],
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True  # an exception in a callback would end paho's thread unseen
        client.max_inflight_messages_set(0)
        client.enable_logger(self._errors.logger)
        if self._address.tls is not None:
            client.tls_set_context(self._address.tls)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_socket_open = self._opened
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        return client

    async def connect(self, deadline_s: float = CONNECT_S) -> Broker:
        """Connect and return what the broker grants; raises ConnectError with the true reason."""
        threading.Thread(target=self._dial, name=f"dial-{self._address.endpoint}", daemon=True).start()
        try:
            async with asyncio.timeout(deadline_s):
                return await self._connack
        except TimeoutError:
            reached = self._socket is not None
            raise ConnectError.silent(self._address.endpoint, deadline_s, reached=reached) from None
        finally:
            if not self._is_open:
                await self.close()

    @property
    def _is_open(self) -> bool:
        return self._connack.done() and not self._connack.cancelled() and self._connack.exception() is None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message with QoS 1 to paho and return its id; when the connection is gone, ``lost`` follows."""
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    async def subscribe(self, topics: Sequence[str], deadline_s: float = CONNECT_S) -> list[int]:
        """Subscribe with QoS 1; returns the broker's code for each topic (0x80 and above: refused)."""
        _, mid = self._client.subscribe([(topic, 1) for topic in topics])
        if mid is None:
            raise ConnectError.cut(self._address.endpoint, "the connection is gone")
        self._subacks[mid] = self._loop.create_future()
        try:
            async with asyncio.timeout(deadline_s):
                return await self._subacks[mid]
        except TimeoutError:
            raise ConnectError.silent(self._address.endpoint, deadline_s, reached=True) from None
        finally:
            del self._subacks[mid]

    async def close(self) -> None:
        """Say goodbye and end paho's thread; a stalled peer delays this by GOODBYE_S. Safe to call twice."""
        with self._dialing:
            already, self._closed = self._closed, True
        if already:
            return
        self._client.disconnect()
        await asyncio.to_thread(self._finish)

    # From here to _hop: in a thread of paho's or our own.

    def _finish(self) -> None:
        shutting = threading.Timer(GOODBYE_S, self._shut)
        shutting.start()
        self._client.loop_stop()
        shutting.cancel()
        self._let_go()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown: paho's thread may be reading through its TLS object.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _let_go(self) -> None:
        self._socket = None
        # paho leaves its pair of wake-up sockets to the garbage collector.
        self._client._reset_sockets(sockpair_only=True)  # noqa: SLF001

    def _dial(self) -> None:
        start = _connect_properties(self._inbound) if self._protocol == "5" else None
        address = self._address
        try:
            # clean_start is left alone: a fresh client makes a clean start, in both versions.
            self._client.connect(address.host, address.port, address.keepalive_s, properties=start)
        except (OSError, ValueError) as error:  # UnicodeError of an impossible host name is a ValueError
            self._hop(self._fail, ConnectError.because(address.endpoint, error))
            return
        with self._dialing:
            if self._closed:
                self._client.disconnect()
                self._let_go()
            else:
                self._client.loop_start()

    def _opened(self, _client: Client, _data: Any, sock: Any) -> None:
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000))

    def _connected(
        self, _client: Client, _data: Any, _flags: ConnectFlags, code: ReasonCode, granted: Properties | None
    ) -> None:
        if code.is_failure:
            self._hop(self._fail, ConnectError.refused(self._address.endpoint, code.value))
        else:
            self._hop(self._succeed, self._facts(granted))

    def _facts(self, granted: Properties | None) -> Broker:
        return Broker(
            self._protocol,
            receive_maximum=getattr(granted, "ReceiveMaximum", 65_535),
            maximum_packet_size=getattr(granted, "MaximumPacketSize", UNLIMITED),
            retain_available=bool(getattr(granted, "RetainAvailable", 1)),
            keepalive_s=getattr(granted, "ServerKeepAlive", self._address.keepalive_s),
            certificate_expires=_expiry(self._socket),
        )

    def _disconnected(
        self, _client: Client, _data: Any, flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            loss = Loss(f"the broker ended it: {meaning(code.value)}", code.value)
        else:
            loss = Loss(self._errors.text or WITHOUT_WORDS.get(code.value, str(code).lower()))
        self._hop(self._end, loss)

    def _published(self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        self._hop(self._acknowledge, mid, code.value)

    def _subscribed(self, _client: Client, _data: Any, mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        self._hop(self._settle, mid, [code.value for code in codes])

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._hop(self._receive, message.topic, bytes(message.payload), message.retain)

    def _hop(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *arguments)

    # From here on: in the event loop.

    def _succeed(self, broker: Broker) -> None:
        if not self._connack.done():
            self._connack.set_result(broker)

    def _fail(self, error: ConnectError) -> None:
        if not self._connack.done():
            self._connack.set_exception(error)

    def _end(self, loss: Loss) -> None:
        if not self._connack.done():
            self._fail(self._never_open(loss))
        for waiting in self._subacks.values():
            if not waiting.done():
                waiting.set_exception(ConnectError.cut(self._address.endpoint, loss.text))
        if self._is_open and not (self._lost or self._closed):
            self._lost = True
            self._listener.lost(loss)

    def _never_open(self, loss: Loss) -> ConnectError:
        if self._errors.tls is not None:
            return ConnectError.because(self._address.endpoint, self._errors.tls)
        return ConnectError.closed(self._address.endpoint, loss.text)

    def _acknowledge(self, mid: int, code: int) -> None:
        if not (self._lost or self._closed):
            self._listener.acknowledged(mid, code)

    def _settle(self, mid: int, codes: list[int]) -> None:
        if (waiting := self._subacks.get(mid)) and not waiting.done():
            waiting.set_result(codes)

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        if not (self._lost or self._closed):
            self._listener.received(topic, payload, retained)


class _SparingClient(Client):
    """Keeps of a packet *most* bytes, however many come: 3.1.1 has no way to ask a broker for that.

    The rest is read and dropped, since a connection that is closed over a retained message meets it again.
    """

    def __init__(self, most: int, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._most = most

    def _sock_recv(self, bufsize: int) -> bytes:
        data = super()._sock_recv(min(bufsize, CHUNK))
        packet = self._in_packet
        if len(packet["packet"]) + len(data) <= self._most:
            return data
        kept = data[: max(self._most - len(packet["packet"]), 1)]  # an empty answer would be the end of the connection
        packet["to_process"] -= len(data) - len(kept)
        return kept


class _LastError(logging.Handler):
    """Keeps the error that paho only logs, such as the TLS alert of a broker that wants a client certificate."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.logger = logging.Logger("mqtt", logging.ERROR)  # noqa: LOG001 - its own, so that connections stay apart
        self.logger.addHandler(self)
        self._error: OSError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception that a log record carries."""
        if isinstance(record.args, tuple) and record.args and isinstance(record.args[0], OSError):
            self._error = record.args[0]

    @property
    def text(self) -> str:
        """The error in words, or nothing."""
        return (self._error.strerror or str(self._error)) if self._error else ""

    @property
    def tls(self) -> SSLError | None:
        """The error when it is one of TLS."""
        return self._error if isinstance(self._error, SSLError) else None


def _connect_properties(inbound: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    properties.MaximumPacketSize = inbound
    return properties


def _expiry(sock: socket.socket | None) -> str | None:
    """When the certificate of the peer ends, as an ISO date; None without TLS."""
    certificate = sock.getpeercert() if isinstance(sock, SSLSocket) else None
    if not certificate:
        return None
    ends = datetime.fromtimestamp(cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return ends.isoformat().replace("+00:00", "Z")
