"""What a technician writes by mistake, on a laptop and out of a manual: each is told how it is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.language import choose, say
from agent.settings import Settings
from tests.test_settings_faults import CHANNEL, CITY, SO2, changed, faults_of

ADDRESS, FLOW, EVERY = "address = 1", "register = 3", 'every = "5s"'
STREAMS = '["measurement", "event"]'

LINES: dict[str, tuple[str, str, int, str, str]] = {
    "curly quotes": ('"5s"', "“5s”", 17, "not plain characters: “ ”", EVERY),
    "corner brackets": ('"5s"', "「5s」", 17, "not plain characters: 「 」", EVERY),
    "wide equals sign": (ADDRESS, "address ＝ 1", 15, "not plain characters: ＝", ADDRESS),
    "wide digit": (ADDRESS, "address = １", 15, "not plain characters: １", ADDRESS),
    "wide comma": (STREAMS, '["measurement"，"event"]', 39, "，", 'streams = ["measurement","event"]'),
    "a comma of lists": (STREAMS, '["measurement"、"event"]', 39, "、", 'streams = ["measurement","event"]'),
    "wide brackets": ("[store]", "【store】", 4, "not plain characters: 【 】", "[store]"),
    "wide hash": ("[store]", "＃ log\n[store]", 4, "not plain characters: ＃", "# log"),
    "a minus of typesetters": ("[0.0, 5.0]", "[−1.0, 5.0]", 28, "not plain characters: −", "range = [-1.0, 5.0]"),
    "a blank nobody sees": (ADDRESS, "\u00a0address = 1", 15, "not plain characters: U+00A0", ADDRESS),
    "an ideographic blank": (ADDRESS, "address\u3000= 1", 15, "not plain characters: U+3000", ADDRESS),
    "no width at all": (ADDRESS, "address\u200b = 1", 15, "not plain characters: U+200B", ADDRESS),
    "one bracket short": ("[[device]]", "[[device]", 12, "not a table header", "[[device]]"),
    "brackets apart": ("[[device]]", "[ [device] ]", 12, "not a table header", "[[device]]"),
    "a colon": (ADDRESS, "address: 1", 15, "not of the form", ADDRESS),
    "two equals signs": (ADDRESS, "address == 1", 15, "not of the form", ADDRESS),
    "a comment of C": (ADDRESS, "address = 1 // unit", 15, "a comment begins with #", "address = 1  # unit"),
    "a line of comment": (ADDRESS, "// unit\naddress = 1", 15, "a comment begins with #", "# // unit"),
    "a semicolon": (ADDRESS, "address = 1;", 15, "nothing but a comment", ADDRESS),
    "yes": (ADDRESS, "address = 1\nenabled = yes", 16, "true and false", "enabled = true"),
    "False": (ADDRESS, "address = 1\nenabled = False", 16, "true and false", "enabled = false"),
    "decimal comma": (FLOW, "register = 3\nscale = 0,1", 28, "a number is not written so", "scale = 0.1"),
    "no zero": (FLOW, "register = 3\nscale = .1", 28, "a number is not written so", "scale = 0.1"),
    "a fraction": (FLOW, "register = 3\nscale = 1/10", 28, "a number is not written so", "scale = 0.1"),
    "leading zeros": (FLOW, "register = 0003", 27, "a number is not written so", FLOW),
    "hex with a great X": (FLOW, "register = 0X0F", 27, "a number is not written so", "register = 0x0F"),
    "hex as in manuals": (FLOW, "register = 3Fh", 27, "a number is not written so", "register = 0x3F"),
    "a path of Windows": (CITY, CITY + '\nca_file = "C:\\certs\\ca.pem"', 39, "backslash", "'C:\\certs\\ca.pem'"),
    "a missing quote": ('name = "so2"', 'name = "so2', 13, "no closing quote", 'name = "so2"'),
    "two kinds of quote": ('"5s"', "\"5s'", 17, "no closing quote", EVERY),
    "backquotes": ('"5s"', "`5s`", 17, "between two quotes", EVERY),
    "no quotes": (SO2, "profile = teledyne-t100", 16, "between two quotes", SO2),
    "a list without its end": (STREAMS, '["measurement", "event"', 39, "no ] at its end", f"streams = {STREAMS}"),
}


@pytest.mark.parametrize("case", LINES.values(), ids=LINES)
def test_a_line_that_is_no_toml_is_shown_as_it_was_meant(case: tuple[str, str, int, str, str]) -> None:
    """And what follows is read as if it stood so: one slip brings one sentence."""
    old, new, line, words, right = case
    (fault,) = faults_of(changed(old, new))
    assert fault.line == line
    assert words in fault.message
    assert fault.meant.strip().endswith(right)


MEANT: dict[str, tuple[str, str, int, str]] = {
    "a bare number": (EVERY, "every = 5", 17, '"5s"'),
    "seconds in words": (EVERY, 'every = "5 sec"', 17, '"5s"'),
    "seconds in Chinese": (EVERY, 'every = "5秒"', 17, '"5s"'),
    "half a second": (EVERY, "every = 0.5", 17, '"500ms"'),
    "minutes as m": (EVERY, 'every = "2m"', 17, '"2min"'),
    "gigabytes as G": ('"20GB"', '"20G"', 5, '"20GB"'),
    "one character for degrees": ('"L/min"', '"℃"', 26, '"Cel"'),
    "C": ('"L/min"', '"C"', 26, '"Cel"'),
    "ppb": ('"L/min"', '"ppb"', 26, '"[ppb]"'),
    "micro with the Greek letter": ('"L/min"', '"μg/m³"', 26, '"ug/m3"'),
    "micro with its own sign": ('"L/min"', '"µg/m³"', 26, '"ug/m3"'),
    "one character for milligrams": ('"L/min"', '"㎎/m³"', 26, '"mg/m3"'),
    "LPM": ('"L/min"', '"LPM"', 26, '"L/min"'),
    "a unit in Chinese": ('"L/min"', '"升/分钟"', 26, '"L/min"'),
    "dB(A)": ('"L/min"', '"dB(A)"', 26, '"dB[SPL]"'),
    "float": (FLOW, 'register = 3\ntype = "float"', 28, '"float32"'),
    "REAL": (FLOW, 'register = 3\ntype = "REAL"', 28, '"float32"'),
    "WORD": (FLOW, 'register = 3\ntype = "WORD"', 28, '"uint16"'),
    "order in digits": (FLOW, 'register = 3\norder = "3412"', 28, '"CDAB"'),
    "order that is none": (FLOW, 'register = 3\norder = "DCAB"', 28, '"DCBA"'),
    "table in Chinese": (FLOW, 'register = 3\ntable = "输入寄存器"', 28, '"input"'),
    "function": (FLOW, "register = 3\nfunction = 4", 28, "write table: coil for function 1"),
    "profile by model": ("teledyne-t100", "Teledyne T100", 16, '"teledyne-t100"'),
    "profile by file": ("teledyne-t100", "teledyne-t100.toml", 16, '"teledyne-t100"'),
    "profile by a part": ("teledyne-t100", "t100", 16, '"teledyne-t100"'),
    "address in quotes": (ADDRESS, 'address = "0x0a"', 15, "mean 10?"),
    "name in capitals": ('name = "so2"', 'name = "SO2 Analyzer"', 13, '"so2-analyzer"'),
    "one word, no list": ('affects = ["so2"]', 'affects = "so2"', 23, '["so2"]'),
    "city": ("Asia/Shanghai", "Beijing", 3, '"Asia/Shanghai"'),
    "city with its own zone": ("Asia/Shanghai", "Hong Kong", 3, '"Asia/Hong_Kong"'),
    "offset": ("Asia/Shanghai", "UTC+8", 3, '"Asia/Shanghai"'),
    "offset, counted the other way round": ("Asia/Shanghai", "GMT-3", 3, '"Etc/GMT+3"'),
    "code of HJ 212": (FLOW, 'register = 3\nhj = "A21026"', 28, '"a21026"'),
    "port of Windows": ("serial:///dev/analyzer/rack?baud=9600&parity=N", "COM3", 8, "ls -l /dev/serial/by-id"),
    "device file": ("serial:///dev/analyzer/rack?baud=9600&parity=N", "/dev/ttyS0", 8, "write serial:// before it"),
    "modbus url": ("tcp://192.0.2.1:502", "modbus://192.0.2.1:502", 11, "write tcp://host:502"),
    "address alone": ("tcp://192.0.2.1:502", "192.0.2.1", 11, "write tcp://host:502"),
    "ssl broker": ("mqtts://broker", "ssl://broker", 38, "write mqtts://"),
}


@pytest.mark.parametrize("case", MEANT.values(), ids=MEANT)
def test_what_is_not_allowed_is_answered_with_what_was_meant(case: tuple[str, str, int, str]) -> None:
    """Words of manuals, of PLC programs and of screens: the nearest by letters is often another thing."""
    old, new, line, right = case
    (fault,) = [fault for fault in faults_of(changed(old, new)) if fault.line == line]
    assert right in fault.hint, str(fault)


@pytest.mark.parametrize(
    "host", ["192.0.2.256", "192.000.002.001", "192.0.2", "192,0,2,1", "192。0。2。1", "192.0.2.1:502："]
)
def test_an_ip_address_that_is_none_is_refused(host: str) -> None:
    """A resolver takes 192.0.2 for 192.0.0.2 and 010 for 8, and asks somebody else."""
    for old, new in (("192.0.2.1", host), ("broker.example.org", host)):
        (fault,) = faults_of(changed(old, new))
        assert "an IP address is four numbers" in fault.message or "plain characters only" in fault.message


def test_a_list_of_tables_with_single_brackets_hides_nothing() -> None:
    """The second one stands twice, but the first one is wrong."""
    first, second = faults_of(changed("[[device]]", "[device]").replace('"evnt"]', '"event"]').replace("20GB", "20"))
    assert (first.line, second.line) == (5, 12)
    assert second.hint == "write [[device]], with two brackets"


def test_a_name_that_is_told_already_is_not_told_again_where_it_is_used() -> None:
    """Three more sentences about one capital letter hide the next mistake."""
    (fault,) = faults_of(changed('name = "so2"', 'name = "SO2"'))
    assert fault.line == 13


def test_a_range_of_one_number_lacks_the_other() -> None:
    """It is not missing as a whole."""
    (fault,) = faults_of(changed("[0.0, 5.0]", "[5.0]"))
    assert (fault.key, fault.message) == ('device "box": channel "flow": range', "a list of more values")


def test_a_scale_of_zero_is_refused() -> None:
    """Every value would be the offset, and look like one."""
    (fault,) = faults_of(changed(FLOW, "register = 3\nscale = 0"))
    assert (fault.line, fault.message) == (28, "scale 0 makes the same of every value")


FLOATS = 'type = "float32"\n' + CHANNEL.replace("register = 1", "register = 4")
DOUBTS = {
    "counted from 40001": (FLOW, "register = 40003", 27, "write register = 2"),
    "counted from 30001": (FLOW, 'register = 30001\ntable = "input"', 27, "write register = 0"),
    "counted from 10001": (FLOW, 'register = 10008\ntable = "discrete"', 27, "write register = 7"),
    "an odd baud rate": ("baud=9600", "baud=9601", 8, "did you mean 9600?"),
    "seven bits": ("parity=N", "parity=E&bytesize=7", 12, "Modbus RTU needs 8 data bits"),
    "inside another number": (FLOW, f"register = 3\n{FLOATS}", 31, "begins inside flow, which takes 3 to 4"),
}


@pytest.mark.parametrize("case", DOUBTS.values(), ids=DOUBTS)
def test_what_can_hardly_be_meant_is_warned_about(case: tuple[str, str, int, str]) -> None:
    """It may be right, so it is no mistake; an instrument would answer with exceptions, or not at all."""
    old, new, line, words = case
    warnings = Settings.from_text(changed(old, new), Path("station.toml")).warnings
    assert [fault for fault in warnings if fault.line == line and words in str(fault)]


def test_a_secret_is_not_shown_as_it_was_meant_either() -> None:
    """The line as it would be right has it too."""
    for line in ("password = hunter2", "password: hunter2", "url = mqtts://user:hunter2@broker"):
        assert "hunter2" not in "".join(map(str, faults_of(changed(CITY, f"{CITY}\n{line}"))))


def test_what_is_meant_stays_as_the_file_has_to_have_it() -> None:
    """Somebody who reads Chinese would else write what is shown, and it would be wrong again."""
    try:
        choose("zh")
        (line,) = faults_of(changed(ADDRESS, "address: 1"))
        (word,) = faults_of(changed('"event"]', '"measurements"]'))
        assert line.told(say).endswith("(请写：address = 1)")
        assert word.told(say).endswith('(是否指 "measurement"？)')
    finally:
        choose("en")
