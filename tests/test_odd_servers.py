"""Modbus servers as others write them: right enough for other masters, and wrong in a way of their own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from drivers.api import BadReplyError, DriverError, LinkDownError, NoReplyError, RefusedError
from tests.simulators import misbehaviour as lies
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.test_modbus import driving, model, registers, values

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Reply = Callable[[Writer, int, int, bytes], Awaitable[None]]
"""Answers a request: where to, its transaction, its unit, and the PDU that would be right."""

THREE = {"r0": 0, "r1": 3, "r2": 6}


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """MODBUS Messaging on TCP/IP V1.0b, section 3.1.3."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


async def honestly(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(frame(transaction, unit, pdu))


def followed_by(more: bytes) -> Reply:
    async def padded(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
        writer.write(frame(transaction, unit, pdu) + more)

    return padded


async def hanging_up(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(frame(transaction, unit, pdu))
    await writer.drain()
    writer.close()


async def one_byte_after_the_other(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    for byte in frame(transaction, unit, pdu):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.005)


async def twice(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(frame(transaction, unit, pdu) * 2)


def as_unit(number: int) -> Reply:
    async def renamed(writer: Writer, transaction: int, _unit: int, pdu: bytes) -> None:
        writer.write(frame(transaction, number, pdu))

    return renamed


async def next_transaction(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(frame(transaction + 1 & 0xFFFF, unit, pdu))


async def without_counting_the_unit(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu), unit) + pdu)


async def exception_zero(writer: Writer, transaction: int, unit: int, pdu: bytes) -> None:
    writer.write(frame(transaction, unit, bytes([pdu[0] | 0x80, 0])))


async def saying_no(writer: Writer, _transaction: int, _unit: int, _pdu: bytes) -> None:
    writer.write(b"login incorrect\r\n")


async def serve(reader: Reader, writer: Writer, reply: Reply) -> None:
    """Every register holds three times its address."""
    while True:
        transaction, _, _, unit, function, start, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
        words = [3 * at & 0xFFFF for at in range(start, start + count)]
        await reply(writer, transaction, unit, struct.pack(f">BB{count}H", function, 2 * count, *words))


@asynccontextmanager
async def odd_server(reply: Reply, *, greeting: bytes = b"", clients: int = 99) -> AsyncIterator[int]:
    """The port of a server that takes *clients* at a time and hangs up on others."""
    talking: set[Writer] = set()

    async def converse(reader: Reader, writer: Writer) -> None:
        talking.add(writer)
        try:
            writer.write(greeting)
            if len(talking) <= clients:
                await serve(reader, writer, reply)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            talking.discard(writer)
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in talking:
            writer.close()


USABLE = {
    "a line end behind each reply": followed_by(b"\r\n"),
    "zeros up to a fixed length": followed_by(bytes(60)),
    "a stub of the next header": followed_by(b"\0\1\0"),
    "twice": twice,
    "byte by byte": one_byte_after_the_other,
    "hangs up after each reply": hanging_up,
}


@pytest.mark.parametrize("reply", USABLE.values(), ids=USABLE)
async def test_every_poll_of_a_careless_server_is_good(reply: Reply) -> None:
    """What it puts behind a reply must not cost the next one."""
    async with (
        odd_server(reply) as port,
        driving(model(*registers(0, 1, 2)), f"tcp://127.0.0.1:{port}") as driver,
    ):
        for _ in range(5):
            assert await values(driver) == THREE


LYING = {
    "another unit": (as_unit(255), "a reply of unit 255 instead of 1"),
    "no unit": (as_unit(0), "a reply of unit 0 instead of 1"),
    "another transaction": (next_transaction, "a reply to transaction"),
    "a length without the unit": (without_counting_the_unit, "a byte count that does not fit"),
    "an exception without a code": (exception_zero, "an exception without a code"),
}


@pytest.mark.parametrize(("reply", "words"), LYING.values(), ids=LYING)
async def test_what_may_be_somebody_elses_reply_is_none_and_says_why(reply: Reply, words: str) -> None:
    """Behind a gateway these are the marks of an answer to another master."""
    async with (
        odd_server(reply) as port,
        driving(model(*registers(0, 1, 2)), f"tcp://127.0.0.1:{port}", timeout_s=0.2) as driver,
    ):
        for _ in range(2):
            with pytest.raises(BadReplyError, match=words) as error:
                await values(driver)
    assert error.value.hint.startswith("Check protocol, port and address of the device, then run:")


async def test_what_is_no_modbus_server_is_told_by_what_it_says() -> None:
    """The port of a web page or of a console is one digit away."""
    async with (
        odd_server(saying_no) as port,
        driving(model(*registers(0)), f"tcp://127.0.0.1:{port}") as driver,
    ):
        with pytest.raises(BadReplyError, match="a header that is not Modbus: 6c 6f 67"):
            await values(driver)


async def test_a_greeting_is_no_answer_and_does_no_harm() -> None:
    """Some gateways say who they are before anybody asked."""
    async with (
        odd_server(honestly, greeting=b"Gateway v1.2\r\n") as port,
        driving(model(*registers(0, 1, 2)), f"tcp://127.0.0.1:{port}") as driver,
    ):
        await driver.link.open()
        await asyncio.sleep(0.05)
        assert await values(driver) == THREE


async def test_who_hangs_up_at_once_may_serve_somebody_else() -> None:
    """Many instruments take one client; a dead session of a rebooted PC counts as one."""
    async with (
        odd_server(honestly, clients=1) as port,
        driving(model(*registers(0, 1, 2)), f"tcp://127.0.0.1:{port}") as driver,
    ):
        _, other = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
        with pytest.raises(LinkDownError) as error:
            await values(driver)
        assert error.value.hint == "It may serve one client only: close other programs that ask it"
        other.close()
        await asyncio.sleep(0.6)  # the first pause of the link
        assert await values(driver) == THREE


def no_more_than(limit: int, refusal: lies.Misbehave) -> lies.Misbehave:
    """Honest up to *limit* registers in one request."""

    def judge(request: bytes, honest: bytes) -> list[lies.Piece] | None:
        too_long = int.from_bytes(request[10:12], "big") > limit
        return (refusal if too_long else lies.honestly)(request, honest)

    return judge


REFUSALS = {"exception 2": lies.exception(2), "exception 3": lies.exception(3)}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("limit", [1, 2, 16, 64])
async def test_a_limit_on_the_length_of_a_request_is_found_in_one_poll(limit: int, refusal: lies.Misbehave) -> None:
    """However small: the manual seldom says it, and the default of a profile is 100."""
    unit = Unit(holding={at: 3 * at for at in range(120)})
    async with (
        ModbusTcpServer({1: unit}, misbehave=no_more_than(limit, refusal)) as server,
        driving(model(*registers(*range(120))), server) as driver,
    ):
        for _ in range(4):
            server.requests.clear()
            assert await values(driver) == dict(sorted((f"r{at}", 3 * at) for at in range(120)))
    assert len(server.requests) <= 120 / limit * 1.7


async def test_the_watchdog_waits_for_a_poll_that_finds_a_limit() -> None:
    """A hundred registers one by one, after their blocks: on a slow line that takes half a minute, once."""
    profile = model(*registers(*range(100)))
    async with driving(profile, "serial:///dev/x?baud=1200", timeout_s=1.0) as driver:
        slow_s = driver.longest_s([channel.name for channel in profile.channels])
    assert 199 * (8 + 7 + 7) * 10 / 1200 < slow_s < 120


async def test_many_registers_that_are_not_there_hide_none_that_are() -> None:
    """The modules of the first half are not fitted."""
    unit = Unit(holding={at: 3 * at for at in range(60, 100)})
    async with (
        ModbusTcpServer({1: unit}) as server,
        driving(model(*registers(*range(100))), server) as driver,
    ):
        for _ in range(3):
            found = await values(driver)
        assert {name: value for name, value in found.items() if value is not None} == {
            f"r{at}": 3 * at for at in range(60, 100)
        }
        server.requests.clear()
        await values(driver)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [2, 3])
async def test_who_refuses_everything_is_not_asked_for_every_register(code: int) -> None:
    """After some that it refuses alone, it is not about registers."""
    async with (
        ModbusTcpServer({1: Unit()}, misbehave=lies.exception(code)) as server,
        driving(model(*registers(*range(100))), server) as driver,
    ):
        for _ in range(2):
            server.requests.clear()
            with pytest.raises(RefusedError, match=f"exception {code}"):
                await values(driver)
            assert len(server.requests) <= 99 + 20


@pytest.mark.parametrize("limit", [1, 16, 64])
async def test_silence_to_long_requests_is_answered_with_shorter_ones(limit: int) -> None:
    """It answers the probe, so it lives: half as much is asked for, until it answers."""
    unit = Unit(holding={at: 3 * at for at in range(120)})
    async with (
        ModbusTcpServer({1: unit}, misbehave=no_more_than(limit, lies.silence)) as server,
        driving(model(*registers(*range(120))), server, timeout_s=0.05) as driver,
    ):
        for _ in range(12):
            try:
                found = await values(driver)
            except NoReplyError:
                await driver.probe()  # as a poller does after a silence
        server.requests.clear()
        found = await values(driver)
    assert found == dict(sorted((f"r{at}", 3 * at) for at in range(120)))
    assert len(server.requests) <= 120 / limit * 2


async def test_an_instrument_that_was_off_is_asked_for_as_much_as_ever() -> None:
    """Silence to everything says nothing about lengths."""
    unit = Unit(holding={at: 3 * at for at in range(100)})
    async with (
        ModbusTcpServer({1: unit}, misbehave=lies.silence) as server,
        driving(model(*registers(*range(100))), server, timeout_s=0.05) as driver,
    ):
        for ask in (lambda: values(driver), driver.probe, lambda: values(driver), driver.probe):
            with pytest.raises(DriverError):
                await ask()
        server.misbehave = None
        await driver.probe()
        server.requests.clear()
        await values(driver)
    assert len(server.requests) == 1


HINTS = {1: "is table right", 2: "what a manual calls 40001 is 0", 6: "It is busy", 11: "behind the gateway"}


@pytest.mark.parametrize(("code", "words"), HINTS.items())
async def test_an_exception_is_told_with_what_to_look_at(code: int, words: str) -> None:
    """Each of them has another cause."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 1})}, misbehave=lies.exception(code)) as server,
        driving(model(*registers(0)), server) as driver,
    ):
        with pytest.raises(RefusedError, match=f"exception {code}") as error:
            await values(driver)
    assert words in error.value.hint
