"""``init``: from a few answers, or from who answers on the bus, to a station file that passes ``check``."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from pathlib import Path

import pytest

from agent.doctor.usb import Adapter
from agent.newstation import ports, survey
from agent.newstation.answers import AnswerError, device_name, instrument, on_wire, parse_device, wire_url
from agent.newstation.plan import Plan
from agent.settings import Settings
from drivers.catalog import load_profile, profile_names
from tests.simulators.agent_process import COMMAND
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.technician import Said, Technician
from tests.simulators.text_instrument import TextLine

SENSOR = {1: 0x00EC, 2: 0x01F4}
"""The input registers of an XY-MD02 at 23.6 °C and 50 %."""

WXT = {
    b"0r1Goe\r\n": rb"0r1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2MJ\Y" + b"\r\n",
    b"0r2Gje\r\n": b"0r2,Ta=23.6C,Ua=14.2P,Pa=1026.6HCRR\r\n",
    b"0r3Kid\r\n": b"0r3,Rc=0.10M,Rd=2380s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0MLEk\r\n",
    b"0r5Kcd\r\n": b"0r5,Th=24.5C,Vh=11.5N,Vs=11.5V,Vr=3.510V,Id=HEL___Fva\r\n",
}
"""A Vaisala WXT536 with the values that its manual prints."""

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


def test_the_file_is_for_who_may_enter_its_folder_whatever_the_mask_of_root_is(technician: Technician) -> None:
    """A hardened PC masks everything from the group, and the daemon is none of root's."""
    mask = os.umask(0o077)
    try:
        technician.types("init", "--yes", *AIR)
    finally:
        os.umask(mask)

    found = technician.config.stat()
    assert (found.st_mode & 0o777, found.st_gid) == (0o640, technician.config.parent.stat().st_gid)


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
        *("mqtt://127.0.0.1", "user", "", "top secret"),
    )

    assert said.code == 0, said.err
    assert '"bad id"' in said.err
    assert "a time zone is a name" in said.err
    assert "teledyne-t100, teledyne-t100-ascii" in said.out
    settings = Settings.load(technician.config)
    assert [one.name for one in settings.devices] == ["sulphur", "sms-d-h"]
    assert settings.device("sulphur").address == 1
    assert technician.types("check").code == 0


def test_a_password_goes_into_a_file_of_its_own(technician: Technician, monkeypatch: pytest.MonkeyPatch) -> None:
    """A technician has a password, not a file; and it never stands where a station file may be mailed to."""
    answers(monkeypatch, technician, *("A-01", "", "UTC", "", ""), *("mqtt://127.0.0.1", "a01", "", "top secret"))

    password = technician.config.with_name("city-password")
    assert password.read_text() == "top secret\n"
    assert password.stat().st_mode & 0o777 == 0o640
    assert Settings.load(technician.config).uplink("city").password_file == password
    assert "top secret" not in technician.config.read_text()


def test_a_broker_that_encrypts_is_asked_for_certificates_and_a_wrong_one_is_asked_for_again(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last question must not cost the answers before it."""
    said = answers(
        monkeypatch,
        technician,
        *("A-01", "", "UTC", "", ""),
        *("http://broker.example.org", "mqtts://broker.example.org", "ca.pem", "a01.pem", "credential:city", ""),
    )

    assert "mqtts://host:port" in said.err
    uplink = Settings.load(technician.config).uplink("city")
    assert [file.name for file in (uplink.ca_file, uplink.cert_file, uplink.key_file) if file] == [
        "ca.pem",
        "a01.pem",
        "city",
    ]


def test_where_nothing_can_be_written_nothing_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty answers for nothing; and the next step is said."""
    said = Technician(tmp_path / "absent", capsys).types("init")

    assert said.code == 2
    assert f"there is no folder {tmp_path}/absent" in said.err
    assert said.out == ""


def test_who_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C at any question, and the next try begins anew."""
    command = [*COMMAND, "--config", str(tmp_path / "station.toml"), "init"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdin
        assert asking.stdout
        asking.stdin.write("A-01\n")
        asking.stdin.flush()
        shown = ""
        while "Name of the station, for people: " not in shown:
            shown += asking.stdout.read(1)
        asking.send_signal(signal.SIGINT)
        said = asking.communicate(timeout=30)[1]

    assert (asking.returncode, said) == (130, "\nnothing was written\n")
    assert list(tmp_path.iterdir()) == []


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


def test_where_no_modbus_unit_answers_an_instrument_of_another_protocol_is_found(
    bench: Bench, technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most analyzers with a serial port speak something else; two profiles stand for all, which take half a minute."""
    monkeypatch.setattr(survey, "_profiles", lambda _: (["generic-xy-md02"], ["metone-bam1020", "vaisala-wxt536"]))
    weather = bench.serve(TextLine(WXT, tmp_path / "mast"))

    said = technician.types(
        *("init", "--yes", "--id", "A-01", "--link", f"mast=serial://{weather.path}?baud=19200"),
        *("--scan", "--addresses", "1"),
    )

    assert "what answers on mast fits vaisala-wxt536" in said.out, said.err
    assert [(one.name, one.address) for one in Settings.load(technician.config).devices] == [("wxt536", "0")]


@pytest.mark.parametrize("wire", ["/dev/ttyUSB0", "192.0.2.1:4001"])
def test_an_instrument_of_each_profile_makes_a_file_that_is_accepted(wire: str, tmp_path: Path) -> None:
    """Slow ones are asked at longer intervals; only an address that no factory sets has to be told."""
    for name in profile_names([]):
        profile = load_profile(name)
        plan, on = on_wire(Plan("A"), wire, profile)
        address = "1" if profile.address is None else None
        one = instrument(device_name(profile, []), name, profile, on, address)
        Settings.from_text(plan.with_instrument(one).text(), tmp_path / "station.toml")


def test_a_serial_line_begins_with_what_the_instrument_leaves_the_factory_with() -> None:
    """One number less to look up."""
    profile = load_profile("vaisala-wxt536")

    assert wire_url("/dev/ttyS0", profile) == "serial:///dev/ttyS0?baud=19200&parity=N&stopbits=1"
    assert wire_url("/dev/ttyS0?baud=4800", profile) == "serial:///dev/ttyS0?baud=4800"
    assert wire_url("192.0.2.1:4001") == "tcp://192.0.2.1:4001"
    with pytest.raises(AnswerError, match="is no wire"):
        wire_url("somewhere")


@pytest.mark.parametrize(
    ("adapter", "folder"), [(Adapter("A10KZP45", "00", "pci-1"), "by-id"), (Adapter("", "00", "pci-1"), "by-path")]
)
def test_a_port_is_called_by_the_name_that_it_keeps(
    adapter: Adapter, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two adapters without a serial number share one name by id, and which of them has it changes with the boot."""
    port = tmp_path / "ttyUSB0"
    port.touch()
    for name, constant in (("by-id", "BY_ID"), ("by-path", "BY_PATH")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "it").symlink_to(port)
        monkeypatch.setattr(ports, constant, tmp_path / name)
    monkeypatch.setattr(ports, "adapter_of", lambda _: adapter)

    assert ports.lasting(port) == tmp_path / folder / "it"


def test_two_instruments_at_one_place_share_the_wire() -> None:
    """Two connections to one gateway are refused by many; one link is what is meant."""
    plan, first = parse_device("teledyne-t100@192.0.2.1:502#1", Plan("a"))
    plan, second = parse_device("teledyne-t200@192.0.2.1:502#2", plan.with_instrument(first))

    assert first.wire == second.wire
    assert "[[link]]" in plan.with_instrument(second).text()
