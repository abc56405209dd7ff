"""Horiba AP-370: datagrams as public drivers send them, and an analyzer that is read over UDP."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.ap370 import framed
from drivers.api import BadReplyError, Device, Link, NoReplyError, ProfileError, Quality
from drivers.catalog import load_profile, make_driver
from tests.simulators.ap370_analyzer import Ap370Analyzer
from tests.simulators.driven import driven

NOX = {"R001": "00,3,01103 12.5,02103 22.0,03103 34.5,0,0,0"}
ASK_ONE = "01 30 31 30 31 30 30 52 30 30 31 02 36 30 03"


def test_the_request_is_that_of_the_driver() -> None:
    """Values of an APNA; its check is 60."""
    assert framed(1, "R001") == bytes.fromhex(ASK_ONE)
    assert framed(3, "R038")[-3:-1] == b"6a"


async def test_values_stand_behind_five_characters(tmp_path: Path) -> None:
    """All of them come with one datagram."""
    analyzer = Ap370Analyzer(1, NOX)
    async with driven("horiba-apna-370", analyzer, tmp_path) as driver:
        scan = await driver.poll(["no", "no2", "nox"])

    assert [one.value for one in scan.readings.values()] == [12.5, 22, 34.5]
    assert len(analyzer.requests) == 1


async def test_an_item_that_is_no_number_is_no_value(tmp_path: Path) -> None:
    """Neither is one that is missing."""
    analyzer = Ap370Analyzer(1, {"R001": "00,3,01103 ----,02103"})
    async with driven("horiba-apna-370", analyzer, tmp_path) as driver:
        scan = await driver.poll(["no", "no2", "nox"])

    assert [(one.value, one.quality) for one in scan.readings.values()] == [(None, Quality.NO_VALUE)] * 3


async def test_a_command_without_answer_costs_its_channels(tmp_path: Path) -> None:
    """The values are kept; that the flame is unknown is known."""
    analyzer = Ap370Analyzer(2, {"R001": "00,3,01102 1.98,02102 0.11,03102 2.09"})
    async with driven("horiba-apha-370", analyzer, tmp_path, timeout_s=0.1) as driver:
        scan = await driver.poll(["ch4", "flame"])

    assert scan.readings["ch4"].value == 1.98
    assert scan.readings["flame"].reason == "no_reply"


async def test_another_kind_of_analyzer_stays_silent(tmp_path: Path) -> None:
    """The address is the kind."""
    async with driven("horiba-apna-370", Ap370Analyzer(3, NOX), tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["no"])


async def test_an_answer_to_another_command_and_a_damaged_one_give_nothing(tmp_path: Path) -> None:
    """Datagrams may come late, and in another order."""
    analyzer = Ap370Analyzer(1, NOX | {"R010": "00,2"})
    other = analyzer.reply(framed(1, "R010"))
    async with driven("horiba-apna-370", analyzer, tmp_path, timeout_s=0.2) as driver:
        analyzer.spoil = lambda _: other
        with pytest.raises(BadReplyError, match="19 bytes about R010"):
            await driver.poll(["no"])
        analyzer.spoil = lambda _: framed(1, "R001")
        with pytest.raises(BadReplyError, match="15 bytes about R001"):
            await driver.poll(["no"])
        analyzer.spoil = lambda reply: reply.replace(b"12.5", b"72.5")
        with pytest.raises(BadReplyError, match="a wrong check"):
            await driver.poll(["no"])
        analyzer.spoil = None
        assert (await driver.poll(["no"])).readings["no"].value == 12.5


@pytest.mark.parametrize(
    ("address", "options", "what"),
    [
        (6, {"item": 2}, "6, which is no number from 1 to 5"),
        (1, {"item": 2, "command": "A024"}, "has options.command = 'A024'"),
        (1, {}, "lacks options.item"),
    ],
)
def test_what_the_protocol_cannot_have_is_refused(address: int, options: dict[str, object], what: str) -> None:
    """Commands that begin with A switch gas."""
    profile = load_profile("horiba-apma-370")
    wrong = profile.channels[0].model_copy(update={"options": options})
    with pytest.raises(ProfileError, match=what):
        make_driver(
            Device("unit", address, profile.model_copy(update={"channels": (wrong,)})),
            Link("rack", "udp://192.0.2.1:1"),
        )
