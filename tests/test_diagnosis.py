"""Broken stations with the real daemon: the screen names the cause and the next step, a line each."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.books import IN_A_HURRY
from tests.faults.sick_disk import Illness
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.certificates import Authority
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.screen import read
from tests.simulators.stationfile import HEAD, SO2, STATE, at_port, device, uplink
from tests.simulators.wallclock import WallClock

GOOD, WARNING, CRITICAL = range(3)

HIGH, LOW = struct.unpack(">HH", struct.pack(">f", 182.4))
O3 = '[[device.channel]]\nname = "o3"\nunit = "[ppb]"\nregister = 10\ntype = "float32"\nrange = [-5.0, 500.0]\n'
FLOW = """[[device.channel]]
name = "flow"
stream = "parameter"
group = "sampling"
unit = "L/min"
register = 1
scale = 0.1
normal = [5.0, 20.0]
affects = ["so2.so2"]
"""


def link(name: str, url: str) -> str:
    """A wire that devices share."""
    return f'[[link]]\nname = "{name}"\nurl = "{url}"\n'


def settled(agent: AgentProcess) -> bool:
    """Whether every device was asked."""
    return all(one["state"] != "starting" for one in agent.status()["devices"])


def tried(agent: AgentProcess) -> bool:
    """Whether every uplink is connected or knows why not."""
    return all(one["error"] or one["state"] == "connected" for one in agent.status()["uplinks"])


def test_what_is_wrong_with_a_wire_is_named(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instrument, address, cable, adapter, word order or sampling line: each needs another tool, and another person."""
    units = {1: Unit(holding={0: 17}), 2: Unit(holding={10: LOW, 11: HIGH}), 7: Unit(holding={1: 3})}
    server = bench.serve(ModbusTcpServer(units))
    bench.serve(ModbusLine({}, tmp_path / "far"))
    text = HEAD + link("bus", f"tcp://127.0.0.1:{server.port}") + link("far", f"serial://{tmp_path}/far")
    text += device("so2", 'link = "bus"', "500ms") + device("nox", 'link = "bus"', "500ms", address=9)
    text += device("o3", 'link = "bus"', "500ms", O3, address=2)
    text += device("manifold", 'link = "bus"', "500ms", FLOW, address=7)
    text += device("pm10", f'url = "serial://{tmp_path}/absent"', "500ms")
    text += device("co", f'url = "tcp://127.0.0.1:{free_port()}"', "500ms")
    text += device("wind", 'link = "far"', "500ms", address=3) + device("rain", 'link = "far"', "500ms", address=4)
    monkeypatch.setenv("COLUMNS", "200")  # the paths of a test are long
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: settled(agent), "an answer or none of each device")
        screen = agent.command("status")
    told = read(screen.stdout)

    assert screen.returncode == WARNING
    address, cable, adapter = told["address nox"], told["cable far"], told["cable pm10"]
    assert address.cause == "never any answer from address 9; others on bus answer"
    assert address.step == "Compare it with its menu, or find it: station-agent scan bus"
    assert cable.cause.startswith("nothing answers on it: wind, rain (for ")
    assert cable.step == "Check cable, wires A and B, baud, parity: station-agent listen far"
    assert "absent: there is no such port" in adapter.cause
    assert adapter.step.startswith("Check the cable and the adapter: ls -l /")
    assert "it is there, but nothing listens on this port" in told["instrument co"].cause
    assert told["profile o3"].cause == "o3 2.72e+23 is absurd; order CDAB would make it 182.4"
    assert told["profile o3"].step == 'Set order = "CDAB" for it, and reload'
    assert told["sampling line manifold"].cause == "flow 0.3 L/min, normal is 5 to 20; so2 is suspect"
    assert told["sampling line manifold"].step == "Look for a blocked tube, a full filter, a stopped pump or fan"
    assert "instrument so2" not in told, "what the sampling line did is said once"
    assert {address.lines, cable.lines, told["profile o3"].lines} == {2}


def test_an_instrument_that_stops_answering_is_no_wrong_address(bench: Bench, tmp_path: Path) -> None:
    """It answered a moment ago, and its neighbour still does: look at its plug, not at the station file."""
    units = {1: Unit(holding={0: 17}), 2: Unit(holding={0: 18})}
    server = bench.serve(ModbusTcpServer(units))
    text = HEAD + link("bus", f"tcp://127.0.0.1:{server.port}")
    text += device("so2", 'link = "bus"', "400ms") + device("nox", 'link = "bus"', "400ms", address=2)
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: all(one["polled"] for one in agent.status()["devices"]), "readings of both")
        bench.call(lambda: units.pop(2))
        agent.until(lambda: agent.status()["devices"][1]["state"] == "failing", "a loss")
        told = read(agent.command("status").stdout)["instrument nox"]

    assert told.cause.startswith("no answer from address 2; others on bus answer (for ")
    assert told.step == "Check its power and its plug, then run: station-agent read nox"


def test_damaged_replies_point_at_the_wire(bench: Bench, tmp_path: Path) -> None:
    """Something answers, so it is neither power nor address."""
    line = bench.serve(ModbusLine({1: Unit(holding={0: 17})}, tmp_path / "bus"))
    line.misbehave = misbehaviour.bad_crc
    text = HEAD + device("so2", f'url = "serial://{tmp_path}/bus"', "400ms")
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: agent.status()["devices"][0]["state"] == "failing", "a loss")
        told = read(agent.command("status").stdout)["cable so2"]

    assert told.step.startswith("Check baud rate, parity, wiring")


def test_two_instruments_with_one_address_are_told_from_a_wrong_baud_rate(bench: Bench, tmp_path: Path) -> None:
    """Both answer at once and spoil each other; their neighbours on the same wire are well."""
    line = bench.serve(ModbusLine({1: Unit(holding={0: 17}), 2: Unit(holding={0: 18})}, tmp_path / "bus"))
    line.misbehave = misbehaviour.for_unit(2, misbehaviour.bad_crc)
    text = HEAD + link("bus", f"serial://{tmp_path}/bus")
    text += device("so2", 'link = "bus"', "400ms") + device("nox", 'link = "bus"', "400ms", address=2)
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: settled(agent), "an answer of each device")
        told = read(agent.command("status").stdout)

    assert told["address nox"].cause.startswith("the replies come damaged; others on bus answer well (for ")
    assert told["address nox"].step == "Two with address 2? Unplug nox, then: station-agent scan bus"


def test_a_loose_wire_is_told_while_it_touches(bench: Bench, tmp_path: Path) -> None:
    """The instrument is lost and comes back, again and again; at the moment of the look all is well."""
    units = {1: Unit(holding={0: 17})}
    server = bench.serve(ModbusTcpServer(units))
    hurry = "import agent.polling.device as device; device.FIRST_REST_S = device.LONGEST_REST_S = 0.2"
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "200ms"), prelude=hurry) as agent:
        for _ in range(3):
            agent.until(lambda: agent.status()["devices"][0]["state"] == "good", "a reading")
            gone = bench.call(lambda: units.pop(1))
            agent.until(lambda: agent.status()["devices"][0]["state"] == "failing", "a loss")
            units[1] = gone
        agent.until(lambda: agent.status()["devices"][0]["state"] == "good", "a reading")
        told = read(agent.command("status").stdout)["network so2"]

    assert told.cause == "it was lost 3 times in the last 10 min"


def test_an_instrument_of_another_model_is_not_taken_for_one_that_is_well(bench: Bench, tmp_path: Path) -> None:
    """It is there and talks: neither power nor cable, nor the address."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    text = HEAD + device("so2", at_port(server), "400ms", profile="teledyne-t100")
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: settled(agent), "an answer")
        told = read(agent.command("status").stdout)["profile so2"]

    assert told.cause.startswith("it refuses what its profile asks for: exception 2 (illegal data address)")
    assert told.step == "Another model or firmware? Compare model and profile with its plate"


def test_a_station_file_that_was_edited_and_not_loaded_is_told(bench: Bench, tmp_path: Path) -> None:
    """Everybody believes what stands in the file; a reload, or taking the change back, ends it."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "400ms")) as agent:
        before = agent.config.read_text()
        agent.config.write_text(before + "# a remark\n")
        told = read(agent.command("status").stdout)["configuration"]
        agent.config.write_text(before)
        undone = read(agent.command("status").stdout)

    assert (told.level, told.cause) == ("warning", "the file was changed after the daemon had read it")
    assert told.step == "Run: station-agent check; then: station-agent reload"
    assert "configuration" not in undone


def test_an_outage_has_one_beginning(bench: Bench, tmp_path: Path) -> None:
    """For how long nothing was delivered, not for how long since the last attempt."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    text = HEAD + device("so2", at_port(server), "400ms") + uplink("city", f"mqtt://127.0.0.1:{free_port()}")
    with AgentProcess(tmp_path, text, prelude="import agent.uplink.retry as retry; retry.FIRST_S = 0.2") as agent:
        agent.until(lambda: tried(agent), "an attempt")
        first = agent.status()["uplinks"][0]
        agent.until(lambda: agent.status()["uplinks"][0]["session"] > first["session"] + 1, "two more attempts")
        later = agent.status()["uplinks"][0]

    assert (later["since"], later["losses"]) == (first["since"], 0)


def test_a_calibration_is_a_remark_and_no_warning(bench: Bench, tmp_path: Path) -> None:
    """Somebody feeds span gas on purpose: the night shift is not to be called for it."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 400, 2: 1})}))
    wall = WallClock(tmp_path)
    text = HEAD + device("so2", at_port(server), "400ms", SO2, STATE)
    with AgentProcess(tmp_path, text, environment=wall.environment) as agent:
        agent.until(lambda: agent.status()["standing"], "span gas")
        screen = agent.command("status")

    assert (screen.returncode, read(screen.stdout)["instrument so2"].level) == (GOOD, "note")
    assert read(screen.stdout)["instrument so2"].cause == "it says span (state); so2 is span_check"


def test_what_is_wrong_with_an_uplink_is_named(bench: Bench, tmp_path: Path) -> None:
    """The broker, the name server, the password, the certificate: each has another operator."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    authority = Authority(tmp_path / "ca")
    ours, theirs, old = (authority.issue(name, days=days) for name, days in (("a", 10), ("b", 200), ("c", -1)))
    (tmp_path / "password").write_text("wrong\n")
    trust = f'ca_file = "{authority.ca_file}"\n'
    with (
        Mosquitto(tmp_path / "open", tls=theirs, clients_of=authority) as tls,
        Mosquitto(tmp_path / "expired", tls=old) as expired,
        Mosquitto(tmp_path / "guarded", passwords={"station": "right"}) as guarded,
    ):
        text = HEAD + device("so2", at_port(server), "400ms")
        text += uplink("city", f"mqtt://127.0.0.1:{free_port()}")
        text += uplink("province", tls.url) + trust
        text += f'cert_file = "{ours.cert_file}"\nkey_file = "{ours.key_file}"\n'
        text += uplink("nation", expired.url) + trust
        text += uplink("partner", guarded.url) + f'username = "station"\npassword_file = "{tmp_path}/password"\n'
        text += uplink("moon", "mqtt://no-such-host.invalid:1883")
        with AgentProcess(tmp_path, text) as agent:
            agent.until(lambda: tried(agent), "an attempt of each uplink")
            screen = agent.command("status")
    told = read(screen.stdout)

    assert screen.returncode == CRITICAL
    assert "nothing listens there" in told["broker city"].cause
    assert told["broker city"].step == "Check that the broker runs, and the port in url"
    assert (
        "certificate has expired" in told["certificate nation"].cause or "ca_file" in told["certificate nation"].cause
    )
    assert next(iter(told)) == "certificate nation", "what has expired comes first"
    assert told["certificate province"].cause.startswith("cert_file expires in 9 d")
    assert told["certificate province"].step == "Get a new certificate from its operator, as cert_file"
    assert "not authorized" in told["password partner"].cause
    assert told["password partner"].step == "Check username, password_file and client_id with its operator"
    assert "name not found" in told["network moon"].cause
    assert "TLS province: ca 1 d 23 h, client 9 d 23 h, broker 199 d 23 h" in " ".join(screen.stdout.split())


def test_a_full_disk_is_named_before_everything_else(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readings pile up in memory: minutes count, and the folder to clean up stands there."""
    monkeypatch.setenv("COLUMNS", "200")  # the paths of a test are long
    illness = Illness(tmp_path)
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    text = HEAD + device("so2", at_port(server), "200ms")
    with AgentProcess(tmp_path / "agent", text, prelude=illness.prelude + IN_A_HURRY) as agent:
        illness.begin("write ENOSPC")
        agent.until(lambda: agent.status()["store"]["refused"], "a refusal")
        screen = agent.command("status")
        illness.end()
        agent.until(lambda: not agent.status()["store"]["refused"], "recovery")
    label, told = next(iter(read(screen.stdout).items()))

    assert (screen.returncode, label, told.level) == (CRITICAL, "disk", "critical")
    assert "the disk is full; " in told.cause
    assert "0 are lost" in told.cause
    assert told.step == f"Free some space on the file system of {tmp_path / 'agent'}"


def test_a_clock_that_was_set_is_told_with_how_far(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times before the step are wrong: whoever reads the records must know by how much."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    wall = WallClock(tmp_path)
    text = HEAD + device("so2", at_port(server), "400ms")
    for name, value in wall.environment.items():
        monkeypatch.setenv(name, value)  # for the command too
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: agent.status()["devices"][0]["polled"], "a reading")
        wall.step(-3600)
        agent.until(lambda: agent.status()["clock"]["step"], "a step")
        screen = agent.command("status")

    told = read(screen.stdout)["clock"]
    assert (screen.returncode, told.level) == (GOOD, "note")
    assert told.cause.startswith("it was set back by 1 h, ")
    assert told.step == "If nobody meant to: timedatectl"


def test_a_clock_that_is_years_behind_is_the_one_cause_of_all_that_comes_of_it(
    bench: Bench, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The battery of the board is empty and there is no time service: certificates seem to come from the future."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    wall = WallClock(tmp_path, synchronised=False)
    wall.set(datetime(2010, 1, 1, tzinfo=UTC))
    with Mosquitto(tmp_path / "broker", tls=authority.issue("broker")) as broker:
        text = HEAD + device("so2", at_port(server), "400ms")
        text += uplink("city", broker.url) + f'ca_file = "{authority.ca_file}"\n'
        for name, value in wall.environment.items():
            monkeypatch.setenv(name, value)  # for the command too
        with AgentProcess(tmp_path / "agent", text) as agent:
            agent.until(lambda: tried(agent), "an attempt")
            told = read(agent.command("status").stdout)

    assert list(told) == ["clock"]
    assert told["clock"].cause.endswith("records get wrong times; the certificate of city seems not yet valid")
    assert told["clock"].step == 'Set it: sudo timedatectl set-time "YYYY-MM-DD hh:mm:ss"'


SERVICES = {
    "failed": ("ActiveState=failed\nResult=exit-code\nUnitFileState=enabled", "failed (exit-code)", "agent doctor"),
    "wrong": ("ActiveState=activating\nResult=exit-code\nExecMainStatus=2", "configuration is wrong", "agent check"),
    "crashing": ("ActiveState=activating\nSubState=auto-restart\nResult=signal", "again and again", "agent doctor"),
    "disabled": ("ActiveState=inactive\nResult=success\nUnitFileState=disabled", "is disabled", "enable --now"),
    "stopped": ("ActiveState=inactive\nResult=success\nUnitFileState=enabled", "was stopped", "systemctl start"),
}


@pytest.mark.parametrize("state", SERVICES)
def test_a_stopped_service_is_told_as_systemd_knows_it(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash needs the journal, a disabled unit would be down again after the next power cut."""
    says, cause, step = SERVICES[state]
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f"#!/bin/sh\nprintf 'LoadState=loaded\\n{says}\\n'\n")
    systemctl.chmod(0o755)
    agent = AgentProcess(tmp_path, HEAD)
    agent.start()
    assert agent.stop() == 0
    monkeypatch.setenv("PATH", str(systemctl.parent), prepend=":")
    screen = agent.command("status")
    told = read(screen.stdout)["agent"]

    assert screen.returncode == CRITICAL
    assert cause in told.cause
    assert step in told.step


def test_the_disk_is_told_before_it_is_full(bench: Bench, tmp_path: Path) -> None:
    """What fills up next week is cheap to mend today."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    small = "import agent.health; agent.health.disk_words = lambda folder: {words}"
    words = {"folder": "/data", "free": 1_000_000_000, "total": 100_000_000_000}
    text = HEAD + device("so2", at_port(server), "400ms")
    with AgentProcess(tmp_path, text, prelude=small.format(words=words)) as agent:
        agent.until(lambda: agent.status()["disk"], "a look at the disk")
        told = read(agent.command("status").stdout)["disk"]

    assert told.cause == "1.0 GB of 100 GB are free in /data"
    assert told.step == "Free some space on the file system of /data, or lower store.quota"
