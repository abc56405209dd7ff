"""`scan`: who is on the wire, found without costing anybody a reading."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.commission.addresses import AddressesError, parse_addresses
from tests.simulators import misbehaviour
from tests.simulators.agent_process import COMMAND, AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.ledger import LedgerProcess
from tests.simulators.misbehaviour import Piece
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Rtu, Unit
from tests.simulators.pty_line import PtyLine
from tests.simulators.stationfile import HEAD, at_port, device, shared
from tests.simulators.technician import Technician
from tests.simulators.text_instrument import TextLine
from tests.simulators.ticks import gaps, readings, ticks, unaccounted
from tests.test_ledger import station

HOLD = (
    "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY);"
    "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def bus(bench: Bench, tmp_path: Path) -> ModbusLine:
    """Units 3, 7 and 12; the holding register 0 exists in the last two only."""
    units = {3: Unit(input={1: 236}), 7: Unit(holding={0: 17}), 12: Unit(holding={0: 4})}
    return bench.serve(ModbusLine(units, tmp_path / "bus"))


def on(bus: PtyLine, *devices: str) -> str:
    """A station with a link called bus, and *devices*."""
    return HEAD + shared(f"serial://{bus.path}?baud=115200") + "".join(devices)


def only_unit_7_speaks(request: bytes, honest: bytes) -> list[Piece] | None:
    """The others are asked, and written down, in vain."""
    return [(0.0, honest)] if request[0] == 7 else None


def test_who_answers_is_found_and_an_exception_is_an_answer(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit that has no such register is there all the same."""
    man = Technician(tmp_path, capsys, on(bus, device("so2", 'link = "bus"', "5s", address=7)))
    said = man.asks(["scan", "bus", "--addresses", "1-14", "--timeout", "30ms"])
    found = {news["address"]: (news["device"], news["text"]) for news in said.of("found")}
    plan, done = said.news[0], said.news[-1]

    assert said.code == 0, said.err
    assert list(found) == [3, 7, 12]
    assert "exception 2 (illegal data address)" in found[3][1]
    assert found[7][0] == "so2"
    assert "words 0004" in found[12][1]
    assert (plan["addresses"], plan["about_s"] > 0, plan["beside"]) == (14, True, [])
    assert said.of("progress")[-1] == {"event": "progress", "asked": 14, "of": 14, "found": 3}
    assert done == {"event": "done", "found": 3}


def test_nobody_there_is_said_and_is_no_success(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that looks for a sensor must see that there is none."""
    man = Technician(tmp_path, capsys, on(bus))
    said = man.types("scan", "bus", "--addresses", "40,41", "--timeout", "30ms")

    assert said.code == 1
    assert "2 addresses as modbus" in said.out
    assert "0 answered" in said.out


def test_what_a_gateway_says_for_a_unit_is_not_the_unit(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exceptions 10 and 11 come from the gateway itself: there is nobody behind them."""
    unit = Unit(holding={0: 17})
    gateway = bench.serve(
        ModbusTcpServer({1: unit, 2: unit}, misbehave=misbehaviour.for_unit(2, misbehaviour.exception(11)))
    )
    man = Technician(tmp_path, capsys, HEAD + shared(f"tcp://127.0.0.1:{gateway.port}"))
    said = man.asks(["scan", "bus", "--addresses", "1-4", "--timeout", "50ms"])

    assert [news["address"] for news in said.of("found")] == [1]
    assert gateway.connections == 1, "silence of nobody is no reason for a new connection"


def test_damaged_answers_are_told_as_such(bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two units of one address, or a wrong parity, look like this."""
    bus.misbehave = misbehaviour.for_unit(7, misbehaviour.bad_crc)
    man = Technician(tmp_path, capsys, on(bus))
    said = man.types("scan", "bus", "--addresses", "6-8", "--timeout", "30ms")

    assert said.code == 0
    assert "address 7: damaged: " in said.out


def test_where_nobody_answers_the_next_step_is_told(
    bench: Bench, bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A serial gateway that only passes bytes on is silent to Modbus TCP; a sensor may have another baud rate."""
    gateway = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}, framing=Rtu()))
    words = ["--addresses", "1-2", "--timeout", "50ms"]
    at_gateway = Technician(tmp_path, capsys, HEAD + device("so2", at_port(gateway), "5s"))
    silent = at_gateway.types("scan", "so2", *words)
    found = at_gateway.types("scan", "so2", *words, "--protocol", "modbus-rtu")
    line = Technician(tmp_path, capsys, on(bus)).types("scan", "bus", *words)

    assert (silent.code, found.code, line.code) == (1, 0, 1)
    assert "next: A gateway may only pass bytes on: station-agent scan so2 --protocol modbus-rtu" in silent.out
    assert "try other settings: station-agent scan bus --serial 9600,19200,4800" in line.out


def test_text_instruments_are_found_by_the_request_of_their_profile(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Addresses are not a thing of Modbus only."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-met.toml").write_text(
        'model = "Met"\nmaker = "Acme"\nkind = "weather station"\nmanual = ""\nsource = ""\nconfidence = "unverified"\n'
        'protocol = "dialogue"\n[dialogue]\nterminator = "\\r\\n"\n'
        '[[dialogue.request]]\nname = "all"\nsend = "{address}R"\nexpect = "{address}R,.*"\nseparator = ","\n'
        '[[channel]]\nname = "temperature"\nunit = "Cel"\nrequest = "all"\nfield = 1\n'
    )
    line = bench.serve(TextLine({b"0R\r\n": b"0R,21.5\r\n", b"B\x52\r\n": b"BR,-3.0\r\n"}, tmp_path / "met"))
    man = Technician(tmp_path, capsys, on(line))
    said = man.asks(["scan", "bus", "--profile", "acme-met", "--addresses", "0-1,A-C", "--timeout", "50ms"])
    once = man.asks(["scan", "bus", "--profile", "metone-bam1020", "--timeout", "50ms"])

    assert [(news["address"], news["text"]) for news in said.of("found")] == [
        (0, "0R,21.5<CR><LF>"),
        ("B", "BR,-3.0<CR><LF>"),
    ]
    assert (once.code, once.news[0]["addresses"]) == (1, 1), "its requests name no address"

    known = on(line, device("met", 'link = "bus"', "5s", profile="acme-met", address='"B"'))
    like_it = Technician(tmp_path, capsys, known).asks(["scan", "bus", "--addresses", "A-B", "--timeout", "50ms"])
    assert [(news["address"], news["device"]) for news in like_it.of("found")] == [("B", "met")], "nobody speaks Modbus"


def test_baud_rates_are_tried_where_nobody_else_uses_the_line(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second-hand sensor keeps the settings of its last station."""
    man = Technician(tmp_path, capsys, on(bus, device("so2", 'link = "bus"', "5s", address=7)))
    said = man.asks(["scan", "bus", "--serial", "9600,19200", "--addresses", "7", "--timeout", "50ms"])

    assert [plan["baud"] for plan in said.of("plan")] == ["9600", "19200"]
    assert [news["baud"] for news in said.of("found")] == ["9600", "19200"], "a pseudo-terminal has no baud rate"


def test_settings_that_the_port_cannot_have_are_passed_over(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some adapters know no mark parity; the rest of the list is worth trying all the same."""
    man = Technician(tmp_path, capsys, on(bus))
    words = ["scan", "bus", "--addresses", "7", "--timeout", "50ms"]
    bus.path.with_name("nowhere").symlink_to("/dev/null")
    mixed = man.asks([*words, "--serial", "9600", "--parity", "m,n"])
    man.config.write_text(man.config.read_text().replace(str(bus.path), str(bus.path.with_name("nowhere"))))
    none = man.types(*words, "--parity", "m,n")

    assert len(mixed.of("found")) + len(mixed.of("skipped")) == 2
    assert mixed.of("found")[-1]["parity"] == "N"
    assert (none.code, "cannot be used" in none.err) == (3, True)


def test_beside_the_daemon_a_polled_line_keeps_its_baud_rate(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others on the line would hear noise: their devices must be switched off first, on purpose."""
    text = on(bus, device("so2", 'link = "bus"', "500ms", address=7))
    words = ["scan", "bus", "--serial", "9600", "--addresses", "7,12", "--timeout", "30ms"]
    with AgentProcess(tmp_path, text) as agent:
        man = Technician(tmp_path, capsys)
        refused = man.types(*words)
        agent.config.write_text(text.replace('name = "so2"\nlink', 'name = "so2"\nenabled = false\nlink', 1))
        reloaded = man.types("reload")
        allowed = man.asks(words)

    assert (refused.code, refused.out) == (2, "")
    assert "another baud rate or parity would disturb so2" in refused.err
    assert "enabled = false" in refused.err
    assert reloaded.code == 0, reloaded.err
    assert [news["address"] for news in allowed.of("found")] == [7, 12]


def test_no_tick_is_lost_by_a_scan_and_probes_beside_the_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The technician looks around while the station measures; every reading that was due is there."""
    with LedgerProcess(tmp_path / "ledger.txt", "--devices", "1", "--rtu-devices", "2") as ledger:
        text = station(ledger.devices, {}, every="500ms").replace("baud=115200", 'baud=115200"\nquiet = "20ms')
        with AgentProcess(tmp_path / "agent", text) as agent:
            man = Technician(tmp_path / "agent", capsys)
            agent.until(lambda: all(one["polled"] > 1 for one in agent.status()["devices"]), "polls of all devices")
            scans = [man.asks(["scan", "bus", "--addresses", "1-9", "--timeout", "50ms"])]
            scans.append(man.asks(["scan", "d1", "--addresses", "1-5", "--timeout", "50ms"]))
            probes = [man.asks(["probe", name, "2", "30"]) for name in ("d1", "d2", "d3")]
            polled = [one["polled"] for one in agent.status()["devices"]]
            agent.until(lambda: sum(one["polled"] for one in agent.status()["devices"]) > sum(polled), "polls after it")
            assert agent.stop() == 0
            records = {name: agent.records("measurement", name) for name in ("d1", "d2", "d3")}

    assert [[news["address"] for news in said.of("found")] for said in scans] == [[1, 2], [1]]
    assert [(said.code, len(said.news[0]["words"])) for said in probes] == [(0, 30)] * 3
    for name, had in records.items():
        assert unaccounted(had, 0.5) == 0, name
        assert not [record for record in had if "reason" in record and record["reason"] != "agent_paused"], name
        assert ticks(had) - len(readings(had)) == ticks(gaps(had, "agent_paused")), name


def test_polls_that_leave_no_room_are_not_pushed_aside(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better no scan than a lost reading; what to do instead is said."""
    text = on(bus, device("so2", 'link = "bus"', "200ms", address=7))
    with AgentProcess(tmp_path, text, prelude="import agent.polling.poller as p; p.GAP_WAIT_S = 0.5") as agent:
        said = Technician(tmp_path, capsys).types("scan", "bus", "--addresses", "1-9", "--timeout", "300ms")
        agent.until(lambda: agent.status()["devices"][0]["polled"] > 1, "polls")
        missed = agent.status()["devices"][0]["failed"]

    assert said.code == 1
    assert "the polls on link bus leave no gap of 0.3" in said.err
    assert "a shorter --timeout needs less" in said.err
    assert missed == 0


def test_ctrl_c_ends_a_scan_at_the_daemon_too(bench: Bench, tmp_path: Path) -> None:
    """Nobody wants to wait for the end of what he has stopped."""
    units = {7: Unit(holding={0: 17})} | dict.fromkeys(range(101, 248), Unit())
    bus = bench.serve(ModbusLine(units, tmp_path / "bus", misbehave=only_unit_7_speaks))
    text = on(bus, device("so2", 'link = "bus"', "400ms", address=7))

    def strangers() -> int:
        return sum(frame[0] > 100 for _, frame in bus.requests)

    with AgentProcess(tmp_path, text) as agent:
        line = [*COMMAND, "--config", str(agent.config), "scan", "bus", "--addresses", "101-247", "--timeout", "100ms"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as scanning:
            agent.until(lambda: strangers() > 2, "some questions")
            scanning.send_signal(signal.SIGINT)
            _, errors = scanning.communicate(timeout=20)
        asked = strangers()
        polled = agent.status()["devices"][0]["polled"]
        agent.until(lambda: agent.status()["devices"][0]["polled"] > polled + 2, "further polls")
        later = strangers()

    assert scanning.returncode == 130
    assert b"Traceback" not in errors
    assert later <= asked + 1, "one may have been on its way"


def test_a_reload_takes_the_wire_from_a_scan_and_not_from_the_polls(bench: Bench, tmp_path: Path) -> None:
    """A guest that went on would open the port anew, and the new polls would find it held."""
    units = {7: Unit(holding={0: 17})} | dict.fromkeys(range(101, 248), Unit())
    bus = bench.serve(ModbusLine(units, tmp_path / "bus", misbehave=only_unit_7_speaks))
    text = on(bus, device("so2", 'link = "bus"', "400ms", address=7))
    with AgentProcess(tmp_path, text) as agent:
        line = [*COMMAND, "--config", str(agent.config), "scan", "bus", "--addresses", "101-247", "--timeout", "100ms"]
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as scanning:
            agent.until(lambda: sum(frame[0] > 100 for _, frame in bus.requests) > 2, "some questions")
            agent.config.write_text(text.replace("400ms", "300ms"))
            reloaded = agent.command("reload")
            _, errors = scanning.communicate(timeout=20)
        agent.until(lambda: agent.status()["devices"][0]["every_s"] == 0.3, "the new device")
        agent.until(lambda: agent.status()["devices"][0]["polled"] > 2, "its polls")
        failed = agent.status()["devices"][0]["failed"]

    assert reloaded.returncode == 0, reloaded.stderr
    assert (scanning.returncode, failed) == (1, 0)
    assert b"link bus was just reconfigured" in errors


def test_the_daemon_of_somebody_else_is_not_passed_by(
    bench: Bench, open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Opening the wire behind its back would cost both their answers; the group that is missing is named."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    with AgentProcess(open_folder, HEAD + device("so2", at_port(server), "500ms")) as agent:
        agent.until(lambda: agent.status()["devices"][0]["polled"] > 0, "a poll")
        if os.geteuid() == 0:
            refused = agent.command_as(65534, [], "scan", "so2")
            code, words = refused.returncode, refused.stderr
        else:
            (open_folder / "run" / "control.sock").chmod(0)
            said = Technician(open_folder, capsys).types("scan", "so2")
            code, words = said.code, said.err

    assert code == 3, words
    assert "not allowed to talk to the daemon" in words
    assert "group station-agent" in words
    assert server.connections == 1


def test_a_wrong_name_is_answered_with_the_nearest(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are typed on a roof, in gloves."""
    man = Technician(tmp_path, capsys, on(bus))
    wrong_link, wrong_profile = man.types("scan", "buss"), man.types("scan", "bus", "--profile", "teledyne-t10")

    assert (wrong_link.code, wrong_profile.code) == (2, 2)
    assert "there is no link called buss\n  next: Did you mean bus?" in wrong_link.err
    assert "teledyne-t100" in wrong_profile.err


def test_a_port_that_somebody_else_holds_is_told_with_his_name(
    bus: ModbusLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The maker's own program was left open: that is what has to be closed."""
    man = Technician(tmp_path, capsys, on(bus))
    command = [sys.executable, "-c", HOLD, str(bus.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said = man.types("scan", "bus", "--addresses", "7")
        holder.communicate()

    assert said.code == 3
    assert f"(pid {holder.pid})" in said.err
    assert "next: Stop that program" in said.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1-4", [1, 2, 3, 4]), ("1,7,3-4,7", [1, 7, 3, 4]), ("0-2,A-C", [0, 1, 2, "A", "B", "C"]), ("0a", ["0a"])],
)
def test_addresses_are_lists_and_ranges(text: str, expected: list[int | str]) -> None:
    """As they stand in manuals."""
    assert parse_addresses(text) == expected


@pytest.mark.parametrize("text", ["", "4-1", "a-Z", "1-", "1;2", "0-70000", "1-2000"])
def test_addresses_that_mean_nothing_are_refused(text: str) -> None:
    """Nothing is asked of anybody by mistake."""
    with pytest.raises(AddressesError):
        parse_addresses(text)
