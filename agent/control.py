"""The control socket: what the command line asks of a running daemon.

One JSON object a line, one answer a line. Who may connect is settled by the
file's mode and group; who may *act* is asked of the kernel for every caller
(``SO_PEERCRED``, ``SO_PEERGROUPS``), so that an audit record can name the user.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from drivers.errors import StationError
from drivers.profile import Profile
from drivers.reading import Scan
from drivers.units import shown

LIMIT = 65536
"""Bytes of a request; an answer may be longer."""

DEADLINE_S = 30.0
SO_PEERGROUPS = 59  # Linux 4.13


class ControlError(StationError):
    """The daemon cannot be asked, or refused; ``faults`` are all mistakes of a file that it refused."""

    exit_code = 3
    faults: tuple[str, ...] = ()


class NoDaemonError(ControlError):
    """Nobody listens at the control socket."""


class UnknownDeviceError(StationError):
    """No device of that name is polled."""

    exit_code = 2

    def __init__(self, device: str, names: Sequence[str]) -> None:
        near = get_close_matches(device.lower(), names, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The devices are: {', '.join(names) or 'none'}"
        super().__init__(f"there is no device called {device}", hint=hint)


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


class Control:
    """Answers on the control socket while the daemon runs."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], *, read_group: str, act_group: str) -> None:
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
            answer = await self._answer(line, _caller(writer.get_extra_info("socket")))
            writer.write(json.dumps(answer, default=str).encode() + b"\n")
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(DEADLINE_S):
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, line: bytes, caller: Caller) -> Mapping[str, Any]:
        try:
            request = json.loads(line)
            verb = self._verbs[request["do"]]
        except (ValueError, TypeError, KeyError):
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
            faults = [str(fault) for fault in getattr(error, "faults", ())]
            return {
                "ok": False,
                "error": str(error),
                "hint": error.hint,
                "exit_code": error.exit_code,
                "faults": faults,
            }

    def _may_act(self, caller: Caller) -> bool:
        return caller.uid in (0, os.geteuid()) or self._act_gid in caller.gids


def ask(path: Path, request: Mapping[str, Any], *, timeout_s: float = DEADLINE_S) -> dict[str, Any]:
    """Ask the daemon behind *path* and return its answer; raises ControlError when there is none or it refused."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(timeout_s)
            wire.connect(str(path))
            wire.sendall(json.dumps(request).encode() + b"\n")
            with wire.makefile("rb") as lines:
                line = lines.readline()
    except PermissionError:
        hint = "Add your user to the group station-agent and log in again, or call with sudo"
        raise ControlError(f"not allowed to talk to the daemon at {path}", hint=hint) from None
    except OSError as error:
        hint = "Is the daemon running? systemctl status station-agent"
        raise NoDaemonError(f"no daemon answers at {path}: {error.strerror or error}", hint=hint) from None
    if not line:
        raise ControlError("the daemon gave no answer", hint="Look at: journalctl -u station-agent -n 50")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok", False):
        raise _refusal(answer)
    return answer


def _refusal(answer: Mapping[str, Any]) -> ControlError:
    error = ControlError(answer.get("error", "refused"), hint=answer.get("hint", ""))
    error.exit_code = answer.get("exit_code", error.exit_code)
    error.faults = tuple(answer.get("faults", ()))
    return error


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """One request; None from a caller that is gone, silent or endless: that costs nobody but itself."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await reader.readline()
    except (TimeoutError, ValueError, ConnectionError):
        return None


def words_of(scan: Scan, profile: Profile) -> dict[str, Any]:
    """A poll as ``read`` shows it, whoever polled: in the order of the profile."""
    readings = [
        {
            "channel": channel.name,
            "value": reading.value,
            "unit": shown(channel.unit),
            "quality": str(reading.quality),
            "reason": reading.reason,
        }
        for channel in profile.channels
        if (reading := scan.readings.get(channel.name))
    ]
    return {"time": scan.time.isoformat(timespec="milliseconds"), "readings": readings}


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
