"""Maintenance at the real daemon: marks on the data, through kills and clock steps, and no tick is missing for it."""

from __future__ import annotations

import getpass
import json
import os
import resource
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import FLOW, HEAD, SO2, at_port, device
from tests.simulators.technician import Said, Technician
from tests.simulators.ticks import readings, unaccounted
from tests.simulators.wallclock import WallClock
from tests.test_schemas import validator

ME = {"uid": os.getuid(), "user": getpass.getuser()}


Types = Callable[..., Said]
"""Runs a command at the station of the test."""


@pytest.fixture
def types(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Types:
    return Technician(tmp_path, capsys).types


@pytest.fixture
def station(bench: Bench) -> str:
    """Two analyzers, and a manifold before one of them."""
    servers = [bench.serve(ModbusTcpServer({1: Unit(holding={0: 17, 1: 5})})) for _ in range(3)]
    so2, o3, manifold = map(at_port, servers)
    return "".join(
        [
            HEAD,
            device("so2", so2, "100ms", SO2, FLOW),
            device("o3", o3, "100ms", SO2.replace("so2", "o3")),
            device("manifold", manifold, "100ms", FLOW, affects='["o3"]'),
        ]
    )


def mark(agent: AgentProcess, name: str) -> str:
    """The quality of the last reading of device *name*."""
    last = readings(agent.records("parameter" if name == "manifold" else "measurement", name))[-1:]
    return str(next(iter(last[0].get("quality", {}).values()), "valid")) if last else "none"


def marks(agent: AgentProcess) -> list[str]:
    return [mark(agent, name) for name in ("so2", "o3", "manifold")]


def told(agent: AgentProcess) -> list[tuple[str, dict[str, Any]]]:
    """What the audit stream says of maintenance, all of it as it is published."""
    records = [one for one in agent.records("audit") if one["event"].startswith("maintenance_")]
    for record in records:
        validator("event").validate(record)
    return [(one["event"], one["data"]) for one in records]


def test_data_are_marked_and_never_missing_until_it_ends_by_itself(station: str, tmp_path: Path, types: Types) -> None:
    """What was measured during the work is kept, marked; who forgets to say that it is over loses no good data."""
    with AgentProcess(tmp_path, station) as agent:
        agent.until(lambda: marks(agent) == ["valid"] * 3, "readings")
        begin = types("maintenance", "start", "so2", "--reason", "sample filter", "--order", "WO-7")
        agent.until(lambda: marks(agent) == ["maintenance", "valid", "valid"], "marks")
        agent.until(lambda: agent.status()["maintenance"], "a snapshot that says so")
        shown = types("maintenance")
        extended = types("maintenance", "start", "so2", "--reason", "pump too", "--for", "2s")
        agent.until(lambda: marks(agent) == ["valid"] * 3, "the end of it")
        none = types("maintenance")
        records, audits = agent.records("measurement", "so2"), told(agent)

    assert (begin.code, extended.code, none.code) == (0, 0, 0), begin.err + extended.err
    assert shown.out.splitlines()[1].split()[-2:] == [ME["user"], "WO-7"]
    assert shown.out.splitlines()[2].strip() == "sample filter"
    assert none.out == "no maintenance runs\n"
    assert unaccounted(records, 0.1) == 0
    marked = [one for one in readings(records) if one.get("quality") == {"so2": "maintenance"}]
    assert marked
    assert {one["values"]["so2"] for one in marked} == {17}, "the value is kept"
    (started, words), (went_on, more), (ended, last) = audits
    assert (started, went_on, ended) == ("maintenance_started", "maintenance_extended", "maintenance_ended")
    assert words | ME | {"reason": "sample filter", "order": "WO-7", "for_s": 8 * 3600} == words
    assert more | ME | {"reason": "pump too", "started": words["started"]} == more
    assert (last["why"], last["ended"], last["seconds"] >= 2) == ("time", more["until"], True)


def test_neither_a_kill_nor_a_step_of_the_clock_ends_the_work(station: str, tmp_path: Path, types: Types) -> None:
    """Somebody works on the rack and on the time server: marks end when the work does."""
    clock = WallClock(tmp_path)
    with AgentProcess(tmp_path, station, environment=clock.environment) as agent:
        agent.until(lambda: marks(agent) == ["valid"] * 3, "readings")
        assert types("maintenance", "start", "all", "--reason", "audit", "--for", "1h").code == 0
        agent.until(lambda: marks(agent) == ["maintenance"] * 3, "marks")
        clock.step(86_400)
        agent.until(lambda: agent.events("clock_stepped"), "a step")
        agent.kill()
        before = len(readings(agent.records("measurement", "so2")))
        dead = types("maintenance", "--json")
        agent.start()
        agent.until(lambda: len(readings(agent.records("measurement", "so2"))) >= before + 5, "readings")
        after = readings(agent.records("measurement", "so2"))[before:]
        stop = types("maintenance", "stop", "all")
        agent.until(lambda: marks(agent) == ["valid"] * 3, "the end of it")
        *_, (name, last) = told(agent)

    assert [one["quality"]["so2"] for one in after[:5]] == ["maintenance"] * 5
    assert json.loads(dead.out)["subject"] == "all"
    assert stop.out.startswith("maintenance of all ended after ")
    assert (name, last["why"], last["seconds"] < 600) == ("maintenance_ended", "stopped", True)
    assert last | ME == last


def test_what_ran_out_while_the_agent_was_dead_is_over_at_the_start(station: str, tmp_path: Path, types: Types) -> None:
    """The record says when the marks were to end, not when the agent came back."""
    words = ("maintenance", "start", "manifold", "--reason", "wash", "--for")
    with AgentProcess(tmp_path, station) as agent:
        assert types(*words, "1h").code == 0
        agent.until(lambda: marks(agent) == ["valid", "maintenance", "maintenance"], "marks on what is behind it too")
        assert types(*words, "1s").code == 0
        agent.kill()
        until = told(agent)[1][1]["until"]
        time.sleep(max(0.0, datetime.fromisoformat(until).timestamp() - time.time()))
        agent.start()
        agent.until(lambda: len(told(agent)) == 3, "the end of it")
        agent.until(lambda: marks(agent) == ["valid"] * 3, "readings")
        (_, last) = told(agent)[2]

    assert (last["why"], last["ended"], last["subject"]) == ("time", until, "manifold")


def test_work_on_a_device_that_a_reload_takes_away_is_shown_and_can_be_ended(
    station: str, tmp_path: Path, types: Types
) -> None:
    """The instrument goes to the workshop in the middle of it; the work on all the others goes on."""
    so2 = station[station.index("[[device]]") : station.index('[[device]]\nname = "o3"')]
    with AgentProcess(tmp_path, station) as agent:
        agent.until(lambda: marks(agent) == ["valid"] * 3, "readings")
        assert types("maintenance", "start", "all", "--reason", "audit").code == 0
        assert types("maintenance", "start", "so2", "--reason", "pump").code == 0
        agent.config.write_text(station.replace(so2, ""))
        assert types("reload").code == 0
        running = types("maintenance", "--json").news
        refused = types("maintenance", "start", "so2", "--reason", "pump")
        ended = types("maintenance", "stop", "so2")
        agent.until(lambda: mark(agent, "o3") == "maintenance", "a mark on what is left")
        assert types("maintenance", "stop", "all").code == 0
        agent.until(lambda: mark(agent, "o3") == "valid", "the end of it")
    assert [one["subject"] for one in running] == ["all", "so2"]
    assert (refused.code, "there is no device called so2" in refused.err, ended.code) == (2, True, 0)
    assert [data["subject"] for name, data in told(agent) if name == "maintenance_ended"] == ["so2", "all"]


def test_what_the_disk_does_not_take_is_done_and_said_to_wait(station: str, tmp_path: Path, types: Types) -> None:
    """Who relies on a record must know that it is not there yet."""
    hurry = "import agent.recorder as r, agent.operations.desk as d; r.RETRY_S = 0.3; d.STORED_S = 0.5"
    with AgentProcess(tmp_path, station, prelude=hurry) as agent:
        agent.until(lambda: marks(agent) == ["valid"] * 3, "readings")
        before = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (32_768, resource.RLIM_INFINITY))
        agent.until(lambda: agent.status()["store"]["refused"], "a refusal")
        asked = types("maintenance", "start", "so2", "--reason", "pump")
        shown = types("maintenance")
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, before)
        agent.until(lambda: told(agent), "the record")

    assert (asked.code, "waits in memory" in asked.err) == (1, True)
    assert "so2" in shown.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("start", "SO2-", "--reason", "x"), "Did you mean so2?"),
        (("start", "so2", "--reason", " "), "reason cannot be taken"),
        (("start", "so2", "--reason", "x", "--for", "31d"), "it must be between 1s and 30d"),
        (("stop", "so2"), "no maintenance of so2 runs"),
    ],
)
def test_a_mistake_is_answered_and_nothing_is_recorded(
    running: AgentProcess, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error must neither mark data nor leave a record."""
    before = told(running)
    asked = Technician(running.folder, capsys).types("maintenance", *words)

    assert (asked.code, "Traceback" in asked.err) == (2, False)
    assert said in asked.err
    assert told(running) == before


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A daemon for those who only make mistakes."""
    with Bench() as bench:
        server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17, 1: 5})}))
        text = HEAD + device("so2", at_port(server), "1s")
        with AgentProcess(tmp_path_factory.mktemp("running"), text) as agent:
            yield agent
