"""The unit as a file, and the installer into a directory: what needs no running systemd.

tests/systemd/ runs both for real, in a container.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.systemd.machine import FOLDER, Station

UNIT = FOLDER / "station-agent.service"
PROGRAM = "/opt/station-agent/bin/station-agent"


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, which reads units without a running systemd."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.fail("systemd-analyze is missing; next: apt-get install systemd")
    return subprocess.run([tool, *arguments], capture_output=True, text=True)


def directives() -> dict[str, list[str]]:
    """Each key of the unit with all its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """A bare machine."""
    return Station(tmp_path)


@pytest.fixture(scope="module")
def first_installation(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """Version 1.0 on a machine that no test may change: an installation takes seconds."""
    station = Station(tmp_path_factory.mktemp("first"))
    done = station.install("1.0")
    assert done.returncode == 0, done.stderr
    station.said = done.stdout
    return station


@pytest.fixture
def installed(first_installation: Station, station: Station) -> Station:
    """A machine of the test's own with version 1.0."""
    shutil.copytree(first_installation.root, station.root, symlinks=True)
    return station


def test_the_unit_is_valid(tmp_path: Path) -> None:
    """What systemd does not understand it ignores, so a misspelt directive protects nothing."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))

    verdict = analyze("verify", "--man=no", "--recursive-errors=no", copy)

    assert (verdict.returncode, verdict.stdout + verdict.stderr) == (0, "")


def test_the_exposure_is_at_most_1_8() -> None:
    """A sandbox erodes one exception at a time; the threshold is in tenths."""
    verdict = analyze("security", "--offline=true", "--no-pager", "--threshold=18", UNIT)

    assert verdict.returncode == 0, verdict.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "60"),
        ("Restart", "always"),
        ("RestartSec", "5"),
        ("StartLimitIntervalSec", "0"),
        ("ExecStart", f"{PROGRAM} run"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("User", "station-agent"),
        ("Group", "station-agent"),
        ("SupplementaryGroups", "dialout station-agent-op"),
        ("UMask", "0027"),
        ("StateDirectory", "station-agent"),
        ("RuntimeDirectory", "station-agent"),
        ("RuntimeDirectoryPreserve", "yes"),
        ("DevicePolicy", "closed"),
    ],
)
def test_the_unit_keeps_its_contract(key: str, value: str) -> None:
    """Other parts rely on these: directories, groups, the watchdog's rhythm, restarts without end."""
    assert directives()[key] == [value]


def test_polling_never_waits_for_the_time_nor_hides_the_caller() -> None:
    """A station without NTP still measures, and the control socket judges the caller by a real user id."""
    found = directives()

    assert not any("time-sync" in value for key in ("After", "Wants", "Requires") for value in found.get(key, []))
    assert "PrivateUsers" not in found


def test_every_serial_driver_is_loaded_before_the_unit_resolves_its_devices() -> None:
    """Otherwise DeviceAllow= is silently dropped, and an adapter plugged in later is refused."""
    loaded = (FOLDER / "station-agent.modules-load.conf").read_text().splitlines()

    assert {"usbserial", "ftdi_sio", "ch341", "cp210x", "pl2303", "cdc_acm"} <= set(loaded)
    assert "systemd-modules-load.service" in " ".join(directives()["After"])
    assert directives()["DeviceAllow"] == ["char-ttyUSB rw", "char-ttyACM rw", "char-ttyS rw"]


def test_every_udev_example_is_a_rule_once_uncommented() -> None:
    """A line that udev cannot read is skipped, and the technician looks for the fault in the cable."""
    match = r'[A-Z]+(\{[A-Z_]+\})?=="[^"]+"'
    rule = re.compile(rf'#{match}(, {match})*, SYMLINK\+="analyzer/[a-z]+", GROUP="dialout", MODE="0660"')
    examples = [line for line in (FOLDER / "99-station-agent.rules").read_text().splitlines() if "SYMLINK" in line]

    assert len(examples) >= 4
    assert [line for line in examples if not rule.fullmatch(line)] == []


def test_the_first_installation_leaves_the_station_file_to_init(first_installation: Station) -> None:
    """An example in its place would poll somebody else's station under somebody else's id."""
    assert "next: sudo station-agent init " in first_installation.said
    assert not first_installation.file("/etc/station-agent/station.toml").exists()
    assert first_installation.file("/etc/station-agent/station.toml.example").read_text() == "# as shipped\n"


def test_what_root_puts_beside_the_station_file_is_readable_for_the_service(installed: Station) -> None:
    """A copy of the example, or a certificate: made with sudo, and the daemon is none of root's group."""
    for name in ("/etc/station-agent", "/etc/station-agent/profiles"):
        assert installed.file(name).stat().st_mode & 0o7777 == 0o2750
    assert directives()["ConfigurationDirectoryMode"] == ["2750"]


def test_an_upgrade_leaves_what_the_station_edited_alone(installed: Station) -> None:
    """The configuration is the station; the example beside it is ours, and tells what the new version knows."""
    edited = {"/etc/station-agent/station.toml": "# edited\n", "/etc/udev/rules.d/99-station-agent.rules": "# ours\n"}
    for name, text in edited.items():
        installed.file(name).write_text(text)

    second = installed.install("2.0")

    assert second.returncode == 0, second.stderr
    assert installed.version() == "station_agent-2.0.dist-info"
    assert {name: installed.file(name).read_text() for name in edited} == edited
    assert installed.file("/etc/station-agent/station.toml.example").read_text() == "# as shipped\n"
    assert "/etc/station-agent/station.toml passes the check of station-agent 2.0" in second.stdout


def test_an_installation_puts_everything_in_its_place(installed: Station) -> None:
    """Unit, groups, command and modes: what the service finds at its first start."""
    assert installed.file("/usr/local/lib/systemd/system/station-agent.service").read_text() == UNIT.read_text()
    assert installed.file("/usr/local/share/man/man1/station-agent.1").exists()
    assert installed.file("/usr/local/share/bash-completion/completions/station-agent").exists()
    assert str(installed.file("/usr/local/bin/station-agent").readlink()) == PROGRAM
    groups = re.findall(r"^[a-z-]+", installed.file("/etc/group").read_text(), re.MULTILINE)
    assert {"station-agent", "station-agent-op", "dialout"} <= set(groups)
    assert installed.file("/etc/station-agent/secrets").stat().st_mode & 0o777 == 0o700
    assert (
        installed.file("/opt/station-agent/a/bin/station-agent").read_text().startswith("#!/opt/station-agent/a/bin/")
    )


def test_a_failing_upgrade_changes_nothing(installed: Station) -> None:
    """A station cannot be left without a program because its network went away half way."""
    (installed.tree / "requirements-runtime.lock").write_text("absent==1.0 --hash=sha256:" + "0" * 64 + "\n")

    failed = installed.install("2.0")

    assert failed.returncode == 1
    assert "next: mend the network" in failed.stderr
    assert installed.version() == "station_agent-1.0.dist-info"
    assert not installed.file("/opt/station-agent/b").exists()


def test_uninstalling_keeps_configuration_and_data(installed: Station) -> None:
    """Readings are evidence; only a person deletes them. The bundle is long gone: the program knows the way out."""
    log = installed.file("/var/lib/station-agent/store.db")
    log.parent.mkdir(parents=True)
    log.write_text("readings")
    installed.file("/etc/station-agent/station.toml").write_text("# ours\n")

    shutil.rmtree(installed.tree)
    installer = installed.file("/opt/station-agent/install.sh")
    done = subprocess.run(["sh", installer, "--root", installed.root, "--uninstall"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr

    assert not installed.file("/opt/station-agent").exists()
    assert not installed.file("/usr/local/bin/station-agent").is_symlink()
    assert not installed.file("/usr/local/share/man/man1/station-agent.1").exists()
    assert log.exists()
    assert installed.file("/etc/station-agent/station.toml").exists()


def test_nothing_is_installed_beside_the_debian_package(station: Station) -> None:
    """Its unit would hide that of the package, and both would want the log."""
    station.file("/usr/lib/station-agent").mkdir(parents=True)

    refused = station.install("1.0")

    assert "the Debian package of station-agent is installed" in refused.stderr
    assert not station.file("/opt/station-agent").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--frobnicate"], "unknown option --frobnicate"),
        (["--python"], "--python needs a value"),
        (["--python", "/nowhere/python3"], "no fit Python 3.11 or newer was found"),
        (["--wheel", "/nowhere/station_agent-1.0.whl"], "there is no file /nowhere/station_agent-1.0.whl"),
        (["--prefix", "opt"], "--prefix opt is not an absolute path"),
        (["--lang", "de"], "--lang de is neither en nor zh"),
        (["--lang", "zh", "--wheels", "/nowhere"], "没有目录 /nowhere"),
    ],
)
def test_a_wrong_call_says_what_and_what_next(station: Station, arguments: list[str], said: str) -> None:
    """One sentence and one next step, and nothing begun."""
    refused = station.run(*arguments)

    what, next_step = refused.stderr.splitlines()
    assert said in what
    assert next_step.startswith(("  next: ", "  下一步："))
    assert not station.root.exists()
