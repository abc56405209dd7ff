"""Modbus instruments of all kinds of wire, with holes, refusals and silence, one register map at a time."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer as PymodbusServer
from pymodbus.simulator import DataType, SimData, SimDevice

import drivers.holes
from drivers.api import (
    Device,
    Driver,
    DriverError,
    Link,
    NoReplyError,
    Profile,
    ProfileError,
    Quality,
    Reading,
    RefusedError,
)
from drivers.catalog import make_driver
from tests.simulators import misbehaviour as lies
from tests.simulators.certificates import Authority
from tests.simulators.invented import ABOUT
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, ModbusUdpServer, Rtu, Unit

ANALYZER = [
    {"name": "ozone", "unit": "[ppb]", "table": "input", "register": 0, "type": "float32"},
    {"name": "pressure", "unit": "hPa", "table": "holding", "register": 4, "type": "uint16", "scale": 0.1},
    {"name": "span", "table": "discrete", "register": 21},
    {"name": "pump", "table": "coil", "register": 3},
]


def model(*channels: dict[str, Any], protocol: str = "modbus", **words: Any) -> Profile:
    return Profile.model_validate({**ABOUT, "protocol": protocol, "channel": list(channels), **words})


def registers(*places: int, **words: Any) -> list[dict[str, Any]]:
    """Channels named after their register, of one register each."""
    return [{"name": f"r{place}", "unit": "1", "register": place, **words} for place in places]


def analyzer() -> Unit:
    unit = Unit(holding={4: 10132}, discrete={n: int(n == 21) for n in range(16, 24)}, coils={3: 0})
    unit.set_float32(0, 45.1)
    return unit


Server = ModbusTcpServer | ModbusUdpServer | ModbusLine


def url_of(server: Server) -> str:
    if isinstance(server, ModbusLine):
        return f"serial://{server.path}"
    kind = "udp" if isinstance(server, ModbusUdpServer) else "tcp"
    return f"{kind}://127.0.0.1:{server.port}"


@asynccontextmanager
async def driving(
    profile: Profile, wire: Server | str, *, address: int | str | None = 1, timeout_s: float = 2.0
) -> AsyncIterator[Driver]:
    """A driver for unit *address* of a simulated server, or of whoever is at a URL."""
    link = Link("rack", wire if isinstance(wire, str) else url_of(wire))
    try:
        yield make_driver(Device("o3", address, profile, timeout_s=timeout_s), link)
    finally:
        await link.close()


async def values(driver: Driver) -> dict[str, object]:
    scan = await driver.poll([channel.name for channel in driver.device.profile.channels])
    assert abs((datetime.now(UTC) - scan.time).total_seconds()) < 5
    return {name: reading.value for name, reading in sorted(scan.readings.items())}


def asked(server: ModbusTcpServer | ModbusLine) -> list[tuple[int, int, int]]:
    """Function, start and count of each request since the last call."""
    frames = [frame[6:] if isinstance(server, ModbusTcpServer) else frame for _, frame in server.requests]
    server.requests.clear()
    return [(frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")) for frame in frames]


READ = {"ozone": 45.1, "pressure": 1013.2, "pump": False, "span": True}


async def test_all_four_tables_are_read_over_tcp() -> None:
    """The commonest case: one analyzer with an Ethernet port."""
    async with ModbusTcpServer({1: analyzer()}) as server, driving(model(*ANALYZER), server) as driver:
        assert await values(driver) == READ


async def test_all_four_tables_are_read_over_a_serial_line(tmp_path: Path) -> None:
    """RTU is what serial links speak unless the profile says otherwise."""
    async with (
        ModbusLine({7: analyzer()}, tmp_path / "rack") as line,
        driving(model(*ANALYZER), line, address=7) as driver,
    ):
        assert await values(driver) == READ


async def test_rtu_frames_pass_a_transparent_gateway() -> None:
    """Cheap serial servers pass bytes on as they are; then the profile or the station file says modbus-rtu."""
    async with ModbusTcpServer({1: analyzer()}, framing=Rtu()) as server:
        profile = model(*ANALYZER, protocol="modbus-rtu")
        async with driving(profile, f"tcp://127.0.0.1:{server.port}") as driver:
            assert await values(driver) == READ


async def test_modbus_over_udp_survives_a_lost_datagram() -> None:
    """A lost datagram is one missing reading, and the next one is not its late answer."""
    async with ModbusUdpServer({1: analyzer()}) as server, driving(model(ANALYZER[0]), server, timeout_s=0.1) as driver:
        server.lose_next = 1
        with pytest.raises(NoReplyError):
            await values(driver)
        assert await values(driver) == {"ozone": 45.1}


async def test_modbus_within_tls(authority: Authority) -> None:
    """Gateways outside the cabinet are asked within TLS."""
    certificate = authority.issue("gateway-modbus")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with ModbusTcpServer({1: analyzer()}, tls=context) as server:
        url = f"tls://localhost:{server.port}?ca={authority.ca_file}"
        async with driving(model(*ANALYZER), url) as driver:
            assert await values(driver) == READ


@pytest.mark.parametrize(
    ("protocol", "framer"), [("modbus-tcp", "socket"), ("modbus-rtu", "rtu"), ("modbus-ascii", "ascii")]
)
async def test_somebody_elses_server_agrees(protocol: str, framer: str) -> None:
    """Our own simulators could share our own misunderstanding."""
    bits = [SimData(0, values=[False] * 5 + [True] + [False] * 10, datatype=DataType.BITS)]
    words = [SimData(0, values=[0x4236, 0, 0, 0, 10132], datatype=DataType.REGISTERS)]
    device = SimDevice(1, simdata=(bits, bits, words, words))
    server = PymodbusServer(device, framer=FramerType(framer), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        port = server.transport.sockets[0].getsockname()[1]
        profile = model(*ANALYZER[:2], {"name": "span", "table": "discrete", "register": 5}, protocol=protocol)
        async with driving(profile, f"tcp://127.0.0.1:{port}") as driver:
            assert await values(driver) == {"ozone": 45.5, "pressure": 1013.2, "span": True}
    finally:
        await server.shutdown()


async def read_all(driver: Driver) -> dict[str, Reading]:
    return dict((await driver.poll([channel.name for channel in driver.device.profile.channels])).readings)


def at(start: int, misbehave: lies.Misbehave) -> lies.Misbehave:
    """*misbehave* for requests that begin at *start* only."""

    def only_there(request: bytes, honest: bytes) -> list[lies.Piece] | None:
        there = int.from_bytes(request[8:10], "big") == start
        return (misbehave if there else lies.honestly)(request, honest)

    return only_there


FAR_APART = registers(0, 50, 100)


async def test_a_failed_request_costs_its_own_channels() -> None:
    """The rest of the poll is good, and says so."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1, 50: 2, 100: 3})}) as server,
        driving(model(*FAR_APART), server) as driver,
    ):
        server.misbehave = at(50, lies.exception(6))
        readings = await read_all(driver)

    assert readings == {
        "r0": Reading("r0", 1),
        "r50": Reading("r50", None, Quality.COMM_FAULT, "exception_6"),
        "r100": Reading("r100", 3),
    }


async def test_a_dead_instrument_costs_one_time_out(tmp_path: Path) -> None:
    """Everybody else on the wire waits meanwhile."""
    async with ModbusLine({}, tmp_path / "rack") as line, driving(model(*FAR_APART), line, timeout_s=0.4) as driver:
        began = time.monotonic()
        with pytest.raises(NoReplyError, match=r"o3 on .* gave no reply"):
            await values(driver)
        assert time.monotonic() - began < 1.1
        assert len(line.requests) == 0
        assert driver.link.counters["o3"].asked == 1


async def test_a_block_that_nothing_answers_hides_no_other() -> None:
    """Many instruments are silent about registers that they do not know; the rest of them is not worth less."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1, 50: 2, 100: 3})}) as server,
        driving(model(*FAR_APART), server, timeout_s=0.1) as driver,
    ):
        server.misbehave = at(0, lies.silence)
        with pytest.raises(NoReplyError):  # nothing says yet that anybody is there
            await read_all(driver)
        await driver.probe()
        readings = await read_all(driver)

    assert {name: (reading.value, reading.reason) for name, reading in readings.items()} == {
        "r0": (None, "no_reply"),
        "r50": (2, None),
        "r100": (3, None),
    }


async def test_an_instrument_that_falls_silent_within_a_poll_costs_two_time_outs() -> None:
    """It lost its power in between: its neighbours on the wire should not wait for each block of it."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1, 50: 2, 100: 3, 150: 4})}) as server,
        driving(model(*FAR_APART, {"name": "r150", "register": 150}), server, timeout_s=0.1) as driver,
    ):
        server.misbehave = lies.in_turn(lies.honestly, *[lies.silence] * 9)
        readings = await read_all(driver)

    assert {name: reading.reason for name, reading in readings.items()} == {
        "r0": None,
        "r50": "no_reply",
        "r100": "no_reply",
        "r150": "no_reply",
    }
    assert len(server.requests) == 3


async def test_a_dead_neighbour_does_not_spoil_the_others(tmp_path: Path) -> None:
    """On RS-485 one unit without power must leave the others' values untouched."""
    async with (
        ModbusLine({2: analyzer()}, tmp_path / "rack") as line,
        driving(model(*ANALYZER), line, timeout_s=0.1) as dead,
    ):
        alive = make_driver(Device("alive", 2, model(*ANALYZER)), dead.link)
        for _ in range(3):
            with pytest.raises(NoReplyError):
                await values(dead)
            assert await values(alive) == READ


async def test_a_block_is_split_around_a_hole_in_the_same_poll() -> None:
    """Options that are not fitted answer exception 2 for the whole block, with all that is good in it."""
    fitted = dict.fromkeys((0, 1, 2, 3, 5, 6, 7), 9)
    async with (
        ModbusTcpServer({1: Unit(holding=fitted)}) as server,
        driving(model(*registers(*range(8))), server) as driver,
    ):
        readings = await read_all(driver)
        assert readings.pop("r4") == Reading("r4", None, Quality.NOT_FITTED, "exception_2")
        assert {reading.value for reading in readings.values()} == {9}

        asked(server)
        assert (await read_all(driver))["r4"].quality is Quality.NOT_FITTED
        assert asked(server) == [(3, 0, 4), (3, 5, 3)]


async def test_a_gap_that_may_not_be_bridged_is_learned_once() -> None:
    """Registers that nobody defined are refused too, though nobody wants them."""
    async with (
        ModbusTcpServer({1: Unit(holding=dict.fromkeys((0, 1, 4, 5, 6), 9))}) as server,
        driving(model(*registers(0, 1, 4, 5, 6)), server) as driver,
    ):
        assert set((await values(driver)).values()) == {9}
        assert asked(server) == [(3, 0, 7), (3, 0, 2), (3, 4, 3)]
        assert set((await values(driver)).values()) == {9}
        assert asked(server) == [(3, 0, 2), (3, 4, 3)]


async def test_a_hole_is_tried_again_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option may have been fitted since."""
    unit = Unit(holding={0: 9})
    async with ModbusTcpServer({1: unit}) as server, driving(model(*registers(0, 1)), server) as driver:
        assert (await read_all(driver))["r1"].quality is Quality.NOT_FITTED
        unit.holding[1] = 7
        assert (await read_all(driver))["r1"].quality is Quality.NOT_FITTED

        monkeypatch.setattr(drivers.holes, "KEPT_S", 0.0)
        await asyncio.sleep(0.01)
        assert await values(driver) == {"r0": 9, "r1": 7}


async def test_an_instrument_that_refuses_everything_is_not_taken_for_one_without_options() -> None:
    """While it starts, or with the wrong profile, an instrument refuses every register; that teaches nothing."""
    unit = Unit()
    async with ModbusTcpServer({1: unit}) as server, driving(model(*registers(*range(8))), server) as driver:
        with pytest.raises(RefusedError, match=r"refused function 3, 8 holding registers from 0: exception 2"):
            await values(driver)

        unit.holding.update(dict.fromkeys(range(8), 5))
        assert set((await values(driver)).values()) == {5}


async def test_what_once_gave_a_value_is_never_taken_for_not_fitted() -> None:
    """An instrument that restarts refuses everything for a while; its channels must be back in the next poll."""
    unit = Unit(holding={0: 1, 1: 2, 50: 3})
    async with ModbusTcpServer({1: unit}) as server, driving(model(*registers(0, 1, 50)), server) as driver:
        await values(driver)

        del unit.holding[50]
        assert (await read_all(driver))["r50"] == Reading("r50", None, Quality.COMM_FAULT, "exception_2")
        unit.holding.clear()
        with pytest.raises(RefusedError):
            await values(driver)

        unit.holding.update({0: 1, 1: 2, 50: 3})
        assert await values(driver) == {"r0": 1, "r1": 2, "r50": 3}


async def test_a_lonely_option_of_a_living_instrument_is_missing_not_broken() -> None:
    """Parameters are polled apart from measurements, and may be all options."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1})}) as server,
        driving(model(*registers(0, 50)), server) as driver,
    ):
        await driver.poll(["r0"])
        scan = await driver.poll(["r50"])

    assert scan.readings == {"r50": Reading("r50", None, Quality.NOT_FITTED, "exception_2")}


async def test_a_block_that_is_too_long_is_split() -> None:
    """Small controllers answer exception 3 to more registers than fit their buffer."""

    def short_of_memory(request: bytes, honest: bytes) -> list[lies.Piece] | None:
        long = int.from_bytes(request[10:12], "big") > 4
        return (lies.exception(3) if long else lies.honestly)(request, honest)

    async with (
        ModbusTcpServer({1: Unit(holding=dict.fromkeys(range(8), 9))}, misbehave=short_of_memory) as server,
        driving(model(*registers(*range(8))), server) as driver,
    ):
        assert set((await values(driver)).values()) == {9}
        asked(server)
        assert set((await values(driver)).values()) == {9}
        assert asked(server) == [(3, 0, 4), (3, 4, 4)]


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateway_that_reaches_nobody_is_believed_once(code: int) -> None:
    """The gateway has waited already; asking it for the other blocks costs its time-out each."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1, 50: 2, 100: 3})}, misbehave=lies.exception(code)) as server,
        driving(model(*FAR_APART), server) as driver,
    ):
        with pytest.raises(RefusedError, match=f"exception {code} .gateway"):
            await values(driver)
        assert len(server.requests) == 1
        with pytest.raises(RefusedError):
            await driver.probe()


async def test_a_probe_is_one_small_request() -> None:
    """A dead unit is looked for with the least that can be asked; a refusal shows that it lives."""
    async with (
        ModbusTcpServer({1: Unit(holding=dict.fromkeys(range(8), 9))}) as server,
        driving(model(*registers(*range(8))), server) as driver,
    ):
        await driver.probe()
        assert asked(server) == [(3, 0, 1)]

        server.misbehave = lies.exception(2)
        await driver.probe()
        server.misbehave = lies.silence
        driver.device = Device("o3", 1, driver.device.profile, timeout_s=0.05)
        with pytest.raises(NoReplyError):
            await driver.probe()


async def test_after_a_time_out_the_next_question_has_another_shape(tmp_path: Path) -> None:
    """On a wire without transactions a late reply is known only by its shape."""
    unit = Unit(holding={place: place for place in (0, 1, 2, 20, 21, 22, 40)})
    profile = model(*registers(0, 1, 2, 20, 21, 22, 40))
    async with ModbusLine({1: unit}, tmp_path / "rack") as line, driving(profile, line, timeout_s=0.1) as driver:
        line.misbehave = lies.in_turn(lies.silence)
        with pytest.raises(NoReplyError):
            await values(driver)
        asked(line)

        await values(driver)
        assert asked(line) == [(3, 20, 2), (3, 20, 3), (3, 40, 1), (3, 0, 3)], "and what was silent comes last"


async def test_two_replies_that_cannot_be_told_apart_are_asked_for_twice(tmp_path: Path) -> None:
    """The second one may be a copy of the first; a question of another shape between them proves that it is not."""
    unit = Unit(holding=dict.fromkeys([*range(3), *range(20, 23)], 0))
    async with (
        ModbusLine({1: unit}, tmp_path / "rack") as line,
        driving(model(*registers(0, 1, 2, 20, 21, 22)), line) as driver,
    ):
        assert set((await values(driver)).values()) == {0}
        assert asked(line) == [(3, 0, 3), (3, 20, 3), (3, 0, 1), (3, 20, 3)]


async def test_check_can_tell_what_would_be_sent() -> None:
    """The bytes of a cycle decide how many instruments a wire can carry; they must be those that are really sent."""
    async with ModbusTcpServer({1: analyzer()}) as server, driving(model(*ANALYZER), server) as driver:
        plans = driver.requests([channel["name"] for channel in ANALYZER])
        traced: list[tuple[str, int]] = []
        driver.link.trace = lambda direction, data: traced.append((direction, len(data)))
        await values(driver)

    assert [plan.text for plan in plans] == [
        "unit 1: function 1, 1 coil bits from 3",
        "unit 1: function 2, 1 discrete bits from 21",
        "unit 1: function 3, 1 holding registers from 4",
        "unit 1: function 4, 2 input registers from 0",
    ]
    assert traced == [pair for plan in plans for pair in (("tx", plan.sent), ("rx", plan.expected))]


@pytest.mark.parametrize(
    ("url", "address", "channels", "words"),
    [
        ("serial:///dev/x", 0, ANALYZER, "device o3 has the address 0"),
        ("serial:///dev/x", None, ANALYZER, "has the address None"),
        ("serial:///dev/x", 248, ANALYZER, "has the address 248"),
        ("tcp://192.0.2.1:502", "A1", ANALYZER, "has the address 'A1'"),
        ("tcp://192.0.2.1:502", 256, ANALYZER, "has the address 256"),
        ("tcp://192.0.2.1:502", 1, [{"name": "a"}], "channel a names no register"),
        ("tcp://192.0.2.1:502", 1, [{"name": "a", "register": 65535, "type": "float32"}], "takes 2 from 65535 on"),
        ("tcp://192.0.2.1:502", 1, [{"name": "a", "register": 0, "type": "string", "count": 126}], "takes 126 from 0"),
    ],
)
def test_what_modbus_cannot_have_is_refused_before_anything_is_sent(
    url: str, address: int | str | None, channels: list[dict[str, Any]], words: str
) -> None:
    """`check` finds it at the desk, not the technician on the roof."""
    with pytest.raises(ProfileError, match=words) as raised:
        make_driver(Device("o3", address, model(*channels)), Link("rack", url))
    assert raised.value.hint


async def test_the_address_falls_back_to_the_model_and_then_to_one() -> None:
    """Most analyzers on Ethernet answer to unit 1 as they leave the factory."""
    async with ModbusTcpServer({1: Unit(holding={0: 1}), 5: Unit(holding={0: 5})}) as server:
        url = f"tcp://127.0.0.1:{server.port}"
        async with driving(model(*registers(0)), url, address=None) as driver:
            assert await values(driver) == {"r0": 1}
        async with driving(model(*registers(0), address=5), url, address=None) as driver:
            assert await values(driver) == {"r0": 5}


async def test_errors_are_all_driver_errors(tmp_path: Path) -> None:
    """The poller makes a record of those; anything else ends the daemon."""
    async with driving(model(*ANALYZER), f"serial://{tmp_path / 'none'}") as driver:
        with pytest.raises(DriverError, match="there is no such port"):
            await values(driver)
