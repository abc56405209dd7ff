"""A consumer of its own: paho-mqtt used directly, keeping every message as it came.

Its session outlives disconnection (clean start false, no expiry), so a broker
that keeps sessions loses nothing for it. paho runs it in a thread.
"""

from __future__ import annotations

import asyncio
import fnmatch
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.simulators.evidence import Evidence, collect_records

__all__ = ["Consumer", "Received", "collect_records"]

NEVER_EXPIRES = 0xFFFFFFFF


@dataclass(frozen=True)
class Received:
    """One message, with the monotonic time at which it came."""

    topic: str
    payload: bytes
    retained: bool
    duplicate: bool
    properties: dict[str, Any] = field(default_factory=dict)
    monotonic_s: float = field(default_factory=time.monotonic)


class Consumer:
    """Subscribes to *topic* at a broker of this machine with QoS 1, and reconnects for as long as it is open."""

    def __init__(
        self,
        port: int,
        topic: str = "#",
        *,
        client_id: str = "judge",
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        subscribe_timeout_s: float = 10.0,
    ) -> None:
        self.messages: list[Received] = []
        self._evidence = Evidence()
        self._examined = 0
        self._port = port
        self._topic = topic
        self._subscribed = threading.Event()
        self._subscribe_timeout_s = subscribe_timeout_s
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]  # fractions work
        if username:
            self._client.username_pw_set(username, password)
        if ca_file:
            self._client.tls_set(ca_certs=str(ca_file))

    def __enter__(self) -> Self:
        expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        expiry.SessionExpiryInterval = NEVER_EXPIRES
        self._client.connect_async("127.0.0.1", self._port, keepalive=5, clean_start=False, properties=expiry)
        self._client.loop_start()
        if not self._subscribed.wait(self._subscribe_timeout_s):
            self.__exit__(None, None, None)
            raise TimeoutError(f"no subscription at 127.0.0.1:{self._port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        """Whether the subscription stands now."""
        return self._subscribed.is_set()

    def on(self, pattern: str) -> list[Received]:
        """The messages whose topic fits the shell pattern *pattern*, oldest first."""
        return [message for message in list(self.messages) if fnmatch.fnmatchcase(message.topic, pattern)]

    def evidence(self) -> Evidence:
        """What the batches so far prove; each is looked at once."""
        fresh = self.messages[self._examined :]
        self._examined += len(fresh)
        for message in fresh:
            self._evidence.take(message)
        return self._evidence

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send an acknowledgement or a request, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(self._subscribe_timeout_s)

    def wait_for(self, condition: Callable[[Consumer], bool], timeout_s: float = 30.0) -> None:
        """Block until *condition* of this consumer holds; TimeoutError otherwise."""
        deadline = time.monotonic() + timeout_s
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(self.messages)} messages, and not what was waited for: {[m.topic for m in self.messages]}"
                )
            time.sleep(0.02)

    async def until(self, condition: Callable[[Consumer], bool], timeout_s: float = 10.0) -> None:
        """The same without blocking the loop."""
        async with asyncio.timeout(timeout_s):
            while not condition(self):  # noqa: ASYNC110 - the messages come in paho's thread
                await asyncio.sleep(0.02)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe(self._topic, qos=1)

    def _on_subscribe(self, *_arguments: Any) -> None:
        self._subscribed.set()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties.json() if message.properties else {}  # type: ignore[no-untyped-call]
        self.messages.append(Received(message.topic, bytes(message.payload), message.retain, message.dup, properties))
