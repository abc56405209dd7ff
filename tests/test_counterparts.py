"""Counterparts that are none of ours: a server on libmodbus in C, mbpoll as a second master, pyModbusTCP.

Our own simulators could share our own misunderstanding of the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyModbusTCP.server import DataBank, ModbusServer

from drivers.api import Device, Link, Profile
from drivers.catalog import make_driver
from drivers.plan import FUNCTIONS
from tests.simulators.broker import free_port
from tests.simulators.libmodbus import compiled, joined, mbpoll, serving

UNIT = 17
CELLS = 100
FLOATS_AT = 100
FLOATS = {"ABCD": 45.5, "CDAB": -0.125, "BADC": 1013.25, "DCBA": 0.006}
TRUTH: dict[str, Callable[[int], int]] = {
    "coil": lambda at: int(at % 3 == 0),
    "discrete": lambda at: int(at % 5 == 0),
    "holding": lambda at: 257 * at + 7,
    "input": lambda at: 60000 - 301 * at,
}
"""What both servers hold, table by table, apart from the floats in the holding registers from 100 on."""


def profile(*channels: dict[str, object], order: str = "ABCD") -> Profile:
    about = dict.fromkeys(("model", "maker", "kind", "manual", "source"), "counterpart")
    words = {"confidence": "unverified", "protocol": "modbus", "modbus": {"order": order}}
    return Profile.model_validate(about | words | {"channel": list(channels)})


def cells(table: str) -> Profile:
    """The first cells of *table*, one channel each."""
    return profile(*({"name": f"c{at}", "unit": "1", "table": table, "register": at} for at in range(CELLS)))


async def read(link: Link, wanted: Profile) -> list[object]:
    """What the agent's driver reads of unit 17."""
    driver = make_driver(Device("counterpart", UNIT, wanted, timeout_s=2.0), link)
    scan = await driver.poll([channel.name for channel in wanted.channels])
    return [scan.readings[channel.name].value for channel in wanted.channels]


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    link = Link("counterpart", url)
    try:
        yield link
    finally:
        await link.close()


@pytest.fixture(scope="module")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C server, compiled."""
    return compiled(tmp_path_factory.mktemp("libmodbus"))


async def test_we_and_mbpoll_read_the_same_of_libmodbus_over_tcp(libmodbus: Path) -> None:
    """A hundred cells of each table, by us and by a second master at the same time, one by one the same."""
    port = free_port()
    where = ("-m", "tcp", "-a", str(UNIT), "-p", str(port), "127.0.0.1")
    with serving(libmodbus, "tcp", port):
        async with linked(f"tcp://127.0.0.1:{port}") as link:
            for table, function in FUNCTIONS.items():
                second = asyncio.to_thread(mbpoll, *where, function=function, start=0, count=CELLS)
                ours, theirs = await asyncio.gather(read(link, cells(table)), second)
                assert ours == theirs == [TRUTH[table](at) for at in range(CELLS)]


async def test_we_and_mbpoll_read_the_same_of_libmodbus_over_rtu(libmodbus: Path, tmp_path: Path) -> None:
    """The same on a serial line, one master after the other: a port belongs to one of them."""
    near, far = tmp_path / "near", tmp_path / "far"
    where = ("-m", "rtu", "-a", str(UNIT), "-b", "115200", "-P", "none", str(near))
    with joined(near, far), serving(libmodbus, "rtu", far, 115200, UNIT):
        for table, function in FUNCTIONS.items():
            async with linked(f"serial://{near}?baud=115200") as link:
                ours = await read(link, cells(table))
            theirs = await asyncio.to_thread(mbpoll, *where, function=function, start=0, count=CELLS)
            assert ours == theirs == [TRUTH[table](at) for at in range(CELLS)]


@pytest.mark.parametrize("order", FLOATS)
async def test_floats_of_a_c_program_come_out_in_each_word_order(libmodbus: Path, order: str) -> None:
    """Word orders are named by letters, and everybody names them otherwise; here somebody else's code decides."""
    port, at = free_port(), FLOATS_AT + 2 * list(FLOATS).index(order)
    channel = {"name": "value", "unit": "1", "register": at, "type": "float32"}
    with serving(libmodbus, "tcp", port):
        async with linked(f"tcp://127.0.0.1:{port}") as link:
            assert await read(link, profile(channel, order=order)) == [FLOATS[order]]


async def test_pymodbustcp_serves_what_we_read() -> None:
    """A third family of code, in which neither pymodbus nor libmodbus has a part."""
    bank = DataBank(coils_size=CELLS, d_inputs_size=CELLS, h_regs_size=CELLS, i_regs_size=CELLS)
    bank.set_coils(0, [bool(TRUTH["coil"](at)) for at in range(CELLS)])
    bank.set_discrete_inputs(0, [bool(TRUTH["discrete"](at)) for at in range(CELLS)])
    bank.set_holding_registers(0, [TRUTH["holding"](at) for at in range(CELLS)])
    bank.set_input_registers(0, [TRUTH["input"](at) for at in range(CELLS)])
    port = free_port()
    server = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    server.start()
    try:
        async with linked(f"tcp://127.0.0.1:{port}") as link:
            for table in FUNCTIONS:
                assert await read(link, cells(table)) == [TRUTH[table](at) for at in range(CELLS)]
    finally:
        await asyncio.to_thread(server.stop)
