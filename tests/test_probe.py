"""`probe`: one block of registers, seen in every way, and something to paste."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.cli import main
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, SO2, at_port, device, shared
from tests.simulators.technician import Technician
from tests.simulators.text_instrument import TextTcpServer

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def swapped(value: float) -> tuple[int, int]:
    """A float32 low word first, written by hand."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high


@pytest.fixture
def analyzer(bench: Bench) -> ModbusTcpServer:
    """Two CDAB floats from input 10 on, holes around them; 12 coils; a holding register."""
    (low, high), (low2, high2) = swapped(17.2), swapped(1013.25)
    unit = Unit(
        holding={0: 17}, input={10: low, 11: high, 12: low2, 13: high2}, coils={at: at % 3 == 0 for at in range(12)}
    )
    return bench.serve(ModbusTcpServer({1: unit}))


def test_the_right_type_and_order_are_marked_and_can_be_pasted(
    analyzer: ModbusTcpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From an unknown map to a working channel without a manual at hand."""
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(analyzer), "1s"))
    screen = man.types("probe", "so2", "10", "4", "--table", "input")
    pasted = screen.out.partition("# 17.2:")[2].partition("# ")[0].split("\n", 1)[1]
    man.config.write_text(HEAD + device("so2", at_port(analyzer), "1s", pasted))
    read = man.asks(["read", "so2"])

    assert screen.code == 0, screen.err
    assert "17.2 *" in screen.out
    assert "1013.25 *" in screen.out
    assert all(f"{kind} {order}" in screen.out for kind in ("FLOAT32", "UINT32", "FLOAT64") for order in ORDERS)
    assert "compare with the display" in screen.out
    assert [(one["channel"], one["value"]) for one in read.news[0]["readings"]] == [("input_10", 17.2)]


def test_what_is_refused_is_a_hole_and_the_rest_is_shown(
    analyzer: ModbusTcpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows where a map begins and ends before he has looked."""
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(analyzer), "1s"))
    block = man.asks(["probe", "so2", "0x08", "8", "--table", "input"])
    screen = man.types("probe", "so2", "8", "8", "--table", "input")

    assert (block.code, screen.code) == (1, 1)
    assert [word is None for word in block.news[0]["words"]] == [True] * 2 + [False] * 4 + [True] * 2
    assert {(view["type"], view["order"], view["value"]) for view in block.news[0]["plausible"]} == {
        ("float32", "CDAB", 17.2),
        ("float32", "CDAB", 1013.25),
    }
    assert "exception 2 (illegal data address)" in screen.out


def test_bits_are_shown_as_bits(analyzer: ModbusTcpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status words are half of what commissioning is about."""
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(analyzer), "1s"))
    screen = man.types("probe", "so2", "0", "12", "--table", "coil")

    assert screen.code == 0, screen.err
    assert "0  1 0 0 1 0 0 1 0 0 1 0 0" in screen.out


def test_what_the_profile_reads_there_is_named(
    analyzer: ModbusTcpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same block with the eyes of the configuration, to be compared with the display."""
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(analyzer), "1s", SO2))
    (block,) = man.asks(["probe", "so2", "0", "1"]).news

    assert block["known"] == [{"register": 0, "channel": "so2", "value": 17, "unit": ""}]


def test_a_unit_that_no_file_knows_is_probed_on_its_link(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new sensor is on the bus before it is in the file; the daemon polls its neighbours meanwhile."""
    bus = bench.serve(ModbusLine({7: Unit(holding={0: 17}), 12: Unit(input={1: 236, 2: 667})}, tmp_path / "bus"))
    text = HEAD + shared(f"serial://{bus.path}?baud=115200") + device("so2", 'link = "bus"', "500ms", address=7)
    with AgentProcess(tmp_path, text) as agent:
        man = Technician(tmp_path, capsys)
        stranger = man.asks(["probe", "bus", "1", "2", "--unit", "12", "--table", "input", "--timeout", "200ms"])
        neighbour = man.asks(["probe", "bus", "0", "1", "--unit", "7", "--timeout", "200ms"])
        nobody = man.types("probe", "bus", "0", "1", "--unit", "99", "--timeout", "100ms")
        agent.until(lambda: agent.status()["devices"][0]["polled"] > 2, "polls")
        failed = agent.status()["devices"][0]["failed"]

    assert (stranger.news[0]["device"], stranger.news[0]["words"]) == ("unit 12", [236, 667])
    assert (neighbour.news[0]["device"], neighbour.news[0]["words"]) == ("so2", [17])
    assert (nobody.code, "unit 99 on" in nobody.err) == (3, True)
    assert "next: Look who is there: station-agent scan bus" in nobody.err
    assert failed == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("so3", "0", "1"), 2, "Did you mean so2?"),
        (("bus", "0", "1"), 2, "probe bus --unit 1 0 1"),
        (("so2", "0", "0"), 2, "0 holding registers from 0 on cannot be read"),
        (("so2", "65535", "2"), 2, "cannot be read"),
        (("met", "0", "1"), 2, "station-agent read met --raw"),
        (("so2", "900", "2"), 3, "exception 2"),
    ],
)
def test_what_cannot_be_shown_is_answered_with_what_can(
    analyzer: ModbusTcpServer,
    bench: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """One sentence and one next step, whoever is at fault."""
    met = bench.serve(TextTcpServer({b"Q\r\n": b"1\r\n"}))
    dialogue = '[device.dialogue]\n[[device.dialogue.request]]\nname = "all"\nsend = "Q"\n'
    channel = '[[device.channel]]\nname = "t"\nrequest = "all"\nfield = 0\n'
    text = HEAD + shared(f"tcp://127.0.0.1:{analyzer.port}") + device("so2", 'link = "bus"', "1s")
    text += f'[[device]]\nname = "met"\nurl = "tcp://127.0.0.1:{met.port}"\nevery = "1s"\n{dialogue}{channel}'
    answer = Technician(tmp_path, capsys, text).types("probe", *words)

    assert answer.code == code
    assert said in answer.err
    assert "next: " in answer.err


def test_a_silent_instrument_is_told_as_such(
    analyzer: ModbusTcpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 3: what the command needs cannot be reached."""
    analyzer.misbehave = misbehaviour.silence
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(analyzer), "1s"))
    answer = man.types("probe", "so2", "0", "1", "--timeout", "50ms")

    assert answer.code == 3
    assert "so2 on 127.0.0.1" in answer.err


def test_words_that_are_no_numbers_are_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence and the next step, in place of a traceback."""
    code = main(["--config", str(tmp_path / "station.toml"), "probe", "so2", "zero", "1"])

    assert code == 2
    assert "zero" in (said := capsys.readouterr().err)
    assert "See: station-agent probe --help" in said
