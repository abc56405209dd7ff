"""A consumer as the archive of a network is one: keeps what comes, and says what it has for good.

Unlike the plain consumer it speaks MQTT 3.1.1 too, shows a certificate, and may be
away for a while.
"""

from __future__ import annotations

import json
import time
import uuid
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.simulators.certificates import Authority
from tests.simulators.consumer import NEVER_EXPIRES, Consumer
from tests.simulators.evidence import Chain, Evidence, missing

ROOT = "station/v1"
VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
TIMEOUT_S = 30.0
ASKS_S = 1.0
APART_S = 0.3
"""Acknowledgements are at least so far apart."""


class Archivist(Consumer):
    """Subscribes to all stations over TLS as *name*, which is its client id too; its session waits for it."""

    def __init__(
        self, port: int, authority: Authority, *, acknowledges: bool, name: str = "province", protocol: str = "5"
    ) -> None:
        super().__init__(port, f"{ROOT}/#", client_id=name, subscribe_timeout_s=TIMEOUT_S)
        self.name = name
        self._client = _client(name, protocol, authority)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._start = _kept_session(protocol)
        self._said: dict[tuple[str, str], Any] = {}
        self._said_s = self._asked_s = 0.0
        self.acknowledges = acknowledges

    def __enter__(self) -> Self:
        self.arrive()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def arrive(self) -> None:
        """Connect, and take what came in the meantime; TimeoutError without a subscription."""
        self._client.connect_async("localhost", self._port, keepalive=5, **self._start)
        self._client.loop_start()
        if not self._subscribed.wait(TIMEOUT_S):
            self.leave()
            raise TimeoutError(f"no subscription as {self.name} at port {self._port}")

    def leave(self) -> None:
        """Disconnect; the broker keeps what comes for us."""
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets(sockpair_only=True)  # loop_start makes new ones

    def evidence(self) -> Evidence:
        """What is here, which is at the same time said to the stations, if this consumer acknowledges."""
        evidence = super().evidence()
        if self.acknowledges and self.connected and time.monotonic() - self._said_s > APART_S:
            self._said_s = time.monotonic()
            for (station, epoch), streams in _acknowledgements(evidence).items():
                self._say(station, epoch, streams)
        return evidence

    def ask_again(self) -> None:
        """Ask the stations for what lies between the records that are here, at most once a second."""
        if time.monotonic() - self._asked_s < ASKS_S:
            return
        self._asked_s = time.monotonic()
        for chain, ranges in self.evidence().gaps.items():
            words = {"v": 1, "id": uuid.uuid4().hex, "by": self.name, "epoch": chain.epoch, "stream": chain.stream}
            request = json.dumps(words | {"ranges": ranges}).encode()
            self._client.publish(f"{ROOT}/{chain.station}/replay/{self.name}", request, qos=1)

    def _say(self, station: str, epoch: str, streams: dict[str, Any]) -> None:
        if self._said.get((station, epoch)) == streams:
            return
        words = {"v": 1, "by": self.name, "epoch": epoch, "streams": streams}
        self._client.publish(f"{ROOT}/{station}/ack/{self.name}", json.dumps(words).encode(), qos=1, retain=True)
        self._said[station, epoch] = streams


def _client(name: str, protocol: str, authority: Authority) -> paho.Client:
    version = VERSIONS[protocol]
    kept = None if protocol == "5" else False
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version, clean_session=kept)
    certificate = authority.issue(name)
    client.tls_set(str(authority.ca_file), str(certificate.cert_file), str(certificate.key_file))
    client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]  # fractions work
    return client


def _kept_session(protocol: str) -> dict[str, Any]:
    """What a client of *protocol* says in CONNECT so that its session outlives the connection."""
    if protocol != "5":
        return {}
    expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    expiry.SessionExpiryInterval = NEVER_EXPIRES
    return {"clean_start": False, "properties": expiry}


def _acknowledgements(evidence: Evidence) -> dict[tuple[str, str], dict[str, Any]]:
    """By station and epoch what is here without a hole, and what beyond the first one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for chain, records in list(evidence.records.items()):
        found.setdefault((chain.station, chain.epoch), {})[chain.stream] = _acknowledgement(chain, records, evidence)
    return found


def _acknowledgement(chain: Chain, records: dict[int, bytes], evidence: Evidence) -> dict[str, Any]:
    gaps, last = missing(records), max(records)
    upto = gaps[0][0] - 1 if gaps else last
    begins = [after + 1 for _, after in gaps]
    ends = [before - 1 for before, _ in gaps[1:]] + [last]
    have = [[begin, end] for begin, end in zip(begins, ends, strict=True)] if gaps else []
    said: dict[str, Any] = {"upto": upto, "have": have[:256]}
    if upto:
        said["head"] = evidence.heads[chain][upto].hex()
    return said
