"""What a right station file becomes, and that the commented reference file tells the truth."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.changes import Changes, Difference, changes
from agent.paths import locate
from agent.settings import Settings, station_device
from agent.stationfile.tomlsource import TomlSource
from agent.stationfile.wording import allowed_keys, models_in
from agent.stationfile.words import StationFile

REFERENCE = Path(__file__).parent.parent / "config" / "station.toml"

SMALL = """
[station]
id = "A1"

[[link]]
name = "rack"
url = "serial:///dev/analyzer/rack?baud=9600"

[[device]]
name = "so2"
link = "rack"
address = 1
profile = "teledyne-t100"
every = "5s"

[[device]]
name = "manifold"
url = "tcp://192.0.2.9:502"
address = 7
every = "2s"
affects = ["so2"]
[[device.channel]]
name = "flow"
register = 4
affects = ["so2.*"]

[[uplink]]
name = "city"
url = "mqtts://broker.example.org"
"""


def read(text: str, folder: Path = Path("/etc/station-agent")) -> Settings:
    return Settings.from_text(text, folder / "station.toml")


def uncommented(text: str, *, examples: bool) -> str:
    """The reference file with its commented defaults, and with *examples* all keys, as if somebody wrote them."""
    text = re.sub(r"(?m)^# ([a-z_]+ = (?!e\.g\. ))", r"\1", text)
    return re.sub(r"(?m)^# ([a-z_]+ = )e\.g\. ", r"\1", text) if examples else text


def keys_of(model: type[BaseModel]) -> set[tuple[str, str]]:
    """Every key that a file may hold, as (table, key)."""
    inner = {inside for field in model.model_fields.values() for inside in models_in(field.annotation)}
    own = {(model.__name__, key) for key in allowed_keys(model)}
    return own.union(*(keys_of(each) for each in inner))


def keys_in(model: type[BaseModel], table: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Every key that *table* holds, in the same form."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in table:
            continue
        yield model.__name__, key
        for inner in models_in(field.annotation):
            for inside in tables_in(table[key]):
                yield from keys_in(inner, inside)


def tables_in(value: object) -> list[dict[str, object]]:
    """The tables that a value of the file is made of; of a table of named tables, those."""
    if isinstance(value, list):
        return [table for item in value for table in tables_in(item)]
    if isinstance(value, dict):
        return [value, *(item for item in value.values() if isinstance(item, dict))]
    return []


@pytest.mark.parametrize("name", ["station.toml", "small.toml"])
def test_the_files_that_people_copy_are_right(name: str) -> None:
    """They must work as they stand, without a warning."""
    assert Settings.load(REFERENCE.parent / name).warnings == ()


def test_the_defaults_that_the_reference_file_states_are_the_defaults() -> None:
    """Removing a "#" must change nothing."""
    text = REFERENCE.read_text()
    assert read(uncommented(text, examples=False)).model_dump() == read(text).model_dump()


def test_the_defaults_beside_written_keys_are_the_defaults() -> None:
    """A comment that says default "UTC" is a promise too."""
    text = REFERENCE.read_text()
    stated = list(re.finditer(r'(?m)^([a-z_]+) = .*# default ("[^"]*"|\d+)(?=[ ;\n])', text))
    assert len(stated) >= 3
    for line in stated:
        without = text[: line.start()] + text[line.end() :].partition("\n")[2]
        written = text[: line.start()] + f"{line[1]} = {line[2]}\n" + text[line.end() :].partition("\n")[2]
        if line[1] != "stream":  # one parameter of the example needs its stream for its group
            assert read(without).model_dump() == read(written).model_dump(), line[0]


def test_every_key_in_the_reference_file_is_accepted() -> None:
    """The examples of keys without a default are right as well."""
    assert read(uncommented(REFERENCE.read_text(), examples=True)).uplinks[0].rate == 20_000


def test_no_key_is_missing_from_the_reference_file() -> None:
    """A key that stands in no example is a key that nobody finds."""
    table = tomllib.loads(uncommented(REFERENCE.read_text(), examples=True))
    assert keys_of(StationFile) - set(keys_in(StationFile, table)) == set()


def test_a_small_file_has_sensible_defaults() -> None:
    """Most stations should write little."""
    settings = read(SMALL)
    assert settings.store.path == Path("/var/lib/station-agent/store.db")
    assert settings.store.archive_path == Path("/var/lib/station-agent/archive")
    assert (settings.store.quota, settings.store.keep) == (20_000_000_000, 400 * 86400.0)
    city = settings.uplink("city")
    assert (city.broker.port, city.broker.tls, city.client("A1"), city.consumer) == (8883, True, "A1-city", None)


def test_a_device_gets_the_time_out_of_itself_its_link_its_model_or_the_default() -> None:
    """The more somebody knows about this wire, the more it counts."""
    by_default = station_device(read(SMALL), read(SMALL).device("so2")).timeout_s
    assert by_default in (1.0, read(SMALL).profiles["so2"].timeout)
    link = SMALL.replace('baud=9600"', 'baud=9600"\ntimeout = "700ms"')
    assert station_device(read(link), read(link).device("so2")).timeout_s == 0.7
    own = link.replace('profile = "teledyne-t100"', 'profile = "teledyne-t100"\ntimeout = "600ms"')
    assert station_device(read(own), read(own).device("so2")).timeout_s == 0.6


def test_a_fast_device_waits_at_most_half_its_interval() -> None:
    """At ten polls a second the usual second would swallow nine of them."""
    fast = read(SMALL.replace('every = "2s"', 'every = "100ms"'))
    assert station_device(fast, fast.device("manifold")).timeout_s == 0.05


def test_a_device_with_a_url_has_a_wire_of_its_own() -> None:
    """One task per wire: the poller asks for wires, not for [[link]] tables."""
    settings = read(SMALL)
    assert [wire.name for wire in settings.wires] == ["rack", "manifold"]
    assert [device.name for device in settings.devices_on("manifold")] == ["manifold"]


def test_a_device_that_is_not_enabled_is_not_polled() -> None:
    """An analyzer at the workshop stays in the file."""
    settings = read(SMALL.replace('name = "so2"\n', 'name = "so2"\nenabled = false\n'))
    assert settings.devices_on("rack") == ()


def test_affects_means_the_measurements_of_a_device() -> None:
    """What a manifold spoils are concentrations, not the firmware version beside them."""
    settings = read(SMALL)
    assert settings.targets(settings.device("manifold").affects) == (("so2", "so2"),)


def test_what_the_station_file_says_about_a_model_counts_more_than_its_profile() -> None:
    """A gateway that dislikes long requests is a matter of the site, not of the model."""
    settings = read(SMALL.replace('every = "5s"', 'every = "5s"\nmodbus = { block = 20 }'))
    habits = settings.profiles["so2"].modbus
    assert (habits.block, habits.order) == (20, read(SMALL).profiles["so2"].modbus.order)


def test_what_a_monitor_measures_is_said_where_its_inlet_is_known() -> None:
    """The same BAM-1020 measures PM10 or PM2.5; a consumer that goes by the code must not have to guess."""
    inlet = 'every = "10s"\n[device.channels.pm]\nhj = "a34004"\ntitle = "PM2.5"'
    text = SMALL.replace("teledyne-t100", "metone-bam1020").replace('every = "5s"', inlet)
    settings = read(text)
    pm = settings.profiles["so2"].channel("pm")
    assert (pm.hj, pm.title, pm.unit) == ("a34004", "PM2.5", "mg/m3")
    assert changes(settings, read(text.replace("a34004", "a34002"))).devices.changed == ("so2",)


def test_a_profile_beside_the_station_file_comes_first(tmp_path: Path) -> None:
    """A station corrects a register without waiting for a release."""
    (tmp_path / "profiles").mkdir()
    shipped = Path(__file__).parent.parent / "drivers" / "profiles" / "teledyne-t100.toml"
    own = re.sub(r"(?m)^model\s*=.*", 'model = "T100 of this site"', shipped.read_text())
    (tmp_path / "profiles" / "teledyne-t100.toml").write_text(own)
    assert read(SMALL, tmp_path).profiles["so2"].model == "T100 of this site"


def test_files_are_found_from_the_station_file_and_credentials_from_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's working directory is nobody's business."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/test")
    more = 'ca_file = "ca.pem"\ncert_file = "/etc/cert.pem"\nkey_file = "credential:city.key"\n'
    city = read(SMALL + more, tmp_path).uplink("city")
    assert (city.ca_file, city.cert_file, city.key_file) == (
        tmp_path / "ca.pem",
        Path("/etc/cert.pem"),
        Path("/run/credentials/test/city.key"),
    )


def test_files_of_a_tls_link_are_found_from_the_station_file(tmp_path: Path) -> None:
    """The link is given a URL that works from any folder."""
    url = read(SMALL.replace("tcp://192.0.2.9:502", "tls://192.0.2.9:802?ca=ca.pem&name=gw"), tmp_path).wires[1].url
    assert url == f"tls://192.0.2.9:802?ca={tmp_path}/ca.pem&name=gw"


def test_a_text_is_read_as_if_it_stood_in_the_file(tmp_path: Path) -> None:
    """The last configuration that ran is kept in the log, without a file."""
    file = tmp_path / "station.toml"
    file.write_text(SMALL)
    loaded, kept = Settings.load(file), Settings.from_text(SMALL, file)
    assert loaded.model_dump() == kept.model_dump()
    assert (loaded.sha256, loaded.source, loaded.folder) == (kept.sha256, SMALL, tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Editors of other systems write one, and nobody sees it."""
    file = tmp_path / "station.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert Settings.load(file).station.id == "A1"


def test_chinese_names_and_comments_are_welcome() -> None:
    """Stations are named by the people who run them."""
    settings = read(SMALL.replace('id = "A1"', 'id = "A1"  # 站点编号\nname = "下沙空气站"'))
    assert settings.station.name == "下沙空气站"


WARNINGS = {
    "a numbered port": (("analyzer/rack", "ttyUSB0"), "url", "by-id"),
    "an open broker": (("mqtts://", "mqtt://"), "url", "not encrypted"),
    "a file that is not there": (('org"', 'org"\nca_file = "none.pem"'), "ca_file", "no such file"),
    "a slow line": (('"5s"', '"20ms"'), 'link "rack"', "of its time"),
    "nothing enabled": (('every = "5s"', 'every = "5s"\nenabled = false'), "", ""),
}


@pytest.mark.parametrize("case", WARNINGS.values(), ids=WARNINGS)
def test_what_is_probably_not_meant_is_warned_about(case: tuple[tuple[str, str], str, str]) -> None:
    """A file that works today and fails at the next replugged adapter should say so today."""
    change, key, words = case
    warnings = read(SMALL.replace(*change)).warnings
    if words:
        assert [str(each) for each in warnings if key in each.key and words in str(each)]
    else:
        assert warnings == ()


def test_a_password_over_an_open_line_is_warned_about() -> None:
    """Encryption is not asked for on loopback, nor for brokers in one's own cabinet; but it is said."""
    more = 'username = "u"\npassword_file = "pw"\n'
    warned = [str(each) for each in read(SMALL.replace("mqtts:", "mqtt:") + more).warnings]
    assert any("the password too" in each for each in warned)
    local = SMALL.replace("mqtts://broker.example.org", "mqtt://127.0.0.1")
    assert read(local).warnings == ()


def test_equal_configurations_have_no_changes() -> None:
    """A reload of the same file must not disturb anything."""
    assert not changes(read(SMALL), read(SMALL + "\n# a comment\n"))


def test_changes_name_what_differs_and_only_that() -> None:
    """A reload touches what differs and nothing else."""
    new = SMALL.replace('every = "5s"', 'every = "6s"').replace('name = "city"', 'name = "town"')
    assert changes(read(SMALL), read(new)) == Changes(
        links=Difference(),
        devices=Difference(changed=("so2",)),
        uplinks=Difference(added=("town",), removed=("city",)),
    )
    moved = changes(read(SMALL), read(SMALL.replace("192.0.2.9", "192.0.2.8")))
    assert (moved.links.changed, moved.devices.changed) == (("manifold",), ("manifold",))


def test_a_time_zone_changes_every_device() -> None:
    """Instruments' clocks are read in it."""
    zoned = changes(read(SMALL), read(SMALL.replace('id = "A1"', 'id = "A1"\ntimezone = "Asia/Shanghai"')))
    assert set(zoned.devices.changed) == {"so2", "manifold"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('id = "A1"', 'id = "A2"'), "station.id"),
        (('id = "A1"', 'id = "A1"\nruntime = "/run/x"'), "station.runtime"),
        (("[[link]]", '[store]\nquota = "1GB"\n[[link]]'), "store.quota"),
        (("[[link]]", '[store.archive]\nkeep = "2d"\n[[link]]'), "store.archive"),
    ],
)
def test_what_only_a_restart_can_change_is_refused(change: tuple[str, str], key: str) -> None:
    """The log belongs to one station and stays open for life."""
    assert changes(read(SMALL), read(SMALL.replace(change[0], change[1], 1))).refused == (key,)


def test_status_finds_the_station_beside_a_broken_file(tmp_path: Path) -> None:
    """The file is wrong, so somebody looks at status: it must still find the log."""
    file = tmp_path / "station.toml"
    file.write_text(
        '[station]\nid = "A1"\nruntime = "run"\n[store]\npath = "s.db"\nquota = 5x\n[[device]]\nname = = 5\n'
    )
    paths = locate(file)
    assert (paths.station, paths.store, paths.runtime) == ("A1", tmp_path / "s.db", tmp_path / "run")
    assert "not TOML" in paths.problem


def test_paths_and_settings_agree(tmp_path: Path) -> None:
    """Two readers of one file must not look in two places."""
    file = tmp_path / "station.toml"
    file.write_text('[station]\nid = "A1"\n[store]\npath = "log/s.db"\n')
    settings, paths = Settings.load(file), locate(file)
    assert (paths.store, paths.archive) == (settings.store.path, settings.store.archive_path)
    assert (paths.runtime, paths.station, paths.problem) == (settings.station.runtime, "A1", "")


def test_paths_are_found_without_the_libraries_of_the_daemon() -> None:
    """A status screen must feel instant: pydantic alone takes longer than the whole command may."""
    code = "import agent.paths, sys; sys.exit(any(name in sys.modules for name in ('pydantic', 'drivers', 'pymodbus')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REFERENCE.parent.parent, check=False).returncode == 0


def test_paths_survive_a_missing_file(tmp_path: Path) -> None:
    """Before the first configuration there is still an answer."""
    paths = locate(tmp_path / "none.toml")
    assert paths.store == Path("/var/lib/station-agent/store.db")
    assert "cannot be read" in paths.problem


def test_lines_are_known_in_every_form_that_toml_has() -> None:
    """A mistake in an inline table two lists deep still has its line."""
    source = TomlSource(
        'top = 1\n[a."b c"]\nd.e = """\n[no]\nx = 1"""\nf = [\n  1, # ]\n  { g = "]" , h = [2,\n3] },\n]\n'
        "[[t]]\nn = 1\n[[t.u]]\nv = '''\n'''\n[[t]]\n[t.w]\nx = 2\n[[t.u]]\nv = 3"
    )
    lines = {
        ("top",): 1,
        ("a", "b c"): 2,
        ("a", "b c", "d", "e"): 3,
        ("a", "b c", "f", 0): 7,
        ("a", "b c", "f", 1, "g"): 8,
        ("a", "b c", "f", 1, "h", 1): 9,
        ("t", 0, "n"): 12,
        ("t", 0, "u", 0, "v"): 14,
        ("t", 1): 16,
        ("t", 1, "w", "x"): 18,
        ("t", 1, "u", 0, "v"): 20,
        ("t", 1, "nothing", 5): 16,
    }
    assert {path: source.line(path) for path in lines} == lines
