"""Alarms of the real daemon: what they outlive, who acts on them, and what the command line shows of them."""

from __future__ import annotations

import getpass
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.operations.history import lives
from agent.store.reader import Reader
from agent.store.store import Store
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, SO2, at_port, device, uplink
from tests.simulators.technician import Said, Technician
from tests.simulators.ticks import seconds
from tests.simulators.working_station import WorkingStation
from tests.test_schemas import validator

FLOW = """[[device.channel]]
name = "flow"
stream = "parameter"
group = "instrument"
register = 1
unit = "L/min"
normal = [500, 700]
affects = ["so2"]
"""
STATE = """[[device.channel]]
name = "state"
stream = "parameter"
group = "instrument"
register = 2
type = "bits"
[device.channel.bits]
0 = { name = "lamp", quality = "fault", alarm = true }
1 = { name = "door", alarm = true }
"""
QUICK = "import agent.operations.alarms as a; a.HOLD_S, a.LONGEST_HOLD_S, a.SILENCE_S = 0.3, 0.3, 0.3"
"""An alarm is cleared at once in place of a minute later."""


Types = Callable[..., Said]
"""Runs a command at the station of the test."""


@pytest.fixture
def types(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Types:
    return Technician(tmp_path, capsys).types


def station(server: ModbusTcpServer, every: str = "100ms") -> str:
    return HEAD + device("so2", at_port(server), every, SO2, FLOW, STATE)


def of(agent: AgentProcess, event: str) -> list[dict[str, Any]]:
    """What the records called *event* say, which is as it is published."""
    records = agent.events(event)
    for record in records:
        validator("event").validate(record)
    return [record["data"] for record in records]


def heard(consumer: Consumer) -> list[str]:
    """What arrived of alarms at the broker, in the order of its time."""
    records = [*consumer.evidence().of("event"), *consumer.evidence().of("audit")]
    return [one["event"] for one in sorted(records, key=seconds) if one["event"].startswith("alarm_")]


def remembered(agent: AgentProcess) -> list[dict[str, Any]]:
    """The open alarms that the log keeps."""
    with Reader.open(agent.store) as log:
        return list(json.loads(log.fact("alarms") or "[]"))


def test_an_alarm_outlives_a_kill_and_is_acknowledged_and_closed_by_somebody(
    bench: Bench, broker: Mosquitto, tmp_path: Path, types: Types
) -> None:
    """One alarm, whatever happens to the agent meanwhile; every step of its life is a record with its id."""
    unit = Unit(holding={0: 17, 1: 312, 2: 0})
    server = bench.serve(ModbusTcpServer({1: unit}))
    text = station(server) + uplink("city", broker.url)
    with Consumer(broker.port) as consumer, AgentProcess(tmp_path, text, prelude=QUICK) as agent:
        agent.until(lambda: of(agent, "alarm_raised"), "an alarm")
        agent.kill()
        dead = types("alarms")
        agent.start()
        agent.until(lambda: agent.status()["devices"][0]["polled"] >= 5, "polls")
        (raised,) = of(agent, "alarm_raised")
        early = types("alarms", "close", raised["id"], "--reason", "never mind")
        ack = types("alarms", "ack", raised["id"][:5])
        seen = types("alarms", "--json")
        agent.until(lambda: agent.status()["alarms"][0]["acknowledged"], "a snapshot that says so")
        bench.call(lambda: unit.holding.update({1: 610}))
        agent.until(lambda: of(agent, "alarm_cleared"), "the end of it")
        close = types("alarms", "close", raised["id"], "--reason", "pump head replaced")
        none, past = types("alarms"), types("alarms", "--since", "1h")
        acknowledged, cleared, closed = (of(agent, f"alarm_{what}") for what in ("acknowledged", "cleared", "closed"))
        agent.until(lambda: heard(consumer)[-1:] == ["alarm_closed"], "all of it at the broker")

    assert (dead.code, dead.out.splitlines()[1].split()[:3]) == (1, [raised["id"], "warning", "active"])
    assert "flow was 312 L/min, outside 500 to 700" in dead.out
    assert (raised["value"], raised["normal"], raised["affects"]) == (312, [500, 700], ["so2.so2"])
    assert raised["after"].keys() == {"measurement", "parameter"}
    assert (early.code, f"alarms ack {raised['id']}" in early.err) == (2, True)
    assert (ack.code, ack.out) == (0, f"acknowledged: {raised['id']}\n")
    assert (seen.code, json.loads(seen.out)["state"]) == (0, "acknowledged")
    me = {"uid": os.getuid(), "user": getpass.getuser()}
    assert [one | {"id": raised["id"], **me} for one in (*acknowledged, *closed)] == [*acknowledged, *closed]
    assert [one["id"] for one in cleared] == [raised["id"]]
    assert (close.code, closed[0]["reason"], closed[0]["times"]) == (0, "pump head replaced", 1)
    assert (none.code, none.out) == (0, "no alarm is open\n")
    assert "pump head replaced" in past.out
    assert heard(consumer) == [f"alarm_{step}" for step in ("raised", "acknowledged", "cleared", "closed")]


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_wherever_it_is_killed_the_log_tells_which_alarms_are_open(bench: Bench, tmp_path: Path, rounds: int) -> None:
    """State and record are one transaction: neither an alarm without a beginning nor one without an end."""
    unit = Unit(holding={0: 17, 1: 600, 2: 0})
    server = bench.serve(ModbusTcpServer({1: unit}))
    with AgentProcess(tmp_path, station(server, "20ms"), prelude=QUICK.replace("0.3", "0.0")) as agent:
        for number in range(rounds):
            before = len(agent.events("alarm_raised"))

            def grown(since: int = before) -> bool:
                bench.call(lambda: unit.holding.update({1: random.choice((300, 600)), 2: random.randrange(4)}))
                return len(agent.events("alarm_raised")) >= since + 5

            agent.until(grown, "alarms")
            agent.kill()
            records = sorted(agent.records("event") + agent.records("audit"), key=seconds)
            told = {one["id"]: (one["state"], one["raised"], one["times"]) for one in lives(records)}
            assert {one["id"]: (one["state"], one["raised"], one["times"]) for one in remembered(agent)} == told, number
            agent.start()


def test_a_device_that_gives_nothing_is_an_alarm_until_it_answers(bench: Bench, tmp_path: Path, types: Types) -> None:
    """Nobody looks at a station at night; what the platform gets must say that an instrument is gone."""
    unit = Unit(holding={0: 17, 1: 600, 2: 0})
    server = bench.serve(ModbusTcpServer({1: unit}))
    hurry = f"{QUICK}; import agent.polling.device as d; d.FIRST_REST_S = d.LONGEST_REST_S = 0.2"
    with AgentProcess(tmp_path, station(server), prelude=hurry) as agent:
        agent.until(lambda: agent.status()["devices"][0]["polled"] >= 3, "polls")
        bench.call(lambda: setattr(server, "misbehave", lambda _request, _honest: ()))
        agent.until(lambda: of(agent, "alarm_raised"), "an alarm")
        bench.call(lambda: setattr(server, "misbehave", None))
        agent.until(lambda: of(agent, "alarm_cleared"), "the end of it")
        (raised,), (cleared,) = of(agent, "alarm_raised"), of(agent, "alarm_cleared")
        screen = types("alarms")

    assert (raised["class"], raised["severity"], raised["reason"]) == ("silence", "critical", "no_reply")
    assert (cleared["id"], cleared["seconds"] > 0) == (raised["id"], True)
    assert screen.out.splitlines()[1].split()[:3] == [raised["id"], "critical", "cleared"]


def test_an_alarm_of_what_is_configured_no_more_is_over(bench: Bench, tmp_path: Path, types: Types) -> None:
    """An instrument that was carried away cannot say that its lamp is well; the list must not keep it for ever."""
    unit = Unit(holding={0: 17, 1: 600, 2: 3})
    server = bench.serve(ModbusTcpServer({1: unit}))
    with AgentProcess(tmp_path, station(server)) as agent:
        agent.until(lambda: len(of(agent, "alarm_raised")) == 2, "two alarms")
        agent.config.write_text(station(server).replace("alarm = true }\n1", "alarm = false }\n1"))
        assert types("reload").code == 0
        agent.until(lambda: of(agent, "alarm_cleared"), "the end of one")
        (cleared,) = of(agent, "alarm_cleared")
        states = {one["flag"]: one["state"] for one in remembered(agent)}
        severities = {one["flag"]: one["severity"] for one in of(agent, "alarm_raised")}

    assert (cleared["flag"], cleared["why"]) == ("lamp", "not configured")
    assert states == {"lamp": "cleared", "door": "active"}
    assert severities == {"lamp": "critical", "door": "warning"}


@pytest.mark.parametrize("text", ["{", "[1]", '[{"id": "k3nab7q2"}]', "null", '{"id": 1}'])
async def test_what_is_remembered_wrongly_is_no_reason_not_to_measure(text: str, tmp_path: Path) -> None:
    """A bad sector in a list of alarms must not keep the daemon from starting, for ever."""
    log = tmp_path / "store.db"
    store = Store.open(log, station="test-1", machine="test", quota=50_000_000, now_ms=int(time.time() * 1000))
    store.append([], facts={"alarms": text, "maintenance": text})
    store.close()
    async with WorkingStation(tmp_path, HEAD) as working:
        told = await working.events("operations_forgotten")
        now = working.station.desk.snapshot()

    assert [one["data"]["what"] for one in told] == ["alarms", "maintenance"]
    assert now == {"alarms": [], "maintenance": []}
