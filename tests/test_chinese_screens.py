"""What the commands say in Chinese at a real station where not everything is well: no English sentence is left."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import COMMANDS, main
from agent.columns import width
from agent.language import choose
from agent.screen.app import Watch
from agent.screen.sight import Sight
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import FLOW, HEAD, STATE, at_port, device, uplink
from tests.simulators.technician import Said, Technician

COLUMNS = 80
TYPED = r"(station-agent|systemctl|journalctl|timedatectl|sudo|apt-get|pip|usermod|chown|mkdir|ping|ls|du|ip|smartctl) "
SENTENCE = re.compile(r"(?<![\w/.:=\"-])[A-Za-z][a-z']+,?(?: [a-z][a-z']+,?){2,}(?![\w/=\"])")
"""Three plain English words in a row, of which the first may be at the begin of a sentence."""

NAMED = HEAD.replace("[store]", 'name = "下沙空气自动站"\ntimezone = "Asia/Shanghai"\n[store]')
SO2 = '[[device.channel]]\nname = "so2"\ntitle = "二氧化硫浓度"\nregister = 0\nnormal = [0, 10]\n'


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An analyzer that reads too much, one that is not there, a broker that works and one that does not."""
    folder = tmp_path_factory.mktemp("station")
    with Bench() as bench, Mosquitto(folder / "broker") as broker:
        server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17, 1: 600, 2: 1})}))
        text = NAMED + device("so2", at_port(server), "200ms", SO2, FLOW, STATE)
        text += device("gone", f'url = "tcp://127.0.0.1:{free_port()}"', "1s")
        text += uplink("city", broker.url) + uplink("lost", f"mqtt://127.0.0.1:{free_port()}")
        with AgentProcess(folder / "agent", text) as running:
            running.until(lambda: len(running.records("measurement", "so2")) > 2, "readings")
            running.until(lambda: bool(running.events("device_lost")), "a lost device")
            running.until(lambda: running.status()["uplinks"][0]["state"] == "connected", "a connection")
            yield running


@pytest.fixture
def technician(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> Iterator[Technician]:
    """Somebody who reads Chinese."""
    yield Technician(agent.folder, capsys)
    choose("en")


def english(said: Said) -> list[str]:
    """The English sentences in what was said; commands to type, and the data of events, are none."""
    text = re.sub(r"^用法：.*?\n\n", "", said.out, flags=re.DOTALL) + said.err
    lines = (re.split(TYPED + r"|[{]", line)[0] for line in text.splitlines())
    return [match[0] for line in lines for match in SENTENCE.finditer(line)]


def reads(technician: Technician, *line: str) -> Said:
    """Type *line* with ``--lang zh``."""
    return technician.types("--lang", "zh", *line)


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "check",
        "check --requests",
        "read so2",
        "read so2 --raw",
        "read gone",
        "read nobody",
        "records --last 50",
        "records --stream event",
        "records --stream audit",
        "alarms",
        "alarms ack nothing",
        "alarms close nothing --reason over",
        "maintenance",
        "maintenance stop so2",
        "reload",
        "doctor",
        "report --day today",
        "export --month 2026-13",
        "verify",
        "plot so2.so2 --last 1h",
        "plot nothing",
        "profiles --units",
        "profiles nothing",
        "scan so2 --addresses 1-3 --timeout 50ms",
        "scan nothing",
        "probe so2 0 3",
        "probe so2 0 3000",
        "identify so2 --address 1 --profile teledyne-t100 --timeout 50ms",
        "listen so2 --for 200ms",
        "receive --count 1 --for 5s --quiet",
        "simulate nothing",
        "simulate --tell nothing help",
    ],
)
def test_a_command_says_no_english_sentence(technician: Technician, line: str) -> None:
    """Who reads Chinese would have to guess."""
    said = reads(technician, *line.split())

    assert said.out + said.err
    assert english(said) == []


@pytest.mark.parametrize("line", ["maintenance start so2 --reason 更换滤膜 --for 1h", "note 更换标气 --device so2"])
def test_what_is_done_is_told_in_chinese(technician: Technician, line: str) -> None:
    """And what follows from it: the status that speaks of it."""
    said = reads(technician, *line.split())

    assert said.code == 0, said.err
    assert english(said) == []
    assert english(reads(technician, "status")) == []


async def test_no_page_of_the_screen_that_stays_has_an_english_sentence(agent: AgentProcess) -> None:
    """Events and audit as well: what happened is told in words, not in names of constants."""
    choose("zh")
    try:
        sight = Sight(agent.config)
        sight.look()
        watch = Watch(sight)
        async with watch.run_test(size=(160, 50)) as pilot:
            for key in "12345":
                await pilot.press(key)
                deadline_s = time.monotonic() + 15
                while any("正在读取" in line.text for line in watch.lines):
                    assert time.monotonic() < deadline_s
                    await pilot.pause(0.05)
                assert english(Said(0, "\n".join(line.text for line in watch.lines), "")) == []
    finally:
        choose("en")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_says_no_english_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each command, its options and its examples."""
    try:
        with pytest.raises(SystemExit):
            main(["--lang", "zh", *name.split(), "--help"])
    finally:
        choose("en")

    assert english(Said(0, *capsys.readouterr())) == []


MISTAKES = [
    "",
    "[station",
    '[station]\nid = "a b"\n',
    '[station]\nid = "a"\n[[device]]\nname = "so2"\n',
    '[station]\nid = "a"\n[[device]]\nname = "So2"\nurl = "tcp:host"\nevery = "5x"\nprofile = "teledyne-t10"\n',
    '[station]\nid = "a"\ntimezone = "Shanghai"\nfoo = 1\n[[uplink]]\nname = "city"\nurl = "http://host"\nwindow = 0\n',
    '[station]\nid = "a"\n[[device]]\nname = "so2"\nurl = "tcp://host:502"\naddress = 300\nevery = 5\nprofile = 7\n',
    HEAD + device("a", 'link = "bus"', "5s", '[[device.channel]]\nname = "x"\nunit = "ppb"\n'),
    HEAD + device("a", 'url = "serial:///dev/ttyUSB0?baud=9600&foo=1"', "5s", profile="teledyne-t100"),
    HEAD + device("a", 'url = "serial:///dev/ttyUSB7?baud=9600"', "100ms", profile="teledyne-t100", affects=["b"]),
    HEAD + 2 * uplink("city", "mqtt://127.0.0.1:1883"),
]


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_a_wrong_station_file_is_explained_in_chinese(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Most of all sentences are here."""
    try:
        said = Technician(tmp_path, capsys, text).types("--lang", "zh", "check")
    finally:
        choose("en")

    assert said.code != 0
    assert english(said) == []


@pytest.mark.parametrize("line", ["status", "alarms", "doctor", "read so2"])
def test_wide_characters_keep_to_the_screen(technician: Technician, line: str) -> None:
    """A Chinese character takes two columns; what is counted in letters would wrap at the edge."""
    lines = reads(technician, *line.split()).out.splitlines()

    assert [line for line in lines if width(line) > COLUMNS] == []


def test_the_columns_of_a_table_stand_below_each_other(technician: Technician) -> None:
    """Also behind a name of wide characters."""
    head, *rows = reads(technician, "read", "so2").out.splitlines()[1:]
    column = width(head[: head.index("数值")])

    assert len(rows) == 3
    for row in rows:
        begin = next(at for at in range(len(row)) if width(row[:at]) == column)
        assert row[begin - 1] == " "
        assert row[begin] != " "
