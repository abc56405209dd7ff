"""Somebody who comes to a broker once, with a certificate or without, and may be refused."""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.simulators.archivist import VERSIONS
from tests.simulators.certificates import Certificate
from tests.simulators.shipped_broker import ShippedBroker

PATIENCE_S = 5.0
LOOK_S = 0.01
_numbers = itertools.count(1)


class Visitor:
    """One connection to *broker*, given up at the first refusal: some brokers refuse by closing it."""

    def __init__(self, broker: ShippedBroker, ca_file: Path, certificate: Certificate | None) -> None:
        self.heard: list[bytes] = []
        self._port = broker.port
        self._connected, self._ended = threading.Event(), threading.Event()
        self._answers = 0
        name = certificate.cert_file.stem if certificate else "nobody"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{name}-{next(_numbers)}",
            protocol=VERSIONS[broker.protocol],
            reconnect_on_failure=False,
        )
        files = (str(certificate.cert_file), str(certificate.key_file)) if certificate else ()
        self._client.tls_set(str(ca_file), *files)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._ended.set()
        self._client.on_publish = self._client.on_subscribe = self._on_answer
        self._client.on_message = lambda _client, _data, message: self.heard.append(bytes(message.payload))

    def is_let_in(self) -> bool:
        """Whether the broker accepts the connection."""
        with self._open():
            return self._connected.is_set()

    def publish(self, topic: str, *payloads: bytes) -> None:
        """Publish with QoS 1, and wait until all are answered, or the connection ends."""
        with self._open():
            for payload in payloads:
                self._client.publish(topic, payload, qos=1)
            self._wait(lambda: self._answers >= len(payloads))

    @contextmanager
    def listening(self, topic: str) -> Iterator[Self]:
        """Subscribe to *topic* meanwhile, if that is allowed."""
        with self._open():
            self._client.subscribe(topic, qos=1)
            self._wait(lambda: self._answers > 0)
            yield self

    def wait_for(self, payload: bytes) -> None:
        """Wait until *payload* was heard; AssertionError otherwise."""
        deadline_s = time.monotonic() + PATIENCE_S
        while payload not in self.heard:
            assert time.monotonic() < deadline_s, f"heard only {self.heard}"
            time.sleep(LOOK_S)

    @contextmanager
    def _open(self) -> Iterator[None]:
        with suppress(OSError, ssl.SSLError):
            self._client.connect("localhost", self._port)
            self._client.loop_start()
            self._wait(self._connected.is_set)
        try:
            yield
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        (self._ended if code.is_failure else self._connected).set()

    def _on_answer(self, *_arguments: Any) -> None:
        self._answers += 1

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds, or the connection ends."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not (condition() or self._ended.is_set()):
            assert time.monotonic() < deadline_s, "no answer"
            time.sleep(LOOK_S)
