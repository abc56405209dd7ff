"""Stands between the agent and its broker and notes when which bytes passed; they are read afterwards.

While it runs it does nothing but pass on and note, so that it costs the
measurement two short hops and no parsing. An instant is taken after the bytes
were passed on.
"""

from __future__ import annotations

import select
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.simulators.mqtt_packets import Body, Kind

CHUNK = 1 << 18


@dataclass
class Way:
    """What passed in one direction of one connection: the bytes, and up to where they had come at which instant."""

    data: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, float]] = field(default_factory=list)  # bytes so far, seconds since 1970

    def note(self, data: bytes) -> None:
        """Add *data*, which has just been passed on."""
        self.data += data
        self.marks.append((len(self.data), time.time()))

    def packets(self) -> Iterator[tuple[float, int, Body]]:
        """Every whole MQTT packet: the instant of its last byte, its first byte and the fields behind its length."""
        marks, at = iter(self.marks), 0
        passed, instant_s = next(marks, (0, 0.0))
        while at + 2 <= len(self.data):
            begin, length = _length(self.data, at + 1)
            end = begin + length
            if end > len(self.data):  # cut off with the connection
                return
            while passed < end:
                passed, instant_s = next(marks)
            yield instant_s, self.data[at], Body(bytes(self.data[begin:end]))
            at = end


@dataclass(frozen=True)
class Flight:
    """A message of the agent and its acknowledgement; instants in seconds since 1970."""

    topic: str
    payload: bytes
    published_s: float
    acknowledged_s: float


@dataclass
class Passage:
    """One connection: what the agent said, and what the broker did."""

    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)

    def flights(self) -> Iterator[Flight]:
        """Every acknowledged message of the agent, an MQTT 5 client, in the order of the acknowledgements."""
        acknowledged = [
            (instant_s, body.number(2)) for instant_s, head, body in self.down.packets() if head >> 4 == Kind.PUBACK
        ]
        published: dict[int, list[tuple[str, bytes, float]]] = {}
        for instant_s, head, body in self.up.packets():
            if head >> 4 == Kind.PUBLISH:
                topic, packet_id = body.text(), body.number(2)
                body.properties(5)
                published.setdefault(packet_id, []).append((topic, body.take(body.left), instant_s))
        for instant_s, packet_id in acknowledged:  # an id is used again, but only after its acknowledgement
            topic, payload, published_s = published[packet_id].pop(0)
            yield Flight(topic, payload, published_s, instant_s)


class Tap:
    """Passes on what comes to `port`, in a thread for each connection."""

    def __init__(self, upstream_port: int) -> None:
        self.passages: list[Passage] = []
        tap = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                passage = Passage()
                tap.passages.append(passage)
                with socket.create_connection(("127.0.0.1", upstream_port)) as broker:
                    _pass_on(self.request, broker, passage)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Where the agent finds it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def flights(self) -> list[Flight]:
        """What was acknowledged so far, over all connections."""
        return [flight for passage in self.passages for flight in passage.flights()]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="tap", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _length(data: bytearray, at: int) -> tuple[int, int]:
    """Where the fields of a packet begin whose length stands at *at*, and how many bytes they take."""
    field = Body(bytes(data[at : at + 4]))
    before = field.left
    length = field.varint()
    return at + before - field.left, length


def _pass_on(agent: socket.socket, broker: socket.socket, passage: Passage) -> None:
    """Pass on both ways until one side has left."""
    ways = {agent: (broker, passage.up), broker: (agent, passage.down)}
    for end in ways:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        for source in select.select(list(ways), [], [])[0]:
            sink, way = ways[source]
            if not (data := source.recv(CHUNK)):
                return
            sink.sendall(data)
            way.note(data)
