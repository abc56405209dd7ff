"""The demonstration as a visitor runs it: from the outside, with kills, and nothing of it left behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from agent.simulation.console import ask
from agent.stage import brokers
from agent.stage.brokers import DemoBroker, NoBrokerError
from agent.stage.child import Child, ChildError

RESULT = re.compile(r"polled (\d+) records, delivered (\d+), missing 0, duplicates (\d+)")


class Show:
    """One demonstration, its output so far, and the processes that it named."""

    def __init__(self, folder: Path, *words: str, terminal: bool = False) -> None:
        self.folder = folder
        self._chunks: list[bytes] = []
        near, far = pty.openpty() if terminal else os.pipe()
        if terminal:
            ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "demo", *words],
            stdin=subprocess.DEVNULL,
            stdout=far,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(folder), "TERM": "xterm", "PYTHONWARNINGS": "error"},
        )
        os.close(far)
        self._reader = threading.Thread(target=self._read, args=(near,))
        self._reader.start()

    def _read(self, fd: int) -> None:
        with open(fd, "rb", buffering=0) as source:
            try:
                while chunk := source.read(65536):
                    self._chunks.append(chunk)
            except OSError:  # how a terminal says that its other side is gone
                pass

    @property
    def text(self) -> str:
        """What it has printed."""
        return b"".join(self._chunks).decode().replace("\r\n", "\n")

    def until(self, condition: Callable[[], object], timeout_s: float = 60.0) -> None:
        """Wait until *condition* holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.02)

    def pid(self, name: str) -> int:
        """The process called *name* that it named last."""
        found = re.findall(rf"^{name} .*?pid (\d+)|{name} runs again, pid (\d+)", self.text, re.MULTILINE)
        return int("".join(found[-1]))

    def begun(self) -> None:
        """Wait until records arrive."""
        self.until(lambda: re.search(r"delivered [2-9][0-9]", self.text))

    def end(self, timeout_s: float = 40.0) -> re.Match[str]:
        """Wait for its end; the last line has to be a result, and the exit code that of success."""
        code = self.process.wait(timeout_s)
        self._reader.join()
        result = RESULT.fullmatch(self.text.rstrip().splitlines()[-1])
        assert result, self.text
        assert code == 0, self.text
        assert result[1] == result[2]
        return result

    def leaves_nothing(self) -> bool:
        """Whether its folder is gone, and every process that worked in it."""
        return not list(self.folder.iterdir()) and not processes_naming(self.folder)


def processes_naming(folder: Path) -> list[str]:
    """The command lines that name *folder*."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in words and "pytest" not in words.partition("\0")[0]:
            found.append(words)
    return found


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short name: a socket's may have 107 bytes."""
    return tmp_path_factory.mktemp("d")


@contextmanager
def shown(folder: Path, *words: str, terminal: bool = False) -> Iterator[Show]:
    """A demonstration that is over when the test is."""
    show = Show(folder, *words, terminal=terminal)
    try:
        yield show
    finally:
        show.process.kill()
        show.process.wait()


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Show]]:
    """The undisturbed ones run at the same time: most of theirs is waiting."""
    keep = tmp_path_factory.mktemp("k")
    with (
        shown(tmp_path_factory.mktemp("m"), "--for", "10s", "--broker", "mosquitto") as mosquitto,
        shown(tmp_path_factory.mktemp("i"), "--for", "8s", "--broker", "iotcore") as iotcore,
        shown(tmp_path_factory.mktemp("t"), "--for", "8s", terminal=True) as terminal,
        shown(keep, "--for", "8s", "--keep", str(keep / "kept")) as kept,
    ):
        yield {"mosquitto": mosquitto, "iotcore": iotcore, "terminal": terminal, "kept": kept}


def test_an_instrument_is_made_silent_from_outside(side_by_side: dict[str, Show]) -> None:
    """The second thing that the screen invites to: what the agent makes of an instrument that fails."""
    show = side_by_side["mosquitto"]
    show.begun()
    console = re.search(r"--tell (\S+) 'co silent'", show.text)
    assert console

    assert ask(Path(console[1]), "co silent") == "co: silent"
    show.until(lambda: "co: silent" in show.text)


def test_nothing_is_missing_and_nothing_comes_twice(side_by_side: dict[str, Show]) -> None:
    """The first thing that a stranger sees of this project."""
    show = side_by_side["mosquitto"]

    assert show.end()[3] == "0"
    assert "broker mosquitto" in show.text
    assert "ppb span_check" in show.text
    assert show.leaves_nothing()


def test_without_mosquitto_the_broker_of_the_wheel_serves(side_by_side: dict[str, Show]) -> None:
    """A visitor without the right to install anything has to see it too."""
    show = side_by_side["iotcore"]

    assert show.end()[3] == "0"
    assert "broker iotcore" in show.text
    assert show.leaves_nothing()


def test_a_terminal_gets_a_screen_and_the_result_below_it(side_by_side: dict[str, Show]) -> None:
    """The screen must not eat what was on the terminal, nor the result."""
    show = side_by_side["terminal"]
    show.end()
    screens, _, after = show.text.partition("\x1b[?1049l")

    assert screens.startswith("\x1b[?1049h")
    for words in (
        "BROKER",
        "MQTT 5",
        "so2 ",
        "ppb span_check",
        "tube_temperature",
        "UPLINK",
        "chain verified",
        "kill -9",
    ):
        assert words in screens
    assert "MQTT 5" in after
    assert show.leaves_nothing()


def test_killing_the_agent_and_the_broker_loses_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the screen invites a visitor to try, with a broker that keeps its state and one that does not."""
    folders = [tmp_path_factory.mktemp(name) for name in ("m", "i")]
    with (
        shown(folders[0], "--broker", "mosquitto") as mosquitto,
        shown(folders[1], "--broker", "iotcore") as iotcore,
    ):
        for show in (mosquitto, iotcore):
            show.begun()
            os.kill(show.pid("agent"), signal.SIGKILL)
            os.kill(show.pid("broker"), signal.SIGKILL)
        for show in (mosquitto, iotcore):
            show.until(lambda show=show: "agent runs again" in show.text and "broker runs again" in show.text)
            os.kill(show.pid("agent"), signal.SIGKILL)
            show.until(lambda show=show: show.text.count("agent runs again") == 2)
            show.process.send_signal(signal.SIGINT)
        for show in (mosquitto, iotcore):
            show.end()
            assert show.leaves_nothing()


def test_a_broker_killed_at_the_very_end_loses_nothing(folder: Path) -> None:
    """What it had acknowledged and not handed on is asked for again, though polling is over."""
    with shown(folder) as show:
        show.begun()
        os.kill(show.pid("broker"), signal.SIGKILL)
        show.process.send_signal(signal.SIGTERM)
        show.end()

        assert "was killed by SIGKILL" in show.text
        assert show.leaves_nothing()


def test_killed_itself_it_takes_everything_along(folder: Path) -> None:
    """A closed terminal or a kill -9 must leave no daemon polling in the dark."""
    with shown(folder) as show:
        show.begun()
        children = [show.pid("agent"), show.pid("broker")]
        assert all(Path(f"/proc/{pid}").exists() for pid in children)
        show.process.kill()
        deadline = time.monotonic() + 5
        while processes_naming(folder) and time.monotonic() < deadline:
            time.sleep(0.02)

        assert processes_naming(folder) == []


def test_kept_files_are_a_station_to_look_at(side_by_side: dict[str, Show]) -> None:
    """Its log, read afterwards by the ordinary commands, is what was counted."""
    show = side_by_side["kept"]
    polled, kept = int(show.end()[1]), show.folder / "kept"
    command = [sys.executable, "-m", "agent", "--config", str(kept / "station.toml")]
    records = subprocess.run([*command, "records", "--json", "--last", "9999"], capture_output=True, check=True)

    assert len(records.stdout.splitlines()) == polled
    again = subprocess.run([*command, "demo", "--keep", str(kept)], capture_output=True, text=True, check=False)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


def test_without_any_broker_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one thing that a demonstration may ask of a visitor."""
    monkeypatch.setattr(brokers, "SEARCH_PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(NoBrokerError) as caught:
        DemoBroker(folder, "auto", print)
    assert "apt-get install mosquitto" in caught.value.hint


async def test_a_program_that_ends_again_and_again_is_not_started_for_ever(folder: Path) -> None:
    """A wrong configuration is no crash: it has to be told, with what the program said."""
    told: list[str] = []
    child = Child("agent", ["/bin/sh", "-c", "echo the file is wrong; exit 2"], folder / "log", told=told.append)
    await child.start()

    with pytest.raises(ChildError, match="the file is wrong"):
        await child.keep()
    assert child.restarts == 2
