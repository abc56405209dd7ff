"""The socket through which a script switches faults: one line in, one JSON object out."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

Tell = Callable[[str], Awaitable[str]]
"""Does what a line says and returns what to show; raises ValueError for a line that means nothing."""

DEADLINE_S = 5.0
LONGEST = 1000


def folder() -> Path:
    """Where the sockets and terminals of this user's simulations lie, made when it is missing.

    Raises PermissionError when somebody else made it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    own = f"station-agent-simulate-{os.getuid()}"
    path = Path(base) / "station-agent-simulate" if base else Path(tempfile.gettempdir()) / own
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
    return path


class Console:
    """Listens at *path* and hands each line to *tell*."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self.path = path
        self._tell = tell
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises FileExistsError when somebody else does so there."""
        if is_alive(self.path):
            raise FileExistsError(f"{self.path} is in use")
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=LONGEST)
        self.path.chmod(0o600)

    async def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(DEADLINE_S):
                    answer = await self._answer(await reader.readline())
                    writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, str]:
        try:
            return {"said": await self._tell(line.decode())}
        except ValueError as error:
            return {"error": str(error)}


def is_alive(path: Path) -> bool:
    """Whether somebody listens at *path*."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def ask(path: Path, line: str) -> str:
    """Tell the simulation at *path* and return its answer; ValueError when it refuses, OSError when there is none."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(DEADLINE_S)
        wire.connect(str(path))
        wire.sendall(line.replace("\n", " ").encode() + b"\n")
        with wire.makefile("rb") as lines:
            answer: dict[str, str] = json.loads(lines.readline() or b'{"error": "no answer"}')
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["said"]
