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

from drivers.api import Device, Driver, Link, NoReplyError, ProfileError, Quality, Reading, RefusedError
from drivers.catalog import load_profile, make_driver, protocol_names
from tests.simulators.text_instrument import TextLine

HERE = Path(__file__).parent
ASK_FLOW = bytes.fromhex("7e 00 08 01 00 f6 7e")
ASK_PHYSICAL = bytes.fromhex("7e 00 08 01 01 f5 7e")  # as Sensirion prints it
HALF = bytes.fromhex("7e 00 08 00 04 3f 00 00 00 b4 7e")  # 0.5
ESCAPED = bytes.fromhex("7e 00 08 00 04 41 7d 33 7d 5e 00 21 7e")  # 41 13 7E 00
REFUSED = bytes.fromhex("7e 00 08 43 00 b4 7e")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package as pip would leave it: its module, and its entry point in a dist-info folder."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("pyproject.toml", "station_agent_shdlc.py"):
        shutil.copy(HERE / name, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))
    sys.modules.pop("station_agent_shdlc", None)


@pytest.fixture
def shdlc(installed: Path) -> ModuleType:
    return import_module("station_agent_shdlc")


@asynccontextmanager
async def meter(replies: dict[bytes, bytes], folder: Path, timeout_s: float = 2.0) -> AsyncIterator[Driver]:
    profile = load_profile("sensirion-sfm5000", [HERE / "profiles"])
    async with TextLine(replies, folder / "meter") as line:
        link = Link("flow", f"serial://{line.path}?baud=115200")
        try:
            yield make_driver(Device("flow", 0, profile, timeout_s=timeout_s), link)
        finally:
            await link.close()


def test_the_package_is_found_by_its_entry_point(installed: Path) -> None:
    """Nobody registers anything: installing is enough."""
    (entry,) = metadata.entry_points(group="station_agent.drivers", name="shdlc")

    assert entry.value == "station_agent_shdlc:ShdlcDriver"
    assert "shdlc" in protocol_names()


async def test_a_device_is_read_through_the_package(installed: Path, tmp_path: Path) -> None:
    """Its readings are like all others: shortest digits, range, quality."""
    async with meter({ASK_FLOW: HALF, ASK_PHYSICAL: ESCAPED}, tmp_path) as driver:
        scan = await driver.poll(["flow", "physical_flow"])
        plans = driver.requests(["flow"])

    assert scan.readings == {
        "flow": Reading("flow", 0.5),
        "physical_flow": Reading("physical_flow", 9.218262),
    }
    assert [(plan.text, plan.sent, plan.expected) for plan in plans] == [("7e 00 08 01 00 f6 7e", 7, 11)]


async def test_a_refused_channel_costs_only_itself(installed: Path, tmp_path: Path) -> None:
    """The same promise as that of our own drivers."""
    async with meter({ASK_FLOW: HALF, ASK_PHYSICAL: REFUSED}, tmp_path) as driver:
        scan = await driver.poll(["flow", "physical_flow"])
        with pytest.raises(RefusedError, match="exception 67"):
            await driver.poll(["physical_flow"])

    assert scan.readings["flow"].value == 0.5
    refused = scan.readings["physical_flow"]
    assert (refused.value, refused.quality, refused.reason) == (None, Quality.COMM_FAULT, "exception_67")


async def test_a_foreign_reply_and_silence_give_nothing(installed: Path, tmp_path: Path) -> None:
    """The link counts and waits; the package has no code for either."""
    foreign = bytes.fromhex("7e 05 08 00 04 3f 00 00 00 af 7e")
    async with meter({ASK_FLOW: foreign + HALF}, tmp_path, timeout_s=0.1) as driver:
        await driver.probe()
        assert driver.link.counters["flow"].late == 1
        with pytest.raises(NoReplyError):
            await driver.poll(["physical_flow"])


def test_the_frames_are_those_of_the_maker(shdlc: ModuleType) -> None:
    """Vectors of the maker's own package."""
    assert shdlc.framed(bytes([0, 8, 1, 1])) == ASK_PHYSICAL
    frame = bytes.fromhex("7e 7d 5e 7d 5d 7d 31 03 12 7d 33 14 b7 7e")
    assert shdlc.unescaped(frame[1:-1]) == bytes.fromhex("7e 7d 11 03 12 13 14 b7")
    assert shdlc.framed(bytes.fromhex("7e 7d 11 03 12 13 14")) == frame


def test_an_address_that_shdlc_cannot_have_is_refused(installed: Path) -> None:
    """`check` shows it like a mistake of our own protocols."""
    profile = load_profile("sensirion-sfm5000", [HERE / "profiles"])

    with pytest.raises(ProfileError, match="'A1', which is none of SHDLC"):
        make_driver(Device("flow", "A1", profile), Link("flow", "serial:///dev/x"))
