"""The daemon as systemd, a technician and bad days see it: one of it, ended in order, never running on half dead."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.control.client import ask
from agent.daemon import Daemon, machine_id
from agent.opening import open_refuge
from agent.polling.poller import LinkPoller
from agent.settings import Settings
from agent.store.errors import LockedError
from agent.store.reader import Reader
from agent.store.record import draft
from agent.store.store import LogFullError, LogWriteError, Store
from agent.uplink.uplink import Uplink
from drivers.reading import Stream
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.people import MEMBER, TAKES_MEMBERS_FOR_OTHERS, as_member, other_group, some_group
from tests.simulators.stationfile import HEAD, at_port, device, shared, uplink
from tests.simulators.systemd_socket import Systemd
from tests.simulators.ticks import gaps, readings, seconds, unaccounted


@pytest.fixture
def analyzer(bench: Bench) -> ModbusTcpServer:
    """An instrument with two units."""
    return bench.serve(ModbusTcpServer({1: Unit(holding={0: 17}), 2: Unit(holding={0: 18})}))


def polled(agent: AgentProcess) -> int:
    """Polls that succeeded so far, of all devices."""
    return sum(one["polled"] for one in agent.status()["devices"])


def said(agent: AgentProcess) -> list[dict[str, Any]]:
    """The daemon's own log, a line each."""
    return [json.loads(line) for line in agent.log.splitlines()]


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """Two writers would end one of them with half a log, two owners of a wire both without an answer."""
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(analyzer), "100ms")) as agent:
        second, pid = agent.command("run"), agent.pid
        before = polled(agent)
        agent.until(lambda: polled(agent) > before, "further polls of the first")

    assert second.returncode == 3
    assert f"{pid}" in second.stderr
    assert "Traceback" not in second.stderr


def test_sigterm_leaves_nothing_undelivered_and_nothing_running(
    analyzer: ModbusTcpServer, broker: Mosquitto, tmp_path: Path
) -> None:
    """An update of the agent is no reason for a backlog, nor for a process that holds the serial port."""
    text = HEAD + device("so2", at_port(analyzer), "50ms") + uplink("city", broker.url)
    with Consumer(broker.port) as consumer, AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: polled(agent) >= 10, "ten polls")
        pid = agent.pid
        code = agent.stop()
        stored = {stream: records for stream in Stream if (records := agent.records(stream))}
        consumer.wait_for(lambda heard: heard.evidence().count >= sum(map(len, stored.values())), 5)
        evidence = consumer.evidence()
        left = [path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if session_of(path) == pid]

    assert code == 0
    evidence.assert_complete()
    assert {stream: evidence.of(stream) for stream in stored} == stored
    assert stored[Stream.EVENT][-1]["event"] == "agent_stopped"
    assert len(stored[Stream.MEASUREMENT]) >= 10
    assert left == []


def session_of(stat: Path) -> int:
    """The session that a process belongs to; 0 when it is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_an_end_does_not_wait_for_a_broker_or_a_caller_that_never_answers(
    analyzer: ModbusTcpServer, tmp_path: Path
) -> None:
    """A service manager kills after 30 s what has not ended; what is stored is delivered the next time."""
    with socket.create_server(("127.0.0.1", 0)) as hole, socket.socket(socket.AF_UNIX) as caller:
        url = f"mqtt://127.0.0.1:{hole.getsockname()[1]}"
        text = HEAD + device("so2", at_port(analyzer), "200ms") + uplink("city", url)
        with AgentProcess(tmp_path, text) as agent:
            agent.until(lambda: polled(agent) >= 3, "three polls")
            caller.connect(str(tmp_path / "run" / "control.sock"))
            began_s = time.monotonic()
            assert agent.stop() == 0
            took_s = time.monotonic() - began_s
            records = agent.records("measurement")

    assert took_s < 5
    assert len(records) >= 3
    assert unaccounted(records, 0.2) == 0


def test_an_end_does_not_wait_for_a_day_that_is_being_sealed(tmp_path: Path) -> None:
    """A day of a large station takes longer to read than a service manager waits; it is sealed the next time."""
    log, now = tmp_path / "store.db", datetime.now(UTC)
    store = Store.open(log, station="test-1", machine=machine_id(), quota=50_000_000, now_ms=0)
    old = [draft(Stream.MEASUREMENT, now - timedelta(days=3), {"device": "so2"}) for _ in range(20_000)]
    store.append(old)
    store.close()
    slow = "import agent.keeper as k, time; b = k.Interruptible.batch; "
    slow += "k.Interruptible.batch = lambda *them, **more: (time.sleep(0.5), b(*them, **more))[1]"
    with AgentProcess(tmp_path, HEAD, prelude=slow) as agent:
        agent.until(lambda: list((tmp_path / "archive").glob("*.part")), "the beginning of a file")
        began_s = time.monotonic()
        assert agent.stop() == 0
        took_s = time.monotonic() - began_s

    assert took_s < 8, "forty chunks of half a second are twenty"
    assert list((tmp_path / "archive").iterdir()) == []


def test_two_daemons_never_share_a_log_in_memory(tmp_path: Path) -> None:
    """On a disk that is read-only there may be no lock; the second must not clear away what the first has delivered."""
    (tmp_path / "run").mkdir()
    (tmp_path / "station.toml").write_text(HEAD)
    settings = Settings.load(tmp_path / "station.toml")
    first = open_refuge(settings, "m")
    epoch = first.epoch
    with pytest.raises(LockedError):
        open_refuge(settings, "m")
    first.append([draft(Stream.MEASUREMENT, datetime.now(UTC), {"device": "so2"})])
    first.close()

    with Reader.open(tmp_path / "run" / "volatile.db") as log:
        assert log.tip(epoch, Stream.MEASUREMENT)[0] == 1


def test_a_start_after_a_kill_tells_since_when_nothing_was_polled(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """The span without ticks is known to whoever reads the data, with its first second, per device."""
    text = HEAD + device("so2", at_port(analyzer), "50ms") + device("nox", 'link = "so2"', "50ms", address=2)
    text = text.replace('link = "so2"', 'link = "bus"').replace(at_port(analyzer), 'link = "bus"')
    with AgentProcess(tmp_path, text + shared(f"tcp://127.0.0.1:{analyzer.port}")) as agent:
        agent.until(lambda: polled(agent) >= 10, "ten polls")
        agent.kill()
        last = {name: agent.records("measurement", name)[-1]["time"] for name in ("so2", "nox")}
        count = len(agent.records("measurement"))
        agent.start()
        agent.until(lambda: len(agent.records("measurement")) > count, "a poll of the second life")
        first, second = agent.events("agent_started")

    assert "last" not in first["data"]
    assert second["data"]["last"] == last
    silent_s = seconds(second) - max(datetime.fromisoformat(at).timestamp() for at in last.values())
    assert second["data"]["silent_s"] == pytest.approx(silent_s, abs=0.05)


def test_a_reading_taken_by_hand_costs_no_tick(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """The technician looks as often as he likes; the daemon owns the wire and lets him in between."""
    analyzer.misbehave = misbehaviour.late(0.02)
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(analyzer), "200ms")) as agent:
        agent.until(lambda: polled(agent) >= 1, "a poll")
        for _ in range(30):
            answer = ask(tmp_path / "run" / "control.sock", {"do": "read", "device": "so2"})
            assert [reading["value"] for reading in answer["readings"]] == [17]
        shown = agent.command("read", "so2")
        assert agent.stop() == 0
        records = agent.records("measurement")

    assert (shown.returncode, shown.stdout.split()[-3:]) == (0, ["so2", "17", "valid"])
    assert unaccounted(records, 0.2) == 0
    assert not gaps(records, "line_busy")
    assert analyzer.connections == 1, "one owner of the wire"


def test_without_a_daemon_a_reading_is_taken_directly(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """Commissioning begins with one instrument and no daemon."""
    agent = AgentProcess(tmp_path, HEAD + device("so2", at_port(analyzer), "1s"))
    good, as_json = agent.command("read", "so2"), agent.command("read", "so2", "--json")
    analyzer.misbehave = misbehaviour.exception(6)
    busy = agent.command("read", "so2")

    assert (good.returncode, good.stdout.split()[-3:]) == (0, ["so2", "17", "valid"])
    assert json.loads(as_json.stdout)["readings"][0]["value"] == 17
    assert busy.returncode == 3
    assert "exception 6" in busy.stderr


@pytest.mark.parametrize("running", [True, False], ids=["daemon", "direct"])
def test_an_unknown_device_is_answered_with_the_nearest_names(
    analyzer: ModbusTcpServer, tmp_path: Path, running: bool
) -> None:
    """Names are typed on a roof, in gloves."""
    text = HEAD + device("so2", at_port(analyzer), "1s")
    agent = AgentProcess(tmp_path, text)
    if running:
        agent.start()
    asked = agent.command("read", "SO2-")
    if running:
        agent.stop()

    assert asked.returncode == 2
    assert "there is no device called SO2-" in asked.stderr
    assert "Did you mean so2?" in asked.stderr


def test_the_reading_group_may_look_and_the_acting_group_may_act(analyzer: ModbusTcpServer, open_folder: Path) -> None:
    """Who changes how a station runs is in the audit stream, with the user id that the kernel tells."""
    ours = some_group()
    answers, text = [], HEAD + device("so2", at_port(analyzer), "100ms")
    for acting in (other_group(ours), ours):
        groups = f'read_group = "{ours.gr_name}"\nact_group = "{acting.gr_name}"\n'
        config = text.replace("[store]", f"{groups}[store]")
        with AgentProcess(open_folder, config, prelude=TAKES_MEMBERS_FOR_OTHERS) as agent:
            agent.config.write_text(config.replace("100ms", "200ms"))
            answers += [as_member(agent, ours, "read", "so2"), as_member(agent, ours, "reload")]
            if acting is ours:
                agent.until(lambda: agent.events("reload_ordered"), "a record of who ordered it")
            orders = agent.events("reload_ordered")

    looks, refused, _, acts = answers
    assert looks.returncode == 0, looks.stderr
    assert refused.returncode != 0
    assert "may look, but not act" in refused.stderr
    assert (acts.returncode, acts.stdout) == (0, "device so2 was changed\n")
    assert [order["data"] for order in orders] == [{"changes": ["device so2 was changed"], "uid": MEMBER}]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def test_systemd_hears_ready_alive_reloading_and_stopping(
    analyzer: ModbusTcpServer, systemd: Systemd, tmp_path: Path
) -> None:
    """Type=notify: units that come after us start when we poll, and a reload ends when it is done."""
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
    text = HEAD + device("so2", at_port(analyzer), "100ms")
    with AgentProcess(tmp_path / "agent", text, environment=environment) as agent:
        agent.until(lambda: systemd.fed >= 3, "three feeds")
        assert systemd.messages[0] == "READY=1"
        assert agent.command("reload").returncode == 0
        agent.until(lambda: systemd.messages.count("READY=1") == 2, "the end of the reload")
        assert agent.stop() == 0

    reloading = systemd.messages.index("RELOADING=1")
    assert systemd.messages[reloading + 1].startswith("MONOTONIC_USEC=")
    assert "STOPPING=1" in systemd.messages
    times = [at for at, line in systemd.heard if line == "WATCHDOG=1"]
    assert len(times) >= 3


def test_a_systemd_that_does_not_listen_stops_no_poll(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """Its queue holds ten messages: while it is busy with itself, the eleventh must not be waited for."""
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "40000"}
    text = HEAD + device("so2", at_port(analyzer), "200ms")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        with AgentProcess(tmp_path / "agent", text, environment=environment) as agent:
            agent.until(lambda: polled(agent) >= 8, "eight polls")
            assert agent.stop() == 0
            records = agent.records("measurement")
        assert deaf.recv(100).startswith(b"READY=1")

    assert unaccounted(records, 0.2) == 0
    assert not gaps(records, "line_busy")


@asynccontextmanager
async def working(config: Path) -> AsyncIterator[Daemon]:
    """The daemon in this process, until the context is left; a defect of it fails the test."""
    daemon = Daemon(config)
    task = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon._stop.set()
        assert await task == 0


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"no {what} within {timeout_s:g} s"
        await asyncio.sleep(0.01)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch, systemd: Systemd, tmp_path: Path) -> None:
    """Every task turns ten times a second, and has stalled after one second without a turn."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    for name, seconds_ in {
        "watchdog.STALLED_S": 1.0,
        "clock.TURN_S": 0.1,
        "recorder.CURSOR_S": 0.2,
        "recorder.RETRY_S": 0.1,
        "keeper.REST_S": 0.1,
        "uplink.uplink.BEAT_S": 0.1,
    }.items():
        monkeypatch.setattr(f"agent.{name}", seconds_)


async def stuck_link(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    go_on = asyncio.Event()
    honest = LinkPoller._turn

    async def stand_still(poller: LinkPoller) -> None:
        await go_on.wait()
        await honest(poller)

    monkeypatch.setattr(LinkPoller, "_turn", stand_still)
    return go_on.set


async def stuck_recorder(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    go_on = threading.Event()
    daemon._writing_for_test = asyncio.create_task(  # type: ignore[attr-defined]
        daemon._recorder.write(lambda _: go_on.wait(10))
    )
    return go_on.set


async def stuck_uplink(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    go_on = asyncio.Event()

    async def stand_still(_uplink: Uplink) -> None:
        await go_on.wait()

    monkeypatch.setattr(Uplink, "_turn", stand_still)
    return lambda: (monkeypatch.undo(), go_on.set())  # type: ignore[func-returns-value]


@pytest.mark.parametrize("stick", [stuck_link, stuck_recorder, stuck_uplink], ids=["link", "recorder", "uplink"])
async def test_the_watchdog_starves_when_a_task_no_longer_turns(
    tmp_path: Path,
    systemd: Systemd,
    hurry: None,
    monkeypatch: pytest.MonkeyPatch,
    stick: Callable[[Daemon, pytest.MonkeyPatch], Awaitable[Callable[[], None]]],
) -> None:
    """A process that lives and does not work is worse than one that died: nobody restarts it."""
    async with ModbusTcpServer({1: Unit(holding={0: 17})}) as server:
        config = tmp_path / "station.toml"
        dead = f"mqtt://127.0.0.1:{free_port()}"
        config.write_text(HEAD + device("so2", at_port(server), "100ms") + uplink("city", dead))
        async with working(config) as daemon:
            await until(lambda: systemd.fed >= 12, "more than a second of feeding")
            release = await stick(daemon, monkeypatch)

            await until(lambda: time.monotonic() - systemd.heard[-1][0] > 0.6, "an end of the feeding")
            release()


async def test_the_watchdog_is_fed_while_disk_and_broker_are_dead(
    tmp_path: Path, systemd: Systemd, hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for life, not for success: a restart repairs no disk, and costs what waits in memory."""

    def refuse(store: Store, *_: object, **__: object) -> None:
        raise LogWriteError(store.path, "Input/output error")

    async with ModbusTcpServer({1: Unit(holding={0: 17})}) as server:
        config = tmp_path / "station.toml"
        dead = f"mqtt://127.0.0.1:{free_port()}"
        config.write_text(HEAD + device("so2", at_port(server), "100ms") + uplink("city", dead))
        async with working(config) as daemon:
            await until(lambda: systemd.fed >= 3, "three feeds")
            with monkeypatch.context() as broken:
                broken.setattr(Store, "append", refuse)
                await until(lambda: daemon._recorder.waiting, "a refusal")
                fed, began_s = systemd.fed, time.monotonic()
                await until(lambda: systemd.fed >= fed + 20, "twenty more")
                assert time.monotonic() - began_s > 1.5, "longer than a task may stand still"
                held, _ = daemon._recorder.held_back
                assert held >= 15, "polling went on"


DEFECTS = {
    "link": "from agent.polling.device import DevicePoller as Thing; name = 'turn'",
    "uplink": "from agent.uplink.uplink import Uplink as Thing; name = '_attempt'",
    "recorder": "from agent.store.store import Store as Thing; name = 'append'",
    "keeper": "from agent.keeper import Keeper as Thing; name = '_turn'",
    "health": "from agent.health import Health as Thing; name = 'snapshot'",
}


@pytest.mark.parametrize("where", DEFECTS)
def test_a_defect_in_any_task_ends_the_daemon_and_is_in_the_log(
    analyzer: ModbusTcpServer, tmp_path: Path, where: str
) -> None:
    """Half a daemon looks healthy for weeks. A whole end is repaired by systemd in five seconds."""
    prelude = f"{DEFECTS[where]}\ndef defect(*_, **__): raise RuntimeError('a defect')\nsetattr(Thing, name, defect)"
    text = HEAD + device("so2", at_port(analyzer), "100ms") + uplink("city", f"mqtt://127.0.0.1:{free_port()}")
    agent = AgentProcess(tmp_path, text, prelude=prelude)
    agent.spawn()

    code = agent.wait()

    assert code not in (0, 2, 3)
    (failed,) = [line for line in said(agent) if line["event"] == "agent_failed"]
    assert failed["level"] == "critical"
    assert "Traceback" in failed["exception"]
    assert "RuntimeError: a defect" in failed["exception"]
    if (tmp_path / "run" / "status.json").exists():
        assert agent.status()["ended"] is False, "it did not stop because somebody wanted it to"


def test_what_the_daemon_says_is_one_json_object_a_line(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """Journald keeps lines; a search over a hundred stations needs keys."""
    text = HEAD + device("so2", at_port(analyzer), "100ms") + uplink("city", f"mqtt://127.0.0.1:{free_port()}")
    with AgentProcess(tmp_path, text) as agent:
        analyzer.misbehave = misbehaviour.silence
        agent.until(lambda: agent.status()["devices"][0]["state"] == "failing", "a loss")
        agent.until(lambda: agent.status()["uplinks"][0]["error"], "a refused connection")

    lines = said(agent)
    assert all({"event", "level", "time"} <= line.keys() for line in lines)
    events = [line["event"] for line in lines]
    assert (events[0], events[-1]) == ("agent_started", "agent_stopped")
    lost = next(line for line in lines if line["event"] == "device_lost")
    assert (lost["device"], lost["reason"], lost["level"]) == ("so2", "no_reply", "warning")
    assert lost["hint"]


def test_while_the_disk_refuses_polling_goes_on_and_nothing_that_waited_is_lost(
    analyzer: ModbusTcpServer, tmp_path: Path
) -> None:
    """A disk that fails for an hour costs no reading: they wait in memory, seen, and are stored in their order."""
    hurry = "import agent.recorder; agent.recorder.RETRY_S = 0.3"
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(analyzer), "100ms"), prelude=hurry) as agent:
        agent.until(lambda: polled(agent) >= 5, "five polls")
        before = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (32_768, resource.RLIM_INFINITY))
        agent.until(lambda: agent.status()["store"]["refused"], "a refusal")
        seen = polled(agent)
        agent.until(lambda: polled(agent) >= seen + 20, "twenty polls")
        screen, snapshot = agent.command("status"), agent.status()
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, before)
        agent.until(lambda: agent.events("log_recovered"), "recovery")
        assert agent.stop() == 0
        records, (recovered,) = agent.records("measurement"), agent.events("log_recovered")
        assert agent.command("verify").returncode == 0

    assert screen.returncode == 2
    assert "critical log:" in " ".join(screen.stdout.split())
    assert "records wait in memory, 0 are lost" in " ".join(screen.stdout.split())
    assert snapshot["store"]["waiting"]["records"] >= 20
    assert unaccounted(records, 0.1) == 0
    assert len(readings(records)) >= seen + 20
    assert recovered["data"]["seconds"] > 1.5
    assert recovered["data"]["lost"] == {}
    assert recovered["data"]["error"]


def fill(path: Path, quota: int) -> int:
    """A log of this station that has reached its quota; returns how many measurements it holds."""
    began = datetime.now(UTC) - timedelta(hours=1)
    store = Store.open(path, station="test-1", machine=machine_id(), quota=quota, now_ms=int(began.timestamp() * 1000))
    store.set_uplinks({"city": "oldest"})
    words = {"device": "so2", "values": {"so2": 1}, "note": "x" * 400}
    try:
        for second in range(10_000):
            store.append([draft(Stream.MEASUREMENT, began + timedelta(seconds=second / 10), words)])
    except LogFullError:
        return store.last(Stream.MEASUREMENT)
    finally:
        store.close()
    raise AssertionError("the quota was never reached")


def test_at_quota_the_uplink_that_comes_back_makes_room(analyzer: ModbusTcpServer, tmp_path: Path) -> None:
    """What nobody has is never freed: the log stands still, polling does not, and delivery ends it."""
    tmp_path.joinpath("agent").mkdir()
    old = fill(tmp_path / "agent" / "store.db", 1_000_000)
    broker = Mosquitto(tmp_path / "broker")
    head = HEAD.replace('"store.db"\n', '"store.db"\nquota = "1MB"\n')
    city = uplink("city", broker.url) + 'from = "oldest"\n'
    text = head + device("so2", at_port(analyzer), "100ms") + city
    hurry = "import agent.keeper, agent.recorder; agent.keeper.REST_S = agent.recorder.RETRY_S = 0.5"
    with AgentProcess(tmp_path / "agent", text, prelude=hurry) as agent:
        agent.until(lambda: agent.status()["store"]["refused"] and polled(agent) >= 10, "a refusal")
        screen = agent.command("status")
        with broker, Consumer(broker.port) as consumer:
            agent.until(lambda: agent.events("log_recovered"), "room", timeout_s=30)
            assert agent.stop() == 0
            consumer.wait_for(lambda heard: len(heard.evidence().of("measurement")) > old, 10)
            evidence = consumer.evidence()

    assert screen.returncode == 2
    assert "its quota of 1 MB is used up" in " ".join(screen.stdout.split())
    evidence.assert_complete()
    fresh = evidence.of("measurement")[old:]
    assert unaccounted(fresh, 0.1) == 0
    assert len(readings(fresh)) >= 10
    (recovered,) = [record for record in evidence.of("event") if record["event"] == "log_recovered"]
    assert recovered["data"]["lost"] == {}
