"""`listen`: a line that talks by itself, told by those who know it and guessed at where nobody does."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from agent.commission.annotate import crc16
from agent.commission.guess import guesses
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.stationfile import HEAD, shared
from tests.simulators.technician import Technician
from tests.simulators.text_instrument import TextLine

WIND = b"\x02Q,229,002.74,M,00,\x0316\r\n"
"""As the manual of the Gill WindSonic prints it."""

GILL = """[[device]]
name = "wind"
link = "bus"
every = "1s"
timeout = "400ms"
[device.dialogue]
checksum = "gill-xor"
[[device.dialogue.request]]
name = "line"
expect = "Q,.*"
separator = ","
[[device.channel]]
name = "direction"
request = "line"
field = 1
[[device.channel]]
name = "speed"
request = "line"
field = 2
"""


@contextmanager
def saying(bench: Bench, line: TextLine, *lines: bytes, every_s: float = 0.1) -> Iterator[None]:
    """*lines* come on *line* by themselves, in turn, while the context lasts."""
    ended = threading.Event()

    def talk() -> None:
        for one in itertools.cycle(lines):
            if ended.wait(every_s):
                return
            bench.call(partial(line.say, one))

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        yield
    finally:
        ended.set()
        talking.join()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (WIND, "Gill ASCII, checksum ok"),
        (b"$WIMWV,214.8,R,0.1,M,A*2E\r\n", "NMEA 0183, checksum ok"),
        (b"$WIMWV,214.9,R,0.1,M,A*2E\r\n", "NMEA 0183, but its checksum is wrong"),
        (b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG\r\n", "Vaisala or SDI-12 with CRC, checksum ok"),
        (b"\x11\x03\x00\x6b\x00\x03\x76\x87", "Modbus RTU frame of unit 17, function 3, CRC ok"),
        (b"0+3.14-2.7\r\n", "SDI-12 values"),
        (b"21.5, 65.0, 1013.2\r\n", "numbers separated by commas"),
        (b"21.5  65.0  1013.2\r\n", "numbers separated by blanks"),
    ],
)
def test_formats_of_the_trade_are_recognised(line: bytes, expected: str) -> None:
    """As the manuals print them; where the checksum fits it is said, for that is the better half of the evidence."""
    assert guesses(line)[0] == expected


def test_noise_is_nothing_known() -> None:
    """A guess at everything would be worth nothing."""
    assert guesses(b"\xfe\x00\x17\x9a\xff\x80") == []
    assert guesses(b"") == []


def test_a_frame_of_another_master_is_recognised_by_its_crc() -> None:
    """Two masters on one line explain much."""
    frame = b"\x07\x04\x04\x00\xec\x02\x9b"

    assert guesses(frame + crc16(frame)) == ["Modbus RTU frame of unit 7, function 4, CRC ok"]


@pytest.mark.parametrize("running", [True, False], ids=["daemon", "direct"])
def test_lines_are_decoded_by_the_profiles_on_the_link_and_the_rest_is_guessed(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], running: bool
) -> None:
    """Beside the daemon as without it, and its own polls lose nothing by it."""
    line = bench.serve(TextLine({}, tmp_path / "mast"))
    agent = AgentProcess(tmp_path, HEAD + shared(f"serial://{line.path}") + GILL)
    man = Technician(tmp_path, capsys)
    with saying(bench, line, WIND, b"$WIMWV,214.8,R,0.1,M,A*2E\r\n"):
        if running:
            agent.start()
        as_json, screen = man.asks(["listen", "bus", "--for", "1s"]), man.types("listen", "bus", "--for", "500ms")
        if running:
            agent.until(lambda: agent.status()["devices"][0]["polled"] > 1, "polls")
            failed = agent.status()["devices"][0]["failed"]
            agent.stop()
            assert failed == 0
    lines = {news["text"]: news for news in as_json.of("line")}
    wind, other = lines["<STX>Q,229,002.74,M,00,<ETX>16<CR><LF>"], lines["$WIMWV,214.8,R,0.1,M,A*2E<CR><LF>"]

    assert as_json.code == 0, as_json.err
    assert wind["decoded"][0]["device"] == "wind"
    assert {one["channel"]: one["value"] for one in wind["decoded"][0]["readings"]} == {"direction": 229, "speed": 2.74}
    assert (other["decoded"], other["guesses"]) == ([], ["NMEA 0183, checksum ok"])
    assert as_json.news[-1]["lines"] == len(as_json.of("line"))
    assert "wind: direction 229, speed 2.74" in screen.out
    assert "perhaps  NMEA 0183, checksum ok" in screen.out


def test_silence_is_said(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing heard is an answer, too; a script sees it by the exit code."""
    line = bench.serve(TextLine({}, tmp_path / "mast"))
    said = Technician(tmp_path, capsys, HEAD + shared(f"serial://{line.path}")).types("listen", "bus", "--for", "200ms")

    assert said.code == 1
    assert "0 lines, 0 bytes" in said.out
