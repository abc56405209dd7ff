"""`identify`: which profiles fit what answers; a ranking with reasons, never a verdict."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.commission.fit import judged, shape
from drivers.api import Reading, Scan
from drivers.catalog import load_profile
from drivers.endpoint import parse_url
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device, shared
from tests.simulators.technician import Technician
from tests.simulators.text_instrument import TextLine
from tests.simulators.ticks import readings, ticks

SENSOR = {1: 0x00EC, 2: 0x01F4}
"""The input registers of an XY-MD02 at 23.6 °C and 50 %."""
WXT = {b"0r1Goe\r\n": b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG\r\n"}
"""A Vaisala WXT536 as its manual prints it."""


def test_the_model_that_fits_best_stands_first_with_reasons(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A box without a label hangs on the wire: what could it be."""
    bus = bench.serve(ModbusLine({7: Unit(input=SENSOR)}, tmp_path / "bus"))
    man = Technician(tmp_path, capsys, HEAD + shared(f"serial://{bus.path}?baud=115200"))
    words = ["identify", "bus", "--address", "7", "--timeout", "100ms"]
    words += [word for name in ("generic-xy-md02", "sms-d-h", "teledyne-t100") for word in ("--profile", name)]
    said, screen = man.asks(words), man.types(*words)
    fits = said.of("fit")

    assert said.code == 0, said.err
    assert fits[0]["profile"] == "generic-xy-md02"
    assert fits[0]["readings"] == {"temperature": 23.6, "humidity": 50}
    assert any("another model" in reason for reason in fits[0]["reasons"])
    assert all(fit["score"] < fits[0]["score"] for fit in fits[1:])
    assert "a fit is no proof" in screen.out


def test_a_text_instrument_is_known_by_form_and_checksum(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here the evidence is strong, and that is said; where nobody answers nothing fits."""
    line = bench.serve(TextLine(WXT, tmp_path / "mast"))
    man = Technician(tmp_path, capsys, HEAD + shared(f"serial://{line.path}"))
    words = ["identify", "bus", "--timeout", "100ms", "--profile", "metone-bam1020", "--profile"]
    said, nobody = man.asks([*words, "vaisala-wxt536"]), man.types(*words, "metone-bam1020")
    (fit,) = said.of("fit")

    assert fit["profile"] == "vaisala-wxt536"
    assert "replies have the form and the checksum (vaisala-crc) of this model" in fit["reasons"]
    assert "a reply looks like a printed example, but for its digits" in fit["reasons"]
    assert "leaves the factory with 19200 8N1, this line has 9600 Bd" in fit["reasons"]
    assert (nobody.code, "nothing fits" in nobody.out) == (1, True)


def test_beside_the_daemon_only_what_disturbs_nobody_is_tried_and_no_tick_is_lost(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text into a Modbus TCP connection would cost its readings: the framing is gone."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17}, input=SENSOR)}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "500ms")) as agent:
        man = Technician(tmp_path, capsys)
        refused = man.types("identify", "so2", "--profile", "metone-bam1020")
        said = man.asks(["identify", "so2", "--timeout", "100ms"])
        agent.until(lambda: agent.status()["devices"][0]["polled"] >= 3, "polls before and after it")
        assert agent.stop() == 0
        records = agent.records("measurement", "so2")

    assert (refused.code, "would disturb it" in refused.err) == (2, True)
    assert said.code == 0, said.err
    assert "generic-xy-md02" in [fit["profile"] for fit in said.of("fit")]
    assert said.news[0]["profiles"] < 20, "the text instruments among all the profiles are left out"
    assert {record.get("reason", "agent_paused") for record in records} == {"agent_paused"}
    assert ticks(records) >= len(readings(records)) >= 3


def test_what_no_instrument_means_speaks_against_a_profile() -> None:
    """A profile without ranges would otherwise fit every instrument with numbers at these places."""
    profile, endpoint = load_profile("generic-xy-md02"), parse_url("tcp://192.0.2.10:502")

    def fits(temperature: float, humidity: float) -> list[int]:
        values = {"temperature": temperature, "humidity": humidity}
        scan = Scan(datetime.now(UTC), {name: Reading(name, value) for name, value in values.items()})
        return [fit.score for fit in judged("xy", profile, scan, endpoint, [])]

    assert fits(1310.7, 1775.6) == []
    assert fits(0, 0) == []
    assert fits(23.6, 1775.6) < fits(23.6, 50.0)


def test_the_shape_of_a_reply_does_not_depend_on_its_values() -> None:
    """A printed example never has today's values."""
    assert shape(b"0R1,Dn=236D,Sm=-1.0M\r\n") == shape(b"0R1,Dn=007D,Sm=12.5M\r\n") == b"9R9,Dn=9D,Sm=9.9M"
    assert shape(b"0R1,Dn=236D") != shape(b"0R2,Ta=23.6C")


def test_a_line_that_talks_by_itself_is_recognised_by_what_it_says(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing need be asked of it."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "acme-talker.toml").write_text(
        'model = "Talker"\nmaker = "Acme"\nkind = "counter"\nmanual = ""\nsource = ""\nconfidence = "unverified"\n'
        'protocol = "dialogue"\n[dialogue]\nterminator = "\\r\\n"\n'
        '[[dialogue.request]]\nname = "line"\nexpect = "T,.*"\nseparator = ","\n'
        '[[channel]]\nname = "count"\nrequest = "line"\nfield = 1\n'
    )
    line = bench.serve(TextLine({}, tmp_path / "mast"))
    man = Technician(tmp_path, capsys, HEAD + shared(f"serial://{line.path}"))
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(0.1):
            bench.call(lambda: line.say(b"T,42\r\n"))

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        said = man.asks(["identify", "bus", "--profile", "acme-talker", "--timeout", "100ms"])
    finally:
        ended.set()
        talking.join()

    assert [(fit["profile"], fit["readings"]) for fit in said.of("fit")] == [("acme-talker", {"count": 42})]
