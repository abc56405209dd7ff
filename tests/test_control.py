"""The control socket: who may ask, who may act, and what garbage gets."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.control.client import ControlError, ask, follow
from agent.control.server import Caller, Control, Flow, Verb
from drivers.errors import StationError

OURS = grp.getgrgid(os.getgid()).gr_name


async def _hello(request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
    return {"hello": request.get("name"), "uid": caller.uid}


async def _trouble(request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
    raise StationError("the wire is cut", hint="Look behind the rack")


@contextlib.asynccontextmanager
async def served(path: Path, verbs: Mapping[str, Verb | Flow] | None = None) -> AsyncIterator[None]:
    usual = {"hello": Verb(_hello), "act": Verb(_hello, acts=True), "trouble": Verb(_trouble)}
    control = Control(path, verbs or usual, read_group=OURS, act_group="no-such-group")
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

    act = Verb(_hello, acts=True)
    refused = await control._answer(act, {}, Caller(65534, frozenset({65534})))
    allowed = await control._answer(act, {}, Caller(65534, frozenset({65534, acting.gr_gid})))

    assert (refused["ok"], allowed["ok"]) == (False, True)
    assert "may look, but not act" in refused["error"]


async def _told_in_parts(request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    for number in range(request["parts"]):
        yield {"part": number}
    if request.get("fails"):
        raise StationError("the wire is cut", hint="Look behind the rack")
    if request.get("broken"):
        raise ValueError("what nobody thought of")


async def test_what_takes_its_time_is_told_in_parts(tmp_path: Path) -> None:
    """Who waits minutes for a scan wants to see each find at once."""
    with_parts = {"count": Flow(_told_in_parts)}
    async with served(tmp_path / "control.sock", with_parts):
        news = await asyncio.to_thread(lambda: list(follow(tmp_path / "control.sock", {"do": "count", "parts": 3})))

    assert news == [{"part": 0}, {"part": 1}, {"part": 2}]


@pytest.mark.parametrize(("how", "words"), [("fails", "the wire is cut"), ("broken", "what nobody thought of")])
async def test_what_goes_wrong_in_between_is_told_and_stops_nothing_else(tmp_path: Path, how: str, words: str) -> None:
    """Whoever looks into an instrument must not be able to end the daemon, not even by a defect of ours."""
    heard: list[dict[str, Any]] = []

    def ask_for_trouble() -> None:
        heard.extend(follow(tmp_path / "control.sock", {"do": "count", "parts": 1, how: True}))

    async with served(tmp_path / "control.sock", {"count": Flow(_told_in_parts), "hello": Verb(_hello)}):
        with pytest.raises(ControlError, match=words):
            await asyncio.to_thread(ask_for_trouble)
        assert await asyncio.to_thread(ask, tmp_path / "control.sock", {"do": "hello"})


async def test_who_hangs_up_ends_it_at_the_daemon_too(tmp_path: Path) -> None:
    """Ctrl-C at a scan of an hour: the wire is free again at once."""
    ended = asyncio.Event()

    async def endless(_request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        try:
            yield {"begun": True}
            await asyncio.Event().wait()
        finally:
            ended.set()

    def leave_early() -> dict[str, Any]:
        news = follow(tmp_path / "control.sock", {"do": "wait"})
        first = next(news)
        news.close()  # type: ignore[attr-defined]
        return first

    async with served(tmp_path / "control.sock", {"wait": Flow(endless)}):
        assert await asyncio.to_thread(leave_early) == {"begun": True}
        async with asyncio.timeout(10):
            await ended.wait()


async def test_while_there_is_no_news_the_caller_hears_that_the_daemon_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent line takes long; a daemon that hangs must not be waited for as long."""
    monkeypatch.setattr("agent.control.server.BEAT_S", 0.05)

    async def slow(_request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        await asyncio.sleep(1.5)
        yield {"at": "last"}

    async with served(tmp_path / "control.sock", {"wait": Flow(slow)}):
        waiting = follow(tmp_path / "control.sock", {"do": "wait"}, timeout_s=1.0)
        assert await asyncio.to_thread(lambda: list(waiting)) == [{"at": "last"}]
