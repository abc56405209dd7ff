"""What a wrong station file is told: every mistake in one run, with its line, and never a secret or a traceback."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.paths import locate
from agent.settings import ConfigError, Fault, Settings
from agent.stationfile.tomlsource import TomlSource

CONFIG = Path(__file__).parent.parent / "config" / "station.toml"

RIGHT = """\
[station]
id = "A1"
timezone = "Asia/Shanghai"
[store]
quota = "20GB"
[[link]]
name = "rack"
url = "serial:///dev/analyzer/rack?baud=9600&parity=N"
[[link]]
name = "gate"
url = "tcp://192.0.2.1:502"
[[device]]
name = "so2"
link = "rack"
address = 1
profile = "teledyne-t100"
every = "5s"
[[device]]
name = "box"
link = "gate"
address = 2
every = "5s"
affects = ["so2"]
[[device.channel]]
name = "flow"
unit = "L/min"
register = 3
range = [0.0, 5.0]
affects = ["so2.so2"]
[[device.channel]]
name = "pump"
stream = "parameter"
group = "sampling"
register = 4
bits = { 0 = { name = "off", quality = "stopped", covers = ["so2.*"] } }
[[uplink]]
name = "city"
url = "mqtts://broker.example.org"
streams = ["measurement", "event"]
"""


def faults_of(text: str, folder: Path = Path("/etc/station-agent")) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as refused:
        Settings.from_text(text, folder / "station.toml")
    return refused.value.faults


def changed(old: str, new: str) -> str:
    """The right file with the first *old* replaced."""
    assert old in RIGHT
    return RIGHT.replace(old, new, 1)


CHANNEL = '[[device.channel]]\nname = "y"\nregister = 1\n'
SO2 = 'profile = "teledyne-t100"'
CITY = 'url = "mqtts://broker.example.org"'

# what is changed, the line and the key of the fault, words of its sentence
MISTAKES: dict[str, tuple[str, str, int, str, str]] = {
    "unknown key": ('every = "5s"', 'evry = "5s"\nevery = "5s"', 17, 'device "so2": evry', 'did you mean "every"?'),
    "unknown table": ("[store]", "[stoer]", 4, "stoer", 'did you mean "store"?'),
    "unknown key, never near": (SO2, SO2 + "\nslave = 3", 17, "slave", "write address"),
    "host beside url": (CITY, CITY + '\nhost = "h"', 39, "host", "it into url"),
    "unit not text": (
        'every = "5s"',
        "every = 5",
        17,
        'device "so2": every',
        'a duration is a text such as "200ms", "5s"',
    ),
    "unit unknown": ('every = "5s"', 'every = "5x"', 17, 'device "so2": every', '= "5x": a duration is a text'),
    "never due": ('every = "5s"', 'every = "0s"', 17, "every", 'allowed: "10ms" to "1d"'),
    "not a number": ('every = "5s"', "every = nan", 17, "every", "= nan: a duration"),
    "size": ('quota = "20GB"', 'quota = "20 gigs"', 5, "store: quota", 'a size is a text such as "256KiB"'),
    "tiny size": ('quota = "20GB"', 'quota = "1kB"', 5, "store: quota", 'allowed: "1MB"'),
    "archive": ('quota = "20GB"', 'archive = { keep = "5y" }', 5, "store: archive.keep", '"400d"'),
    "station id": ('"A1"', '"A 1"', 2, "station: id", 'letters, digits, "_" and "-"'),
    "station missing": ('[station]\nid = "A1"\ntimezone = "Asia/Shanghai"\n', "", 1, "station", "begin the file"),
    "id missing": ('id = "A1"\n', "", 1, "station: id", "missing"),
    "time zone": ("Asia/Shanghai", "Asia/Shangai", 3, "station: timezone", 'did you mean "Asia/Shanghai"?'),
    "a path as time zone": ("Asia/Shanghai", "../../etc/passwd", 3, "timezone", "a time zone is a name"),
    "device name": ('name = "so2"', 'name = "SO2"', 13, 'device "SO2": name', "begins with a small letter"),
    "name missing": ('name = "box"\n', "", 18, "device 2: name", "missing"),
    "channel of no profile": (
        'every = "5s"',
        'every = "5s"\nchannels = { so3 = { hj = "a21026" } }',
        18,
        'device "so2": channels.so3',
        'not a channel of this profile (did you mean "so2"?)',
    ),
    "channel in place, said again": (
        'affects = ["so2"]',
        'affects = ["so2"]\nchannels = { flow = { hj = "a21026" } }',
        24,
        'device "box": channels.flow',
        "written in place",
    ),
    "name twice": ('name = "box"', 'name = "so2"', 19, 'device "so2": name', "device 1 already has this name"),
    "channel twice": ('name = "pump"', 'name = "flow"', 31, 'channel "flow": name', "another channel"),
    "one table, not a list": ("[[uplink]]", "[uplink]", 36, "uplink", "write [[uplink]], with two brackets"),
    "a list, not one table": ("[store]", "[[store]]", 4, "store", "write [store]"),
    "a value, not a table": ("[store]\nquota", "store = 5\nquota", 4, "station: store", "unknown key"),
    "no such link": ('link = "rack"', 'link = "rock"', 14, 'device "so2": link', 'did you mean "rack"?'),
    "no wire": ('link = "rack"\n', "", 12, 'device "so2"', "link is missing"),
    "two wires": ('link = "rack"', 'link = "rack"\nurl = "tcp://h:1"', 15, 'device "so2": url', "keep one of the two"),
    "one wire, two links": ("tcp://192.0.2.1:502", "serial:///dev/analyzer/rack", 11, "url", 'link "rack" is already'),
    "wire of a link": ('link = "gate"', 'url = "tcp://192.0.2.1:502"', 20, 'device "box": url', 'write link = "gate"'),
    "wire named as a link": ('name = "box"\nlink = "gate"', 'name = "gate"\nurl = "tcp://h:5"', 19, "name", "too"),
    "baud": ("baud=9600", "baud=fast", 8, 'link "rack": url', "baud is a number"),
    "parity": ("parity=N", "parity=X", 8, 'link "rack": url', "N, E, O, M, S"),
    "unknown option": ("parity=N", "partiy=N", 8, 'link "rack": url', "no option here"),
    "scheme": ("tcp://192", "telnet://192", 11, 'link "gate": url', "serial://, tcp://, udp:// or tls://"),
    "port": (":502", ":70000", 11, 'link "gate": url', "a port is a number from 1 to 65535"),
    "no port": (":502", "", 11, 'link "gate": url', "tcp://host:port"),
    "address missing": ("address = 1\n", "", 12, 'device "so2"', "a serial line needs it"),
    "address too large": ("address = 1", "address = 248", 15, "address", "from 1 to 247"),
    "address of the wrong kind": ("address = 1", "address = true", 15, "address", "an address is a number"),
    "profile": ("teledyne-t100", "teledyne-t1oo", 16, 'device "so2": profile', 'did you mean "teledyne-t100"?'),
    "no description": (SO2 + "\n", "", 12, 'device "so2"', "profile is missing"),
    "two descriptions": ('link = "gate"', 'link = "gate"\n' + SO2, 21, 'device "box": profile', "keep one of the two"),
    "protocol": ('link = "gate"', 'link = "gate"\nprotocol = "modbos"', 21, "protocol", "there is no protocol"),
    "time-out": (SO2, SO2 + '\ntimeout = "3s"', 17, 'device "so2": timeout', "at most half"),
    "time-out of a link": ('parity=N"', 'parity=N"\ntimeout = "3s"', 9, 'link "rack": timeout', 'for "so2"'),
    "affects nobody": ('["so2"]', '["so3"]', 23, 'device "box": affects', 'there is no [[device]] "so3"'),
    "affects no channel": ('["so2.so2"]', '["so2.sox"]', 29, 'channel "flow": affects', 'has not "sox"'),
    "covers nobody": ("so2.*", "no2.*", 35, 'channel "pump": bits.0.covers', 'there is no [[device]] "no2"'),
    "affects no own channel": ('["so2.so2"]', '["flaw"]', 29, "affects", 'did you mean "flow"?'),
    "unit": ('"L/min"', '"l/min"', 26, 'channel "flow": unit', 'did you mean "L/min"?'),
    "unit as shown": ('"L/min"', '"°C"', 26, 'channel "flow": unit', 'did you mean "Cel"?'),
    "range": ("[0.0, 5.0]", "[5.0, 0.0]", 28, 'channel "flow": range', "low below high"),
    "register": ("register = 3", "register = 70000", 27, "register", "at most 65535"),
    "register missing": ("register = 3\n", "", 24, 'channel "flow"', "names no register"),
    "register as text": ("register = 3", 'register = "3x"', 27, "register", "a whole number, without quotes"),
    "type": ("register = 3", 'register = 3\ntype = "float"', 28, "type", 'did you mean "float'),
    "word order": ("register = 3", 'register = 3\norder = "big"', 28, "order", '"ABCD", "CDAB", "BADC" or "DCBA"'),
    "group missing": ('group = "sampling"\n', "", 30, 'channel "pump"', "needs a group"),
    "quality": ('"stopped"', '"stoped"', 35, "bits.0.quality", 'did you mean "stopped"?'),
    "bit": ("{ 0 = {", "{ x = {", 35, 'channel "pump": bits', "bit numbers"),
    "stream": ('"event"]', '"evnt"]', 39, 'uplink "city": streams', 'did you mean "event"?'),
    "no stream": ('["measurement", "event"]', "[]", 39, "streams", "at least one of"),
    "confirm": (CITY, CITY + '\nconfirm = "consumer:"', 39, "confirm", '"consumer:NAME"'),
    "window": (CITY, CITY + "\nwindow = 0", 39, 'uplink "city": window', "at least 1"),
    "window too large": (CITY, CITY + "\nwindow = 65536", 39, "window", "at most 65535"),
    "window as text": (CITY, CITY + '\nwindow = "20"', 39, "window", "a whole number, without quotes"),
    "yes": (CITY, CITY + '\ncompress = "yes"', 39, "compress", "true or false, without quotes"),
    "version of mqtt": (CITY, CITY + '\nprotocol = "4"', 39, "protocol", '"auto", "5" or "3.1.1"'),
    "version as a number": (CITY, CITY + "\nprotocol = 5", 39, "protocol", '"auto", "5" or "3.1.1"'),
    "where to begin": (CITY, CITY + '\nfrom = "old"', 39, 'uplink "city": from', '"now" or "oldest"'),
    "topics": (CITY, CITY + '\nroot = "/station/"', 39, "root", '"/" only between'),
    "hj212": ("mqtts://broker", "hj212://broker", 38, 'uplink "city": url', "reserved and not yet spoken"),
    "http": ("mqtts://broker", "https://broker", 38, 'uplink "city": url', "a broker is mqtts://host:port"),
    "key without certificate": (CITY, CITY + '\nkey_file = "k"', 39, "key_file", "name it in cert_file"),
    "password without user": (CITY, CITY + '\npassword_file = "p"', 39, "password_file", "needs a username"),
    "files without encryption": (CITY, 'url = "mqtt://h"\nca_file = "ca"', 39, "ca_file", "write mqtts://"),
    "a client twice": (
        CITY,
        CITY + '\nclient_id = "x"\n[[uplink]]\nname = "two"\nurl = "mqtts://broker.example.org"\nclient_id = "x"',
        43,
        'uplink "two": client_id',
        'uplink "city" has this client id',
    ),
}


@pytest.mark.parametrize("case", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_line_its_key_and_what_is_allowed(case: tuple[str, str, int, str, str]) -> None:
    """The technician has one file, one minute and no manual."""
    old, new, line, key, words = case
    faults = faults_of(changed(old, new))
    assert [fault for fault in faults if fault.line == line and key in fault.key and words in str(fault)], "\n".join(
        map(str, faults)
    )


def test_the_right_file_is_right() -> None:
    """Else the tests above would prove nothing."""
    assert Settings.from_text(RIGHT, Path("station.toml")).station.id == "A1"


SYNTAX: dict[str, tuple[str, int, str]] = {
    "no quotes": ("[station]\nid = A1\n", 2, 'write: id = "A1"'),
    "unit without quotes": ('[station]\nid = "A1"\n[store]\nlinger = 5s\n', 4, 'write: linger = "5s"'),
    "no closing quote": ('[station]\nid = "A1\n', 2, "no closing quote"),
    "curly quotes": ("[station]\nid = “A1”\n", 2, 'not plain characters: “ ” (write: id = "A1")'),
    "no value": ("[station]\nid =\n", 2, "a value is missing"),
    "no equals sign": ('[station]\nid "A1"\n', 2, 'not of the form key = "value" (write: id = "A1")'),
    "broken header": ('[station\nid = "A1"\n', 1, "not a table header"),
    "key twice": ('[station]\nid = "A1"\n\nid = "A2"\n', 4, "stands twice (first in line 2)"),
    "table twice": ('[station]\nid = "A1"\n[store]\n[station]\n', 4, "stands twice (first in line 1)"),
    "list without an end": ('[station]\nid = "A1"\n[[uplink]]\nstreams = ["event",\nname = "x"\n', 5, "look at line 4"),
    "long text without an end": ('[station]\nid = """A1\n\n\n', 2, ""),
    "nul": ('[station]\nid = "A\x00"\n', 2, ""),
    "bell": ('[station]\nid = "A1"\n\x07\n', 3, ""),
    "digits without an end": (f"[station]\nid = {'1' * 5000}\n", 2, "too many digits"),
    "yaml": ("station:\n  id: A1\n", 1, 'not of the form key = "value"'),
    "empty": ("\n \n", 0, "the file is empty"),
    "depth": (f"a = {'[' * 5000}", 0, "too deep"),
}


@pytest.mark.parametrize("case", SYNTAX.values(), ids=SYNTAX)
def test_what_is_not_toml_is_told_with_its_line(case: tuple[str, int, str]) -> None:
    """The parser's own words are for programmers."""
    text, line, words = case
    fault = faults_of(text)[0]
    assert fault.line == line
    assert words in str(fault)


def test_one_run_tells_every_mistake() -> None:
    """Correct one, run again, find the next: that is how an afternoon passes on a roof."""
    wrong = RIGHT
    for old, new in (
        ('"A1"', '"A 1"'),
        ('quota = "20GB"', "quota = 20"),
        ('link = "rack"', 'link = "rock"'),
        ('every = "5s"', 'evry = "5s"'),
        ('["so2"]', '["so3"]'),
        ('"L/min"', '"l/min"'),
        ('"stopped"', '"stoped"'),
        ('"event"]', '"evnt"]'),
    ):
        wrong = wrong.replace(old, new, 1)
    assert [fault.line for fault in faults_of(wrong)] == [2, 5, 12, 14, 17, 23, 26, 35, 39]


def test_mistakes_of_syntax_do_not_hide_the_others() -> None:
    """A missing quote in line 5 says nothing about line 39."""
    wrong = changed('"20GB"', "20GB").replace('name = "so2"', 'name = "so2').replace('"event"]', '"evnt"]')
    assert [fault.line for fault in faults_of(wrong)] == [5, 13, 39]


def test_devices_that_share_a_link_have_addresses_of_their_own() -> None:
    """Two answers to one question are a collision on the wire."""
    third = RIGHT + '[[device]]\nname = "x"\nlink = "gate"\naddress = 2\nevery = "5s"\n' + CHANNEL
    (fault,) = faults_of(third)
    assert (fault.line, fault.key) == (43, 'device "x": address')
    assert 'device "box" on link "gate" has this address' in fault.message


def test_devices_with_one_url_are_told_to_share_a_link() -> None:
    """Two tasks on one wire would talk into each other's answers."""
    alone = '[[device]]\nname = "{0}"\nurl = "tcp://192.0.2.7:502"\nevery = "5s"\n' + CHANNEL
    (fault,) = faults_of(RIGHT + alone.format("x") + alone.format("z"))
    assert fault.key == 'device "z": url'
    assert "write one [[link]] with this url" in fault.hint


def test_a_fault_is_one_sentence_that_can_be_printed() -> None:
    """Editors and people both find the place."""
    (fault,) = faults_of(changed('every = "5s"', 'every = "5x"'))
    assert str(fault).startswith('station.toml:17: device "so2": every = "5x": a duration is a text such as')


def test_the_error_names_the_file_the_count_and_the_next_step() -> None:
    """A command prints the error and its hint, and nothing else."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_text(changed('"A1"', '"A 1"').replace("20GB", "20"), Path("/etc/x/station.toml"))
    assert "/etc/x/station.toml has 2 mistakes" in str(refused.value)
    assert refused.value.hint == "Correct the file, then run: station-agent --config /etc/x/station.toml check"
    assert len(refused.value.report.splitlines()) == 2


def test_a_missing_file_is_one_sentence_and_one_next_step(tmp_path: Path) -> None:
    """The first thing that a newcomer sees."""
    with pytest.raises(ConfigError) as refused:
        Settings.load(tmp_path / "station.toml")
    assert str(refused.value) == f"{tmp_path}/station.toml: there is no such file"
    assert refused.value.hint.startswith("Write one with: sudo station-agent init")


def test_chinese_text_is_shown_as_it_stands() -> None:
    """A name in escapes is no name."""
    fault = faults_of(changed('name = "so2"', 'name = "二氧化硫"'))[0]
    assert fault.key == 'device "二氧化硫": name'


def test_what_is_shown_cannot_disturb_a_terminal() -> None:
    """A value may hold anything, a terminal obeys some of it."""
    (fault,) = faults_of(changed('link = "rack"', 'link = "\\u001b[2J\\u202e' + "x" * 500 + '"'))
    assert str(fault).isprintable()
    assert len(str(fault)) < 400


def test_mistakes_in_a_profile_name_its_file_and_line(tmp_path: Path) -> None:
    """A profile of the station's own is as easily mistyped as the station file."""
    (tmp_path / "profiles").mkdir()
    shipped = Path(__file__).parent.parent / "drivers" / "profiles" / "teledyne-t100.toml"
    wrong = re.sub(r"(?m)^\[\[channel\]\]", "[[channel]]\nregistre = 5", shipped.read_text(), count=1)
    (tmp_path / "profiles" / "teledyne-t100.toml").write_text(wrong)
    line = wrong[: wrong.index("registre")].count("\n") + 1
    faults = faults_of(RIGHT, tmp_path)
    assert {fault.file for fault in faults} == {"profiles/teledyne-t100.toml"}
    assert [fault for fault in faults if fault.line == line and 'did you mean "register"?' in fault.hint]


def test_a_profile_that_is_not_toml_names_its_file_and_line(tmp_path: Path) -> None:
    """Syntax in a profile is told like syntax in the station file."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "teledyne-t100.toml").write_text("model = T100\n")
    assert {fault.file for fault in faults_of(RIGHT, tmp_path)} == {"profiles/teledyne-t100.toml"}
    assert faults_of(RIGHT, tmp_path)[0].told(str).endswith('(write: model = "T100")')


SECRETS = {
    "in the url of a broker": (CITY, 'url = "mqtts://user:hunter2@broker"'),
    "in the url of a broker, oddly": (CITY, 'url = "mqtts://user:hunter2"'),
    "with blanks": (CITY, 'url = "mqtts://user:my hunter2 @broker"'),
    "in the url of a link": (":502", ":502?password=hunter2"),
    "as the user of a link": ("tcp://192", "tcp://u:hunter2@192"),
    "under a key that is not known": (CITY, CITY + '\npassword = "hunter2"'),
    "under a key that nobody would guess": (CITY, CITY + '\ngeheim = "hunter2"'),
    "under a table that is not known": ("[store]", '[secrets]\ncity = "hunter2"\n[store]'),
    "without quotes": (CITY, CITY + "\npassword = hunter2"),
    "without quotes in a url": (CITY, "url = mqtts://user:hunter2@broker"),
    "in a list": (CITY, CITY + "\npassword = [\nhunter2 ]"),
    "instead of its file": (CITY, CITY + '\npassword_file = "hunter2"'),
    "as a list of files": (CITY, CITY + '\nusername = "u"\npassword_file = ["hunter2"]'),
}


@pytest.mark.parametrize("case", SECRETS.values(), ids=SECRETS)
def test_no_secret_is_ever_shown(case: tuple[str, str]) -> None:
    """What is printed is copied into a message to a supplier."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_text(changed(*case), Path("station.toml"))
    assert "hunter2" not in refused.value.report + str(refused.value) + refused.value.hint


def test_no_secret_is_shown_in_a_warning(tmp_path: Path) -> None:
    """Somebody writes the password where its file should be named."""
    text = changed(CITY, CITY + '\nusername = "u"\npassword_file = "hunter2"')
    assert "hunter2" not in "".join(map(str, Settings.from_text(text, tmp_path / "station.toml").warnings))


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """Each of them has another next step."""
    (tmp_path / "gbk.toml").write_bytes('[station]\nid = "A1"\nname = "空气站"\n'.encode("gbk"))
    (tmp_path / "utf16.toml").write_bytes(RIGHT.encode("utf-16"))
    (tmp_path / "huge.toml").write_bytes(b"#" * 4_000_001)
    for name, words in {
        "none.toml": "no such file",
        ".": "a folder",
        "gbk.toml": "gbk.toml:3: byte 0xbf: not UTF-8",
        "utf16.toml": "UTF-16",
        "huge.toml": "larger than 4 MB",
        "x" * 300: "cannot be read",
        "nul\x00": "cannot be read",
    }.items():
        with pytest.raises(ConfigError) as refused:
            Settings.load(tmp_path / name)
        assert words in refused.value.report


def test_a_file_that_this_user_may_not_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest mistake of all: the command without the group."""
    file = tmp_path / "station.toml"
    file.write_text(RIGHT)
    file.chmod(0)
    if os.access(file, os.R_OK):  # root reads everything: the refusal has to be played
        monkeypatch.setattr(Path, "open", _refuse)
    with pytest.raises(ConfigError, match="this user may not read it"):
        Settings.load(file)


def _refuse(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


REFERENCE = re.sub(r"(?m)^# ([a-z_]+ = )(e\.g\. )?", r"\1", CONFIG.read_text())
PIECES = ['"', "'", '"""', "[", "]]", "{", "}", "=", ".", ",", "#", "\n", "\x00", "\\", "🜨", "nan", "1e999", "-1"]
PIECES += [
    "[[device]]",
    "[[device.channel]]",
    "[station]",
    "0xffffffffffffffffffff",
    "2026-11-22",
    "true",
    "{}",
    "[[]]",
]
LINES = REFERENCE.split("\n")

mutation = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, len(REFERENCE)), st.integers(0, 40)),
    st.tuples(st.just("put"), st.integers(0, len(REFERENCE)), st.sampled_from(PIECES)),
    st.tuples(st.just("value"), st.integers(0, len(LINES) - 1), st.sampled_from(PIECES)),
    st.tuples(st.just("drop"), st.integers(0, len(LINES) - 1), st.just(0)),
    st.tuples(st.just("move"), st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1)),
)


def mutated(text: str, kind: str, at: int, what: int | str) -> str:
    if kind == "put":
        return text[:at] + str(what) + text[at:]
    if kind == "cut":
        return text[:at] + text[at + int(what) :]
    lines = text.split("\n")
    at = min(at, len(lines) - 1)
    if kind == "value":
        lines[at] = f"{lines[at].partition('=')[0]}= {what}"
    elif kind == "drop":
        del lines[at]
    else:
        lines.insert(min(int(what), len(lines)), lines[at])
    return "\n".join(lines)


def settle(text: str) -> None:
    """Read *text*; anything but settings or a ConfigError that can be printed is our defect."""
    try:
        Settings.from_text(text, Path("/etc/station-agent/station.toml"))
    except ConfigError as error:
        error.report.encode()


quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(st.lists(mutation, min_size=1, max_size=4))
def test_no_mutation_of_the_reference_file_makes_a_traceback(mutations: list[tuple[str, int, int | str]]) -> None:
    """A crash at start is worse than any mistake in a file."""
    text = REFERENCE
    for each in mutations:
        text = mutated(text, *each)
    settle(text)


@quick
@given(st.text())
def test_no_text_makes_a_traceback(text: str) -> None:
    """Neither does a file that never was one."""
    settle(text)
    settle(f"[station]\nid = {text}\n")


@quick
@given(content=st.binary())
def test_no_bytes_make_a_traceback(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A damaged card gives any bytes at all; status still looks for the log."""
    file = tmp_path_factory.getbasetemp() / "bytes.toml"
    file.write_bytes(content)
    locate(file)
    with pytest.raises(ConfigError):
        Settings.load(file)


@quick
@given(st.text(alphabet="[]{}=\"'\\.,# \nab1\t\r", max_size=60))
def test_the_scanner_never_raises(text: str) -> None:
    """It runs on texts that are no TOML, to say where."""
    source = TomlSource(text)
    assert 1 <= source.line(("a", 0, "b")) <= text.count("\n") + 1
