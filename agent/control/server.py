"""The daemon's end of the control socket.

Who may connect is settled by the file's mode and group; who may *act* is asked of the kernel for every caller
(``SO_PEERCRED``, ``SO_PEERGROUPS``), so that an audit record can name the user.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from drivers.errors import StationError

log = structlog.get_logger()

LIMIT = 65536
"""Bytes of a request; an answer may be longer."""

DEADLINE_S = 30.0
"""How long a caller may take to say what it wants, and to take what it is told."""

BEAT_S = 5.0
"""While there is no news an empty line goes out so often: the caller knows that it is not forgotten."""

SO_PEERGROUPS = 59  # Linux 4.13


@dataclass(frozen=True, slots=True)
class Caller:
    """The user at the other end of the socket."""

    uid: int
    gids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Verb:
    """Something the daemon does when asked; ``acts`` when it changes how the station runs."""

    answer: Callable[[Mapping[str, Any], Caller], Awaitable[Mapping[str, Any]]]
    acts: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """Something that takes its time and only looks: each thing that it yields is told at once.

    It is closed when the caller hangs up.
    """

    news: Callable[[Mapping[str, Any]], AsyncGenerator[Mapping[str, Any]]]


class Control:
    """Answers on the control socket while the daemon runs."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb | Flow], *, read_group: str, act_group: str) -> None:
        self._path = path
        self._verbs = verbs
        self._read_gid = group_id(read_group)
        self._act_gid = group_id(act_group)

    async def run(self) -> None:
        """Serve until cancelled; who is still asking then gets no answer."""
        self._path.unlink(missing_ok=True)
        async with asyncio.TaskGroup() as callers:
            server = await asyncio.start_unix_server(
                lambda reader, writer: callers.create_task(self._serve(reader, writer)), self._path, limit=LIMIT
            )
            self._open_to_readers()
            try:
                await asyncio.Event().wait()
            finally:
                server.close()
                self._path.unlink(missing_ok=True)

    def _open_to_readers(self) -> None:
        self._path.chmod(0o660)
        if self._read_gid is not None and os.geteuid() in (0, self._path.stat().st_uid):
            with suppress(PermissionError):  # not a member of it: the file keeps our group, and only our users get in
                os.chown(self._path, -1, self._read_gid)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await _line(reader)
            if line is None:
                return
            with suppress(TimeoutError, ConnectionError):
                await self._respond(line, reader, writer)
        finally:
            writer.close()

    async def _respond(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, verb = self._understood(line)
        if isinstance(verb, Flow):
            await _pour(verb.news(request), reader, writer)
        else:
            await _tell(writer, await self._answer(verb, request, _caller(writer.get_extra_info("socket"))))

    def _understood(self, line: bytes) -> tuple[Mapping[str, Any], Verb | Flow | None]:
        """The request in *line* and what serves it; nothing does when this daemon does not know it."""
        try:
            request = json.loads(line)
            return request, self._verbs.get(request["do"])
        except (ValueError, TypeError, KeyError):
            return {}, None

    async def _answer(self, verb: Verb | None, request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
        if verb is None:
            return {"ok": False, "error": "this daemon does not know that request", "hint": "Compare both versions"}
        if verb.acts and not self._may_act(caller):
            return {
                "ok": False,
                "error": f"user {caller.uid} may look, but not act",
                "hint": "Add the user to the group station-agent-op, or call with sudo",
            }
        try:
            return {"ok": True, **await verb.answer(request, caller)}
        except StationError as error:
            return _told(error)

    def _may_act(self, caller: Caller) -> bool:
        return caller.uid in (0, os.geteuid()) or self._act_gid in caller.gids


def _told(error: StationError) -> dict[str, Any]:
    """How *error* travels."""
    faults = [str(fault) for fault in getattr(error, "faults", ())]
    return {"ok": False, "error": str(error), "hint": error.hint, "exit_code": error.exit_code, "faults": faults}


async def _tell(writer: asyncio.StreamWriter, words: Mapping[str, Any]) -> None:
    """Send a line; raises TimeoutError when the caller takes nothing."""
    writer.write(json.dumps(words, default=str).encode() + b"\n")
    async with asyncio.timeout(DEADLINE_S):
        await writer.drain()


async def _pour(
    news: AsyncGenerator[Mapping[str, Any]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Send all *news*, and how it ended, unless the caller hangs up before."""
    async with asyncio.TaskGroup() as both:
        pouring = both.create_task(_tell_all(news, writer))
        leaving = both.create_task(_gone(reader, writer))
        pouring.add_done_callback(lambda _: leaving.cancel())
        leaving.add_done_callback(lambda _: pouring.cancel())


async def _tell_all(news: AsyncGenerator[Mapping[str, Any]], writer: asyncio.StreamWriter) -> None:
    with suppress(TimeoutError, ConnectionError):
        async with aclosing(news):
            try:
                async for words in news:
                    await _tell(writer, words)
            except StationError as error:
                await _tell(writer, _told(error))
            except (TimeoutError, ConnectionError):
                raise
            except Exception as error:  # a guest's defect must not stop the station
                log.error("commissioning_failed", error=repr(error), exc_info=True)
                hint = "Look at: journalctl -u station-agent -n 50, and tell the makers"
                await _tell(writer, {"ok": False, "error": f"a defect of this program: {error!r}", "hint": hint})
            else:
                await _tell(writer, {"ok": True})


async def _gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the caller hangs up, which has nothing more to say."""
    with suppress(ConnectionError):
        while True:
            try:
                async with asyncio.timeout(BEAT_S):
                    await reader.read(1)
                return
            except TimeoutError:
                writer.write(b"\n")


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """One request; None from a caller that is gone, silent or endless: that costs nobody but itself."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await reader.readline()
    except (TimeoutError, ValueError, ConnectionError):
        return None


def group_id(group: str) -> int | None:
    """The number of *group*; None where there is no such group."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _caller(wire: socket.socket) -> Caller:
    _, uid, gid = struct.unpack("3i", wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    groups = wire.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 1024)  # the most that Python asks for: 256 groups
    return Caller(uid, frozenset({gid, *struct.unpack(f"{len(groups) // 4}I", groups)}))
