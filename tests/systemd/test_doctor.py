"""status and doctor where systemd, its journal and its clock answer for themselves: as root, operator and stranger."""

import json
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.systemd.box import Box, booted_box, drop_in, until
from tests.systemd.test_station import CONFIG, LOCKS, PROJECT, SOURCES, bring_packages

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

FILE = "/etc/station-agent/station.toml"

Findings = list[dict[str, Any]]


@pytest.fixture(scope="module")
def installed() -> Iterator[Box]:
    """A container in which the agent was installed out of its source tree, with three kinds of people."""
    with booted_box() as box:
        tree = box.path("/srv/tree")
        tree.mkdir()
        for name in (*SOURCES, *LOCKS):
            (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, tree / name)
        box.path("/etc/station-agent").mkdir(exist_ok=True)
        box.path(FILE).write_text(CONFIG)
        version = box.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        bring_packages(box.path("/srv/wheels"), version)
        box.run("sh", "/srv/tree/systemd/install.sh", "--wheels", "/srv/wheels")
        box.run("useradd", "--groups", "station-agent,station-agent-op,dialout", "technician")
        box.run("useradd", "stranger")
        yield box


@pytest.fixture
def station(installed: Box) -> Box:
    """The daemon at work under the unit that is shipped, on the file that is right."""
    installed.run("systemctl", "stop", "station-agent")
    installed.run("rm", "-rf", "/etc/systemd/system/station-agent.service.d")
    installed.path(FILE).write_text(CONFIG)
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "enable", "--now", "station-agent")
    return installed


def examined(box: Box, user: str = "root") -> Findings:
    """What the doctor says to *user*."""
    said = box.run("runuser", "-u", user, "--", "station-agent", "doctor", "--json", check=False)
    found: Findings = json.loads(said)["results"]
    return found


def told(found: Findings, text: str) -> dict[str, Any]:
    """The only result that says *text*."""
    (one,) = [result for result in found if text in result["found"]]
    return one


def blamed(box: Box) -> dict[str, Any]:
    """What ``status`` says first."""
    first: dict[str, Any] = json.loads(box.run("station-agent", "status", "--json", check=False))["findings"][0]
    return first


@pytest.mark.parametrize("user", ["root", "technician"])
def test_a_fresh_installation_gives_the_doctor_nothing_to_complain_of_but_what_is_not_there(
    station: Box, user: str
) -> None:
    """Unit, limits, rights and versions are as shipped; instrument, broker and time service are missing here."""
    found = examined(station, user)

    assert {one["subject"] for one in found if one["verdict"] == "bad"} == {"link so2", "uplink city"}
    assert {one["topic"] for one in found if one["verdict"] == "doubtful"} <= {"clock"}
    for said in ("starts with the machine", "silent for 1min is started again", "at most 1.1 GB", "it runs as pid"):
        assert told(found, said)["verdict"] == "good", said
    rights = [one["verdict"] for one in found if one["topic"] == "permissions"]
    assert rights
    assert set(rights) == {"good"}
    assert [one["found"] for one in found if one["subject"] == "time service"] == ["none is switched on"]


def test_a_stranger_is_told_which_groups_he_lacks_and_what_he_could_not_see(station: Box) -> None:
    """Nothing fails, nothing is guessed, and systemd answers him too."""
    found = examined(station, "stranger")

    lacking = [one["hint"] for one in found if "is not in the group" in one["found"]]
    assert [hint.split()[4] for hint in lacking] == ["station-agent", "station-agent-op", "dialout"]
    assert [one for one in found if one["verdict"] == "bad"] == []
    assert told(found, "status.json may not be read by this user")["verdict"] == "unchecked"
    assert told(found, "starts with the machine")["verdict"] == "good"


def test_a_unit_that_a_site_has_weakened_is_found_out(station: Box) -> None:
    """What systemd goes by counts, whatever the shipped file says."""
    drop_in(station, "Restart=no\nWatchdogSec=0\nLimitNOFILE=512\nMemoryMax=infinity")
    found = examined(station)
    for said in ("Restart=no", "it is switched off", "it may open 512 files at once", "there is no limit"):
        assert told(found, said)["verdict"] == "doubtful", said
    assert told(found, "changed at this station by")["found"].endswith("station-agent.service.d/test.conf")

    time.sleep(1.1)  # systemd compares whole seconds
    station.path("/etc/systemd/system/station-agent.service.d/test.conf").write_text("[Service]\nRestart=always\n")
    assert "daemon-reload" in told(examined(station), "was changed after systemd had read it")["hint"]


def test_a_daemon_that_cannot_start_is_told_with_the_reason(station: Box) -> None:
    """A wrong file without a former one, then the log of another station: systemd only says that it failed."""
    station.run("sh", "-c", "systemctl stop station-agent; rm -rf /var/lib/station-agent/*")
    station.path(FILE).write_text("x =\n" + CONFIG)
    station.run("systemctl", "start", "--no-block", "station-agent")
    until(lambda: station.show("ExecMainStatus") == "2", within_s=30, what="the daemon refuses its file")
    wrong = blamed(station)
    mistakes = [one["topic"] for one in examined(station) if one["verdict"] == "bad"]

    station.path(FILE).write_text(CONFIG.replace('"box"', '"other"'))
    station.run("systemctl", "restart", "station-agent")
    station.path(FILE).write_text(CONFIG)
    station.run("systemctl", "restart", "--no-block", "station-agent")
    until(lambda: station.show("ExecMainStatus") == "3", within_s=30, what="the daemon refuses the log")
    foreign, found = blamed(station), examined(station)
    station.run("sh", "-c", "systemctl stop station-agent; rm -rf /var/lib/station-agent/*")

    assert (wrong["part"], wrong["hint"]) == ("agent", "Run: sudo station-agent check")
    assert wrong["cause"].endswith("; its configuration is wrong")
    assert mistakes[0] == "configuration"
    assert foreign["hint"] == "Run: sudo station-agent doctor"
    first, *_ = [one for one in found if one["verdict"] == "bad"]
    assert first["found"] == "it is the log of station other, the file says box"
    assert "is the log of station other" in told(found, "its last words were")["found"]


def test_the_archive_to_mail_has_what_systemd_keeps(station: Box) -> None:
    """The journal as far as root may read it, the unit as it holds, and no more than fits into a mail."""
    station.run("rm", "-f", "/srv/help.tar.gz")
    station.run("station-agent", "doctor", "--bundle", "/srv/help.tar.gz", check=False)
    names = station.run("tar", "-tzf", "/srv/help.tar.gz").split()

    assert names[0] == "help/README.txt"
    assert "Started station-agent.service" in station.run("tar", "-xzOf", "/srv/help.tar.gz", "help/journal.txt")
    assert "ExecStart=/opt/station-agent" in station.run("tar", "-xzOf", "/srv/help.tar.gz", "help/unit.txt")
    assert station.path("/srv/help.tar.gz").stat().st_size < 10_000_000
