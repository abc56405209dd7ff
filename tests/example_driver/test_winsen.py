"""A package that is not ours adds a protocol: built, installed, found by its entry point, and read with."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import pytest

from drivers.api import BadReplyError, Device, Driver, Link, NoReplyError, ProfileError, Reading
from drivers.catalog import load_profile, make_driver, protocol_names
from tests.simulators.text_instrument import TextLine

HERE = Path(__file__).parent
ASK = bytes.fromhex("ff 01 86 00 00 00 00 00 79")  # as Winsen prints it, and the reply, 544 ppm
REPLY = bytes.fromhex("ff 86 02 20 00 00 00 00 58")
OTHER = bytes.fromhex("ff 99 00 00 00 00 00 00 67")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package as pip would leave it: its module, and its entry point in a dist-info folder."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("pyproject.toml", "station_agent_winsen.py"):
        shutil.copy(HERE / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))
    sys.modules.pop("station_agent_winsen", None)


@pytest.fixture
def winsen(installed: Path) -> ModuleType:
    return import_module("station_agent_winsen")


@asynccontextmanager
async def sensor(replies: dict[bytes, bytes], folder: Path, timeout_s: float = 2.0) -> AsyncIterator[Driver]:
    profile = load_profile("winsen-mh-z19", [HERE / "profiles"])
    async with TextLine(replies, folder / "sensor") as line:
        link = Link("room", f"serial://{line.path}?baud=9600")
        try:
            yield make_driver(Device("room", None, profile, timeout_s=timeout_s), link)
        finally:
            await link.close()


def test_the_package_is_found_by_its_entry_point(installed: Path) -> None:
    """Nobody registers anything: installing is enough."""
    (entry,) = metadata.entry_points(group="station_agent.drivers", name="winsen")

    assert entry.value == "station_agent_winsen:WinsenDriver"
    assert "winsen" in protocol_names()


async def test_a_device_is_read_through_the_package(installed: Path, tmp_path: Path) -> None:
    """The example of its profile is replayed like those of ours, and `check` sees its requests."""
    async with sensor({ASK: REPLY}, tmp_path) as driver:
        scan = await driver.poll(["co2"])
        plans = driver.requests(["co2"])

    assert scan.readings == {"co2": Reading("co2", 544)}
    assert [(plan.text, plan.sent, plan.expected) for plan in plans] == [("read concentration", 9, 9)]


async def test_a_foreign_reply_damage_and_silence_give_nothing(installed: Path, tmp_path: Path) -> None:
    """The link counts and waits; the package has no code for either."""
    async with sensor({ASK: OTHER + REPLY}, tmp_path) as driver:
        await driver.probe()
        assert driver.link.counters["room"].strange == 1
    async with sensor({ASK: REPLY[:3] + b"\x21" + REPLY[4:]}, tmp_path) as driver:
        with pytest.raises(BadReplyError, match="a damaged frame: ff 86 02 21"):
            await driver.poll(["co2"])
    async with sensor({}, tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["co2"])


def test_the_frames_are_those_of_the_maker(winsen: ModuleType) -> None:
    """Vectors of the maker's manual."""
    assert winsen.sealed(ASK[:-1]) == ASK
    assert winsen.sealed(bytes.fromhex("ff 01 79 a0 00 00 00 00")).hex() == "ff0179a000000000e6"
    assert winsen.find_reply(bytearray(b"\0" + REPLY)).frame == REPLY


def test_what_the_protocol_cannot_have_is_refused(installed: Path) -> None:
    """`check` shows it like a mistake of our own protocols."""
    profile = load_profile("winsen-mh-z19", [HERE / "profiles"])
    link = Link("room", "serial:///dev/x")

    with pytest.raises(ProfileError, match="'A1', but a Winsen sensor has none"):
        make_driver(Device("room", "A1", profile), link)
    with pytest.raises(ProfileError, match=r"has options\.speed, which this protocol does not know"):
        make_driver(Device("room", None, profile.model_copy(update={"options": {"speed": 1}})), link)
