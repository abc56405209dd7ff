"""What a console cannot show does not end a command, and nobody has to guess what is meant."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.cli import console
from agent.curves import terminal
from agent.language import choose, say
from tests.simulators.agent_process import COMMAND

STATION = '[station]\nid = "a"\nname = "下沙"\nruntime = "run"\n[store]\npath = "store.db"\n'
LATIN = {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A station whose daemon never ran."""
    path = tmp_path / "station.toml"
    path.write_text(STATION)
    return path


def on_a_terminal(line: list[str], environment: Mapping[str, str]) -> bytes:
    """What a command prints on a terminal, as bytes."""
    ours, its = pty.openpty()
    with subprocess.Popen(line, stdout=its, stderr=its, env=os.environ | environment):
        os.close(its)
        said = b""
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    return said


def test_a_terminal_that_lacks_a_character_shows_a_question_mark(config: Path) -> None:
    """Half a name is better than a traceback."""
    said = on_a_terminal([*COMMAND, "--config", str(config), "--lang", "zh", "status"], LATIN)

    assert b"???" in said
    assert b"station-agent" in said
    assert b"Traceback" not in said


def test_into_a_pipe_nothing_is_written_in_place_of_what_was_meant(config: Path) -> None:
    """A program behind the pipe would take the question marks for data."""
    done = subprocess.run(
        [*COMMAND, "--config", str(config), "--lang", "zh", "status"],
        capture_output=True,
        env=os.environ | LATIN,
        check=False,
    )

    assert done.returncode == 2
    assert b"latin-1" in done.stderr
    assert b"LC_ALL=C.UTF-8" in done.stderr
    assert b"?" not in done.stdout


def test_with_its_output_closed_a_command_still_has_an_exit_code(config: Path) -> None:
    """A supervisor that wants nothing else closes what it does not read."""
    line = shlex.join([*COMMAND, "--config", str(config), "status"])
    done = subprocess.run(["sh", "-c", f"{line} >&-"], stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (2, b"")


class Console:
    """The kernel's own console in place of stdout: it cannot be had without a machine of its own."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It is one."""
        return True

    def fileno(self) -> int:
        """Nobody reads from it."""
        return 1


@pytest.mark.parametrize(("name", "is_english"), [("/dev/tty1", True), ("/dev/pts/3", False), ("/dev/ttyS0", False)])
def test_the_kernels_own_console_speaks_english_and_says_why(
    monkeypatch: pytest.MonkeyPatch, name: str, is_english: bool
) -> None:
    """Its fonts have no Chinese: boxes would tell nobody why the station is not green."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setattr(sys, "stdout", Console())
    monkeypatch.setattr(os, "ttyname", lambda _: name)
    try:
        choose(console.language())
        assert (say("GOOD") == "GOOD") is is_english
        assert bool(console.note()) is is_english
        choose("zh")  # asked for in so many words
        assert console.note() == ""
    finally:
        choose("en")


@pytest.mark.parametrize(
    ("term", "encoding", "pen"),
    [
        ("xterm-256color", "utf-8", terminal.FINE),
        ("linux", "utf-8", terminal.CONSOLE),
        ("xterm", "gb18030", terminal.PLAIN),
        ("linux", "iso-8859-1", terminal.PLAIN),
    ],
)
def test_a_curve_is_drawn_with_what_the_terminal_has(
    monkeypatch: pytest.MonkeyPatch, term: str, encoding: str, pen: terminal.Pen
) -> None:
    """The PC's own console has no quarters of a block; in GB18030 a frame is two columns wide."""

    class Out:
        def __init__(self) -> None:
            self.encoding = encoding

    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "__stdout__", Out())

    assert terminal.pen() == pen
