"""The counterparts themselves: what they claim to do on the wire is what they do."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import rfc8785
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from agent.demo.air import Air
from agent.demo.gas_analyzers import Analyzer, SulfurDioxide, carbon_monoxide, nitrogen_oxides, ozone
from agent.demo.instruments import Station
from agent.demo.text import text_crc
from agent.simulation.faults import FaultError
from drivers.catalog import load_profile
from tests.simulators import forked, misbehaviour
from tests.simulators.broker import BrokerError, Mosquitto, program
from tests.simulators.certificates import Authority
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain, collect_records, next_head
from tests.simulators.ledger import TEXT_REQUEST, Ledger, LedgerProcess, derived, read_ledger
from tests.simulators.modbus_server import (
    ModbusLine,
    ModbusTcpServer,
    ModbusUdpServer,
    Rtu,
    Unit,
    crc16,
    units_from_json,
)
from tests.simulators.mqtt_packets import Kind
from tests.simulators.pieces import Misbehave
from tests.simulators.proxy import Proxy
from tests.simulators.pty_line import SocatLine
from tests.simulators.scripted_broker import Refusal, ScriptedBroker, fits, limits
from tests.simulators.text_instrument import Reply, TextLine, TextTcpServer

READ_TWO = bytes.fromhex("0007 0000 0006 01 04 0000 0002")
HONEST_TWO = bytes.fromhex("0007 0000 0007 01 04 04 4236 0000")


@pytest.fixture
def unit() -> Unit:
    """A float of 45.5 as the manual of an ozone analyzer prints it, and a few bits."""
    return Unit(input={0: 0x4236, 1: 0x0000}, discrete={n: n % 2 for n in range(20)}, holding={3: 7})


SILENCE_S = 0.1
"""So long nothing comes where nothing should."""


async def ask(port: int, request: bytes, *, size: int = 1, seconds: float = 5.0) -> bytes:
    """What a plain socket gets back: *size* bytes and what follows at once, or all within *seconds*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    received = b""
    try:
        while piece := await asyncio.wait_for(reader.read(1000), 0.01 if len(received) >= size else seconds):
            received += piece
    except TimeoutError:
        pass
    finally:
        writer.close()
    return received


async def ask_line(path: Path, request: bytes, *, size: int = 0) -> bytes:
    """What comes back over the terminal at *path*: *size* bytes, or one line."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    received = b""
    try:
        os.write(fd, request)
        async with asyncio.timeout(5):
            while len(received) < size if size else not received.endswith(b"\n"):
                await asyncio.sleep(0.002)
                with contextlib.suppress(BlockingIOError):
                    received += os.read(fd, 1000)
    finally:
        os.close(fd)
    return received


@pytest.mark.parametrize(
    ("frame", "crc"),
    [("010300000002", "c40b"), ("010400010001", "600a"), ("010326000004", "4f41"), ("01101c0000000 0", "d892")],
)
def test_the_crc_is_the_one_that_makers_print(frame: str, crc: str) -> None:
    """A server with a wrong CRC of its own would only prove that two mistakes agree."""
    assert crc16(bytes.fromhex(frame.replace(" ", ""))).hex() == crc


async def test_a_foreign_client_reads_what_the_unit_holds(unit: Unit) -> None:
    """Pymodbus shares no line with the server, so agreement means the specification."""
    async with ModbusTcpServer({5: unit}) as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=2)
        await client.connect()
        floats = await client.read_input_registers(0, count=2, device_id=5)
        bits = await client.read_discrete_inputs(0, count=20, device_id=5)
        absent = await client.read_holding_registers(3, count=2, device_id=5)
        refused = await client.write_register(3, 9, device_id=5)
        client.close()

    assert client.convert_from_registers(floats.registers, client.DATATYPE.FLOAT32) == 45.5
    assert bits.bits[:20] == [bool(n % 2) for n in range(20)]
    assert (absent.exception_code, refused.exception_code) == (2, 1)
    assert unit.holding == {3: 7}


async def test_a_writable_unit_takes_all_four_writes() -> None:
    """The commands of later drivers need somebody who obeys."""
    unit = units_from_json('{"1": {"holding": {"0": 0, "1": 0}, "coils": {"0": 0, "1": 0}, "writable": true}}')[1]
    async with ModbusTcpServer({1: unit}) as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=2)
        await client.connect()
        await client.write_register(0, 11, device_id=1)
        await client.write_coil(0, True, device_id=1)
        assert (unit.holding, unit.coils) == ({0: 11, 1: 0}, {0: 1, 1: 0})
        await client.write_registers(0, [21, 22], device_id=1)
        await client.write_coils(0, [False, True], device_id=1)
        outside = await client.write_registers(1, [1, 2], device_id=1)
        client.close()

    assert (unit.holding, unit.coils) == ({0: 21, 1: 22}, {0: 0, 1: 1})
    assert outside.exception_code == 2


async def test_units_share_an_rtu_line_and_strangers_are_met_with_silence(unit: Unit, tmp_path: Path) -> None:
    """On RS-485 nobody answers for a unit that is not there."""
    async with ModbusLine({1: unit, 7: Unit(holding={0: 70})}, tmp_path / "rs485") as line:
        client = AsyncModbusSerialClient(str(line.path), retries=0, timeout=0.3)
        await client.connect()
        first = await client.read_input_registers(0, count=2, device_id=1)
        seventh = await client.read_holding_registers(0, count=1, device_id=7)
        client.close()
        assert (first.registers, seventh.registers) == ([0x4236, 0], [70])

    async with ModbusTcpServer({1: unit}, framing=Rtu()) as gateway:
        stranger = bytes.fromhex("020400000002")
        assert await ask(gateway.port, stranger + crc16(stranger), seconds=SILENCE_S) == b""


async def test_a_read_can_change_what_it_reads(unit: Unit) -> None:
    """Every read must be tellable from every other."""
    unit.on_read = lambda unit, _function, _address, _count: unit.input.update({1: unit.reads})
    async with ModbusUdpServer({1: unit}) as udp, ModbusTcpServer({1: unit}) as server:
        answers = [(await ask(server.port, READ_TWO))[-2:] for _ in range(3)]
        assert udp.port
    assert answers == [b"\0\1", b"\0\2", b"\0\3"]


@pytest.mark.parametrize(
    ("misbehave", "reply"),
    [
        (misbehaviour.honestly, HONEST_TWO.hex()),
        (misbehaviour.silence, ""),
        (misbehaviour.late(0.05), HONEST_TWO.hex()),
        (misbehaviour.transaction_zero, "000000000007010404 42360000"),
        (misbehaviour.wrong_transaction, "555200000007010404 42360000"),
        (misbehaviour.foreign_protocol, "000700010007010404 42360000"),
        (misbehaviour.wrong_length, "00070000000b010404 42360000"),
        (misbehaviour.wrong_function, "000700000007010304 42360000"),
        (misbehaviour.unknown_function, "000700000007016404 42360000"),
        (misbehaviour.wrong_unit, "000700000007020404 42360000"),
        (misbehaviour.too_few_registers, "000700000005010402 4236"),
        (misbehaviour.too_many_registers, "00070000000d01040a 42360000123412341234"),
        (misbehaviour.no_registers, "000700000003010400"),
        (misbehaviour.lying_byte_count, "000700000007010402 42360000"),
        (misbehaviour.odd_byte_count, "000700000006010403 423600"),
        (misbehaviour.exception(6), "000700000003018406"),
        (misbehaviour.exception_to_another_function, "000700000003018302"),
        (misbehaviour.garbage_before, "feff00a55a" + HONEST_TWO.hex()),
        (misbehaviour.garbage_after, HONEST_TWO.hex() + "feff00a55a"),
        (misbehaviour.stub_before, "000700" + HONEST_TWO.hex()),
        (misbehaviour.echo_before, READ_TWO.hex() + HONEST_TWO.hex()),
        (misbehaviour.echo_only, READ_TWO.hex()),
        (misbehaviour.duplicate, HONEST_TWO.hex() * 2),
        (misbehaviour.duplicate_later, HONEST_TWO.hex() * 2),
        (misbehaviour.byte_by_byte, HONEST_TWO.hex()),
        (misbehaviour.in_two(0.02), HONEST_TWO.hex()),
        (misbehaviour.torn, HONEST_TWO[:6].hex()),
        (misbehaviour.close_without_reply, ""),
        (misbehaviour.close_after_reply, HONEST_TWO.hex()),
        (misbehaviour.close_mid_reply, HONEST_TWO[:6].hex()),
        (misbehaviour.for_unit(2, misbehaviour.silence), HONEST_TWO.hex()),
    ],
)
async def test_a_lie_is_told_byte_for_byte(unit: Unit, misbehave: Misbehave, reply: str) -> None:
    """A test of a lie proves nothing when the lie was never sent."""
    expected = bytes.fromhex(reply)
    async with ModbusTcpServer({1: unit}, misbehave=misbehave) as server:
        patience_s = 5.0 if expected else SILENCE_S
        assert await ask(server.port, READ_TWO, size=len(expected) or 1, seconds=patience_s) == expected
    assert [request for _, request in server.requests] == [READ_TWO]


@pytest.mark.parametrize(
    ("misbehave", "reply"),
    [
        (misbehaviour.honestly, "010404423600000ff2"),
        (misbehaviour.bad_crc, "010404423600000f0d"),
        (misbehaviour.flipped_bit, "010404423700000ff2"),
        (misbehaviour.wrong_function, None),
        (misbehaviour.too_few_registers, None),
    ],
)
async def test_a_lie_on_a_serial_line_keeps_a_right_crc_unless_that_is_the_lie(
    unit: Unit, misbehave: Misbehave, reply: str | None
) -> None:
    """Else the CRC check would hide whether the lie itself is seen."""
    request = bytes.fromhex("010400000002")
    async with ModbusTcpServer({1: unit}, framing=Rtu(), misbehave=misbehave) as server:
        received = await ask(server.port, request + crc16(request))
    if reply is None:
        assert crc16(received[:-2]) == received[-2:]
    else:
        assert received.hex() == reply


@pytest.mark.parametrize("misbehave", [misbehaviour.reset, misbehaviour.reset_mid_reply])
async def test_a_reset_is_a_reset(unit: Unit, misbehave: Misbehave) -> None:
    """RST and FIN are different failures to a client."""
    async with ModbusTcpServer({1: unit}, misbehave=misbehave) as server:
        with pytest.raises(ConnectionResetError):
            await ask(server.port, READ_TWO, size=100, seconds=2)


async def test_stale_answers_lag_one_request_behind(unit: Unit) -> None:
    """The dangerous answer is a good one to an earlier question."""
    unit.on_read = lambda unit, *_: unit.input.update({1: unit.reads})
    second = bytes.fromhex("0008") + READ_TWO[2:]
    for stale, transaction in (
        (misbehaviour.one_behind(), "0007"),
        (misbehaviour.stale_with_transaction_zero(), "0000"),
    ):
        unit.reads = 0
        async with ModbusTcpServer({1: unit}, misbehave=misbehaviour.in_turn(stale, stale)) as server:
            assert (await ask(server.port, READ_TWO + second)).hex() == f"{transaction}0000000701040442360001"


@pytest.mark.parametrize("kind", [ModbusLine, SocatLine])
async def test_an_adapter_comes_back_under_its_name_and_another_number(unit: Unit, tmp_path: Path, kind: type) -> None:
    """What reopens a number instead of the name would poll somebody else."""
    units = {1: unit}
    line = ModbusLine(units, tmp_path / "usb")
    if kind is SocatLine:
        line = SocatLine(tmp_path / "usb", line._instrument)  # type: ignore[assignment]
    request = bytes.fromhex("010400000002")
    async with line:
        before = line.path.resolve()
        held = os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        line.unplug()
        with pytest.raises(OSError):  # noqa: PT012 - hung up: an empty read or EIO
            if os.read(held, 10) == b"":
                raise OSError("hung up")
        line.plug()
        assert line.path.resolve() != before
        reply = await ask_line(line.path, request + crc16(request), size=9)
        os.close(held)
    assert reply.hex() == "010404423600000ff2"
    assert not line.path.is_symlink()


async def test_a_text_instrument_drops_noise_and_talks_when_it_likes(tmp_path: Path) -> None:
    """Lines that nobody asked for share the wire with the answer."""
    replies: dict[bytes, Reply] = {b"0R1\r\n": b"0R1,Dm=283D\r\n", b"N\r": lambda: b"now\r\n"}
    async with TextLine(replies, tmp_path / "wxt") as line, TextTcpServer(replies) as server:
        assert await ask_line(line.path, b"x\x00\xff0R1\r\n") == b"0R1,Dm=283D\r\n"
        assert await ask(server.port, b"N\r" + b"0R1\r\n") == b"now\r\n0R1,Dm=283D\r\n"
        line.misbehave = misbehaviour.in_two(0.05)
        assert await ask_line(line.path, b"0R1\r\n") == b"0R1,Dm=283D\r\n"
        async with line.saying([b"W 1\r\n", b"W 2\r\n"], every_s=0.01):
            assert await ask_line(line.path, b"", size=10) == b"W 1\r\nW 2\r\n"
    assert [request for _, request in line.requests] == [b"0R1\r\n"] * 2


async def test_the_ledger_writes_down_every_serial_before_it_answers(tmp_path: Path) -> None:
    """The ledger is the witness; nobody may hold a serial that it does not know."""
    log = tmp_path / "ledger.log"
    async with Ledger(log, devices=2, registers=4, one_port=True, rtu_devices=1, text_devices=1) as ledger:
        first, second, rtu, text = ledger.devices
        assert (first.port, first.unit, second.unit) == (second.port, 1, 2)
        for serial in (1, 2, 3):
            reply = await ask(first.port or 0, bytes.fromhex("0000 0000 0006 01 03 0000 0004"))
            assert struct.unpack(">IHH", reply[9:]) == (serial, derived(1, serial, 2), derived(1, serial, 3))
        line = await ask_line(Path(text.path or ""), TEXT_REQUEST)
        assert line == f"4,1,{derived(4, 1, 2)},{derived(4, 1, 3)}\r\n".encode()
        assert rtu.url == f"serial://{tmp_path / 'ledger-rtu'}"
    assert {device: [one.serial for one in had] for device, had in read_ledger(log).items()} == {
        1: [1, 2, 3],
        4: [1],
    }


async def test_a_ledger_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """A serial given twice would look like a duplicate of the agent's making."""
    log = tmp_path / "ledger.log"
    request = bytes.fromhex("0000 0000 0006 01 03 0000 0002")
    with LedgerProcess(log, "--devices", "1") as ledger:
        await ask(ledger.devices[0].port or 0, request)
        assert ledger._process is not None
        os.kill(ledger._process.pid, signal.SIGKILL)
    with LedgerProcess(log, "--devices", "1") as ledger:
        reply = await ask(ledger.devices[0].port or 0, request)
    assert reply[-4:] == b"\0\0\0\2"
    assert [one.serial for one in read_ledger(log)[1]] == [1, 2]


def test_a_missing_broker_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not there fails the run and says what to install."""
    monkeypatch.setattr("tests.simulators.broker.SEARCH_PATH", "/nowhere")
    with pytest.raises(BrokerError, match="apt-get install mosquitto-clients"):
        program("mosquitto_sub")


def test_a_consumer_loses_nothing_over_a_broker_kill(tmp_path: Path) -> None:
    """The judge's own session must outlive what it judges."""
    with (
        Mosquitto(tmp_path / "broker", persistence=True) as broker,
        Consumer(broker.port, "#") as judge,
        Consumer(broker.port, "none", client_id="sender") as sender,
    ):
        sender.publish("a", b"1")
        broker.kill()
        broker.restart()
        judge.wait_for(lambda _: judge.connected and sender.connected)
        sender.publish("a", b"2")
        judge.wait_for(lambda judge: {message.payload for message in judge.messages} == {b"1", b"2"})


def test_the_broker_keeps_out_whom_it_should(tmp_path: Path, authority: Authority) -> None:
    """Refusals in other tests count only if the door is really locked."""
    with Mosquitto(
        tmp_path / "broker",
        passwords={"station": "secret"},
        acl="user station\ntopic write up/#\ntopic read down/#\n",
        tls=authority.issue("localhost"),
    ) as broker:
        enter = functools.partial(
            Consumer, broker.port, "down/#", ca_file=authority.ca_file, username="station", subscribe_timeout_s=1
        )
        with enter(password="secret"):
            assert broker.url.startswith("mqtts://")
        with pytest.raises(TimeoutError), enter(password="wrong"):
            pass
        assert "not authorised" in broker.log


@dataclass(frozen=True)
class Batch:
    """A message as the agent should send it, made by hand."""

    topic: str
    payload: bytes


def batches(*ranges: tuple[int, int], change: Callable[[bytes], bytes] = bytes) -> list[Batch]:
    """Batches of one chain over *ranges* of records 1 to 9; *change* tampers with the finished text."""
    chain = Chain("S1", "k3nab7q2wz4m", "measurement")
    records = [rfc8785.dumps({"seq": n, "values": {"x": n / 10, "é": "}],["}}) for n in range(1, 10)]
    heads = [chain.genesis]
    for record in records:
        heads.append(next_head(heads[-1], record))
    made = []
    for first, last in ranges:
        about = {"v": 1, "station": "S1", "epoch": chain.epoch, "stream": chain.stream, "lane": "live"}
        about |= {"first": first, "last": last, "prev": heads[first - 1].hex(), "head": heads[last].hex()}
        text = json.dumps(about, separators=(",", ":"))[:-1].encode()
        payload = text + b',"records":[' + b",".join(records[first - 1 : last]) + b"]}"
        made.append(Batch("station/v1/S1/data/measurement/live", change(payload)))
    return made


def test_the_judge_counts_gaps_and_duplicates_and_proves_the_chain() -> None:
    """It must neither overlook a loss nor accuse without cause."""
    holed = collect_records(batches((1, 3), (6, 7), (2, 3)))
    assert (holed.count, holed.duplicates, holed.faults) == (5, 2, [])
    assert list(holed.gaps.values()) == [[(4, 5)]]
    with pytest.raises(AssertionError, match="missing"):
        holed.assert_complete()
    collect_records(batches((6, 9), (1, 5))).assert_complete()


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.replace(b'"x":0.2', b'"x":0.3'),
        lambda payload: payload.replace(b'"x":0.2', b'"x":0.20'),
        lambda payload: payload.replace(b'"seq":2', b'"seq":3'),
        lambda payload: payload.replace(b'"lane":"live"', b'"lane":"back"'),
        lambda payload: re.sub(rb'"prev":"..', b'"prev":"00', payload),
    ],
)
def test_the_judge_sees_one_changed_byte(change: Callable[[bytes], bytes]) -> None:
    """A judge that is easily pleased proves nothing."""
    assert collect_records(batches((1, 3), change=change)).faults


class Publisher:
    """paho with its callbacks as lists."""

    def __init__(self, broker: ScriptedBroker, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.connected: list[int] = []
        self.acknowledged: list[int] = []
        self.disconnected: list[int] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="p", protocol=protocol)
        self.client.on_connect = lambda *arguments: self.connected.append(arguments[3].value)
        self.client.on_publish = lambda *arguments: self.acknowledged.append(arguments[3].value)
        self.client.on_disconnect = lambda *arguments: self.disconnected.append(arguments[3].value)
        self.client.will_set("state", b"gone", qos=1, retain=True)
        self.client.connect_async("127.0.0.1", broker.port, keepalive=5)
        self.client.loop_start()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - paho's thread makes it true
            await asyncio.sleep(0.01)


async def test_the_scripted_broker_speaks_both_versions_to_foreign_clients() -> None:
    """Its lies are worth testing against only when its truths are understood."""
    async with ScriptedBroker() as broker:
        broker.properties = dict(limits(receive_maximum=3, packet_size=100))
        broker.puback = lambda topic, _payload: {"denied": 0x87, "never": None}.get(topic, 0)
        publisher = Publisher(broker)
        await until(lambda: publisher.connected)
        for topic in ("fine", "denied", "never"):
            publisher.client.publish(topic, b"x", qos=1)
        await until(lambda: len(publisher.acknowledged) == 2)
        publisher.client.publish("large", bytes(200), qos=1)
        await until(lambda: publisher.disconnected)
        assert (publisher.connected[0], publisher.acknowledged) == (0, [0, 0x87])
        assert publisher.disconnected[0] == 0x95
        await until(lambda: "state" in broker.retained)
        await asyncio.to_thread(publisher.close)

        old = Publisher(broker, MQTTProtocolVersion.MQTTv311)
        await until(lambda: old.connected)
        old.client.publish("denied", b"x", qos=1)
        await until(lambda: old.acknowledged)
        assert old.acknowledged == [0]
        await asyncio.to_thread(old.close)
        assert {packet.version for packet in broker.of(Kind.CONNECT)} == {4, 5}
        assert not broker.faults


async def test_the_scripted_broker_retains_and_forwards() -> None:
    """State, acknowledgements and replay requests all ride on retained messages and subscriptions."""
    async with ScriptedBroker() as broker:
        broker.publish("ack/province", b"old", retain=True, content_type="application/json")
        consumer = Consumer(broker.port, "ack/+")
        await asyncio.to_thread(consumer.__enter__)
        broker.publish("ack/province", b"new")
        await consumer.until(lambda consumer: len(consumer.messages) == 2)
        assert [(one.payload, one.retained) for one in consumer.messages] == [(b"old", True), (b"new", False)]
        await broker.until(lambda broker: len(broker.of(Kind.PUBACK)) == 2)
        await asyncio.to_thread(consumer.__exit__, None, None, None)
    assert fits("a/#", "a")
    assert not fits("a/+", "a/b/c")


@pytest.mark.parametrize("manner", list(Refusal))
async def test_an_old_broker_refuses_version_5_in_three_ways(manner: Refusal) -> None:
    """Each of them is met in the field."""
    connect = bytes.fromhex("10 10 0004 4d515454 05 02 003c 00 0003 61626300".replace(" ", ""))[:-1]
    connect = connect[:1] + bytes([len(connect) - 2]) + connect[2:]
    expected = {Refusal.OLD_CONNACK: "20020001", Refusal.NEW_CONNACK: "2003008400", Refusal.SILENCE: ""}
    async with ScriptedBroker() as broker:
        broker.refuse_v5 = manner
        assert (await ask(broker.port, connect, seconds=2)).hex() == expected[manner]
    assert (broker.received[0].client_id, broker.received[0].version) == ("abc", 5)


async def test_the_proxy_relays_swallows_cuts_and_refuses(unit: Unit) -> None:
    """Four failures that look alike from afar and must not be confused."""
    async with ModbusTcpServer({1: unit}) as server, Proxy(server.port) as proxy:
        assert await ask(proxy.port, READ_TWO) == HONEST_TWO
        proxy.delay_s = 0.1
        assert await ask(proxy.port, READ_TWO, seconds=0.15) == b""
        assert await ask(proxy.port, READ_TWO) == HONEST_TWO
        proxy.delay_s, proxy.hole = 0.0, True
        assert await ask(proxy.port, READ_TWO, seconds=SILENCE_S) == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await until(lambda: proxy.open_connections)
        await proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await proxy.close()
        with pytest.raises(ConnectionRefusedError):
            await ask(proxy.port, READ_TWO)
        proxy.hole = False
        await proxy.listen()
        assert await ask(proxy.port, READ_TWO) == HONEST_TWO


async def test_the_demonstration_serves_every_instrument(tmp_path: Path) -> None:
    """A visitor's first impression depends on all ten of them."""
    async with Station(tmp_path / "tty") as station:
        for name, address in (("so2", 22), ("nox", 30), ("co", 18), ("o3", 18)):
            request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, address, 2)
            reply = await ask(station.ports[name], request)
            assert 0 < struct.unpack(">f", reply[9:])[0] < 200
        for name in ("pm10", "pm25"):
            record = (await ask_line(station.paths[name], b"\x1bQ\r")).decode().strip().split(",")
            assert len(record) == 21
            assert 0 < float(record[1]) < 0.2
        assert (await ask_line(station.paths["weather"], b"0R2\r\n")).startswith(b"0R2,Ta=")
        for number, function, address in ((7, 3, 4), (10, 3, 0), (1, 4, 1)):
            request = struct.pack(">BBHH", number, function, address, 2)
            reply = await ask_line(station.paths["house"], request + crc16(request), size=9)
            assert reply[:3] == bytes([number, function, 4])
    assert not any(path.is_symlink() for path in station.paths.values())


async def test_instruments_of_the_demonstration_fail_one_by_one(tmp_path: Path) -> None:
    """Whoever breaks one must not break its neighbour on the same line."""
    request = bytes.fromhex("0001 0000 0006 01 04 0012 0002")
    room = struct.pack(">BBHH", 1, 4, 1, 2)
    async with Station(tmp_path / "tty") as station:
        assert await station.tell("co silent") == "co: silent"
        assert await station.tell("manifold garbage on") == "manifold: garbage"
        assert await ask(station.ports["co"], request, seconds=SILENCE_S) == b""
        assert len(await ask(station.ports["o3"], request, size=13)) == 13
        assert len(await ask_line(station.paths["house"], room + crc16(room), size=9)) == 9
        await station.tell("co off")
        assert len(await ask(station.ports["co"], request, size=13)) == 13

        assert "manifold     garbage" in await station.tell("status")
        with pytest.raises(FaultError, match="no instrument 'cu'"):
            await station.tell("cu silent")


async def test_span_gas_shows_in_the_state_and_in_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the visitor should see marked must really happen."""
    now = 1000.0
    monkeypatch.setattr("agent.demo.gas_analyzers.time.monotonic", lambda: now)
    analyzer = SulfurDioxide(Air(seed=3))
    seen = []
    for now in (1001.0, 1014.0, 1030.0, 1060.0, 1074.0):  # noqa: B007 - read by the clock above
        analyzer.refresh()
        high, low = analyzer.unit.input[22], analyzer.unit.input[23]
        seen.append((analyzer.unit.discrete[17], struct.unpack(">f", struct.pack(">HH", high, low))[0] > 300))
    assert seen == [(0, False), (1, True), (0, False), (0, False), (1, True)]


@pytest.mark.parametrize(
    ("profile", "make"),
    [
        ("teledyne-t100", SulfurDioxide),
        ("teledyne-t200", nitrogen_oxides),
        ("teledyne-t300", carbon_monoxide),
        ("teledyne-t400", ozone),
    ],
)
def test_what_is_watched_holds_still(profile: str, make: Callable[[Air], Analyzer]) -> None:
    """A slope or an efficiency that wavers would be told of as a turned screw at every poll."""
    analyzer = make(Air(seed=3))
    watched = [one.start for one in load_profile(profile).channels if one.watch and one.table != "holding"]
    seen = set()
    for _ in range(20):
        analyzer.refresh()
        seen.add(tuple(analyzer.unit.input[start + word] for start in watched if start is not None for word in (0, 1)))
    assert watched
    assert len(seen) == 1


@pytest.mark.parametrize(("request_", "crc"), [(b"0r1", b"Goe"), (b"0r5", b"Kcd"), (b"0r", b"BVT")])
def test_the_weather_transmitters_crc_is_the_printed_one(request_: bytes, crc: bytes) -> None:
    """A check of a wrong CRC against itself would always hold."""
    assert text_crc(request_) == crc


def test_a_forked_program_is_a_process_of_its_own() -> None:
    """What is counted after kills would prove little if it were part of us."""
    says = "import os, sys; print(os.getsid(0) == os.getpid(), sys.argv); print('no', file=sys.stderr); sys.exit(3)"
    ours = set(os.environ)

    done = forked.run(says, "--all", "two words")

    assert (done.returncode, done.stdout, done.stderr) == (3, "True ['-c', '--all', 'two words']\n", "no\n")
    assert set(os.environ) == ours


def test_a_forked_program_finds_the_environment_it_was_given_and_dies_of_signals(tmp_path: Path) -> None:
    """As a daemon of systemd does; what it said until then is kept."""
    said, wrong = tmp_path / "said", tmp_path / "wrong"
    says = "import os, time; print(sorted(os.environ), flush=True); time.sleep(60)"

    life = forked.Forked(says, [], output=said, errors=wrong, environment={"NOTIFY_SOCKET": "there"})
    with pytest.raises(subprocess.TimeoutExpired):
        life.wait(0.05)
    while not (said.exists() and said.read_text()):
        assert life.poll() is None, wrong.read_text()
        time.sleep(0.01)
    life.send_signal(signal.SIGKILL)

    assert life.wait(20) == -signal.SIGKILL
    assert (said.read_text(), wrong.read_text()) == ("['NOTIFY_SOCKET']\n", "")
