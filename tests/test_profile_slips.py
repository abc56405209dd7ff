"""Profiles that a station writes for an instrument of its own: what is wrong in them, and what can hardly be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.settings import ConfigError, Settings
from agent.stationfile.unlikely import unlikely
from drivers.catalog import load_profile, profile_names

STATION = """\
[station]
id = "A1"
[[device]]
name = "co2"
url = "serial:///dev/analyzer/co2?baud=9600"
address = 1
profile = "own"
every = "5s"
[[uplink]]
name = "city"
url = "mqtts://broker.example.org"
"""
HEAD = 'model = "X"\nmaker = "Y"\nkind = "CO2 analyzer"\nmanual = "M"\nsource = "S"\nconfidence = "manual"\n'
REGISTERS = f"""{HEAD}
[modbus]
table = "input"
[[channel]]
name = "co2"
unit = "[ppm]"
register = 0
type = "float32"
[[example]]
input = {{ 0x0000 = 0x43C8, 1 = 0x0000 }}
readings = {{ co2 = 400 }}
"""
LINES = f"""{HEAD}protocol = "dialogue"
[dialogue]
terminator = "\\r\\n"
[[dialogue.request]]
name = "q"
send = "M{{address}}"
expect = 'M\\d+,.*'
separator = ","
[[channel]]
name = "co2"
unit = "[ppm]"
field = 1
"""


def read(text: str, folder: Path) -> Settings:
    """The station with *text* as its own profile."""
    (folder / "profiles").mkdir()
    (folder / "profiles" / "own.toml").write_text(text)
    return Settings.from_text(STATION, folder / "station.toml")


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("text", [REGISTERS, LINES], ids=["registers", "lines"])
def test_the_right_profiles_are_right(text: str, tmp_path: Path) -> None:
    """Else the tests below would prove nothing."""
    assert read(text, tmp_path).warnings == ()


@pytest.mark.parametrize("name", profile_names())
def test_nothing_in_the_profiles_that_ship_is_unlikely(name: str) -> None:
    """A warning that comes for right profiles too is one that nobody reads."""
    assert list(unlikely(load_profile(name))) == []


UNLIKELY = {
    "an example of a channel that is not there": (REGISTERS, "readings = { co2", "readings = { co3", '"co2"?'),
    "an example with another value": (REGISTERS, "co2 = 400 }", "co2 = 401 }", "give co2 = 400.0, where it prints 401"),
    "a word order that the example denies": (REGISTERS, "register = 0", 'register = 0\norder = "CDAB"', "prints 400"),
    "bits beyond the register": (REGISTERS, '"float32"', '"float32"\nbits = { 32 = { name = "on" } }', "bits 0 to 31"),
    "a sentinel as text": (REGISTERS, '"float32"', '"float32"\nno_value = ["0xFFFF"]', "without quotes"),
    "registers counted from 30001": (REGISTERS, "register = 0", "register = 30001", "write register = 0"),
    "a line end by its name": (LINES, '"\\r\\n"', '"CRLF"', "terminator is made of plain letters"),
    "a line end that is no code": (LINES, '"\\r\\n"', "'\\r\\n'", "as codes in double quotes"),
    "a place that is none": (LINES, "{address}", "{adress}", "{adress} is sent as it stands"),
}


@pytest.mark.parametrize("case", UNLIKELY.values(), ids=UNLIKELY)
def test_what_can_hardly_be_meant_is_warned_about(case: tuple[str, str, str, str], tmp_path: Path) -> None:
    """At the desk, and not when the instrument answers with silence or with another number."""
    text, old, new, words = case
    (warning,) = read(changed(text, old, new), tmp_path).warnings
    assert (warning.line, words in str(warning)) == (7, True), str(warning)


WRONG = {
    "single brackets": (REGISTERS, "[[channel]]", "[channel]", 10, "write [[channel]], with two brackets"),
    "double brackets": (REGISTERS, "[modbus]", "[[modbus]]", 8, "write [modbus], once"),
    "a wrong key of the only channel": (REGISTERS, '"[ppm]"', '"ppm"', 12, 'did you mean "[ppm]"?'),
    "an encoding by another name": (LINES, '"\\r\\n"', '"\\r\\n"\nencoding = "GBK"', 10, 'did you mean "gb18030"?'),
    "a backslash in double quotes": (LINES, "'M\\d+,.*'", '"M\\d+,.*"', 13, "write: expect = 'M\\d+,.*'"),
    "no register": (REGISTERS, "register = 0\n", "", 7, "channel co2 names no register"),
    "nothing": (REGISTERS, REGISTERS, "", 0, "the file is empty"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_one_mistake_brings_one_sentence(case: tuple[str, str, str, int, str], tmp_path: Path) -> None:
    """A second one about what the first has left out would be looked for in vain."""
    text, old, new, line, words = case
    with pytest.raises(ConfigError) as refused:
        read(changed(text, old, new), tmp_path)
    (fault,) = refused.value.faults
    assert (fault.line, words in str(fault)) == (line, True), str(fault)
    assert str(tmp_path / "station.toml") in str(refused.value)
