r"""An instrument that answers text requests, or sends lines on its own, over TCP or a serial line.

In a test::

    async with TextLine({b"0R1\r\n": b"0R1,Dm=283D,Sm=1.0M\r\n"}, tmp_path / "wxt") as wxt:
        wxt.misbehave = misbehaviour.in_two(0.2)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.simulation.line import PtyLine, Reply, TextInstrument
from tests.simulators.pieces import Misbehave, Speaker

__all__ = ["Reply", "TextLine", "TextTcpServer"]


class Script:
    """What all connections of one instrument share: its replies, its lies, and what it was asked."""

    def __init__(self, replies: Mapping[bytes, Reply], misbehave: Misbehave | None) -> None:
        self.replies = dict(replies)
        self.misbehave = misbehave
        self.requests: list[tuple[float, bytes]] = []  # monotonic time and request
        self._conversations: list[ScriptedText] = []

    def converse(self) -> ScriptedText:
        """What serves a new connection."""
        self._conversations.append(ScriptedText(self))
        return self._conversations[-1]

    def say(self, line: bytes) -> None:
        """Send *line* unasked to everybody who listens."""
        for conversation in self._conversations:
            conversation.say(line)

    @asynccontextmanager
    async def saying(self, lines: Iterable[bytes], every_s: float) -> AsyncIterator[None]:
        """Send *lines* in turn, over and over, one each *every_s*, while the context lasts."""

        async def talk() -> None:
            for line in cycle(lines):
                self.say(line)
                await asyncio.sleep(every_s)

        talking = asyncio.create_task(talk())
        try:
            yield
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


class ScriptedText(TextInstrument):
    """One connection to a scripted instrument."""

    def __init__(self, script: Script) -> None:
        super().__init__(script.replies)
        self._script = script
        self._speaker = Speaker()

    def reply(self, request: bytes, honest: bytes) -> None:
        self._script.requests.append((time.monotonic(), request))
        if self._script.misbehave is None:
            self.say(honest)
        elif self.transport is not None:
            self._speaker.say(self.transport, self._script.misbehave(request, honest) or ())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._speaker.stop()


class TextLine(Script, PtyLine):
    """On a serial line, at `path`."""

    def __init__(self, replies: Mapping[bytes, Reply], path: Path, *, misbehave: Misbehave | None = None) -> None:
        Script.__init__(self, replies, misbehave)
        PtyLine.__init__(self, path, self.converse)


class TextTcpServer(Script):
    """On a TCP port of this machine."""

    def __init__(self, replies: Mapping[bytes, Reply], *, port: int = 0, misbehave: Misbehave | None = None) -> None:
        super().__init__(replies, misbehave)
        self.port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.converse, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for conversation in self._conversations:
            if conversation.transport is not None:
                conversation.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
