"""The control socket: who may ask, who may act, and what garbage gets."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.control import Caller, Control, ControlError, Verb, ask
from drivers.errors import StationError

OURS = grp.getgrgid(os.getgid()).gr_name


async def _hello(request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
    return {"hello": request.get("name"), "uid": caller.uid}


async def _trouble(request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
    raise StationError("the wire is cut", hint="Look behind the rack")


@contextlib.asynccontextmanager
async def served(path: Path) -> AsyncIterator[None]:
    verbs = {"hello": Verb(_hello), "act": Verb(_hello, acts=True), "trouble": Verb(_trouble)}
    control = Control(path, verbs, read_group=OURS, act_group="no-such-group")
    task = asyncio.create_task(control.run())
    while not path.exists():  # noqa: ASYNC110 - the server makes it
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_the_daemon_answers_and_knows_who_asks(tmp_path: Path) -> None:
    """An audit record names the user; the kernel, not the caller, says who it is."""
    async with served(tmp_path / "control.sock"):
        answer = await asyncio.to_thread(ask, tmp_path / "control.sock", {"do": "hello", "name": "li"})

    assert answer == {"hello": "li", "uid": os.getuid()}


async def test_an_error_of_the_daemon_arrives_with_its_next_step(tmp_path: Path) -> None:
    """The technician reads the same sentence whoever owns the link."""
    async with served(tmp_path / "control.sock"):
        with pytest.raises(ControlError, match="the wire is cut") as caught:
            await asyncio.to_thread(ask, tmp_path / "control.sock", {"do": "trouble"})

    assert caught.value.hint == "Look behind the rack"


@pytest.mark.parametrize(
    "line", [b"\n", b"not json\n", b"[]\n", b'{"do": "fly"}\n', b'{"do": ["hello"]}\n', b"\xff\xfe\n"]
)
async def test_garbage_is_answered_and_harms_nothing(tmp_path: Path, line: bytes) -> None:
    """Another version's command line, or a curious user, must not disturb the station."""

    def send() -> bytes:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(5)
            wire.connect(str(tmp_path / "control.sock"))
            wire.sendall(line)
            return wire.recv(4096)

    async with served(tmp_path / "control.sock"):
        assert b'"ok": false' in await asyncio.to_thread(send)
        assert await asyncio.to_thread(ask, tmp_path / "control.sock", {"do": "hello"})


async def test_an_endless_request_is_dropped(tmp_path: Path) -> None:
    """Megabytes without a newline must not fill the daemon's memory."""

    def flood() -> None:
        with socket.socket(socket.AF_UNIX) as wire, contextlib.suppress(ConnectionError, BrokenPipeError):
            wire.settimeout(5)
            wire.connect(str(tmp_path / "control.sock"))
            wire.sendall(b"x" * 1_000_000)
            wire.recv(1)

    async with served(tmp_path / "control.sock"):
        await asyncio.to_thread(flood)
        assert await asyncio.to_thread(ask, tmp_path / "control.sock", {"do": "hello"})


def test_where_no_daemon_runs_the_error_says_how_to_see_that(tmp_path: Path) -> None:
    """The first question of a technician is whether it runs at all."""
    with pytest.raises(ControlError, match="no daemon answers") as caught:
        ask(tmp_path / "control.sock", {"do": "hello"})

    assert "systemctl status" in caught.value.hint


async def test_a_reader_may_look_but_not_act(tmp_path: Path) -> None:
    """The reading group sees everything and changes nothing; the acting group is asked of the kernel."""
    acting = next(group for group in grp.getgrall() if group.gr_gid not in os.getgroups())
    control = Control(
        tmp_path / "control.sock", {"act": Verb(_hello, acts=True)}, read_group=OURS, act_group=acting.gr_name
    )

    refused = await control._answer(b'{"do": "act"}', Caller(65534, frozenset({65534})))
    allowed = await control._answer(b'{"do": "act"}', Caller(65534, frozenset({65534, acting.gr_gid})))

    assert (refused["ok"], allowed["ok"]) == (False, True)
    assert "may look, but not act" in refused["error"]
