"""Upgrade, roll-back and the bundle, into a folder that stands for the station; tests/systemd/ does it for real."""

import hashlib
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from systemd.packing import bundle, deb
from systemd.packing.target import LOCK, PackingError, Target
from tests.systemd.machine import Station
from tests.systemd.wheel import make_wheel

CONFIG, UNIT = "/etc/station-agent/station.toml", "/usr/local/lib/systemd/system/station-agent.service"
HERE = Target(platform.machine(), f"{sys.version_info.major}.{sys.version_info.minor}")


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """A bare machine."""
    return Station(tmp_path)


@pytest.fixture(scope="module")
def first_upgrade(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """2.0 over 1.0 on a machine that no test may change, with what each had of its own."""
    station = Station(tmp_path_factory.mktemp("upgraded"))
    assert station.install("1.0").returncode == 0
    station.file(CONFIG).write_text("# of 1.0\n")
    station.file("/etc/station-agent/profiles/attic.toml").write_text("# of 1.0\n")
    unit = station.tree / "systemd/station-agent.service"
    unit.write_text("# of 2.0\n" + unit.read_text())
    assert station.install("2.0").returncode == 0
    return station


@pytest.fixture
def upgraded(first_upgrade: Station, station: Station) -> Station:
    """A machine of the test's own with version 2.0 that came after 1.0."""
    for name in ("root", "wheels", "tree"):
        shutil.copytree(getattr(first_upgrade, name), getattr(station, name), symlinks=True, dirs_exist_ok=True)
    return station


def test_a_roll_back_brings_the_former_version_its_configuration_and_its_unit(upgraded: Station) -> None:
    """What ran yesterday runs again, as it ran; what was changed since lies beside it."""
    upgraded.file(CONFIG).write_text("# for 2.0\n")
    upgraded.file("/etc/station-agent/profiles/new.toml").write_text("# for 2.0\n")

    done = upgraded.run("--rollback")

    assert done.returncode == 0, done.stderr
    assert upgraded.version() == "station_agent-1.0.dist-info"
    assert upgraded.file(CONFIG).read_text() == "# of 1.0\n"
    assert [path.name for path in upgraded.file("/etc/station-agent/profiles").iterdir()] == ["attic.toml"]
    assert not upgraded.file(UNIT).read_text().startswith("# of 2.0")
    assert upgraded.file("/etc/station-agent/before-rollback/station.toml").read_text() == "# for 2.0\n"
    assert upgraded.file("/etc/station-agent/before-rollback/profiles/new.toml").exists()


def test_a_roll_back_can_be_rolled_back(upgraded: Station) -> None:
    """The fault was elsewhere after all: the new version comes back with its own configuration."""
    upgraded.file(CONFIG).write_text("# for 2.0\n")

    assert upgraded.run("--rollback").returncode == 0
    assert upgraded.run("--rollback").returncode == 0

    assert upgraded.version() == "station_agent-2.0.dist-info"
    assert upgraded.file(CONFIG).read_text() == "# for 2.0\n"
    assert upgraded.file(UNIT).read_text().startswith("# of 2.0")


def test_without_a_former_version_a_roll_back_says_so_and_changes_nothing(upgraded: Station) -> None:
    """Half a release must never be taken for one that ran."""
    shutil.rmtree(upgraded.file("/opt/station-agent/a/kept"))

    refused = upgraded.run("--rollback")

    assert "there is no former release to go back to" in refused.stderr
    assert upgraded.version() == "station_agent-2.0.dist-info"


def test_the_same_version_again_builds_nothing_and_keeps_the_way_back(upgraded: Station) -> None:
    """Whoever runs the installer twice still has the former version."""
    again = upgraded.install("2.0")

    assert "station-agent 2.0 is installed already" in again.stdout
    assert upgraded.run("--rollback").returncode == 0
    assert upgraded.version() == "station_agent-1.0.dist-info"


def test_an_upgrade_that_is_killed_half_way_leaves_the_one_that_runs(upgraded: Station) -> None:
    """The power goes, or the line over which somebody sat at the station; afterwards it is simply run again."""
    half_way = upgraded.file("/opt/station-agent/a/pyvenv.cfg")
    half_way.unlink()
    wheel = make_wheel(upgraded.wheels, "3.0")
    installer = subprocess.Popen(
        upgraded.command("--wheel", wheel, "--python", sys.executable),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    deadline_s = time.monotonic() + 60
    while not half_way.exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)

    installer.send_signal(signal.SIGKILL)
    installer.wait()

    assert upgraded.version() == "station_agent-2.0.dist-info"
    assert "there is no former release" in upgraded.run("--rollback").stderr


@pytest.fixture
def packed(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A machine whose installer comes out of a bundle, made as ``make bundle`` does but for the foreign wheels."""
    for name in ("README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE"):
        (station.tree / name).write_text(name)
    monkeypatch.setattr(bundle, "ROOT", station.tree)
    monkeypatch.setattr(Target, "download", lambda _, folder: folder.mkdir(parents=True))
    archive = bundle.bundle(HERE, make_wheel(station.wheels, "2.0"), station.wheels)
    digest = hashlib.sha256(archive.read_bytes()).digest()
    again = bundle.bundle(HERE, station.wheels / "station_agent-2.0-py3-none-any.whl", station.wheels)
    assert hashlib.sha256(again.read_bytes()).digest() == digest, "packed twice, and it differs"
    subprocess.run(["tar", "-C", station.wheels, "-xf", archive], check=True)
    station.tree = station.wheels / archive.name.removesuffix(".tar.gz")
    station.wheels = station.tree / "wheels"
    return station


def test_a_bundle_installs_without_being_told_anything(packed: Station) -> None:
    """Wheels, version and checksums are where the installer looks for them, and the interpreter is found."""
    command = ["sh", packed.tree / "systemd/install.sh", "--root", packed.root, "--python", sys.executable]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert packed.version() == "station_agent-2.0.dist-info"
    assert not (packed.tree / "systemd/packing").exists()


@pytest.mark.parametrize(
    "name", ["wheels/station_agent-2.0-py3-none-any.whl", "systemd/station-agent.service", "TARGET"]
)
def test_a_damaged_bundle_is_not_used_at_all(packed: Station, name: str) -> None:
    """One flipped bit on a USB stick must not reach a station."""
    content = bytearray((packed.tree / name).read_bytes())
    content[len(content) // 2] ^= 1
    (packed.tree / name).write_bytes(content)

    refused = packed.run("--python", sys.executable)

    assert refused.returncode == 1
    assert "the bundle is damaged" in refused.stderr
    assert name in refused.stdout + refused.stderr
    assert not packed.root.exists()


def test_a_bundle_for_another_python_says_which_one_it_wants(packed: Station) -> None:
    """Otherwise pip says that it finds no distribution, which sends people looking for a network."""
    (packed.tree / "TARGET").write_text(f"{HERE.machine} 3.99\n")
    (packed.tree / "SHA256SUMS").unlink()
    (packed.tree / "SHA256SUMS").write_text(bundle.sums(packed.tree))

    refused = packed.run("--python", sys.executable)

    assert f"it is Python {HERE.python}, and the packages of the bundle are for 3.99" in refused.stderr
    assert not packed.root.exists()


def test_an_interpreter_of_the_wrong_version_is_refused_when_the_bundle_is_made(tmp_path: Path) -> None:
    """At the station it would be too late."""
    archive = tmp_path / "cpython.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, "python/bin/python3.99")

    with pytest.raises(PackingError, match=r"holds no python/bin/python3\.11"):
        bundle._bring(archive, Target("x86_64", "3.11"), tmp_path / "python")


@pytest.mark.parametrize(
    ("target", "numpy"),
    [
        (Target("x86_64", "3.11"), "numpy==2.4"),
        (Target("aarch64", "3.13"), "numpy==2.5"),
        (Target("armv7l", "3.11"), None),
    ],
)
def test_the_lines_of_the_lock_file_are_chosen_for_the_target(target: Target, numpy: str | None) -> None:
    """The PC that packs may have another Python and processor than the station."""
    chosen = [line for line in target.lock(LOCK.read_text()).splitlines() if line.startswith("numpy==")]

    assert [line.startswith(numpy) for line in chosen if numpy] == [True] * bool(numpy)
    assert len(chosen) == bool(numpy)


def test_the_debian_package_has_everything_in_its_place(tmp_path: Path) -> None:
    """Unit, rules, configuration and command, with the command's own path in the unit."""
    deb.lay_out(tmp_path, "2.0+py311")

    unit = (tmp_path / "usr/lib/systemd/system/station-agent.service").read_text()
    assert "ExecStart=/usr/bin/station-agent run\n" in unit
    assert "/opt/" not in unit
    for name in (deb.DEBIAN / "conffiles").read_text().split():
        assert (tmp_path / name.lstrip("/")).is_file(), name


def test_the_debian_package_names_who_maintains_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who builds it says whom a station is to ask: make deb MAINTAINER=..."""
    monkeypatch.setenv("MAINTAINER", "Zhang San <zhang@example.org>")

    deb._control(tmp_path, HERE, "2.0+py311")

    assert "Maintainer: Zhang San <zhang@example.org>\n" in (tmp_path / "DEBIAN/control").read_text()


def test_the_scripts_of_the_debian_package_are_valid_shell() -> None:
    """They run as root on machines that nobody watches."""
    for name in deb.SCRIPTS:
        text = deb.script(name, "2.0+py311")
        assert "@" not in text
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)
