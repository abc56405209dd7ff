"""`read --raw`: the bytes on the wire, with what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.commission.annotate import named, notes
from drivers.catalog import load_profile
from tests.simulators import misbehaviour
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device, shared
from tests.simulators.technician import Technician
from tests.simulators.text_instrument import TextLine


@pytest.mark.parametrize(
    ("framing", "frame", "sent", "expected"),
    [
        # serial line guide 1.02, and the application protocol 1.1b3, section 6.3
        ("rtu", "11 03 00 6b 00 03 76 87", True, ["unit 17", "CRC ok", "3 from 107 (0x006b)"]),
        ("rtu", "11 03 06 ae 41 56 52 43 40 49 ad", False, ["unit 17", "CRC ok", "words ae41 5652 4340"]),
        ("rtu", "11 03 06 ae 41 56 52 43 40 49 ae", False, ["CRC 49 ae instead of 49 ad"]),
        ("rtu", "11 83 02 c1 34", False, ["unit 17", "exception 2 (illegal data address) to function 3"]),
        ("mbap", "00 01 00 00 00 06 11 03 00 6b 00 03", True, ["transaction 1", "unit 17", "length ok"]),
        ("mbap", "00 01 00 00 00 09 11 03 06 ae 41 56 52 43 40", False, ["transaction 1", "words ae41 5652 4340"]),
        ("mbap", "00 01 00 00 00 0b 11 03 06 ae 41 56 52 43 40", False, ["length 11, but 9 bytes follow"]),
        ("ascii", b":1103006B00037E\r\n".hex(" "), True, ["unit 17", "LRC ok", "3 from 107 (0x006b)"]),
        ("ascii", b":1103006B00037F\r\n".hex(" "), True, ["LRC 7F instead of 7E"]),
        ("rtu", "11", False, ["no rtu frame: 1 bytes"]),
        ("ascii", "11 22", False, ["no ascii frame: 2 bytes"]),
        ("mbap", "11 22", False, ["no mbap frame: 2 bytes"]),
    ],
)  # fmt: skip
def test_modbus_frames_are_explained(framing: str, frame: str, sent: bool, expected: list[str]) -> None:
    """The frames that the specification prints, and what is wrong with damaged ones."""
    said = notes(bytes.fromhex(frame), framing, sent=sent)

    assert set(expected) <= set(said), said


def test_control_characters_have_names() -> None:
    """<STX> in a manual is a byte on the wire."""
    assert named(b"\x02DA\x0304\r\n\x1b\xfe") == "<STX>DA<ETX>04<CR><LF><ESC><FE>"


def test_the_checksum_of_a_text_reply_is_judged() -> None:
    """A reply that looks well and is damaged explains why no value came of it."""
    profile = load_profile("vaisala-wxt536")

    good = notes(b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG\r\n", "text", sent=False, profile=profile)
    bad = notes(b"0r1,Sn=0.2M,Sm=0.1M,Sx=0.1MGOG\r\n", "text", sent=False, profile=profile)

    assert good[1:] == ["vaisala-crc ok"]
    assert bad[1].startswith("vaisala-crc: CRC 'GOG' instead of ")


@pytest.mark.parametrize("running", [True, False], ids=["daemon", "direct"])
def test_what_goes_over_the_wire_is_shown_with_the_readings(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], running: bool
) -> None:
    """The first thing that a maker's support asks for."""
    bus = bench.serve(ModbusLine({7: Unit(holding={0: 17})}, tmp_path / "bus"))
    text = HEAD + shared(f"serial://{bus.path}?baud=115200") + device("so2", 'link = "bus"', "500ms", address=7)
    agent, man = AgentProcess(tmp_path, text), Technician(tmp_path, capsys)
    if running:
        agent.start()
    as_json, screen = man.asks(["read", "so2", "--raw"]), man.types("read", "so2", "--raw")
    if running:
        agent.stop()

    assert [news["raw"] for news in as_json.of("sent")][-1] == "07 03 00 00 00 01 84 6c"
    assert [news["raw"] for news in as_json.of("received")][-1] == "07 03 02 00 11 f0 48"
    assert as_json.of("readings")[0]["readings"][0]["value"] == 17
    assert "-> 07 03 00 00 00 01 84 6c\n     unit 7, CRC ok, function 3 (holding registers), 1 from 0" in screen.out
    assert screen.out.split()[-3:] == ["so2", "17", "valid"]
    assert (as_json.code, screen.code) == (0, 0)


def test_when_nothing_good_comes_the_bytes_are_shown_all_the_same(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is when somebody wants to see them."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}, misbehave=misbehaviour.wrong_unit))
    man = Technician(tmp_path, capsys, HEAD + device("so2", at_port(server), "1s"))
    said = man.types("read", "so2", "--raw")

    assert said.code == 3
    assert "unit 2, length ok, function 3" in said.out
    assert "cannot be its answer" in said.err


def test_text_is_shown_as_text(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reads ASCII in hex."""
    line = bench.serve(TextLine({b"Q\r\n": b"21.5,\t65\r\n"}, tmp_path / "met"))
    dialogue = '[device.dialogue]\n[[device.dialogue.request]]\nname = "all"\nsend = "Q"\nseparator = ","\n'
    channel = '[[device.channel]]\nname = "t"\nrequest = "all"\nfield = 0\n'
    where = f'[[device]]\nname = "met"\nurl = "serial://{line.path}"\nevery = "1s"\n'
    said = Technician(tmp_path, capsys, HEAD + where + dialogue + channel).types("read", "met", "--raw")

    assert "-> 51 0d 0a\n     Q<CR><LF>\n" in said.out
    assert "     21.5,<TAB>65<CR><LF>\n" in said.out
    assert said.code == 0, said.err
