"""The service under real systemd: installed, started, killed, hung, upgraded, and looked at from inside.

Each test has a container of its own over this machine's root file system.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemd.packing import deb
from tests.systemd.box import Box, BoxError, booted_box, drop_in, restarted, until
from tests.systemd.wheel import make_wheel

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

PROJECT = Path(__file__).parent.parent.parent
INSTALL = "/srv/tree/systemd/install.sh"
CONFIG = "/etc/station-agent/station.toml"


@pytest.fixture
def bare_box() -> Iterator[Box]:
    """A booted container with the installer in it, and no station agent yet."""
    with booted_box() as booted:
        tree = booted.path("/srv/tree")
        shutil.copytree(PROJECT / "systemd", tree / "systemd")
        (tree / "config").mkdir()
        (tree / "config/station.toml").write_text("# as shipped\n")
        (tree / "requirements-runtime.lock").write_text("")
        yield booted


@pytest.fixture
def box(bare_box: Box) -> Box:
    """The same, where it has been said already what the station is."""
    bare_box.path(CONFIG).parent.mkdir()
    bare_box.path(CONFIG).write_text("# of this station\n")
    return bare_box


def install(box: Box, version: str, *options: str, fails: bool = False, check: bool = True) -> str:
    """Install a stand-in of *version* in the container and return what the installer said."""
    wheel = make_wheel(box.path("/srv"), version, fails=fails)
    return box.run("sh", INSTALL, "--wheel", f"/srv/{wheel.name}", *options, check=check)


def test_a_first_installation_starts_nothing_before_somebody_has_said_what_the_station_is(bare_box: Box) -> None:
    """Not even when told to: an example would put somebody else's station on a broker."""
    said = install(bare_box, "1.0", "--start", check=False)

    assert "not started: there is no /etc/station-agent/station.toml yet\n  next: sudo station-agent init" in said
    assert bare_box.show("ActiveState") == "inactive"

    bare_box.run("cp", f"{CONFIG}.example", CONFIG)
    install(bare_box, "1.0", "--start")

    assert bare_box.show("ActiveState") == "active"
    bare_box.run("runuser", "-u", "station-agent", "--", "cat", CONFIG)


def test_a_killed_daemon_is_back_after_five_seconds(box: Box) -> None:
    """Whatever ends it, the station measures on; READY comes from the daemon, not from the fork."""
    install(box, "1.0", "--start")
    assert (box.show("StatusText"), box.show("UnitFileState")) == ("1.0", "enabled")
    pid = box.show("MainPID")

    box.run("kill", "-KILL", pid)

    until(lambda: restarted(box, pid), within_s=20, what="the service is back")
    assert box.show("NRestarts") == "1"


def test_a_daemon_without_a_heartbeat_is_ended_and_restarted(box: Box) -> None:
    """A hung daemon looks alive to everything but the watchdog."""
    install(box, "1.0", "--start")
    drop_in(box, "WatchdogSec=3")
    pid = box.show("MainPID")

    box.run("kill", "-STOP", pid)

    until(lambda: restarted(box, pid), within_s=60, what="the watchdog ended the daemon")
    assert "Watchdog timeout" in box.run("journalctl", "-u", "station-agent", "--no-pager")


def test_an_upgrade_restarts_the_running_service_on_the_new_release(box: Box) -> None:
    """One command is the whole upgrade."""
    install(box, "1.0", "--start")

    install(box, "2.0")

    assert (box.show("StatusText"), box.show("ActiveState")) == ("2.0", "active")


def test_a_release_that_does_not_start_gives_way_to_the_old_one(box: Box) -> None:
    """Nobody drives to a station because an upgrade went wrong."""
    install(box, "1.0", "--start")

    said = install(box, "2.0", fails=True, check=False)

    assert "station-agent 2.0 did not start, 1.0 runs again" in said
    until(lambda: box.show("ActiveState") == "active", within_s=20, what="the old release runs")
    assert box.show("StatusText") == "1.0"


def test_a_roll_back_restarts_the_running_service_on_the_former_release(box: Box) -> None:
    """One command is the whole way back, configuration included."""
    install(box, "1.0", "--start")
    install(box, "2.0")
    box.path(CONFIG).write_text("# for 2.0\n")

    box.run("sh", INSTALL, "--rollback")

    assert (box.show("StatusText"), box.show("ActiveState")) == ("1.0", "active")
    assert box.path(CONFIG).read_text() == "# of this station\n"
    assert box.run("stat", "-c", "%a %U:%G", CONFIG) == "640 root:station-agent"


def test_a_roll_back_to_a_release_that_does_not_start_stays_at_the_newer_one(box: Box) -> None:
    """So it is when the newer one has raised the schema of the log: the older one refuses it, and must not be left."""
    install(box, "1.0", fails=True)
    install(box, "2.0", "--start")
    box.path(CONFIG).write_text("# for 2.0\n")

    said = box.run("sh", INSTALL, "--rollback", check=False)

    assert "station-agent 1.0 did not start, 2.0 runs again" in said
    until(lambda: box.show("ActiveState") == "active", within_s=20, what="the newer release runs")
    assert box.show("StatusText") == "2.0"
    assert box.path(CONFIG).read_text() == "# for 2.0\n"


def test_the_same_release_again_leaves_the_daemon_alone(box: Box) -> None:
    """An installer that is run by a fleet's tool every night must not cost a reading every night."""
    wheel = make_wheel(box.path("/srv"), "1.0")
    command = ("sh", INSTALL, "--wheel", f"/srv/{wheel.name}")
    box.run(*command, "--start")
    pid = box.show("MainPID")

    said = box.run(*command)

    assert "it runs on" in said
    assert box.show("MainPID") == pid


def test_a_running_service_is_left_alone_when_the_new_release_refuses_its_configuration(box: Box) -> None:
    """The old daemon still runs on its last good configuration; a new one would have none."""
    install(box, "1.0", "--start")
    pid = box.show("MainPID")
    box.path(CONFIG).write_text("wrong")

    said = install(box, "2.0", check=False)

    assert "the new release refuses /etc/station-agent/station.toml" in said
    assert (box.show("MainPID"), box.show("StatusText")) == (pid, "1.0")


def test_the_sandbox_allows_what_the_daemon_needs_and_no_more(box: Box) -> None:
    """Hardening that breaks a feature is found at the station, weeks later; hardening without effect never."""
    install(box, "1.0", "--start")
    shutil.copy(Path(__file__).parent / "probe.py", box.path("/srv/probe.py"))
    box.path("/etc/station-agent/secrets/city").write_text("a secret")
    box.run("mknod", "-m", "660", "/dev/ttyS9", "c", "4", "64")
    box.run("chgrp", "dialout", "/dev/ttyS9")
    box.run("mknod", "-m", "666", "/dev/other", "c", "10", "229")
    credential = "LoadCredential=city:/etc/station-agent/secrets/city"
    drop_in(box, f"ExecStart=\nExecStart=/usr/bin/python3 /srv/probe.py\n{credential}")

    facts = json.loads(box.path("/var/lib/station-agent/probe.json").read_text())

    assert facts.pop("open serial port") not in {"EPERM", "EACCES"}  # there may be no port behind the node
    assert facts == {
        "read adjtimex": "EPERM",
        "ask timedated": True,
        "give socket to operators": True,
        "resolve a name": True,
        "connect": True,
        "read credential": True,
        "read configuration": True,
        "read secrets": "EACCES",
        "write state": True,
        "write configuration": "EACCES",
        "write program": "EROFS",
        "set the clock": "EPERM",
        "map executable memory": "EPERM",
        "open other device": "EPERM",
        "open raw socket": "EPERM",
        "see home": "EACCES",
        "groups": ["dialout", "station-agent", "station-agent-op"],
        "umask": "0027",
    }


def test_installer_and_package_scripts_are_clean_for_shellcheck() -> None:
    """They run as root on machines that nobody watches."""
    tool = shutil.which("shellcheck")
    if tool is None:
        raise BoxError("shellcheck is missing; next: apt-get install shellcheck")

    subprocess.run([tool, PROJECT / "systemd/install.sh"], check=True)
    for name in deb.SCRIPTS:
        subprocess.run([tool, "-"], input=deb.script(name, "1.0"), text=True, check=True)
