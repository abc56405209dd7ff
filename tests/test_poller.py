"""Polling: aligned ticks, every one of them accounted for, whatever instruments, wires and this process do."""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.reading import Stream
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import free_port
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.pieces import Misbehave
from tests.simulators.stationfile import FLOW, HEAD, SO2, STATE, at_port, device, shared
from tests.simulators.ticks import gaps, number, readings, seconds, ticks, unaccounted
from tests.simulators.working_station import WorkingStation

MEASUREMENT, PARAMETER = Stream.MEASUREMENT, Stream.PARAMETER


def words_asked(server: ModbusTcpServer | ModbusLine, unit: int, at: int) -> list[tuple[float, int]]:
    """When *unit* was asked, and for how many registers; *at* is where its number stands in a request."""
    asked = [(when, request) for when, request in server.requests if request[at] == unit]
    return [(when, int.from_bytes(request[at + 4 : at + 6], "big")) for when, request in asked]


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off twenty times as quick and with an early limit; the rest of the time is real."""
    from agent.polling import device

    assert (device.FIRST_REST_S, device.LONGEST_REST_S) == (2.0, 60.0)
    monkeypatch.setattr(device, "FIRST_REST_S", 0.1)
    monkeypatch.setattr(device, "LONGEST_REST_S", 0.4)


async def test_ticks_are_those_of_the_wall_clock(tmp_path: Path) -> None:
    """Two stations, or a station and a lab, compare readings of one moment, not of half a second beside it."""
    async with (
        ModbusTcpServer({1: Unit(holding={0: 7})}) as server,
        WorkingStation(tmp_path, HEAD + device("so2", at_port(server), "500ms")) as station,
    ):
        await station.until(lambda: station.poller("so2").condition.polled >= 3, "three polls")
        records = await station.records(MEASUREMENT)

    times = [seconds(record) for record in records]
    assert all(at % 0.5 < 0.2 for at in times), times
    numbers = [number(record, 0.5) for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "each tick once, none left out"


async def test_parameters_come_with_the_first_poll_and_then_at_their_own_rate(tmp_path: Path) -> None:
    """What proves a reading is there from the first reading on, and does not crowd the wire later."""
    unit = Unit(holding={0: 7, 1: 600, 2: 0})
    async with ModbusTcpServer({1: unit}) as server:
        words = device("so2", at_port(server), "100ms", SO2, FLOW, STATE, parameters_every='"500ms"')
        async with WorkingStation(tmp_path, HEAD + words) as station:
            await station.until(lambda: station.poller("so2").condition.polled >= 12, "twelve polls")
            measured, proved = await station.records(MEASUREMENT), await station.records(PARAMETER)

    assert len(measured) >= 12
    assert proved[0]["time"] == measured[0]["time"]
    assert proved[0]["values"] == {"flow": 600, "state": 0}
    assert [seconds(record) % 0.5 < 0.1 for record in proved[1:]] == [True] * len(proved[1:])
    assert 3 <= len(proved) <= 4


async def test_a_state_that_changes_between_parameter_polls_is_recorded_at_once(tmp_path: Path) -> None:
    """The record of span gas must not begin up to a minute after the readings that it marks."""
    unit = Unit(holding={0: 7, 1: 600, 2: 0})
    async with ModbusTcpServer({1: unit}) as server:
        words = device("so2", at_port(server), "100ms", SO2, FLOW, STATE, parameters_every='"1h"')
        async with WorkingStation(tmp_path, HEAD + words) as station:
            await station.until(lambda: station.poller("so2").condition.polled >= 2, "two polls")
            unit.holding[2] = 1
            await station.until(lambda: station.recorder.last(PARAMETER) >= 2, "a second parameter record")
            measured, proved = await station.records(MEASUREMENT), await station.records(PARAMETER)

    assert proved[1]["values"] == {"state": 1}, "the state alone: nothing else was due"
    marked = [record for record in measured if record.get("quality") == {"so2": "span_check"}]
    assert marked[0]["time"] == proved[1]["time"]


async def test_a_dead_unit_costs_its_neighbours_one_time_out_per_rest(tmp_path: Path, rests: None) -> None:
    """One analyzer that is switched off must not take a rack of others with it; when it is back, it is seen."""
    units = {number: Unit(holding={0: number, 1: 0, 2: 0, 3: 0}) for number in (1, 2)}
    dead = Unit(holding={0: 3, 1: 0, 2: 0, 3: 0})
    wide = SO2 + '[[device.channel]]\nname = "no"\nregister = 3\n'
    names = ("a", "b", "c")
    async with ModbusLine(units, tmp_path / "bus") as line:
        devices = [
            device(name, 'link = "bus"', "400ms", wide, address=n, timeout=patience)
            for n, (name, patience) in enumerate(zip(names, ('"200ms"', '"200ms"', '"50ms"'), strict=True), 1)
        ]
        text = HEAD + shared(f"serial://{line.path}?baud=115200") + "".join(devices)
        async with WorkingStation(tmp_path, text) as station:
            line.misbehave = misbehaviour.honestly  # writes down what is asked
            counters = station.link("c").link.counters
            await station.until(lambda: "c" in counters and counters["c"].timeouts >= 4, "four time-outs")
            begun = {name: station.poller(name).condition for name in names}
            assert (begun["a"].state, begun["b"].state, begun["c"].state) == ("good", "good", "failing")
            units[3] = dead
            await station.until(lambda: station.poller("c").condition.state == "good", "an answer")
            (lost,), (back,) = await station.events("device_lost"), await station.events("device_recovered")
            missed = {name: station.poller(name).condition.missed for name in names}
            records = {name: await station.records(MEASUREMENT, name) for name in names}

    assert missed["a"] == missed["b"] == 0
    for name in ("a", "b"):
        numbers = [number(record, 0.4) for record in records[name]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "every tick has its reading"
    silent = ticks(gaps(records["c"], "no_reply"))
    assert silent + len(readings(records["c"])) == ticks(records["c"])
    assert (lost["device"], lost["data"]["reason"], back["device"]) == ("c", "no_reply", "c")
    assert back["data"]["silent_s"] > 0


async def test_a_dead_unit_is_asked_ever_less_often_and_ever_so_little(tmp_path: Path, rests: None) -> None:
    """The first time-out is a poll; after that one cheap request per rest, and the rests double up to a limit."""
    wide = SO2 + '[[device.channel]]\nname = "no"\nregister = 8\n'
    async with ModbusTcpServer({1: Unit()}) as server:
        server.misbehave = misbehaviour.silence
        words = HEAD + device("so2", at_port(server), "50ms", wide, timeout='"20ms"')
        async with WorkingStation(tmp_path, words) as station:
            await station.until(lambda: len(server.requests) >= 6, "six requests")

    asked = words_asked(server, 1, 6)
    assert [count for _, count in asked[:6]] == [9, 1, 1, 1, 1, 1]
    rested = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(asked)]
    assert [round(rest, 1) >= least for rest, least in zip(rested, (0.1, 0.2, 0.4, 0.4, 0.4), strict=False)]
    assert rested[4] < 0.7, "0.4 s is the longest rest here"


async def test_every_tick_of_a_dead_device_is_accounted_for_in_few_records(
    tmp_path: Path, rests: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead analyzer must not fill the log, and nobody may find a hole where it was silent."""
    monkeypatch.setattr("agent.polling.scribe.TOGETHER_S", 0.5)
    async with ModbusTcpServer({1: Unit()}) as server:
        server.misbehave = misbehaviour.silence
        async with WorkingStation(tmp_path, HEAD + device("so2", at_port(server), "50ms", timeout='"20ms"')) as station:
            begun, began_s = station.poller("so2").index, time.monotonic()
            await station.until(lambda: station.poller("so2").index >= begun + 30, "thirty ticks")
            await station.station.stop_polling()
            ended, took_s = station.poller("so2").index, time.monotonic() - began_s
            await station.recorder.flushed()
            records = await station.records(MEASUREMENT)

    assert ticks(records) == ended - begun
    slept = len(gaps(records, "agent_paused"))  # a busy machine does that
    assert {record["quality"]["*"] for record in records if record["reason"] != "agent_paused"} == {"comm_fault"}
    assert len(records) <= took_s / 0.5 + 2 + 2 * slept, "the first at once, then one a period, then what was left"


async def test_a_wire_too_slow_for_its_ticks_polls_what_it_can_and_accounts_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late tick gives way to its successor: nothing queues up, nothing is polled twice, nothing is hidden."""
    monkeypatch.setattr("agent.polling.scribe.TOGETHER_S", 1.0)
    units = {number: Unit(holding={0: number}) for number in range(1, 9)}
    async with ModbusTcpServer(units) as server:
        server.misbehave = misbehaviour.late(0.1)  # a busy machine may add as much: the time-out is 250 ms
        devices = [device(f"d{number}", 'link = "bus"', "500ms", address=number) for number in units]
        async with WorkingStation(
            tmp_path, HEAD + shared(f"tcp://127.0.0.1:{server.port}") + "".join(devices)
        ) as station:
            begun = {f"d{number}": station.poller(f"d{number}").index for number in units}
            began_s = time.monotonic()
            await station.until(lambda: station.poller("d1").index >= begun["d1"] + 6, "six ticks")
            await station.station.stop_polling()
            took_s = time.monotonic() - began_s
            await station.recorder.flushed()
            assert sum(station.poller(name).condition.missed for name in begun) >= 4, "8 times 100 ms in 500 ms"
            for name, first in begun.items():
                records, poller = await station.records(MEASUREMENT, name), station.poller(name)
                assert ticks(records) == poller.index - first, name
                assert len(readings(records)) == poller.condition.polled
                busy = gaps(records, "line_busy")
                assert ticks(busy) + ticks(gaps(records, "agent_paused")) == poller.condition.missed
                assert {record["quality"]["*"] for record in busy} <= {"not_polled"}
                assert len(busy) <= took_s / 1.0 + 2, "one record a period, though readings lie between"


async def test_what_was_missed_is_told_though_the_wire_is_quick_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last ticks of a busy spell must not stay in memory until the next one."""
    monkeypatch.setattr("agent.polling.scribe.TOGETHER_S", 0.5)
    units = {number: Unit(holding={0: number}) for number in range(1, 5)}
    async with ModbusTcpServer(units) as server:
        server.misbehave = misbehaviour.late(0.1)
        devices = [device(f"d{number}", 'link = "bus"', "250ms", address=number) for number in units]
        async with WorkingStation(
            tmp_path, HEAD + shared(f"tcp://127.0.0.1:{server.port}") + "".join(devices)
        ) as station:
            missed = station.poller("d1").condition
            await station.until(lambda: missed.missed >= 2, "missed ticks")
            server.misbehave = None

            async def all_told() -> bool:
                records = await station.records(MEASUREMENT, "d1")
                told = gaps(records, "line_busy") + gaps(records, "agent_paused")  # a busy machine gives no turn
                return ticks(told) == missed.missed

            await station.until(all_told, "record of every missed tick")


def test_a_stopped_process_says_that_it_was_not_polling(tmp_path: Path) -> None:
    """Somebody with a debugger, a frozen virtual machine: the ticks meanwhile are ours to explain, on every wire."""
    with Bench() as bench:
        units = {1: Unit(holding={0: 1}), 2: Unit(holding={0: 2})}
        pair, alone = bench.serve(ModbusTcpServer(units)), bench.serve(ModbusTcpServer(units))
        pair.misbehave = misbehaviour.late(0.1)  # half the time somebody waits for an answer
        devices = [device(f"p{number}", 'link = "bus"', "400ms", address=number) for number in units]
        text = HEAD + shared(f"tcp://127.0.0.1:{pair.port}") + "".join(devices) + device("a", at_port(alone), "400ms")
        with AgentProcess(tmp_path, text) as agent:
            agent.until(lambda: all(one["polled"] >= 3 for one in agent.status()["devices"]), "three polls each")
            os.kill(agent.pid, signal.SIGSTOP)
            time.sleep(2.2)
            os.kill(agent.pid, signal.SIGCONT)
            polled = {one["name"]: one["polled"] for one in agent.status()["devices"]}
            agent.until(
                lambda: all(one["polled"] >= polled[one["name"]] + 3 for one in agent.status()["devices"]), "more"
            )
            assert agent.stop() == 0
            for name in ("p1", "p2", "a"):
                records = agent.records("measurement", name)
                assert 4 <= ticks(gaps(records, "agent_paused")) <= 8, name
                assert not gaps(records, "line_busy"), name
                assert unaccounted(records, 0.4) == 0, name


async def test_a_serial_adapter_unplugged_and_replugged_is_back_at_once(tmp_path: Path) -> None:
    """The ticks between are link_down, the reason says what to look at, and nobody restarts anything."""
    async with ModbusLine({1: Unit(holding={0: 1})}, tmp_path / "bus") as line:
        text = HEAD + shared(f"serial://{line.path}?baud=115200") + device("so2", 'link = "bus"', "100ms")
        async with WorkingStation(tmp_path, text) as station:
            condition, begun = station.poller("so2").condition, station.poller("so2").index
            await station.until(lambda: condition.polled >= 3, "three polls")
            line.unplug()
            await station.until(lambda: condition.state == "failing", "loss")
            assert condition.reason == "link_down"
            assert "bus" in str(condition.error)
            await station.until(lambda: condition.failed >= 3, "three failures")
            line.plug()
            await station.until(lambda: condition.state == "good", "return")
            assert len(await station.events("device_lost")) == len(await station.events("device_recovered")) == 1
            await station.station.stop_polling()
            await station.recorder.flushed()
            records, ended = await station.records(MEASUREMENT), station.poller("so2").index

    assert ticks(records) == ended - begun
    assert ticks(gaps(records, "link_down")) >= 3


async def test_a_refused_connection_is_told_with_its_address_and_is_not_hammered(tmp_path: Path) -> None:
    """The wrong port, or an instrument that boots: every tick says link_down, and few of them knock."""
    port = free_port()
    text = HEAD + device("so2", f'url = "tcp://127.0.0.1:{port}"', "50ms")
    async with WorkingStation(tmp_path, text) as station:
        condition = station.poller("so2").condition
        await station.until(lambda: condition.failed >= 12, "twelve failures")
        assert f"127.0.0.1:{port}" in str(condition.error)
        async with ModbusTcpServer({1: Unit(holding={0: 1})}, port=port) as server:
            await station.until(lambda: condition.state == "good", "connection")
            assert server.connections == 1
            records = await station.records(MEASUREMENT)

    assert {record["reason"] for record in records if "reason" in record} == {"link_down"}


async def test_a_connection_that_takes_long_to_fail_is_no_busy_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets that vanish hold the wire for seconds; who looks for a crowded bus then looks in vain."""
    monkeypatch.setattr("drivers.wire.CONNECT_S", 0.5)
    text = HEAD + device("so2", 'url = "tcp://192.0.2.1:502"', "100ms")  # reserved for documentation: nobody is there
    async with WorkingStation(tmp_path, text) as station:
        begun = station.poller("so2").index
        await station.until(lambda: station.poller("so2").index >= begun + 12, "twelve ticks")
        await station.station.stop_polling()
        await station.recorder.flushed()
        records, ended = await station.records(MEASUREMENT), station.poller("so2").index

    assert {record["reason"] for record in records} == {"link_down"}
    assert ticks(records) == ended - begun


async def test_a_request_that_fails_costs_its_own_channels_only(tmp_path: Path) -> None:
    """Half an answer is worth more than none: the other half is null and says why."""
    far = '[[device.channel]]\nname = "lamp"\nregister = 400\n'
    unit = Unit(holding={0: 7, 400: 9})

    def sick(request: bytes, honest: bytes) -> Any:
        fails = int.from_bytes(request[8:10], "big") == 400
        return (misbehaviour.exception(4) if fails else misbehaviour.honestly)(request, honest)

    async with (
        ModbusTcpServer({1: unit}, misbehave=sick) as server,
        WorkingStation(tmp_path, HEAD + device("so2", at_port(server), "100ms", SO2 + far)) as station,
    ):
        condition = station.poller("so2").condition
        await station.until(lambda: condition.state == "partial", "a partial answer")
        assert "lamp" in str(condition.error)
        server.misbehave = None
        await station.until(lambda: condition.state == "good", "a whole one")
        records = await station.records(MEASUREMENT)

    assert records[0]["values"] == {"so2": 7, "lamp": None}
    assert (records[0]["quality"], records[0]["reasons"]) == ({"lamp": "comm_fault"}, {"lamp": "exception_4"})
    assert records[-1]["values"] == {"so2": 7, "lamp": 9}
    assert len({number(record, 0.1) for record in records}) == len(records)


def silent_about(register: int) -> Misbehave:
    """No answer to a request that begins at *register*, and honest ones to all others."""

    def answer(request: bytes, honest: bytes) -> Any:
        asked = int.from_bytes(request[8:10], "big")
        return (misbehaviour.silence if asked == register else misbehaviour.honestly)(request, honest)

    return answer


LAMP = '[[device.channel]]\nname = "lamp"\nregister = 400\n'


async def test_a_silent_part_is_asked_ever_less_often_and_the_rest_keeps_its_ticks(tmp_path: Path, rests: None) -> None:
    """An instrument that says nothing about one block would else cost the wire a time-out a tick, for ever."""
    unit = Unit(holding={0: 7, 400: 9})
    async with (
        ModbusTcpServer({1: unit}, misbehave=silent_about(400)) as server,
        WorkingStation(
            tmp_path, HEAD + device("so2", at_port(server), "100ms", SO2 + LAMP, timeout='"50ms"')
        ) as station,
    ):
        poller = station.poller("so2")
        await station.until(lambda: poller.condition.polled >= 16, "sixteen polls")
        asked = [at for at, request in server.requests if request[8:10] == b"\x01\x90"]
        assert len(asked) <= 10, "twice, then after rests of 0.1, 0.2 and ever again 0.4 s"
        assert (poller.condition.state, poller.condition.reason) == ("partial", "no_reply")
        server.misbehave = None
        await station.until(lambda: poller.condition.state == "good", "a whole answer")
        await station.station.stop_polling()
        records = await station.records(MEASUREMENT)
        (lost,), (back,) = await station.events("channels_lost"), await station.events("channels_recovered")
        assert not await station.events("device_lost")

    assert not gaps(records, "no_reply"), "the device itself was never lost"
    partial = [record for record in records if "reasons" in record]
    assert len(partial) >= 16
    for record in partial:
        assert record["values"] == {"so2": 7, "lamp": None}
        assert (record["quality"], record["reasons"]) == ({"lamp": "comm_fault"}, {"lamp": "no_reply"})
    assert records[-1]["values"] == {"so2": 7, "lamp": 9}
    assert (lost["data"], back["data"]["channels"]) == ({"channels": ["lamp"], "reasons": ["no_reply"]}, ["lamp"])
    assert back["data"]["silent_s"] > 1


@pytest.mark.parametrize("silent", [0, 400])
async def test_a_measurement_that_is_silent_does_not_make_the_device_come_and_go(
    tmp_path: Path, rests: None, silent: int
) -> None:
    """The first block or the last, with or without parameters due: what answers is read, and one event tells."""
    proof = '[[device.channel]]\nname = "flow"\nstream = "parameter"\ngroup = "instrument"\nregister = 400\n'
    unit = Unit(holding={0: 7, 400: 9})
    words = {"timeout": '"50ms"', "parameters_every": '"400ms"'}
    async with (
        ModbusTcpServer({1: unit}, misbehave=silent_about(silent)) as server,
        WorkingStation(tmp_path, HEAD + device("so2", at_port(server), "100ms", SO2 + proof, **words)) as station,
    ):
        begun = station.poller("so2").index
        await station.until(lambda: station.events("channels_lost"), "word of the silence")
        told = station.poller("so2").index
        await station.until(lambda: station.poller("so2").index >= told + 12, "twelve ticks more")
        await station.station.stop_polling()
        ended = station.poller("so2").index
        await station.recorder.flushed()
        measured, proofs = await station.records(MEASUREMENT), await station.records(PARAMETER)
        assert len(await station.events("channels_lost")) == 1
        assert len(await station.events("device_lost")) == (silent == 0), "until it is known that others answer"

    assert ticks(measured) == ended - begun
    measured_values = {record["values"]["so2"] for record in readings(measured)}
    proof_values = {record["values"]["flow"] for record in readings(proofs)}
    assert (measured_values, proof_values) == (({None}, {9}) if silent == 0 else ({7}, {None}))


SAMPLED = """[[device.channel]]
name = "cod"
register = 0
new_by = "clock"
[[device.channel]]
name = "clock"
stream = "parameter"
group = "instrument"
register = 1
type = "time"
format = "bcd-ymdhms"
period = "1h"
label = "end"
"""


async def test_a_modbus_analyzer_that_tells_its_sample_time_has_it_in_the_record(tmp_path: Path) -> None:
    """Water is sampled hours before it is known what was in it; the time of the poll is not the time of the sample."""
    unit = Unit(holding=dict(enumerate([35, 0x2611, 0x2204, 0x0000])))
    async with (
        ModbusTcpServer({1: unit}) as server,
        WorkingStation(tmp_path, HEAD + device("cod", at_port(server), "50ms", SAMPLED)) as station,
    ):
        await station.until(lambda: station.recorder.last(MEASUREMENT) >= 1, "a measurement")
        unit.holding |= {0: 41, 2: 0x2205}
        await station.until(lambda: station.recorder.last(MEASUREMENT) >= 2, "the next hour")
        records = await station.records(MEASUREMENT)

    assert [(record["values"]["cod"], record["sampled"]) for record in records] == [
        (35, ["2026-11-22T03:00:00.000Z", "2026-11-22T04:00:00.000Z"]),
        (41, ["2026-11-22T04:00:00.000Z", "2026-11-22T05:00:00.000Z"]),
    ]


HOURLY = """[[device.channel]]
name = "pm10"
register = 0
new_by = "sample_time"
[[device.channel]]
name = "sample_time"
stream = "parameter"
group = "instrument"
register = 1
"""


async def test_an_hourly_value_is_one_measurement_however_often_it_is_read(tmp_path: Path) -> None:
    """The same hour twice would weigh double in every mean; a restart of the agent changes nothing in that."""
    unit = Unit(holding={0: 35, 1: 11})
    async with ModbusTcpServer({1: unit}) as server:
        text = HEAD + device("pm", at_port(server), "50ms", HOURLY)
        async with WorkingStation(tmp_path, text) as station:
            await station.until(lambda: station.poller("pm").condition.polled >= 4, "four polls")
            unit.holding |= {0: 41, 1: 12}
            await station.until(lambda: station.recorder.last(MEASUREMENT) >= 2, "the next hour")
        async with WorkingStation(tmp_path, text) as station:
            await station.until(lambda: station.poller("pm").condition.polled >= 4, "four polls")
            unit.holding |= {0: 38, 1: 13}
            await station.until(lambda: station.recorder.last(MEASUREMENT) >= 3, "the hour after")
            records, proofs = await station.records(MEASUREMENT), await station.records(PARAMETER)

    assert [record["values"]["pm10"] for record in records] == [35, 41, 38]
    assert {record["values"]["sample_time"] for record in proofs} == {11, 12, 13}, "a value and its time come together"
    assert len(proofs) == 4, "with the first poll of each life, and with each new hour"


async def test_an_hourly_value_that_could_not_be_read_is_asked_for_again(tmp_path: Path) -> None:
    """The hour is not over with its time alone: a request that fails must not cost the only reading of the hour."""
    apart = HOURLY.replace("register = 0", "register = 400")
    unit = Unit(holding={400: 35, 1: 11})

    def sick(request: bytes, honest: bytes) -> Any:
        fails = int.from_bytes(request[8:10], "big") == 400
        return (misbehaviour.exception(4) if fails else misbehaviour.honestly)(request, honest)

    async with (
        ModbusTcpServer({1: unit}, misbehave=sick) as server,
        WorkingStation(tmp_path, HEAD + device("pm", at_port(server), "50ms", apart)) as station,
    ):
        await station.until(lambda: station.poller("pm").condition.polled >= 3, "three polls")
        server.misbehave = None
        read = station.poller("pm").condition.polled
        await station.until(lambda: station.poller("pm").condition.polled >= read + 4, "four more")
        records = await station.records(MEASUREMENT)

    values = [record["values"]["pm10"] for record in readings(records)]
    assert values.count(35) == 1, "read at last, and then no more"
    assert values[-1] == 35


async def test_a_turned_screw_leaves_an_audit_record_with_its_window(tmp_path: Path) -> None:
    """Ten percent on the slope are ten percent on every reading: who looks later learns when it happened."""
    slope = (
        '[[device.channel]]\nname = "slope"\nstream = "parameter"\ngroup = "instrument"\nregister = 1\nwatch = true\n'
    )
    unit = Unit(holding={0: 7, 1: 1000})
    async with ModbusTcpServer({1: unit}) as server:
        text = HEAD + device("so2", at_port(server), "50ms", SO2 + slope, parameters_every='"100ms"', timeout='"25ms"')
        async with WorkingStation(tmp_path, text) as station:
            await station.until(lambda: station.recorder.last(PARAMETER) >= 2, "two proofs")
            unit.holding[1] = 1100
            await station.until(lambda: station.events("watched_value_changed"), "an audit record")
            proofs = await station.records(PARAMETER)
        unit.holding[1] = 900
        async with WorkingStation(tmp_path, text) as station:
            await station.until(lambda: station.recorder.last(PARAMETER) > len(proofs) + 2, "two more proofs")
            first, second = await station.events("watched_value_changed")
            proofs = await station.records(PARAMETER)

    assert (first["device"], first["data"]["old"], first["data"]["new"]) == ("so2", 1000, 1100)
    times = {
        value: [record["time"] for record in readings(proofs) if record["values"]["slope"] == value]
        for value in (1000, 1100)
    }
    assert first["data"]["window"] == [times[1000][-1], times[1100][0]]
    assert (second["data"]["old"], second["data"]["new"]) == (1100, 900), "a restart in between hides nothing"
    assert second["data"]["window"][0] <= times[1100][-1]


async def test_after_the_clock_was_set_the_ticks_are_those_of_the_new_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PC that boots in 1970 and learns the time must not account for fifty years of ticks."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr("agent.clock.time.time", lambda: real() + ahead[0])
    async with (
        ModbusTcpServer({1: Unit(holding={0: 7})}) as server,
        WorkingStation(tmp_path, HEAD + device("so2", at_port(server), "250ms")) as station,
    ):
        await station.until(lambda: station.poller("so2").condition.polled >= 1, "a poll")
        ahead[0] = 100_000.2
        await station.until(lambda: station.poller("so2").condition.polled >= 4, "three more")
        ahead[0] = -7_000.3
        await station.until(lambda: station.poller("so2").condition.polled >= 7, "three more")
        asked = [at for at, _ in server.requests]
        records = await station.records(MEASUREMENT)

    assert ticks(records) == len(records), "nothing but readings"
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) < 0.7


async def test_an_instrument_that_may_take_long_is_no_stalled_task(tmp_path: Path) -> None:
    """A gas chromatograph has a minute to answer: the watchdog must not end the daemon while it is waited for."""
    async with ModbusTcpServer({1: Unit()}, misbehave=misbehaviour.silence) as server:
        text = HEAD + device("gc", at_port(server), "500ms", timeout='"250ms"')
        async with WorkingStation(tmp_path, text) as station:
            poller = station.link("gc")
            await station.until(lambda: server.requests, "a request")
            assert poller.turned_s > time.monotonic(), "its last turn counts from when the answer is overdue"
            await station.until(lambda: poller.turned_s < time.monotonic(), "the end of that")
