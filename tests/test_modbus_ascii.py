"""Modbus ASCII on a serial line: frames as the specification has them, and what the line does to them.

"MODBUS over serial line" V1.02, section 2.5.2: colon, two characters a byte, LRC, CR LF.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.api import BadReplyError, Device, Driver, Link, NoReplyError, RefusedError
from drivers.catalog import make_driver
from drivers.profile import Profile
from tests.simulators.misbehaviour import Misbehave
from tests.simulators.text_instrument import TextLine

ASK = b":010300000002FA\r\n"  # LRC FA: two's complement of the sum of 01 03 00 00 00 02
REPLY = b":01030442360000" + b"80\r\n"  # 45.5
METER = Profile.model_validate(
    {
        "model": "O3-100",
        "maker": "Acme",
        "kind": "ozone analyzer",
        "manual": "none",
        "source": "this test",
        "confidence": "manual",
        "protocol": "modbus-ascii",
        "channel": [{"name": "ozone", "unit": "[ppb]", "register": 0, "type": "float32"}],
    }
)


@asynccontextmanager
async def meter(
    reply: bytes, folder: Path, *, timeout_s: float = 2.0, misbehave: Misbehave | None = None
) -> AsyncIterator[Driver]:
    async with TextLine({ASK: reply}, folder / "unit", misbehave=misbehave) as line:
        link = Link("rack", f"serial://{line.path}?baud=9600&parity=E", quiet_s=0.02)
        try:
            yield make_driver(Device("unit", 1, METER, timeout_s=timeout_s), link)
        finally:
            await link.close()


async def test_request_and_reply_are_those_of_the_specification(tmp_path: Path) -> None:
    """A unit that computes another LRC stays silent."""
    async with meter(REPLY, tmp_path) as driver:
        assert (await driver.poll(["ozone"])).readings["ozone"].value == 45.5


async def test_characters_may_come_a_second_apart_as_the_specification_allows(tmp_path: Path) -> None:
    """Unlike RTU, where a pause ends the frame; 0.05 s stand for it here."""
    in_three = [(0.0, REPLY[:4]), (0.05, REPLY[4:9]), (0.05, REPLY[9:])]
    async with meter(REPLY, tmp_path, misbehave=lambda _request, _honest: list(in_three)) as driver:
        assert (await driver.poll(["ozone"])).readings["ozone"].value == 45.5


async def test_a_refusal_is_one(tmp_path: Path) -> None:
    """Exception 2, with its own LRC."""
    async with meter(b":0183027A\r\n", tmp_path) as driver:
        with pytest.raises(RefusedError, match="exception 2"):
            await driver.poll(["ozone"])


@pytest.mark.parametrize(
    "reply",
    [
        REPLY.replace(b"80\r", b"81\r"),
        REPLY.replace(b"4236", b"4336"),
        REPLY.replace(b"4236", b"42G6"),
        REPLY[:-2],
        b"",
        b":0203044236" + b"00007F\r\n",  # unit 2
    ],
)
async def test_a_damaged_or_foreign_reply_gives_nothing(reply: bytes, tmp_path: Path) -> None:
    """A wrong LRC, a character that is no digit, no end, another unit."""
    async with meter(reply, tmp_path, timeout_s=0.15) as driver:
        with pytest.raises((BadReplyError, NoReplyError)):
            await driver.poll(["ozone"])
