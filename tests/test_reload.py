"""A new configuration while the station works: what changed takes its place, and nothing else notices."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agent.store.store import LogFullError, Store
from drivers.reading import Stream
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, SO2, at_port, device, shared, uplink
from tests.simulators.ticks import gaps, readings, ticks, unaccounted
from tests.simulators.working_station import WorkingStation

WRONG = 'colour = "green"\n[[device]]\nname = "so2"\nevery = "5 parsecs"\n'


def rewrite(agent: AgentProcess, text: str) -> None:
    """Save another station file."""
    agent.config.write_text(text)


def names(agent: AgentProcess, kind: str) -> list[str]:
    """The devices or uplinks at work."""
    return sorted(one["name"] for one in agent.status()[kind])


def applied(agent: AgentProcess) -> list[str]:
    """The digests of the configurations that were applied, as the audit stream has them."""
    return [record["data"]["sha256"] for record in agent.events("configuration_applied")]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def polled(agent: AgentProcess, name: str) -> int:
    """How many readings of a device the log holds."""
    return len(readings(agent.records("measurement", name)))


def test_links_and_uplinks_that_did_not_change_notice_nothing(bench: Bench, broker: Mosquitto, tmp_path: Path) -> None:
    """A second analyzer is no reason for a hole in the data of the first, nor for a reconnect to the city."""
    units = {number: Unit(holding={0: number}) for number in range(1, 5)}
    first, bus, late = (bench.serve(ModbusTcpServer(units)) for _ in range(3))
    head = HEAD + uplink("city", broker.url) + shared(f"tcp://127.0.0.1:{bus.port}")
    kept = device("kept", at_port(first), "300ms") + device("neighbour", 'link = "bus"', "300ms", address=1)

    def on_bus(name: str, every: str, address: int) -> str:
        return device(name, 'link = "bus"', every, address=address)

    texts = [
        head + kept + on_bus("second", "100ms", 2) + on_bus("third", "200ms", 3),
        head
        + kept
        + on_bus("second", "200ms", 2)
        + device("new", at_port(late), "100ms")
        + uplink("state", broker.url),
        head + kept + on_bus("second", "200ms", 2) + device("new", at_port(late), "100ms") + uplink("land", broker.url),
        head + kept,
    ]
    with AgentProcess(tmp_path, texts[0]) as agent:

        def city() -> dict[str, Any]:
            return next(one for one in agent.status()["uplinks"] if one["name"] == "city")

        agent.until(lambda: city()["state"] == "connected", "a connection")
        agent.until(lambda: polled(agent, "kept") >= 2, "two polls")
        session = city()["session"]
        told = []
        for text in texts[1:]:
            rewrite(agent, text)
            told.append(agent.command("reload"))
            before = polled(agent, "kept")
            agent.until(lambda least=before + 3: polled(agent, "kept") >= least, "three polls more")  # type: ignore[misc]
        agent.until(lambda: names(agent, "devices") == ["kept", "neighbour"], "the last configuration")
        assert (city()["state"], city()["session"]) == ("connected", session)
        assert names(agent, "uplinks") == ["city"]
        assert agent.stop() == 0
        records = {name: agent.records("measurement", name) for name in ("kept", "neighbour", "second", "third", "new")}
        audit = applied(agent)

    assert [one.returncode for one in told] == [0, 0, 0]
    assert [sorted(one.stdout.splitlines()) for one in told] == [
        [
            "device new was added",
            "device second was changed",
            "device third was removed",
            "link new was added",
            "uplink state was added",
        ],
        ["uplink land was added", "uplink state was removed"],
        ["device new was removed", "device second was removed", "link new was removed", "uplink land was removed"],
    ]
    assert audit == [sha256(text) for text in texts]
    for name in ("kept", "neighbour"):
        assert unaccounted(records[name], 0.3) == 0, name
        assert not gaps(records[name], "line_busy") + gaps(records[name], "link_down"), name
    assert first.connections == 1
    assert readings(records["new"])


def test_sighup_reloads_too(bench: Bench, tmp_path: Path) -> None:
    """It is all that `systemctl reload` sends."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 1}), 2: Unit(holding={0: 2})}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "100ms")) as agent:
        other = HEAD + device("nox", at_port(server), "100ms", address=2)
        rewrite(agent, other)
        os.kill(agent.pid, signal.SIGHUP)
        agent.until(lambda: applied(agent)[-1:] == [sha256(other)], "the other configuration")
        agent.until(lambda: polled(agent, "nox") >= 1, "a reading")


def test_a_wrong_file_is_refused_with_all_its_mistakes_and_the_running_one_stays(bench: Bench, tmp_path: Path) -> None:
    """A typing error at midnight must not stop a station, and correcting it takes one round, not five."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 1})}))
    good = HEAD + device("so2", at_port(server), "100ms")
    with AgentProcess(tmp_path, good) as agent:
        rewrite(agent, HEAD + WRONG)
        refused = agent.command("reload")
        before = polled(agent, "so2")
        agent.until(lambda: polled(agent, "so2") > before, "further polls")
        agent.until(lambda: agent.status()["problems"], "a word in the status")
        status = agent.command("status")
        os.kill(agent.pid, signal.SIGHUP)
        agent.until(lambda: len(agent.events("configuration_refused")) == 2, "a second refusal")
        assert applied(agent) == [sha256(good)]
        rewrite(agent, good)
        again = agent.command("reload")
        agent.until(lambda: not agent.status()["problems"], "a clean status")

    assert refused.returncode == 2
    for words in ("colour", "5 parsecs", "so2", "station.toml:6"):
        assert words in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr
    assert status.returncode == 1
    assert "configuration" in status.stdout
    assert (again.returncode, again.stdout) == (0, "nothing changed\n")


def test_at_start_the_last_good_file_runs_in_place_of_a_wrong_one(bench: Bench, tmp_path: Path) -> None:
    """Power comes back at night, after somebody saved half a file: the station measures, and says what is wrong."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 1})}))
    good = HEAD + device("so2", at_port(server), "1s")  # at leisure: a busy machine must not make it look dead
    with AgentProcess(tmp_path, good) as agent:
        agent.until(lambda: polled(agent, "so2") >= 1, "a reading")
        agent.kill()
        rewrite(agent, HEAD + WRONG)
        before = polled(agent, "so2")
        agent.start()
        agent.until(lambda: polled(agent, "so2") > before, "readings")
        (event,) = agent.events("configuration_refused")
        status = agent.command("status")
        assert applied(agent) == [sha256(good), sha256(good)]
        rewrite(agent, "[[[ not even TOML")  # where the log lies can still be guessed, or not: then nothing runs
        still = agent.command("status")

    assert event["data"]["runs"] == "last good"
    assert "mistakes" in event["data"]["error"]
    assert status.returncode == 1
    assert "mistakes" in status.stdout.replace("\n", " ")
    assert still.returncode == 3, "no file, no folders: it cannot tell"


@pytest.mark.parametrize("command", ["run", "check"])
def test_without_a_last_good_file_a_wrong_one_is_answered_with_its_mistakes(tmp_path: Path, command: str) -> None:
    """The first start is when somebody watches: everything that is wrong, at once."""
    agent = AgentProcess(tmp_path, HEAD + WRONG)

    ended = agent.command(command)

    assert ended.returncode == 2
    assert "colour" in ended.stderr
    assert "5 parsecs" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_only_a_restart_can_change_is_refused_as_a_whole(bench: Bench, tmp_path: Path) -> None:
    """A log belongs to one station: half of a new configuration would be worse than the old one."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 1})}))
    good = HEAD + device("so2", at_port(server), "100ms")
    with AgentProcess(tmp_path, good) as agent:
        rewrite(agent, good.replace('"test-1"', '"test-2"').replace('"so2"', '"nox"'))
        renamed = agent.command("reload")
        rewrite(agent, good.replace('path = "store.db"', 'path = "store.db"\nquota = "2GB"'))
        resized = agent.command("reload")
        assert names(agent, "devices") == ["so2"]
        agent.until(lambda: len(agent.events("configuration_refused")) == 2, "a record of each refusal")
        assert len(applied(agent)) == 1

    for one, key in ((renamed, "station.id"), (resized, "store.quota")):
        assert one.returncode == 2
        assert key in one.stderr
        assert "restart" in one.stderr


PROFILE = """model = "T1"
maker = "Acme"
kind = "test"
manual = "none"
source = "none"
confidence = "unverified"
[[channel]]
name = "so2"
register = 0
scale = {scale}
"""


def test_a_profile_beside_the_file_belongs_to_the_configuration(bench: Bench, tmp_path: Path) -> None:
    """A corrected scale counts from the reload on, though the station file is the same."""
    (tmp_path / "profiles").mkdir()
    profile = tmp_path / "profiles" / "acme-t1.toml"
    profile.write_text(PROFILE.format(scale=1))
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 25})}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "100ms", profile="acme-t1")) as agent:
        agent.until(lambda: polled(agent, "so2") >= 1, "a reading")
        profile.write_text(PROFILE.format(scale="0.1"))
        told = agent.command("reload")
        agent.until(lambda: agent.records("measurement")[-1]["values"]["so2"] == 2.5, "the new scale")
        old, new = agent.records("measurement")[0], agent.records("measurement")[-1]

    assert (told.returncode, told.stdout) == (0, "device so2 was changed\n")
    assert old["values"]["so2"] == 25
    assert old["meta"] != new["meta"], "a consumer sees that the meaning changed"


async def test_a_device_keeps_its_history_when_its_neighbour_changes(tmp_path: Path) -> None:
    """A dead device stays dead, with its rest and its first time: a reload nearby is no news about it."""
    units = {1: Unit(holding={0: 1}), 2: Unit(holding={0: 2})}
    async with ModbusTcpServer(units, misbehave=misbehaviour.for_unit(2, misbehaviour.silence)) as server:
        alive = device("alive", 'link = "bus"', "100ms", address=1)
        dead = device("dead", 'link = "bus"', "100ms", address=2, timeout='"20ms"')
        head = HEAD + shared(f"tcp://127.0.0.1:{server.port}")
        async with WorkingStation(tmp_path, head + alive + dead) as station:
            await station.until(lambda: station.poller("dead").condition.state == "failing", "loss")
            since = station.poller("dead").condition.since
            await station.change(head + alive.replace("100ms", "200ms") + dead)
            assert (station.poller("dead").condition.state, station.poller("dead").condition.since) == (
                "failing",
                since,
            )
            index = station.poller("dead").index
            await station.until(lambda: station.poller("dead").index >= index + 5, "five ticks")
            await station.station.stop_polling()
            await station.recorder.flushed()
            assert len(await station.events("device_lost")) == 1
            records = await station.records(Stream.MEASUREMENT, "dead")

    asked = [request for _, request in server.requests if request[6] == 2]
    assert len(asked) == 1, "its rest was not cut short"
    assert ticks(gaps(records, "no_reply")) == ticks(records)


async def test_a_poll_under_way_is_not_lost_to_a_reload(tmp_path: Path) -> None:
    """The tick that is being asked for when the wire changes hands still gets its reading."""
    units = {1: Unit(holding={0: 1}), 2: Unit(holding={0: 2})}
    async with ModbusTcpServer(units, misbehave=misbehaviour.late(0.06)) as server:
        head, kept = HEAD + shared(f"tcp://127.0.0.1:{server.port}"), device("kept", 'link = "bus"', "300ms")
        async with WorkingStation(tmp_path, head + kept) as station:
            begun = station.poller("kept").index
            for extra in ("", device("extra", 'link = "bus"', "1s", address=2)) * 3:
                seen = len(server.requests)
                await station.until(lambda least=seen: len(server.requests) > least, "a request")  # type: ignore[misc]
                await station.change(head + kept + extra)
            await station.station.stop_polling()
            await station.recorder.flushed()
            records, ended = await station.records(Stream.MEASUREMENT, "kept"), station.poller("kept").index

    assert ticks(records) == ended - begun
    assert not gaps(records, "line_busy") + gaps(records, "link_down")


async def test_while_the_log_takes_nothing_a_reload_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new uplink must be known to a log before it counts; a full disk then refuses the file, not the polling."""

    def full(store: Store, *_: object) -> None:
        raise LogFullError(store.path, "disk", 0)

    async with ModbusTcpServer({1: Unit(holding={0: 1})}) as server:
        good = HEAD + device("so2", at_port(server), "100ms", SO2)
        async with WorkingStation(tmp_path, good) as station:
            monkeypatch.setattr(Store, "set_uplinks", full)
            with pytest.raises(LogFullError, match="disk is full"):
                await station.change(HEAD + uplink("city", f"mqtt://127.0.0.1:{free_port()}"))
            before = station.poller("so2").condition.polled
            await station.until(lambda: station.poller("so2").condition.polled > before, "further polls")
            assert station.station.uplinks == {}
