"""``watch``: the real application on the snapshot and log of a real daemon, and once on a real terminal."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot

from agent.cli import main
from agent.columns import width
from agent.language import choose
from agent.screen import app as application
from agent.screen import sight as sight_module
from agent.screen.app import Watch
from agent.screen.device import device_page
from agent.screen.face import Face
from agent.screen.page import Line, Page, arrange, title
from agent.screen.sight import Sight
from tests.simulators import misbehaviour
from tests.simulators.agent_process import COMMAND, AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import FLOW, HEAD, SO2, STATE, at_port, device, uplink
from tests.simulators.terminal import Terminal

NAMED = HEAD.replace("[store]", 'name = "下沙空气站"\ntimezone = "Asia/Shanghai"\n[store]')
TITLED = '[[device.channel]]\nname = "so2"\ntitle = "二氧化硫浓度"\nregister = 0\n'


@contextmanager
def station(folder: Path) -> Iterator[AgentProcess]:
    """Two analyzers and an uplink, which has delivered something."""
    with Bench() as bench, Mosquitto(folder / "broker") as broker:
        first, second = (bench.serve(ModbusTcpServer({1: Unit(holding={0: n, 1: 600, 2: 0})})) for n in (17, 23))
        text = NAMED + device("so2", at_port(first), "200ms", TITLED, FLOW, STATE)
        text += device("nox", at_port(second), "200ms", SO2.replace("so2", "no2")) + uplink("city", broker.url)
        with AgentProcess(folder / "agent", text) as running:
            running.until(lambda: len(running.records("measurement", "nox")) > 2, "readings")
            running.until(lambda: running.status()["uplinks"][0]["state"] == "connected", "a connection")
            yield running


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """A station that many look at."""
    with station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.fixture
def watch(agent: AgentProcess, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The application on it, which looks ten times a second."""
    return watching(agent, monkeypatch)


def watching(agent: AgentProcess, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(application, "PERIOD_S", 0.1)
    monkeypatch.setattr(sight_module, "PATIENCE_S", 0.5)
    sight = Sight(agent.config)
    sight.look()
    return Watch(sight)


def text(watch: Watch) -> str:
    """The screen without its line breaks and fillings."""
    return " ".join(" ".join(line.text for line in watch.lines).split())


async def shows(pilot: Pilot[None], wanted: str | Callable[[str], object], timeout_s: float = 15.0) -> None:
    """Wait until the screen shows *wanted*."""
    assert isinstance(pilot.app, Watch)
    deadline_s = time.monotonic() + timeout_s
    while not (wanted in text(pilot.app) if isinstance(wanted, str) else wanted(text(pilot.app))):
        assert time.monotonic() < deadline_s, "\n".join(line.text for line in pilot.app.lines)
        await pilot.pause(0.05)


async def test_every_page_shows_what_the_daemon_left_in_snapshot_and_log(watch: Watch) -> None:
    """Five keys, five questions: how is it, what does it measure, is it delivered, what happened, who did it."""
    async with watch.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "下沙空气站")
        assert "so2 17" in text(watch)
        assert re.search(r"city connected \d+ ", text(watch))
        await pilot.press("2")
        await shows(pilot, "so2.so2 二氧化硫浓度")
        assert re.search(r"flow 600 valid .*state 0 valid", text(watch))
        assert re.search(r"requests \d+, answered \d+", text(watch))
        await pilot.press("3")
        await shows(pilot, "MQTT 5, confirm puback")
        await pilot.press("4")
        await shows(pilot, "agent started")
        assert "dictionary" not in text(watch)
        await pilot.press("5")
        await shows(pilot, "a configuration was applied")
        await pilot.press("tab")
        await shows(pilot, "DEVICE")


async def test_arrows_choose_device_and_channel_and_the_trend_follows(watch: Watch) -> None:
    """Who asks what the flow did before the reading failed gets there with two keys."""
    async with watch.run_test(size=(80, 30)) as pilot:
        await pilot.press("2", "down")
        await shows(pilot, "so2.flow")
        assert [line.text.split()[0] for line in watch.lines if line.tone == "picked"] == ["flow"]
        await pilot.press("right")
        await shows(pilot, "nox.no2")
        await pilot.press("right", "plus", "plus", "plus", "plus")
        await shows(pilot, lambda said: "so2.flow" in said and "last 24 h" in said)
        await pilot.press("end")
        await shows(pilot, "so2.state")


async def test_what_is_not_good_stands_first_with_cause_and_next_step(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen in the container is read from the door."""
    silent = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}, misbehave=misbehaviour.silence))
    station = HEAD + device("so2", at_port(silent), "200ms") + uplink("city", f"mqtt://127.0.0.1:{free_port()}")
    with AgentProcess(tmp_path, station) as agent:
        agent.until(lambda: agent.status()["devices"][0]["state"] == "failing", "a loss")
        agent.until(lambda: agent.status()["uplinks"][0]["error"], "a refusal")
        watch = watching(agent, monkeypatch)
        async with watch.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "nothing is measured")
            assert watch.lines[2].tone == "critical"
            await pilot.press("3")
            await shows(pilot, lambda said: re.search(r"records wait .* the oldest for .* empty in", said))
            assert "nothing listens" in text(watch)
            assert "->" in text(watch)


async def test_with_the_daemon_dead_the_last_state_stands_there_with_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old reading that looks like a new one is worse than none."""
    with station(tmp_path) as agent:
        watch = watching(agent, monkeypatch)
        async with watch.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "so2 17")
            agent.kill()
            await shows(pilot, "the daemon died")
            await shows(pilot, "LAST STATE, ")
            assert "so2 17" in text(watch)
            assert (watch.lines[0].tone, watch.lines[0].text[:9]) == ("critical", " CRITICAL")
            agent.start()
            await shows(pilot, lambda said: "LAST STATE" not in said and "died" not in said)


async def test_values_of_a_device_that_fell_silent_are_called_old(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """17 ppb of an hour ago must not stand there as if it were the air of now; one key leads to the device."""
    good = bench.serve(ModbusTcpServer({1: Unit(holding={0: 23})}))
    bad = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    devices = device("nox", at_port(good), "200ms") + device("so2", at_port(bad), "200ms")
    with AgentProcess(tmp_path, HEAD + devices) as agent:
        agent.until(lambda: agent.records("measurement", "so2"), "a reading")
        bad.misbehave = misbehaviour.silence
        agent.until(lambda: agent.status()["devices"][1]["state"] == "failing", "a loss")
        watch = watching(agent, monkeypatch)
        async with watch.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "old: so2 17")
            assert "old: so2 23" not in text(watch)
            await pilot.press("n")
            await shows(pilot, lambda said: re.search(r"so2 2/2 failing for .* so2 17 old", said))


async def test_a_log_that_was_set_aside_is_missed_and_the_new_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a damaged disk was changed the screen goes on with the new log, without being started anew."""
    with station(tmp_path) as agent:
        watch = watching(agent, monkeypatch)
        async with watch.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "so2 17")
            agent.kill()
            for path in agent.folder.glob("store.db*"):
                path.rename(path.with_name("aside-" + path.name))
            await pilot.press("5")
            await shows(pilot, "there is no log at")
            assert "->" in text(watch), "a next step"
            assert "nothing has happened" not in text(watch)
            agent.start()
            await shows(pilot, lambda said: said.count("a configuration was applied") == 1)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_fits_every_screen(watch: Watch, language: str) -> None:
    """A tablet over SSH, an old console, a wall: no line is wider or deeper than what it is shown on."""
    choose(language)
    try:
        async with watch.run_test(size=(80, 24)) as pilot:
            for columns, rows in ((80, 24), (132, 50), (40, 12), (20, 4), (80, 24)):
                await pilot.resize_terminal(columns, rows)
                for key in "12345":
                    await pilot.press(key)
                    await pilot.pause()
                    assert len(watch.lines) == rows
                    assert max(width(line.text) for line in watch.lines) <= columns
    finally:
        choose("en")


async def test_only_lines_that_changed_are_drawn(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen that stands there all day must not cost the PC a fan."""
    drawn: list[int] = []
    monkeypatch.setattr(application, "PERIOD_S", 3600.0)
    async with watch.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "DEVICE")
        (face,) = watch.query(Face)
        render = face.render_line
        monkeypatch.setattr(face, "render_line", lambda y: drawn.append(y) or render(y))
        await pilot.pause()
        lines = watch.lines
        drawn.clear()
        face.show([*lines[:7], Line("changed"), *lines[8:]])
        await pilot.pause()
        face.show(list(watch.lines))
        await pilot.pause()

    assert drawn == [7]


def test_the_states_that_hold_stand_beside_their_number() -> None:
    """524288 says nothing to who stands in front of the analyzer."""
    channel = {"name": "status", "title": "Warnings", "value": 524288, "unit": "", "quality": "valid"}
    facts = {"link": "so2", "profile": "Acme SO2", "every_s": 1.0, "state": "good", "since": None, "last_time": None}
    began = channel | {"name": "began", "title": "Begin", "value": "2026-11-22T04:30:05.137Z"}
    facts |= {"name": "so2", "polled": 1, "failed": 0, "counters": None, "channels": [channel, began]}
    states = {"so2": "lamp_low", "o3": "hot"}
    standing = [{"device": name, "channel": "status", "what": state} for name, state in states.items()]

    page = device_page({"devices": [facts], "standing": standing}, 0, [], 0, [], ZoneInfo("Asia/Shanghai"), 80)

    assert [line.text.split("  ")[-1] for line in page.body] == ["Warnings: lamp low", "Begin"]
    assert "11-22 12:30:05" in page.body[1].text, "in the station's time"


def test_a_long_body_scrolls_between_title_and_keys() -> None:
    """The keys are always there, and how much is out of sight."""
    body = [Line(f"row {number}") for number in range(20)]
    first, last = title(0, "A1", "12:00", 40), Line("keys")

    screen = arrange(first, "tabs", Page([Line("head")], body), last, 99, 40, 10)
    picked = arrange(first, "tabs", Page([Line("head")], body, picked=12), last, 0, 40, 10)

    assert [line.text.strip() for line in screen.lines[2:]] == ["head", *[f"row {n}" for n in range(14, 20)], "keys"]
    assert screen.lines[1].text == "tabs" + "↑14 ".rjust(36)
    assert (screen.top, picked.top) == (14, 7)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_real_terminal_wide_characters_keep_their_columns(agent: AgentProcess, language: str) -> None:
    """What a terminal makes of it is what counts: 80x24, as an old console or SSH gives it."""
    line = [*COMMAND, "--config", str(agent.config), "--lang", language, "watch"]
    with Terminal(line) as terminal:
        terminal.shows("下沙空气站")
        overview = terminal.lines
        rows = [row for row in overview if row.startswith(("so2 ", "nox "))]
        values = {"en": "so2 17", "zh": "二氧化硫浓度 17"}[language], "no2 23"
        places = {width(row[: row.index(value)]) for row, value in zip(rows, values, strict=True)}
        assert len(places) == 1, overview
        terminal.press("2")
        terminal.shows("so2.so2")
        rows = [[row for row in terminal.lines if row.startswith(name)][-1] for name in ("so2", "flow", "state")]
        places = {width(row[: row.index(value, 4)]) for row, value in zip(rows, (" 17", " 600", " 0"), strict=True)}
        assert len(places) == 1, rows
        terminal.resize(120, 40)
        terminal.until(lambda: len(terminal.lines) == 40 and "q " in terminal.lines[-1])
        terminal.press("q")
        terminal.until(lambda: terminal.exit_code == 0)
    assert {"en": "[1 overview]", "zh": "[1 总览]"}[language] in overview[1]
    assert overview[0].startswith({"en": (" WARNING", " GOOD"), "zh": (" 警告", " 正常")}[language])


def test_without_colours_everything_is_still_said(agent: AgentProcess) -> None:
    """An amber terminal, or NO_COLOR: bold and reverse remain, and the words."""
    line = [*COMMAND, "--config", str(agent.config), "watch"]
    with Terminal(line, environment={"NO_COLOR": "1"}) as terminal:
        terminal.shows("[1 overview]")
        terminal.shows("so2 17")
        colours = re.findall(r"\x1b\[(?:[\d;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|[34]8;[\d;]+)m", terminal.coloured)
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.until(lambda: terminal.exit_code == 0)

    assert colours == []


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_gives_the_terminal_back(agent: AgentProcess, sent: signal.Signals) -> None:
    """A hung-up line, or a session that is closed: what stood on the terminal before stands there again."""
    with Terminal([*COMMAND, "--config", str(agent.config), "watch"]) as terminal:
        terminal.shows("so2 17")
        os.kill(terminal.pid, sent)
        terminal.until(lambda: terminal.exit_code == 0)

        assert [line for line in terminal.lines if line] == ["exit code 0"]


def test_put_aside_and_fetched_back_it_draws_everything_again(agent: AgentProcess) -> None:
    """Ctrl-Z for a ping and fg are what a technician does; half a screen would be his shell's."""
    line = shlex.join([*COMMAND, "--config", str(agent.config), "watch"])
    with Terminal(["bash", "--norc", "-i"], environment={"PS1": "ready> "}) as terminal:
        terminal.shows("ready>")
        terminal.press(line, "Enter")
        terminal.shows("so2 17")
        terminal.press("C-z")
        terminal.shows("Stopped")
        terminal.press("fg", "Enter")
        terminal.shows("so2 17")
        terminal.until(lambda: terminal.lines[1].startswith("[1 overview]") and "q quit" in terminal.lines[-1])
        terminal.press("q")
        terminal.until(lambda: terminal.lines[-1] == "" and any(line.startswith("ready>") for line in terminal.lines))


def test_a_storm_of_sizes_ends_in_a_whole_screen(agent: AgentProcess) -> None:
    """A window that is dragged sends dozens of them, down to one that has no room for anything."""
    with Terminal([*COMMAND, "--config", str(agent.config), "watch"]) as terminal:
        terminal.shows("so2 17")
        for number in range(30):
            terminal.resize(20 + number % 7 * 20, 5 + number % 5 * 10)
            os.kill(terminal.pid, signal.SIGWINCH)
        terminal.resize(20, 5)
        terminal.until(lambda: len(terminal.lines) == 5 and terminal.lines[-1].strip() == "q quit")
        terminal.resize(80, 24)
        terminal.shows("so2 17")
        assert terminal.lines[1].startswith("[1 overview]")


def test_it_ends_with_its_terminal(agent: AgentProcess) -> None:
    """A technician who shuts the laptop leaves nothing behind that reads the log for ever."""
    with Terminal([*COMMAND, "--config", str(agent.config), "watch"]) as terminal:
        terminal.shows("so2 17")
        process = Path(f"/proc/{terminal.pid}")
    deadline_s = time.monotonic() + 10
    while process.exists() and "Z" not in (process / "stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_without_textual_it_says_what_to_install(agent: AgentProcess) -> None:
    """The base package does without; the error names the extra."""
    program = "import sys; sys.modules['textual'] = None; from agent.cli import main; sys.exit(main())"
    with Terminal([sys.executable, "-c", program, "--config", str(agent.config), "watch"]) as terminal:
        terminal.until(lambda: terminal.exit_code is not None)
        said = " ".join(terminal.lines)

        assert terminal.exit_code == 3
    assert "watch needs textual, which is not installed" in said
    assert "pip install 'station-agent[tui]'" in said


def test_in_a_pipe_it_names_the_command_that_can(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    """A script wants `status`, not a screen full of escape sequences."""
    assert main(["--config", str(agent.config), "watch"]) == 2
    assert "station-agent status --watch" in capsys.readouterr().err


@pytest.mark.soak
@pytest.mark.parametrize("key", list("12345"))
def test_a_screen_that_nobody_touches_takes_less_than_three_percent_of_a_core(agent: AgentProcess, key: str) -> None:
    """It stands there all day beside the daemon, on the same small PC."""
    line = [*COMMAND, "--config", str(agent.config), "watch"]
    with Terminal(line) as terminal:
        terminal.shows("[1 overview]")
        first_s = cpu_s(terminal.pid)
        terminal.press(key)
        terminal.shows(f"[{key} ")
        time.sleep(3)
        began_s, used_s = time.monotonic(), cpu_s(terminal.pid)
        time.sleep(30)
        share = (cpu_s(terminal.pid) - used_s) / (time.monotonic() - began_s)
    print(f"page {key}: first screen after {first_s:.2f} s of processor time, then {share * 100:.2f} % of a core")

    assert first_s < 1.0
    assert share < 0.03


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
