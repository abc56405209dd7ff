"""An MQTT broker that does what a test tells it, right or wrong, and remembers every packet it got.

Honest by default: it acknowledges, retains, forwards and publishes wills. Its
settings may change at any time and hold for the next packet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from types import TracebackType
from typing import Any, Self

from tests.simulators import mqtt_packets as mqtt
from tests.simulators.mqtt_packets import Kind, Packet, Property

UNACCEPTABLE_VERSION_3, UNSUPPORTED_VERSION_5 = 0x01, 0x84
RECEIVE_MAXIMUM_EXCEEDED, PACKET_TOO_LARGE, QOS_NOT_SUPPORTED = 0x93, 0x95, 0x9B

Verdict = Callable[[str, bytes], int | None]


class Refusal(Enum):
    """How a broker that knows only 3.1.1 meets a version 5 client."""

    OLD_CONNACK = "CONNACK 1 in the form of 3.1.1"
    NEW_CONNACK = "CONNACK 0x84"
    SILENCE = "closes without a word"


class ScriptedBroker:
    """Listens on a free port of 127.0.0.1.

    `puback(topic, payload)` gives the reason code of each PUBACK, or None for
    none at all; `disconnect(topic, payload)` a code to leave with instead, or
    None to go on; what `forget(topic, payload)` is true of is acknowledged and
    then lost. What `properties` promises (Receive Maximum, Maximum Packet Size)
    is enforced. `accepted` is what it took and handed on, or would have.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.port = port
        self.connack = 0
        self.properties: dict[int, Any] = {}
        self.refuse_v5: Refusal | None = None
        self.puback: Verdict = lambda _topic, _payload: 0
        self.disconnect: Verdict = lambda _topic, _payload: None
        self.forget: Callable[[str, bytes], bool] = lambda _topic, _payload: False
        self.puback_delay_s = 0.0
        self.close_above: int | None = None  # bytes of a packet beyond which it leaves without a word
        self.hole = False  # accepts connections and never answers
        self.answers_pings = True
        self.received: list[Packet] = []
        self.accepted: list[Packet] = []
        self.faults: list[str] = []  # packets that no client should send
        self.retained: dict[str, Packet] = {}
        self.most_in_flight = 0
        self.connections = 0
        self.clients: dict[int, Client] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def of(self, kind: Kind) -> list[Packet]:
        """The packets of one *kind* so far, oldest first."""
        return [packet for packet in self.received if packet.kind == kind]

    @property
    def publishes(self) -> list[Packet]:
        """What clients have published, repeats included."""
        return self.of(Kind.PUBLISH)

    async def until(self, condition: Callable[[ScriptedBroker], bool], timeout_s: float = 10.0) -> None:
        """Wait for *condition* of this broker; TimeoutError otherwise."""
        async with asyncio.timeout(timeout_s):
            while not condition(self):  # noqa: ASYNC110 - any setting or packet may make it true
                await asyncio.sleep(0.01)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
        """Send a message to whoever subscribes to *topic*, as if a consumer had published it."""
        named: dict[int, Any] = {Property[name.upper()]: value for name, value in properties.items()}
        self.route(Packet(Kind.PUBLISH, 0, topic=topic, payload=payload, qos=1, retain=retain, properties=named))

    def route(self, message: Packet) -> None:
        """Retain *message* if it asks for that, and forward it to every subscriber."""
        if message.retain and message.payload:
            self.retained[message.topic] = message
        elif message.retain:
            self.retained.pop(message.topic, None)
        for client in self.clients.values():
            client.offer(message, retain=False)

    def drop_clients(self, code: int | None = None) -> None:
        """Leave every client: with DISCONNECT *code*, or without a word."""
        for client in list(self.clients.values()):
            client.leave(code)

    async def start(self) -> None:
        """Listen; the same port as before after a stop."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(Client(self, self.connections, reader, writer).serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class Client:
    """One connection to the broker."""

    def __init__(
        self, broker: ScriptedBroker, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.subscriptions: dict[str, int] = {}
        self.version = 4
        self._broker = broker
        self._number = number
        self._reader = reader
        self._writer = writer
        self._will: Packet | None = None
        self._in_flight: set[int] = set()
        self._next_id = 0
        self._aliases: dict[int, str] = {}

    async def serve(self) -> None:
        """Answer until either side leaves; a client that goes without DISCONNECT leaves its will."""
        try:
            if await self._admit():
                self._broker.clients[self._number] = self
                while await self._next():
                    pass
        except (EOFError, OSError):
            pass
        except (ValueError, KeyError) as error:
            self._broker.faults.append(f"connection {self._number}: {error!r}")
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            self._broker.clients.pop(self._number, None)
            self._writer.close()
            if self._will is not None:
                self._broker.route(self._will)

    async def _read(self) -> Packet:
        packet = await mqtt.read_packet(self._reader, self.version)
        packet.connection = self._number
        self._broker.received.append(packet)
        if packet.kind == Kind.CONNECT:
            self.version = packet.version
        return packet

    async def _admit(self) -> bool:
        packet = await self._read()
        broker = self._broker
        if broker.hole:
            await self._reader.read()
            return False
        if packet.version >= 5 and broker.refuse_v5 is not None:
            self._refuse(broker.refuse_v5)
            return False
        self._send(mqtt.connack(self.version, broker.connack, broker.properties))
        self._will = packet.will if not broker.connack else None
        return not broker.connack

    def _refuse(self, manner: Refusal) -> None:
        if manner is Refusal.OLD_CONNACK:
            self._send(mqtt.connack(4, UNACCEPTABLE_VERSION_3, {}))
        elif manner is Refusal.NEW_CONNACK:
            self._send(mqtt.connack(5, UNSUPPORTED_VERSION_5, {}))

    async def _next(self) -> bool:
        """Take one packet; whether the connection goes on after it."""
        packet = await self._read()
        broker = self._broker
        if broker.hole:
            return True
        if broker.close_above is not None and packet.size > broker.close_above:
            return False
        limit = broker.properties.get(Property.MAXIMUM_PACKET_SIZE)
        if limit is not None and packet.size > limit:
            return self.leave(PACKET_TOO_LARGE)
        match packet.kind:
            case Kind.PUBLISH:
                return self._published(packet)
            case Kind.SUBSCRIBE:
                self._subscribe(packet)
            case Kind.UNSUBSCRIBE:
                for topic, _ in packet.subscriptions:
                    self.subscriptions.pop(topic, None)
                self._send(mqtt.unsuback(self.version, packet.packet_id, len(packet.subscriptions)))
            case Kind.PINGREQ if broker.answers_pings:
                self._send(mqtt.frame(Kind.PINGRESP, b""))
            case Kind.DISCONNECT:
                self._will = self._will if packet.reason == 0x04 else None
                return False
        return True

    def _published(self, packet: Packet) -> bool:
        broker = self._broker
        self._resolve_alias(packet)
        if packet.qos > 1:
            return self.leave(QOS_NOT_SUPPORTED)
        if packet.qos:
            self._in_flight.add(packet.packet_id)
            broker.most_in_flight = max(broker.most_in_flight, len(self._in_flight))
            if len(self._in_flight) > broker.properties.get(Property.RECEIVE_MAXIMUM, 65_535):
                return self.leave(RECEIVE_MAXIMUM_EXCEEDED)
        goodbye = broker.disconnect(packet.topic, packet.payload)
        if goodbye is not None:
            return self.leave(goodbye)
        code = broker.puback(packet.topic, packet.payload)
        if code is None:
            return True
        if code < 0x80 and not broker.forget(packet.topic, packet.payload):
            broker.accepted.append(packet)
            broker.route(packet)
        if packet.qos:
            asyncio.get_running_loop().call_later(broker.puback_delay_s, self._acknowledge, packet, code)
        return True

    def _acknowledge(self, packet: Packet, code: int) -> None:
        self._in_flight.discard(packet.packet_id)
        self._send(mqtt.puback(self.version, packet.packet_id, code))

    def _resolve_alias(self, packet: Packet) -> None:
        alias = packet.properties.get(Property.TOPIC_ALIAS)
        if alias and packet.topic:
            self._aliases[alias] = packet.topic
        elif alias:
            packet.topic = self._aliases[alias]

    def _subscribe(self, packet: Packet) -> None:
        codes = [min(qos, 1) for _, qos in packet.subscriptions]
        self._send(mqtt.suback(self.version, packet.packet_id, codes))
        for (topic, _), qos in zip(packet.subscriptions, codes, strict=True):
            self.subscriptions[topic] = qos
            for message in list(self._broker.retained.values()):
                if fits(topic, message.topic):
                    self.offer(message, retain=True)

    def offer(self, message: Packet, *, retain: bool) -> None:
        """Send *message* if a subscription fits it; as a retained one when *retain* says so."""
        granted = [qos for topic, qos in self.subscriptions.items() if fits(topic, message.topic)]
        if not granted:
            return
        packet_id = 0
        if max(granted) and message.qos:
            packet_id = self._next_id = self._next_id % 65_535 + 1
        known = {name: value for name, value in message.properties.items() if name != Property.TOPIC_ALIAS}
        copy = Packet(Kind.PUBLISH, 0, topic=message.topic, payload=message.payload, retain=retain, properties=known)
        self._send(mqtt.publish(self.version, copy, packet_id))

    def leave(self, code: int | None) -> bool:
        """End the connection, with DISCONNECT where the version has it; always False, for `_next`."""
        if code is not None and self.version >= 5:
            self._send(mqtt.disconnect(code))
        self._writer.close()
        return False

    def _send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)


def fits(pattern: str, topic: str) -> bool:
    """Whether the topic filter *pattern* matches *topic*."""
    levels, names = pattern.split("/"), topic.split("/")
    for n, level in enumerate(levels):
        if level == "#":
            return True
        if n >= len(names) or level not in ("+", names[n]):
            return False
    return len(levels) == len(names)


def limits(*, receive_maximum: int | None = None, packet_size: int | None = None) -> Mapping[int, Any]:
    """CONNACK properties that limit the client."""
    values = {Property.RECEIVE_MAXIMUM: receive_maximum, Property.MAXIMUM_PACKET_SIZE: packet_size}
    return {name: value for name, value in values.items() if value is not None}
