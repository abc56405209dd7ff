"""The one screen: right and quick with the daemon running, hung, dead or never started, for whoever may look."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.amounts import ago
from agent.clock import kernel_says
from agent.columns import fold, table, width
from tests.simulators import misbehaviour
from tests.simulators.agent_process import COMMAND, AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.people import NOBODY, ROOT, as_member, some_group
from tests.simulators.stationfile import HEAD, at_port, device, uplink
from tests.simulators.terminal import Terminal

GOOD, WARNING, CRITICAL, UNKNOWN = range(4)
WELL = GOOD if kernel_says() else WARNING  # a machine without NTP is told to care for it


def words(text: str) -> str:
    """*text* without its line breaks, which fall where the screen ends."""
    return " ".join(text.split())


def polled(agent: AgentProcess) -> bool:
    """Whether every device gave a reading."""
    return all(one["polled"] for one in agent.status()["devices"])


def as_stranger(agent: AgentProcess, *line: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without any right: who is not root takes them from himself for so long."""
    if ROOT:
        return agent.command_as(NOBODY, [], *line)
    runtime = agent.folder / "run"
    hidden = runtime.stat().st_mode & 0o005 == 0
    modes = {place: place.stat().st_mode for place in ([runtime] if hidden else runtime.iterdir())}
    os.kill(agent.pid, signal.SIGSTOP)  # it would give the snapshot its rights again
    try:
        for place in modes:
            place.chmod(0)
        return agent.command(*line)
    finally:
        for place, mode in modes.items():
            place.chmod(mode)
        os.kill(agent.pid, signal.SIGCONT)


@pytest.fixture
def agent(bench: Bench, tmp_path: Path) -> Iterator[AgentProcess]:
    """A station with one analyzer and no uplink."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "400ms")) as running:
        running.until(lambda: polled(running), "a reading")
        yield running


def test_a_station_that_is_well_says_so_on_one_screen(bench: Bench, broker: Mosquitto, tmp_path: Path) -> None:
    """What is measured, how it is delivered, how far the log got: nothing to look up, nothing beyond 80 columns."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    long = "a-device-with-a-name-of-32-chars"
    text = HEAD + device(long, at_port(server), "400ms") + uplink("city", broker.url)
    with Consumer(broker.port), AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: polled(agent) and agent.status()["uplinks"][0]["state"] == "connected", "a connection")
        screen, machine = agent.command("status"), agent.command("status", "--json")

    assert (screen.returncode, machine.returncode) == (WELL, WELL), screen.stdout
    assert screen.stdout.startswith(("GOOD      station test-1", "WARNING   station test-1"))
    unfolded = "".join(line.lstrip() for line in screen.stdout.splitlines())
    for said in ("so2 17", "good", "city", "connected", " 5 ", str(tmp_path / "store.db")):
        assert words(said) in unfolded, said
    assert max(map(width, screen.stdout.splitlines())) <= 80, screen.stdout
    facts = json.loads(machine.stdout)
    assert facts["snapshot"]["devices"][0]["channels"][0]["value"] == 17
    assert [one["subject"] for one in facts["findings"]] == ([] if WELL == GOOD else ["clock"])


def test_a_clock_that_nobody_disciplines_is_told_with_what_to_look_at(bench: Bench, tmp_path: Path) -> None:
    """Records say unsynced; the screen says why and where to look."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    text, says_no = HEAD + device("so2", at_port(server), "400ms"), "agent.clock.kernel_says = lambda: False"
    with AgentProcess(tmp_path, text, prelude=f"import agent.clock; {says_no}") as agent:
        screen = agent.command("status")

    assert "warning clock: not synchronised; records say so -> Check the time service" in words(screen.stdout)
    assert "clock NOT synchronised" in words(screen.stdout)


def test_a_hung_daemon_is_not_taken_for_a_running_one(agent: AgentProcess) -> None:
    """The process is there, its last words look good: only their age shows that nothing is measured."""
    os.kill(agent.pid, signal.SIGSTOP)
    snapshot = agent.folder / "run" / "status.json"
    facts = json.loads(snapshot.read_bytes())
    facts["written"] = (datetime.now(UTC) - timedelta(seconds=11)).isoformat()  # in place of waiting as long
    snapshot.write_text(json.dumps(facts))

    screen = agent.command("status")
    os.kill(agent.pid, signal.SIGCONT)

    assert screen.returncode == CRITICAL
    assert f"critical agent: the daemon (pid {agent.pid}) has not turned for 1" in words(screen.stdout)
    assert "-> Run: sudo systemctl restart station-agent" in words(screen.stdout)
    agent.until(lambda: agent.command("status").returncode == WELL, "recovery")


def test_a_daemon_that_died_is_told_from_one_that_was_stopped(agent: AgentProcess) -> None:
    """The one needs its journal read, the other a start."""
    agent.kill()
    died = agent.command("status")
    agent.start()
    assert agent.stop() == 0
    stopped = agent.command("status")

    assert (died.returncode, stopped.returncode) == (CRITICAL, CRITICAL)
    assert "critical agent: the daemon died" in words(died.stdout)
    assert "-> Run: sudo station-agent doctor" in words(died.stdout)
    assert "critical agent: the daemon was stopped" in words(stopped.stdout)
    assert "-> Run: sudo systemctl start station-agent" in words(stopped.stdout)
    assert "so2 17" in died.stdout, "the last values are still there to see"


def test_a_daemon_that_never_ran_is_told_from_one_that_ran_before_the_last_boot(tmp_path: Path) -> None:
    """A runtime directory is empty after a boot; the log is not."""
    agent = AgentProcess(tmp_path, HEAD)
    never = agent.command("status")
    (tmp_path / "store.db").touch()
    booted = agent.command("status")

    assert (never.returncode, booted.returncode) == (CRITICAL, CRITICAL)
    assert "the daemon has never run here: nothing is polled" in words(never.stdout)
    assert "the daemon has not run since this machine started" in words(booted.stdout)


def test_a_broken_file_beside_a_running_daemon_hides_nothing(agent: AgentProcess) -> None:
    """Half-saved files are when people look: the screen still shows the station, and which line is broken."""
    agent.config.write_text(agent.config.read_text() + "\n[[device\n")

    screen = agent.command("status")

    assert screen.returncode == WARNING
    assert "so2 17" in screen.stdout
    assert "warning configuration:" in words(screen.stdout)
    assert "is not TOML" in words(screen.stdout)


def test_a_wrong_name_of_the_file_is_no_statement_about_the_station(tmp_path: Path) -> None:
    """A typing error in --config must not make somebody start a second agent."""
    asked = subprocess.run(
        [*COMMAND, "--config", str(tmp_path / "staton.toml"), "status", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"RUNTIME_DIRECTORY": str(tmp_path / "nothing")},
    )

    assert asked.returncode == UNKNOWN
    assert "staton.toml cannot be read" in json.loads(asked.stdout)["findings"][0]["cause"]


@pytest.mark.parametrize("mode", [0o750, 0o755], ids=["folder", "file"])
def test_another_user_sees_the_station_with_the_reading_group_and_its_name_without(
    bench: Bench, open_folder: Path, mode: int
) -> None:
    """The technician needs no root, and one look tells what to ask the administrator for."""
    group = some_group()
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    runtime = open_folder / "run"
    runtime.mkdir()
    runtime.chmod(mode)
    os.chown(runtime, -1, group.gr_gid)
    text = HEAD.replace("[store]", f'read_group = "{group.gr_name}"\n[store]') + device("so2", at_port(server), "400ms")
    with AgentProcess(open_folder, text) as agent:
        agent.until(lambda: polled(agent), "a reading")
        member, read_by_member = (as_member(agent, group, *line) for line in (["status"], ["read", "so2"]))
        stranger, read_by_stranger = (as_stranger(agent, *line) for line in (["status"], ["read", "so2"]))
        read = [read_by_member, read_by_stranger]

    assert (member.returncode, stranger.returncode) == (WELL, UNKNOWN), member.stderr + stranger.stderr
    assert "so2 17" in member.stdout
    assert "may not be read by this user" in words(stranger.stdout)
    assert f"-> Add your user to the group {group.gr_name}" in words(stranger.stdout)
    assert [one.returncode for one in read] == [0, 3], read
    assert "so2" in read[0].stdout
    assert "not allowed" in read[1].stderr


def test_one_dead_device_is_a_warning_with_cause_and_next_step(bench: Bench, tmp_path: Path) -> None:
    """The level is that of the station; the cause is on the same screen, and what to try."""
    units = {1: Unit(holding={0: 17}), 2: Unit(holding={0: 18})}
    server = bench.serve(ModbusTcpServer(units))
    silent = bench.serve(ModbusTcpServer(units, misbehave=misbehaviour.silence))
    text = HEAD + device("so2", at_port(server), "400ms") + device("nox", at_port(silent), "400ms")
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: {one["state"] for one in agent.status()["devices"]} == {"good", "failing"}, "one loss")
        one_dead = agent.command("status")
        server.misbehave = misbehaviour.silence
        agent.until(lambda: {one["state"] for one in agent.status()["devices"]} == {"failing"}, "both lost")
        all_dead = agent.command("status")

    assert one_dead.returncode == WARNING
    cause = f"warning address nox: 127.0.0.1:{silent.port} is there, but never any answer from address 1"
    assert cause in words(one_dead.stdout)
    assert "-> Compare it and the protocol with its menu, or: station-agent scan nox" in words(one_dead.stdout)
    assert all_dead.returncode == CRITICAL
    assert "critical station: no device answers: nothing is measured" in words(all_dead.stdout)
    assert words(all_dead.stdout).index("critical") < words(all_dead.stdout).index("warning"), "the worst first"


def test_an_uplink_that_is_down_tells_why_and_what_waits(bench: Bench, tmp_path: Path) -> None:
    """Is it the station, the line or the broker? The screen says it without a second command."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    port = free_port()
    text = HEAD + device("so2", at_port(server), "400ms") + uplink("city", f"mqtt://127.0.0.1:{port}")
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: agent.status()["uplinks"][0]["error"] and polled(agent), "a refused connection")
        agent.until(lambda: sum(agent.status()["uplinks"][0]["backlog"].values()) >= 5, "a backlog")
        screen = agent.command("status")

    assert screen.returncode == WARNING, "nothing is lost yet"
    assert f"127.0.0.1:{port}" in words(screen.stdout)
    assert "warning broker city:" in words(screen.stdout)
    row = next(line for line in screen.stdout.splitlines() if line.startswith("city "))
    assert int(row.split()[3]) >= 5, row


@pytest.mark.parametrize("words", [["status", "--json"], ["status"], ["--lang", "zh", "status"]])
def test_status_starts_as_fast_as_python_lets_it(agent: AgentProcess, words: list[str]) -> None:
    """A screen that takes a second is not looked at: at most eight times what an empty Python takes."""
    line = [*COMMAND, "--config", str(agent.config), *words]

    def took_s(command: list[str]) -> float:  # of processor time, which a busy machine does not stretch
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    pairs = [(took_s([sys.executable, "-c", "pass"]), took_s(line)) for _ in range(5)]
    empty_s, status_s = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"python -c pass {empty_s * 1000:.0f} ms, {' '.join(words)} {status_s * 1000:.0f} ms")

    assert status_s <= 8 * empty_s


def test_status_imports_nothing_heavy(agent: AgentProcess) -> None:
    """One careless import costs more than everything else together."""
    line = [sys.executable, "-X", "importtime", *COMMAND[1:], "--config", str(agent.config), "status"]
    imported = subprocess.run(line, capture_output=True, text=True, check=False).stderr
    modules = {row.rsplit("|", 1)[-1].strip() for row in imported.splitlines() if row.startswith("import time:")}

    assert "agent.paths" in modules
    assert not {"pydantic", "structlog", "asyncio", "apsw", "orjson", "paho", "serial", "pymodbus", "rich"} & modules


def test_colours_are_for_terminals_that_want_them(agent: AgentProcess) -> None:
    """In a log file, a mail or on a monochrome screen an escape sequence is dirt; the word says it all."""
    agent.kill()
    line = [*COMMAND, "--config", str(agent.config), "status"]
    with Terminal(line) as coloured, Terminal(line, environment={"NO_COLOR": "1"}) as plain:
        coloured.until(lambda: coloured.exit_code is not None)
        plain.until(lambda: plain.exit_code is not None)
        screens = coloured.coloured, plain.coloured

    assert all(screen.count("CRITICAL") == 1 for screen in screens)
    assert ["\x1b[1m\x1b[31mCRITICAL" in screen for screen in screens] == [True, False]
    assert "\x1b" not in screens[1] + agent.command("status").stdout


def test_watching_follows_the_station_and_ends_with_its_level(agent: AgentProcess) -> None:
    """A second window for the technician at the rack: it stays in its place, and Ctrl-C is no failure."""
    line = [*COMMAND, "--config", str(agent.config), "status", "--watch"]
    with Terminal(line, rows=16) as watching:
        watching.shows("so2 17")
        agent.kill()
        watching.shows("the daemon died")
        rows = watching.lines
        headlines = [row for row in rows if "station test-1" in row]
        os.kill(watching.pid, signal.SIGINT)
        watching.until(lambda: watching.exit_code is not None)
        code = watching.exit_code

    assert (len(headlines), code) == (1, CRITICAL), rows


def test_ages_are_told_in_their_two_largest_units() -> None:
    """Eleven thousand seconds mean nothing to anybody."""
    assert [ago(seconds=age) for age in (0, 59, 119, 120, 3600, 3661, 90_000, 86_400 * 3)] == [
        "0 s",
        "59 s",
        "119 s",
        "2 min",
        "1 h",
        "1 h 1 min",
        "1 d 1 h",
        "3 d",
    ]


def test_text_and_tables_keep_to_the_screen_in_chinese_too() -> None:
    """A Chinese character takes two columns; a path has no blank to break at."""
    text = "站点 " * 30 + "/a/path/" + "x" * 100
    rows = [("名称" * 16, "a" * 32, "好", "数值 1, " * 20)]

    lines = [*fold(text, 80, "    "), *table(("NAME", "LINK", "STATE", "VALUES"), rows, 80)]

    assert max(map(width, lines)) <= 80
    assert "".join("".join(fold(text, 80, "    ")).split()) == "".join(text.split())
