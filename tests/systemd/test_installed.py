"""A station from its first installation to its removal: both ways of installing, kills and power cuts.

The agent is the real one, under its own unit in a container; instruments that number their answers, a broker and a
consumer live outside of it in the same network, so that they outlast it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.store.reader import Reader
from agent.store.verify import verify_log
from tests.simulators.accounting import served
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import LedgerProcess
from tests.simulators.namespaces import Network
from tests.systemd.box import Box, BoxError, booted_box, restarted, until
from tests.systemd.releases import NEWER, Releases, bundled, interpreter_archive
from tests.test_ledger import station

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

CONFIG = "/etc/station-agent/station.toml"
DEVICES = 2
Serials = dict[int, list[int]]


@dataclass
class World:
    """A machine, and what is outside of it."""

    box: Box
    ledger: LedgerProcess
    broker: Mosquitto
    consumer: Consumer

    @property
    def config(self) -> str:
        """The station file of this machine."""
        text = station(self.ledger.devices, {"city": self.broker.url}, every="1s")
        return text.replace('runtime = "run"\n[store]\npath = "store.db"\n', "")

    @property
    def log(self) -> Path:
        """The log, as it lies on the machine's disk."""
        return self.box.root / "var/lib/station-agent/store.db"

    def configure(self) -> None:
        """Say what this station is."""
        self.box.path(CONFIG).write_text(self.config)

    def version(self) -> str:
        """What runs: the version that the newest start of the daemon told."""
        return str(self.events("agent_started")[-1]["version"])

    def events(self, name: str) -> list[dict[str, object]]:
        """The data of the events called *name*."""
        return [one["data"] for one in self._records("event") if one["event"] == name]

    def stored(self) -> Serials:
        """Per device the serials that are in the log."""
        found: Serials = {}
        for record in self._records("measurement"):
            if "values" in record:
                found.setdefault(int(record["device"][1:]), []).append(record["values"]["serial"])
        return found

    def wait_for_readings(self, count: int = 5) -> None:
        """Let every instrument be read *count* times more, and all of it arrive at the consumer."""
        had = {device: len(serials) for device, serials in served(self.ledger.log).items()}
        enough = {device: had.get(device, 0) + count for device in range(1, DEVICES + 1)}
        until(
            lambda: all(len(served(self.ledger.log).get(device, ())) >= wanted for device, wanted in enough.items()),
            within_s=60,
            what=f"{count} more readings of each instrument; {self.box.run('station-agent', 'status', check=False)}",
        )
        self._wait_for_delivery()

    def _wait_for_delivery(self) -> None:
        with Reader.open(self.log) as log:
            ends = {(one.epoch, one.stream): one.last for one in log.series()}

        def arrived(consumer: Consumer) -> bool:
            evidence = consumer.evidence()
            highest = {chain[1:]: max(records) for chain, records in evidence.records.items()}
            return not evidence.gaps and all(highest.get(series, 0) >= last for series, last in ends.items())

        self.consumer.wait_for(arrived, timeout_s=60)
        self.consumer.evidence().assert_complete()

    def assert_the_log_is_whole(self) -> None:
        """AssertionError when a chain is broken."""
        with Reader.open(self.log) as log:
            assert [proof.broken for proof in verify_log(log) if proof.broken] == []

    def _records(self, stream: str) -> list[dict[str, object]]:
        with Reader.open(self.log) as log:
            return [
                json.loads(row.body)
                for one in log.series()
                if one.stream == stream
                for row in log.walk(one.epoch, one.stream, one.first, one.last)
            ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A bare machine beside two instruments and a broker."""
    with ExitStack() as outside, Network() as network:
        net = Path(f"/proc/{network._guard.pid}/ns/net")
        with network.entered():
            ledger = outside.enter_context(LedgerProcess(tmp_path / "ledger.txt", "--devices", str(DEVICES)))
            broker = outside.enter_context(Mosquitto(tmp_path / "broker"))
            consumer = outside.enter_context(Consumer(broker.port))
        with booted_box(net) as box:
            yield World(box, ledger, broker, consumer)
        outside.close()


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """What there is to install."""
    return Releases(tmp_path_factory.mktemp("releases"))


class Archive:
    """Installed by ``install.sh`` out of a bundle, without a network."""

    def __init__(self, releases: Releases, world: World) -> None:
        self._releases, self._world = releases, world

    def bring(self, name: str) -> str:
        """Unpack the bundle of the release called *name* on the machine; returns its installer."""
        folder = self._world.box.path(f"/srv/{name}")
        if not folder.exists():
            shutil.copytree(self._releases.bundle(name), folder)
        return f"/srv/{name}/systemd/install.sh"

    def install(self, name: str) -> str:
        """Install the release called *name*."""
        return self._world.box.run("sh", self.bring(name))

    def roll_back(self) -> str:
        """Go back to the old one."""
        return self._world.box.run("sh", self.bring("new"), "--rollback")

    def remove(self) -> str:
        """Remove the program."""
        return self._world.box.run("sh", self.bring("new"), "--uninstall")


class Package:
    """Installed by dpkg."""

    def __init__(self, releases: Releases, world: World) -> None:
        self._releases, self._world = releases, world

    def install(self, name: str) -> str:
        """Install the release called *name*."""
        file = self._releases.package(name)
        shutil.copy(file, self._world.box.path("/srv"))
        return self._world.box.run("dpkg", "-i", f"/srv/{file.name}")

    def roll_back(self) -> str:
        """Go back to the old one."""
        return self.install("old")

    def remove(self) -> str:
        """Remove the program."""
        return self._world.box.run("dpkg", "--remove", "station-agent")


def start(world: World) -> None:
    """Configure what has just been installed, and start it as the manual says."""
    world.configure()
    world.box.run("station-agent", "check")
    world.box.run("systemctl", "enable", "--now", "station-agent")


@pytest.mark.parametrize("way_of", [Archive, Package])
def test_a_station_is_installed_upgraded_taken_back_and_removed(
    world: World, releases: Releases, way_of: Callable[[Releases, World], Archive | Package]
) -> None:
    """Four changes of the program under a station that measures: not one reading is lost, and all of it stays."""
    box, way = world.box, way_of(releases, world)
    way.install("old")
    assert box.show("ActiveState") == "inactive"  # nobody has said yet what the station is
    start(world)
    world.wait_for_readings()
    old = world.version()

    way.install("new")
    world.wait_for_readings()
    assert world.version() == NEWER
    box.path(CONFIG).write_text("# for the new one\n" + world.config)
    box.run("systemctl", "reload", "station-agent")

    way.roll_back()
    world.wait_for_readings()
    assert (world.version(), box.path(CONFIG).read_text()) == (old, world.config)

    way.remove()
    assert box.show("ActiveState") == "inactive"
    assert box.run("sh", "-c", "command -v station-agent || echo none") == "none"
    assert box.path(CONFIG).read_text() == world.config
    assert world.stored() == served(world.ledger.log)
    assert len({row["epoch"] for row in world.events("epoch_began")}) == 1
    world.assert_the_log_is_whole()


def test_a_killed_and_a_power_cut_machine_comes_back_by_itself_and_nothing_is_missing(
    world: World, releases: Releases
) -> None:
    """Nobody is there when it happens: what was stored is there, what was not measured is told, all of it arrives."""
    box, way = world.box, Archive(releases, world)
    way.install("old")
    start(world)
    world.wait_for_readings()

    pid, before = box.show("MainPID"), world.stored()
    box.run("kill", "-KILL", pid)
    until(lambda: restarted(box, pid), within_s=60, what="the daemon is back after a kill")
    world.wait_for_readings()

    box.cut_power()
    at_the_cut = world.stored()
    box.boot_again()
    until(lambda: box.show("ActiveState") == "active", within_s=60, what="the daemon is back after the power cut")
    world.wait_for_readings()

    after = world.stored()
    for had in (before, at_the_cut):
        assert {device: after[device][: len(serials)] for device, serials in had.items()} == had
    lost = sum(len(set(serials) - set(after[device])) for device, serials in served(world.ledger.log).items())
    assert lost <= 3 * DEVICES  # a reply on its way to the disk: at each blow, and at this moment
    assert [set(data.get("last", {})) for data in world.events("agent_started")] == [set(), {"d1", "d2"}, {"d1", "d2"}]
    world.assert_the_log_is_whole()


def test_an_upgrade_during_which_the_power_goes_leaves_the_old_release_running(
    world: World, releases: Releases
) -> None:
    """The machine boots into what ran before, and the upgrade is simply run again."""
    box, way = world.box, Archive(releases, world)
    way.install("old")
    start(world)
    world.wait_for_readings()
    old = world.version()
    box.run("systemd-run", "--unit=upgrade", "sh", way.bring("new"))
    until(box.path("/opt/station-agent/b/pyvenv.cfg").exists, within_s=60, what="the new release is being built")

    box.cut_power()
    box.boot_again()

    until(lambda: box.show("ActiveState") == "active", within_s=60, what="the daemon is back")
    world.wait_for_readings()
    assert world.version() == old
    way.install("new")
    world.wait_for_readings()
    assert world.version() == NEWER
    world.assert_the_log_is_whole()


def test_a_bundle_with_an_interpreter_needs_no_python_of_the_station(world: World, tmp_path: Path) -> None:
    """Many industrial PCs have a Python that is too old, or none."""
    interpreter = interpreter_archive(tmp_path / "python.tar.gz")
    folder = bundled(tmp_path / "bundle", interpreter=interpreter)
    shutil.copytree(folder, world.box.path("/srv/bundle"))
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        world.box.path(f"/usr/bin/{name}").unlink(missing_ok=True)

    world.box.run("sh", "/srv/bundle/systemd/install.sh")
    start(world)

    world.wait_for_readings()
    pid = world.box.show("MainPID")
    assert world.box.path(f"/proc/{pid}/exe").readlink().is_relative_to("/opt/station-agent/a/python/bin")


def test_a_package_whose_release_refuses_the_configuration_runs_on_the_last_good_one(
    world: World, releases: Releases
) -> None:
    """The package manager has no way back by itself: the station must measure on, and the technician must be told."""
    box, way = world.box, Package(releases, world)
    way.install("old")
    start(world)
    world.wait_for_readings()
    box.path(CONFIG).write_text("wrong = true\n" + world.config)

    said = way.install("new")

    assert f"station-agent: {NEWER}" in said
    assert "it runs on the last good one" in said
    world.wait_for_readings()
    assert world.version() == NEWER


def test_a_package_is_refused_beside_another_installation(world: World, releases: Releases) -> None:
    """Two programs for one log: the second would only be found out when the first is gone."""
    world.box.path("/opt/station-agent").mkdir()
    world.box.path("/opt/station-agent/bin").symlink_to("a/bin")

    with pytest.raises(BoxError, match="another installation lies in /opt/station-agent"):
        Package(releases, world).install("old")


def test_a_purged_package_leaves_the_readings_and_the_station_file(world: World, releases: Releases) -> None:
    """A package manager must not be what destroys evidence; it says what it left, and how to be rid of it."""
    box, way = world.box, Package(releases, world)
    way.install("old")
    start(world)
    world.wait_for_readings()

    said = box.run("dpkg", "--purge", "station-agent")

    assert "kept: /var/lib/station-agent" in said
    assert box.path(CONFIG).read_text() == world.config
    world.assert_the_log_is_whole()
