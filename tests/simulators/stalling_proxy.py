"""A TCP proxy that imitates what a bad line does to a connection, where no network of our own can be made.

TCP hides what happens to packets, so what is left of it are delays: a lost packet
is a pause until it is sent again, a cut line an endless one. What it cannot
imitate is a connection that cannot be made: the proxy always accepts.
"""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Self

from tests.simulators.impairment import Way

CHUNK = 1460
AGAIN_S = (0.2, 1.2)
"""A lost packet is sent again after so long."""

LOOK_S = 0.02


class StallingProxy:
    """Relays from *port* of *host*, a loopback address, to the same port of 127.0.0.1. *up* leads there."""

    def __init__(self, host: str, port: int, up: Way, down: Way, dice: random.Random) -> None:
        self._host, self._port = host, port
        self._up, self._down, self._dice = up, down, dice
        self._generation = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """Everything that is sent on the connections of now disappears from now on."""
        self._generation += 1

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers, born = [writer], self._generation
        try:
            await self._passable(self._up)
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._port)
            writers.append(upstream)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pump(reader, upstream, self._up, born))
                ways.create_task(self._pump(answers, writer, self._down, born))
        except* OSError:  # refused upstream, or one side has left
            pass
        finally:
            for each in writers:
                each.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way, born: int) -> None:
        """Relay one direction until its source ends; ConnectionError then."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._deliver(waiting, sink, way, born))
            while data := await source.read(CHUNK):
                await waiting.put((way.sent_s(len(data), clock()) + self._late_s(way), data))
            await waiting.put((clock(), b""))

    async def _deliver(
        self, waiting: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter, way: Way, born: int
    ) -> None:
        while True:
            due_s, data = await waiting.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            await self._passable(way)
            if born < self._generation:
                await asyncio.Event().wait()  # nobody is told
            if not data:
                raise ConnectionError("one side has left")
            sink.write(data)
            await sink.drain()
            way.passed += 1

    def _late_s(self, way: Way) -> float:
        late_s = way.delay_s + self._dice.uniform(0, way.jitter_s)
        if self._dice.random() < way.loss:
            way.dropped += 1
            late_s += self._dice.uniform(*AGAIN_S)
        return late_s

    @staticmethod
    async def _passable(way: Way) -> None:
        while way.cut:  # noqa: ASYNC110 - changed by another thread
            await asyncio.sleep(LOOK_S)
