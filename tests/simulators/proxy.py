"""A TCP relay between a client and a server of this machine, which can be made to fail in every way.

Its settings may change at any time: `hole` swallows, `delay_s` and `rate` slow
down, `cut` resets what is open, `close` and `listen` take the port away and
bring it back. `connections` counts those accepted so far.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

CHUNK = 16_384


class Proxy:
    """Relays to *upstream_port*; `port` is its own."""

    def __init__(self, upstream_port: int, *, port: int = 0) -> None:
        self.port = port
        self.upstream_port = upstream_port
        self.hole = False  # bytes disappear without an error; what has lost some stays deaf for good
        self.delay_s = 0.0  # one way
        self.rate: float | None = None  # bytes per second and direction
        self.connections = 0
        self.relayed_bytes = 0
        self._server: asyncio.Server | None = None
        self._relays: dict[asyncio.Task[None], _Relay] = {}

    @property
    def open_connections(self) -> int:
        """Clients connected now."""
        return len(self._relays)

    async def listen(self) -> None:
        """Take the port, the same one as before when it was given back."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, so that connecting is refused, and cut what is open."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self.cut()
        if server is not None:
            await server.wait_closed()

    async def cut(self) -> None:
        """Reset every open connection on both sides."""
        running = dict(self._relays)
        for task, relay in running.items():
            relay.reset()
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        relay = _Relay(self, reader, writer)
        task = asyncio.create_task(relay.run())
        self._relays[task] = relay
        task.add_done_callback(self._relays.pop)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Relay:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writers = [writer]
        self._deaf = False

    async def run(self) -> None:
        """Relay until either side leaves; then the other one is dropped too."""
        try:
            if self._proxy.hole:
                while await self._reader.read(CHUNK):
                    pass
                return
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._proxy.upstream_port)
            self._writers.append(upstream)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pump(self._reader, upstream))
                ways.create_task(self._pump(answers, self._writers[0]))
        except* OSError:  # refused upstream, or one side has left
            pass
        finally:
            for writer in self._writers:
                writer.transport.abort()

    def reset(self) -> None:
        """End both connections with RST."""
        for writer in self._writers:
            wire = writer.get_extra_info("socket")
            if wire is not None and not writer.is_closing():
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Relay one direction, each chunk delayed on its own; ConnectionError at its end."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._deliver(due, sink))
            while data := await source.read(CHUNK):
                await due.put((clock() + self._proxy.delay_s, data))
            await due.put((clock(), b""))
        raise ConnectionError("one side has left")

    async def _deliver(self, due: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            at, data = await due.get()
            if not data:
                return
            await asyncio.sleep(at - clock())
            if self._proxy.rate:
                await asyncio.sleep(len(data) / self._proxy.rate)
            self._deaf = self._deaf or self._proxy.hole
            if not self._deaf:
                sink.write(data)
                await sink.drain()
                self._proxy.relayed_bytes += len(data)
