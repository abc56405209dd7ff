"""What there is: protocols, models, and a clear word about what there is not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from agent.language import choose
from drivers.api import Device, Link, ProfileError
from drivers.catalog import load_profile, make_driver, profile_names, protocol_names
from drivers.dialogue import DialogueDriver
from drivers.modbus import ModbusAscii, ModbusDriver, ModbusRtu, ModbusTcp
from drivers.profile import Profile
from tests.simulators.technician import Technician

OZONE = """
model = "O3-100"
maker = "Acme"
kind = "ozone analyzer"
manual = "O3-100 manual rev. C, table 7-2"
source = "that manual"
confidence = "manual"
address = 5

[[channel]]
name = "ozone"
unit = "[ppb]"
register = 0
type = "int16"
scale = 0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A station's own profiles, with one in it."""
    (tmp_path / "acme-o3-100.toml").write_text(OZONE)
    return tmp_path


def broken(folder: Path, old: str, new: str) -> str:
    """What is said about the profile with *new* in place of *old*."""
    (folder / "acme-o3-100.toml").write_text(OZONE.replace(old, new))
    with pytest.raises(ProfileError) as raised:
        load_profile("acme-o3-100", [folder])
    assert raised.value.hint
    return str(raised.value)


def test_a_profile_of_the_station_is_one_more_file(folder: Path) -> None:
    """A new model needs no Python."""
    profile = load_profile("acme-o3-100", [folder])

    assert profile.channel("ozone").scale == Decimal("0.1")
    assert "acme-o3-100" in profile_names([folder])
    assert "acme-o3-100" not in profile_names()


def test_the_profiles_that_ship_are_found(folder: Path) -> None:
    """They are data of the package, wherever it is installed."""
    assert load_profile("teledyne-t400", [folder]).maker == "Teledyne API"
    assert {"teledyne-t100", "vaisala-wxt536", "sms-d-h"} <= set(profile_names())


def test_a_profile_of_the_station_comes_before_one_that_ships(folder: Path) -> None:
    """A firmware with another register map is described without touching the package."""
    (folder / "teledyne-t400.toml").write_text(OZONE)

    assert load_profile("teledyne-t400", [folder]).maker == "Acme"
    assert profile_names([folder]).count("teledyne-t400") == 1


def test_a_folder_that_is_not_there_is_no_mistake(tmp_path: Path) -> None:
    """Most stations have no profiles of their own."""
    assert load_profile("teledyne-t400", [tmp_path / "profiles"]).model == "T400"


def test_an_unknown_profile_is_answered_with_the_nearest_names() -> None:
    """Nobody remembers how the file is called."""
    with pytest.raises(ProfileError, match="there is no profile 'teledyne-t4000'") as raised:
        load_profile("teledyne-t4000")

    assert raised.value.hint.startswith("Did you mean teledyne-t400")


def test_a_name_that_is_a_path_finds_nothing(folder: Path) -> None:
    """A profile is named, not pointed at."""
    with pytest.raises(ProfileError, match="there is no profile"):
        load_profile(f"../{folder.name}/acme-o3-100", [folder])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit = "[ppb]"', 'unit = "ppb"', "channel.1.unit is 'ppb': not one of the known UCUM codes"),
        ("register = 0", "register = 70000", "channel.1.register is 70000"),
        ("register = 0", "registr = 0", "channel.1.registr is 0: Extra inputs are not permitted"),
        ('type = "int16"', 'type = "int24"', "channel.1.type is 'int24': Input should be 'int16', 'uint16'"),
        ('maker = "Acme"', "", "maker: Field required"),
        ('name = "ozone"', 'name = "ozone"\nnew_by = "time"', "new_by names time, which is not a channel"),
        ("[[channel]]", "[channel", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_is_allowed(folder: Path, old: str, new: str, words: str) -> None:
    """The one who writes a profile sees what to correct."""
    said = broken(folder, old, new)

    assert said.startswith(str(folder / "acme-o3-100.toml"))
    assert words in said


def test_a_profile_in_another_encoding_is_named(folder: Path) -> None:
    """Editors on Windows still write them."""
    (folder / "acme-o3-100.toml").write_bytes(OZONE.replace("Acme", "Äcme").encode("latin-1"))

    with pytest.raises(ProfileError, match=r"is not TOML.*utf-8"):
        load_profile("acme-o3-100", [folder])


def profile(protocol: str) -> Profile:
    return load_profile("sms-d-h").model_copy(update={"protocol": protocol})


@pytest.mark.parametrize(
    ("protocol", "driver"),
    [("modbus", ModbusDriver), ("modbus-rtu", ModbusRtu), ("modbus-ascii", ModbusAscii), ("modbus-tcp", ModbusTcp)],
)
def test_a_protocol_has_its_driver(protocol: str, driver: type) -> None:
    """The profile brings the protocol; the station file may overrule it."""
    made = make_driver(Device("tube", 1, profile(protocol)), Link("rack", "tcp://192.0.2.1:502"))

    assert type(made) is driver


def test_a_dialogue_has_its_driver() -> None:
    """Text instruments come from the same catalog."""
    wxt = Device("wind", 0, load_profile("vaisala-wxt536"))

    assert isinstance(make_driver(wxt, Link("wind", "serial:///dev/x")), DialogueDriver)


def test_an_unknown_protocol_is_answered_with_the_nearest_names() -> None:
    """A package that was not installed looks like a mistyped word."""
    with pytest.raises(ProfileError, match="there is no protocol 'modbus-udp'") as raised:
        make_driver(Device("tube", 1, profile("modbus-udp")), Link("rack", "tcp://192.0.2.1:502"))

    assert "modbus" in raised.value.hint


def install(site: Path, code: str) -> str:
    """Leave a package as pip does, whose module has a name of its own; returns that name."""
    module = site.name
    info = site / "station_agent_acme-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: station-agent-acme\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text(f"[station_agent.drivers]\nacme = {module}:Acme\n")
    (site / f"{module}.py").write_text(code)
    return module


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_module", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("1/0", "cannot be loaded: ZeroDivisionError"),
        ("", "cannot be loaded: AttributeError"),
        ("class Acme: pass", "is no drivers.api.Driver"),
        ("Acme = 7", "is no drivers.api.Driver"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str) -> None:
    """A package that is not ours must not look like our own defect, nor stop the devices that do not need it."""
    module = install(tmp_path, code)
    monkeypatch.syspath_prepend(tmp_path)

    assert "acme" in protocol_names()
    with pytest.raises(ProfileError) as raised:
        make_driver(Device("tube", 1, profile("acme")), Link("rack", "tcp://192.0.2.1:502"))

    assert str(raised.value).startswith(f"package station-agent-acme 2.1 offers the protocol 'acme', but {module}:Acme")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("word", "known", "other"),
    [
        ("teledyne", "teledyne-t100", "thermo-43i-clink"),
        ("A21026", "teledyne-t100", "teledyne-t400"),
        ("ozone", "teledyne-t400", "teledyne-t100"),
        ("臭氧", "teledyne-t400", "teledyne-t100"),
        ("o3-100", "acme-o3-100", "teledyne-t400"),
    ],
)
def test_a_word_finds_the_profiles_that_it_fits(
    word: str, known: str, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who stands before an instrument knows its maker, or what it measures, and not what our file is called."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-o3-100.toml").write_text(OZONE)
    try:
        found = Technician(tmp_path, capsys).types("--lang", "zh", "profiles", word)
    finally:
        choose("en")
    listed = [line.split()[0] for line in found.out.splitlines()[1:]]
    assert (found.code, known in listed, other in listed) == (0, True, False)


def test_a_word_that_fits_nothing_is_answered_with_how_to_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seventy names are no next step."""
    said = Technician(tmp_path, capsys).types("profiles", "zzz")
    assert (said.code, said.out) == (2, "")
    assert "station-agent profiles ozone" in said.err
