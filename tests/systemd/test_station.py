"""The agent itself as a station has it: installed without a network, run by systemd, used by a technician."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.box import Box, booted_box, drop_in, restarted, until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parent.parent.parent
SOURCES = ("agent", "drivers", "systemd", "config", "pyproject.toml", "README.md", "LICENSE")
LOCKS = ("requirements-runtime.lock", "requirements-build.lock")
CONFIG = """
[station]
id = "box"

[[device]]
name = "so2"
url = "tcp://127.0.0.1:9"
address = 1
profile = "teledyne-t100"
every = "1s"

[[uplink]]
name = "city"
url = "mqtt://127.0.0.1:9"
"""


def bring_packages(folder: Path, python: str) -> None:
    """Download what the locks name, the build tools included, for *python* ("3.11")."""
    wanted = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", python]
    for lock in LOCKS:
        command = [sys.executable, "-m", "pip", "download", "-qq", "-d", folder, *wanted, "-r", PROJECT / lock]
        subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def station() -> Iterator[Box]:
    """A container without a network in which the agent was installed out of its source tree and started."""
    with booted_box() as box:
        tree = box.path("/srv/tree")
        tree.mkdir()
        for name in (*SOURCES, *LOCKS):
            (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, tree / name)
        box.path("/etc/station-agent").mkdir(exist_ok=True)
        box.path("/etc/station-agent/station.toml").write_text(CONFIG)
        version = box.run("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        bring_packages(box.path("/srv/wheels"), version)
        print(box.run("sh", "/srv/tree/systemd/install.sh", "--wheels", "/srv/wheels", "--start"))
        box.run("useradd", "--groups", "station-agent", "technician")
        yield box


def devices_seen(station: Box) -> list[str]:
    """The devices that ``status`` shows to a technician who is no root."""
    seen = station.run("runuser", "-u", "technician", "--", "station-agent", "status", "--json", check=False)
    return [device["name"] for device in json.loads(seen)["snapshot"]["devices"]]


def test_a_technician_sees_the_station(station: Box) -> None:
    """Reading needs membership in station-agent, not root."""
    assert devices_seen(station) == ["so2"]


def test_a_reload_keeps_the_daemon(station: Box) -> None:
    """ExecReload is a SIGHUP to the main process; a daemon that does not know it would end."""
    pid = station.show("MainPID")

    station.run("systemctl", "reload", "station-agent")

    assert (station.show("MainPID"), station.show("ActiveState")) == (pid, "active")


def test_the_heartbeat_keeps_the_agent_alive_and_its_silence_ends_it(station: Box) -> None:
    """With no instrument and no broker the agent is still alive; stopped in its tracks it is not."""
    drop_in(station, "WatchdogSec=4")
    pid = station.show("MainPID")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 12, within_s=15, what="three periods of the watchdog")
    assert (station.show("MainPID"), station.show("NRestarts")) == (pid, "0")

    station.run("kill", "-STOP", pid)

    until(lambda: restarted(station, pid), within_s=60, what="the watchdog ended the agent")


def test_after_a_kill_the_log_goes_on_and_verifies(station: Box) -> None:
    """The promise: what was accepted before the kill is there after it, in one unbroken chain."""
    pid = station.show("MainPID")

    station.run("kill", "-KILL", pid)
    until(lambda: restarted(station, pid), within_s=30, what="the agent is ready again")

    station.run("runuser", "-u", "station-agent", "--", "station-agent", "verify")


def test_a_stop_is_clean(station: Box) -> None:
    """SIGTERM ends the agent in time, and its last state can still be read; last, for the others need it running."""
    station.run("systemctl", "stop", "station-agent")

    assert (station.show("Result"), station.show("ExecMainStatus")) == ("success", "0")
    assert devices_seen(station) == ["so2"]


def test_who_may_not_write_there_is_told_before_the_first_question(station: Box) -> None:
    """Twenty answers for nothing are worse than none."""
    said = station.run(
        *("runuser", "-u", "technician", "--", "station-agent", "--config", "/etc/station-agent/new.toml", "init"),
        check=False,
    )

    assert "this user may not write into /etc/station-agent\n  next: Run: sudo station-agent init" in said


def test_without_a_station_file_the_service_says_how_to_write_one(station: Box) -> None:
    """And init writes what the service may read; last, for it takes file and log away."""
    station.run("systemctl", "stop", "station-agent")
    station.run("rm", "-r", "/etc/station-agent/station.toml", "/var/lib/station-agent")

    station.run("systemctl", "start", "station-agent", check=False)

    until(lambda: "station-agent init" in station.show("StatusText"), within_s=30, what="the service says what to do")
    words = "--id box --device so2=teledyne-t100@127.0.0.1:9 --broker mqtt://127.0.0.1:9"
    station.run("sh", "-c", f"umask 077; station-agent init --yes {words}")
    until(lambda: station.show("ActiveState") == "active", within_s=60, what="the service has found its station file")
    assert devices_seen(station) == ["so2"]
