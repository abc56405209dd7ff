"""The daemon is killed, stopped, starved of memory, robbed of a thread, started twice: it goes on, refuses, or ends.

What it never does is to run on as if nothing had happened. Where it ends, the
test does what systemd does: it starts it again.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.duration import parse_duration
from tests.faults.books import IN_A_HURRY, Books
from tests.faults.sick_disk import Illness
from tests.simulators.broker import free_port
from tests.simulators.systemd_socket import Systemd

SOMEBODY = 65_534

HUNGER_S = 1.0
"""Without food for so long the watchdog bites; it is fed ten times a second here."""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """What the daemon feeds."""
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def said(books: Books, event: str) -> list[dict[str, Any]]:
    """What the daemon said of *event* in its own log."""
    lines = [json.loads(line) for line in books.agent.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_a_daemon_that_is_ended_by_a_signal_has_lost_nothing_when_it_is_back(tmp_path: Path) -> None:
    """Updates, out-of-memory killers, impatient technicians: what was stored is stored, and the gap has an event."""
    signals = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 0, signal.SIGINT: 0}
    with Books(tmp_path) as books:
        books.agent.start()
        for number, code in signals.items():
            books.work(6)
            os.kill(books.agent.pid, number)
            assert books.agent.wait() == code
            books.agent.start()
        recovery_s = books.fresh(time.monotonic())
        books.close("SIGKILL, SIGTERM, SIGINT", len(signals), recovery_s=recovery_s)


@pytest.mark.parametrize("stopped", ["2s", pytest.param("60s", marks=pytest.mark.soak)])
def test_a_daemon_that_stood_still_goes_on_and_accounts_for_every_tick(tmp_path: Path, stopped: str) -> None:
    """A machine that was suspended, a disk that hung: connections are dead, ticks have passed, no clock was set."""
    with Books(tmp_path) as books:
        books.agent.start()
        books.work(6)
        os.kill(books.agent.pid, signal.SIGSTOP)
        time.sleep(parse_duration(stopped))
        os.kill(books.agent.pid, signal.SIGCONT)
        recovery_s = books.fresh(time.monotonic())
        books.work(6)
        evidence = books.close(f"SIGSTOP for {stopped}", recovery_s=recovery_s)
    books.every_tick(evidence)
    assert said(books, "agent_failed") == []


OUT_OF_MEMORY = "def fails(*_, **__): raise MemoryError\n"
AFTER_A_WHILE = """
import itertools
turns, honest = itertools.count(), Thing.{name}
Thing.{name} = lambda *them, **more: fails() if next(turns) == {turn} else honest(*them, **more)
"""
WORKERS = {
    "the log's writer": ("from agent.store.store import Store as Thing", "append", 8),
    "the log's reader": ("from agent.store.reader import Reader as Thing", "batch", 30),
    "the archive": ("from agent.store.archive import Archive as Thing", "next_slice", 0),
    "a poll": ("from agent.polling.device import DevicePoller as Thing", "turn", 12),
}


def test_a_worker_without_memory_ends_the_daemon_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """Half a daemon looks healthy for weeks; a whole end is repaired in five seconds, and the journal says why."""
    with Books(tmp_path) as books:
        for number, (thing, name, turn) in enumerate(WORKERS.values(), 1):
            books.infect(f"{IN_A_HURRY}\n{thing}\n{OUT_OF_MEMORY}{AFTER_A_WHILE.format(name=name, turn=turn)}")
            books.agent.spawn()
            assert books.agent.wait() == 1, books.agent.log[-2000:]
            assert len(said(books, "agent_failed")) == number
        books.infect(IN_A_HURRY)
        books.agent.start()
        recovery_s = books.fresh(time.monotonic())
        books.work(6)
        books.close("MemoryError in a worker", len(WORKERS), recovery_s=recovery_s)
    assert all("MemoryError" in failed["exception"] for failed in said(books, "agent_failed"))


def test_a_machine_without_memory_is_outlived_or_ends_the_daemon(tmp_path: Path, systemd: Systemd) -> None:
    """Another program has eaten it all. Where a new thread never begins, who waits for that waits for ever."""
    with Books(tmp_path, environment=systemd.environment) as books:
        books.agent.start()
        books.work(6)
        size = int(Path(f"/proc/{books.agent.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(books.agent.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        books.broker.restart()  # a new connection takes a thread,
        os.kill(books.agent.pid, signal.SIGHUP)  # and to read the configuration again another one
        if outlives(books, systemd):
            resource.prlimit(books.agent.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            assert ended(books, systemd) in (1, -signal.SIGABRT)
            books.agent.start()
        recovery_s = books.fresh(time.monotonic())
        books.work(6)
        books.close("no memory for a thread", recovery_s=recovery_s)


def outlives(books: Books, systemd: Systemd) -> bool:
    """Whether the daemon still turns when it has tried to connect a few times."""
    deadline_s = time.monotonic() + HUNGER_S + 4
    while time.monotonic() < deadline_s and systemd.hungry_s() < HUNGER_S:
        time.sleep(0.05)
    return systemd.hungry_s() < HUNGER_S


def ended(books: Books, systemd: Systemd) -> int:
    """Do what systemd does with a daemon that does not feed the watchdog any more; returns how the daemon ended."""
    deadline_s = time.monotonic() + 20
    while systemd.hungry_s() < HUNGER_S:
        assert time.monotonic() < deadline_s, books.agent.log[-2000:]
        time.sleep(0.05)
    os.kill(books.agent.pid, signal.SIGABRT)
    return books.agent.wait()


PAHO_DIES = """
import itertools, paho.mqtt.client
turns, honest = itertools.count(), paho.mqtt.client.Client._loop
def dies(*them, **more):
    if next(turns) == 30:
        raise RuntimeError("the network thread dies")
    return honest(*them, **more)
paho.mqtt.client.Client._loop = dies
"""


def test_a_dead_network_thread_is_noticed_and_the_uplink_connects_anew(tmp_path: Path) -> None:
    """Paho goes on to say that it is connected, and takes every message: nothing is acknowledged any more."""
    with Books(tmp_path, prelude=IN_A_HURRY + PAHO_DIES + "delivery.PUBACK_S = 1.0") as books:
        books.agent.start()
        books.agent.until(lambda: said(books, "uplink_lost"), "a loss", 30)
        lost_s = time.monotonic()
        evidence = books.close("network thread dies", recovery_s=books.fresh(lost_s))
    books.every_tick(evidence)
    assert "no acknowledgement" in said(books, "uplink_lost")[0]["error"]
    assert "the network thread dies" in books.agent.log


def test_a_second_daemon_on_the_same_log_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    """Two writers would end with half a log each, and two callers on a wire with no answer."""
    with Books(tmp_path) as books:
        books.agent.start()
        books.work(6)
        seconds = [books.agent.command("run") for _ in range(2)]
        asked = books.agent.command("reload")
        evidence = books.close("second daemon", len(seconds))
    books.every_tick(evidence)
    assert [second.returncode for second in seconds] == [3, 3]
    assert all("in use by process" in second.stderr for second in seconds)
    assert asked.returncode == 0, "the control socket is still that of the first"


def test_a_daemon_of_the_wrong_user_is_refused_and_leaves_the_log_alone(tmp_path: Path) -> None:
    """Even root: the files that it would make beside the log would lock out the daemon that owns it."""
    with Books(tmp_path) as books:
        if os.geteuid() == 0:
            books.agent.start()
            books.work(4)
            assert books.agent.stop() == 0
            os.chown(books.agent.store, SOMEBODY, SOMEBODY)
        else:  # an ordinary user can give nothing away, but finds files of root everywhere
            books.agent.store.symlink_to("/etc/passwd")
        before = books.agent.store.read_bytes()
        refused = books.agent.command("run")

    assert refused.returncode == 3
    assert "it belongs to user" in refused.stderr
    assert "next: Run the agent as its own user" in refused.stderr
    assert books.agent.store.read_bytes() == before


STANDING_STILL = """
import asyncio, pathlib, time
import agent.clock, agent.watchdog
from agent.polling.poller import LinkPoller
from agent.store.reader import Reader
from agent.store.store import Store
from agent.uplink.uplink import Uplink
agent.watchdog.STALLED_S, agent.clock.TURN_S, agent.recorder.CURSOR_S, uplink.BEAT_S = 1.0, 0.1, 0.2, 0.1
stuck = lambda who: pathlib.Path({folder!r}, who).exists()

def task(thing, name):
    honest = thing._turn
    async def turn(self):
        while stuck(name(self)):
            await asyncio.sleep(0.02)
        await honest(self)
    thing._turn = turn

def thread(thing, name, who):
    honest = getattr(thing, name)
    def do(*them, **more):
        while stuck(who):
            time.sleep(0.02)
        return honest(*them, **more)
    setattr(thing, name, do)

task(LinkPoller, lambda poller: "link " + poller.link.name)
task(Uplink, lambda uplink: "uplink " + uplink.settings.name)
thread(Store, "append", "recorder")
thread(Reader, "batch", "reader")
"""
"""A task or thread stands still while a file of its name is there; all turn ten times as often as in life."""


SHOWN = {"reader": "uplink city"}
"""Who is seen to stand still for those that are not watched themselves."""


def test_each_task_that_stands_still_starves_the_watchdog_by_itself(tmp_path: Path, systemd: Systemd) -> None:
    """One of two links, one of two uplinks, one thread of the log: the rest works, and still it is no whole daemon."""
    folder = tmp_path / "stuck"
    folder.mkdir()
    prelude = IN_A_HURRY + STANDING_STILL.format(folder=str(folder))
    others = {"province": f"mqtt://127.0.0.1:{free_port()}"}
    with Books(tmp_path, prelude=prelude, others=others, environment=systemd.environment) as books:
        books.agent.start()
        for who in ("link d1", "link d2", "uplink city", "uplink province", "recorder", "reader"):
            books.agent.until(lambda: systemd.hungry_s() < 0.3, "feeding", 20)
            (folder / who).touch()
            alarmed(books, SHOWN.get(who, who))
            books.agent.until(lambda: systemd.hungry_s() > 0.5, f"an end of the feeding for {who}", 20)
            (folder / who).unlink()
        books.agent.until(lambda: systemd.hungry_s() < 0.3, "feeding", 20)
        books.close("task stands still", 6)


def alarmed(books: Books, who: str) -> None:
    """Wait until the daemon has said that *who* stands still."""
    books.agent.until(lambda: any(who in line["tasks"] for line in said(books, "task_stalled")), f"{who} in an alarm")


def test_a_daemon_that_the_watchdog_ends_has_lost_nothing_when_it_is_back(tmp_path: Path, systemd: Systemd) -> None:
    """Systemd sends SIGABRT to one that does not feed it, and starts the next."""
    folder = tmp_path / "stuck"
    folder.mkdir()
    prelude = IN_A_HURRY + STANDING_STILL.format(folder=str(folder))
    with Books(tmp_path, prelude=prelude, environment=systemd.environment) as books:
        books.agent.start()
        books.work(6)
        (folder / "recorder").touch()
        assert ended(books, systemd) == -signal.SIGABRT
        (folder / "recorder").unlink()
        books.agent.start()
        recovery_s = books.fresh(time.monotonic())
        books.close("ended by the watchdog", recovery_s=recovery_s)


@pytest.mark.parametrize("length", ["4s", pytest.param("60s", marks=pytest.mark.soak)])
def test_the_heaviest_honest_load_and_dead_counterparts_never_starve_the_watchdog(
    tmp_path: Path, systemd: Systemd, length: str
) -> None:
    """It asks for life, not for success: a restart repairs no disk and no broker, and costs what waits in memory."""
    illness = Illness(tmp_path)
    quick = STANDING_STILL.format(folder=str(tmp_path / "nowhere")).replace("STALLED_S", "UNUSED_S")
    prelude = illness.prelude + IN_A_HURRY + quick + "\nagent.watchdog.STALLED_S = 5.0"
    others = {"province": f"mqtt://127.0.0.1:{free_port()}"}
    with Books(tmp_path, devices=20, prelude=prelude, others=others, environment=systemd.environment) as books:
        books.agent.start()
        books.work(40)
        illness.begin("read EIO", "write EIO", "sync EIO", "open EIO")
        books.broker.pause()
        time.sleep(parse_duration(length))
        fed = systemd.fed
        illness.end()
        books.broker.resume()
        recovery_s = books.fresh(time.monotonic())
        books.close("20 devices at 10 Hz, disk and broker dead", recovery_s=recovery_s)
    assert said(books, "task_stalled") == []
    assert fed > parse_duration(length) * 5
