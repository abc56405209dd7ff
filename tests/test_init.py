"""``init``: from a few answers, or from who answers on the bus, to a station file that passes ``check``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agent.newstation.answers import AnswerError, parse_device, wire_url
from agent.newstation.plan import Plan
from agent.settings import Settings
from drivers.catalog import load_profile
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.technician import Said, Technician

SENSOR = {1: 0x00EC, 2: 0x01F4}
"""The input registers of an XY-MD02 at 23.6 °C and 50 %."""

AIR = (
    *("--id", "330100-A01", "--name", "下沙空气站", "--timezone", "Asia/Shanghai"),
    *("--device", "so2=teledyne-t100@192.0.2.10:502#1"),
    *("--device", "sms-d-h@/dev/analyzer/rack#7", "--device", "generic-xy-md02@rack#9"),
    *("--broker", "city=mqtts://broker.example.org", "--username", "a01", "--password-file", "credential:city"),
)


@pytest.fixture
def technician(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Technician:
    """Before there is a station file."""
    return Technician(tmp_path, capsys)


def answers(monkeypatch: pytest.MonkeyPatch, technician: Technician, *lines: str) -> Said:
    """Run ``init`` with somebody who types *lines*."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return technician.types("init")


def test_what_is_said_on_the_command_line_becomes_a_file_that_passes_check(technician: Technician) -> None:
    """Forty stations are not typed in by hand; the next command must accept what this one wrote."""
    written = technician.types("init", "--yes", *AIR)
    checked = technician.types("check")

    assert (written.code, checked.code) == (0, 0), written.err + checked.out
    settings = Settings.load(technician.config)
    assert (settings.station.id, settings.station.name) == ("330100-A01", "下沙空气站")
    assert {one.name: (one.link_name, one.address) for one in settings.devices} == {
        "so2": ("so2", 1),
        "sms-d-h": ("rack", 7),
        "xy-md02": ("rack", 9),
    }
    assert settings.device("sms-d-h").affects == ("so2",), "the room sensor measures nothing that is sampled"
    assert settings.uplink("city").username == "a01"


def test_the_file_explains_itself_and_only_its_group_may_read_it(technician: Technician) -> None:
    """Whoever opens it next year was not there today."""
    technician.types("init", "--yes", *AIR)
    text = technician.config.read_text()

    assert "station-agent check" in text
    assert 'id = "330100-A01"    # in every topic and record; it stays for ever' in text
    assert "# Teledyne API T100" in text
    assert technician.config.stat().st_mode & 0o007 == 0


def test_a_file_that_is_there_is_never_touched(technician: Technician) -> None:
    """A typing error must not cost a station its configuration."""
    technician.config.write_text("mine\n")

    said = technician.types("init", "--yes", *AIR)

    assert said.code == 2
    assert "is there already, and nothing is overwritten" in said.err
    assert technician.config.read_text() == "mine\n"


def test_questions_are_answered_line_by_line_and_a_wrong_answer_is_asked_again(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The technician knows the instruments, not the file; what is wrong is said at once, at that question."""
    said = answers(
        monkeypatch,
        technician,
        *("bad id", "A-01", "Harbour", "Nowhere/Town", "Asia/Shanghai", ""),
        *("t100", "teledyne-t100", "192.0.2.10:502", "", "sulphur"),
        *("sms-d-h", "/dev/ttyS0", "7", "", ""),
        *("mqtt://127.0.0.1", "user", "", ""),
    )

    assert said.code == 0, said.err
    assert '"bad id"' in said.err
    assert "a time zone is a name" in said.err
    assert "teledyne-t100, teledyne-t100-ascii" in said.out
    settings = Settings.load(technician.config)
    assert [one.name for one in settings.devices] == ["sulphur", "sms-d-h"]
    assert settings.device("sulphur").address == 1
    assert technician.types("check").code == 0


def test_where_nobody_answers_nothing_is_written(technician: Technician, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without --yes must end, and say what it lacks."""
    said = answers(monkeypatch, technician, "A-01")

    assert said.code == 2
    assert "there is nobody to answer" in said.err
    assert not technician.config.exists()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--device", "so2=teledyne-t10@192.0.2.10:502", "Profiles that fit: teledyne-t100"),
        ("--device", "nonsense", "Example: so2=teledyne-t100@192.0.2.10:502#1"),
        ("--broker", "city=http://broker.example.org", "a broker is mqtts://host:port"),
        ("--link", "rack=serial://ttyUSB0", "a serial URL names the device file with three slashes"),
        ("--id", "Xia sha", "letters, digits"),
    ],
)
def test_a_wrong_word_is_refused_with_the_right_one(technician: Technician, option: str, value: str, said: str) -> None:
    """Nothing is written that check would refuse."""
    refused = technician.types("init", "--yes", option, value)

    assert refused.code == 2
    assert said in refused.err
    assert not technician.config.exists()


def test_who_answers_on_the_bus_and_fits_a_profile_is_in_the_file(bench: Bench, technician: Technician) -> None:
    """The labels came off years ago: the bus itself tells who is on it, and who is unknown is named."""
    units = {3: Unit(holding={0: 17}), 7: Unit(input=SENSOR)}
    server = bench.serve(ModbusTcpServer(units))
    link = f"bus=tcp://127.0.0.1:{server.port}"
    said = technician.types("init", "--yes", "--id", "A-01", "--link", link, "--scan", "--addresses", "3,7")

    settings = Settings.load(technician.config)
    found = {one.address: one.profile for one in settings.devices}
    assert found.get(7) == "generic-xy-md02", said.out
    assert "address 7 on bus fits generic-xy-md02" in said.out
    assert 3 not in found or "address 3 on bus fits" in said.out


def test_a_serial_line_begins_with_what_the_instrument_leaves_the_factory_with() -> None:
    """One number less to look up."""
    profile = load_profile("vaisala-wxt536")

    assert wire_url("/dev/ttyS0", profile) == "serial:///dev/ttyS0?baud=19200&parity=N&stopbits=1"
    assert wire_url("192.0.2.1:4001") == "tcp://192.0.2.1:4001"
    with pytest.raises(AnswerError, match="is no wire"):
        wire_url("somewhere")


def test_two_instruments_at_one_place_share_the_wire() -> None:
    """Two connections to one gateway are refused by many; one link is what is meant."""
    plan, first = parse_device("teledyne-t100@192.0.2.1:502#1", Plan("a"))
    plan, second = parse_device("teledyne-t200@192.0.2.1:502#2", plan.with_instrument(first))

    assert first.wire == second.wire
    assert "[[link]]" in plan.with_instrument(second).text()
