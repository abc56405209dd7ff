"""Two masters of one serial line, for comparison: the agent's link and driver, and the barest loop there can be."""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import time
import tty
from pathlib import Path

from drivers.api import Device, Link, Profile
from drivers.catalog import make_driver
from tests.simulators.modbus_server import crc16
from tests.simulators.throttled_line import silence_s, url, wire_s

SETTLED = 2
"""Transactions at the beginning that are not counted: the link lets the line fall quiet first."""


def frames(registers: int) -> tuple[bytes, int]:
    """A request for *registers* of unit 1, and the size of its reply."""
    request = bytes([1, 3, 0, 0, 0, registers])
    return request + crc16(request), 5 + 2 * registers


def needed_s(baud: int, registers: int) -> float:
    """What a transaction takes at the least: its characters, and the silence after each of the two frames."""
    request, reply = frames(registers)
    return wire_s(baud, len(request) + reply) + 2 * silence_s(baud)


def agent_periods(path: Path, baud: int, registers: int, count: int) -> list[float]:
    """Seconds from each request of the agent to its next one, *count* of them, as fast as it asks."""
    about = dict.fromkeys(("model", "maker", "kind", "manual", "source"), "bench")
    channels = [{"name": f"r{n}", "unit": "1", "register": n} for n in range(registers)]
    words = {"confidence": "unverified", "modbus": {"block": 125}, "channel": channels}
    return asyncio.run(_agent_periods(Profile.model_validate(about | words), url(path, baud), count))


async def _agent_periods(profile: Profile, line: str, count: int) -> list[float]:
    link = Link("bench", line)
    driver = make_driver(Device("bench", 1, profile), link)
    names = [channel.name for channel in profile.channels]
    sent: list[float] = []
    link.trace = lambda direction, _: sent.append(time.monotonic()) if direction == "tx" else None
    for _ in range(SETTLED + count + 1):
        scan = await driver.poll(names)
        assert [scan.readings[name].value for name in names] == [1000 + n for n in range(len(names))]
    await link.close()
    return [later - earlier for earlier, later in itertools.pairwise(sent[SETTLED:])]


def bare_periods(path: Path, baud: int, registers: int, count: int) -> list[float]:
    """The same by a loop of write, select, read and sleep, which checks and decodes nothing."""
    request, size = frames(registers)
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    sent = []
    try:
        for _ in range(SETTLED + count + 1):
            sent.append(time.monotonic())
            os.write(port, request)
            left = size
            while left:
                select.select([port], [], [])
                left -= len(os.read(port, 4096))
            time.sleep(silence_s(baud))
    finally:
        os.close(port)
    return [later - earlier for earlier, later in itertools.pairwise(sent[SETTLED:])]
