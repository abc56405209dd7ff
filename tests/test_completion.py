"""Completion in a real bash, and the manual page: both are made from the parsers, so neither can lack a command."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import COMMANDS, whole_parser
from agent.completion.manual import page
from agent.completion.names import names
from agent.completion.tree import commands_of
from tests.simulators.agent_process import MAIN
from tests.simulators.stationfile import HEAD, SO2, device, shared
from tests.simulators.technician import Technician

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _station_agent
printf '%s\\n' "${COMPREPLY[@]}"
"""
STATION = (
    HEAD
    + shared("serial:///dev/ttyS9?baud=9600")
    + device("so2", 'link = "bus"', "5s", profile="teledyne-t100")
    + device("mast", 'url = "tcp://192.0.2.1:502"', "5s", SO2.replace('"so2"', '"speed"'))
)


class Shell:
    """A bash that has read the script, and finds a ``station-agent`` of this tree."""

    def __init__(self, folder: Path, script: str) -> None:
        self._script = folder / "completion.bash"
        self._script.write_text(script)
        program = folder / "bin" / "station-agent"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\n{MAIN}\n")
        program.chmod(0o755)
        self._environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}

    def completes(self, *words: str) -> list[str]:
        """What the last of *words* may become."""
        line = ["bash", "--norc", "-c", ASK, "bash", str(self._script), "station-agent", *words]
        said = subprocess.run(line, capture_output=True, text=True, env=self._environment, check=False)
        assert said.stderr == ""
        return said.stdout.split()


@pytest.fixture
def station(tmp_path: Path) -> Path:
    """A station file with a profile, channels in place, a link, and a wire of a device's own."""
    config = tmp_path / "station.toml"
    config.write_text(STATION)
    return config


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Made by the command itself."""
    return Shell(tmp_path, Technician(tmp_path, capsys).types("completion", "bash").out)


def test_a_shell_completes_commands_options_and_choices(shell: Shell) -> None:
    """Nobody remembers --addresses."""
    assert shell.completes("re") == ["reload", "read", "records", "receive", "report"]
    assert shell.completes("scan", "rack", "--ad") == ["--addresses"]
    assert shell.completes("records", "--stream", "") == ["measurement", "parameter", "event", "audit"]
    assert shell.completes("maintenance", "st") == ["start", "stop"]
    assert shell.completes("--lang", "") == ["en", "zh"]


def test_a_shell_completes_the_names_of_the_station_that_is_meant(shell: Shell, station: Path) -> None:
    """Devices, links, channels and profiles, of the file that --config names earlier on the line."""
    words = ("--config", str(station))

    assert shell.completes(*words, "read", "") == ["mast", "so2"]
    assert shell.completes(*words, "scan", "") == ["bus", "mast"]
    assert shell.completes(*words, "probe", "b") == ["bus"]
    assert shell.completes(*words, "plot", "so2.so2", "mast.") == ["mast.speed"]
    assert "so2.lamp_ratio" in shell.completes(*words, "plot", "so2.l")
    assert shell.completes(*words, "maintenance", "start", "s") == ["so2"]
    assert shell.completes(*words, "records", "--device", "m") == ["mast"]
    assert "teledyne-t100" in shell.completes(*words, "profiles", "tele")


def test_where_a_file_or_a_free_word_is_meant_the_shell_is_left_alone(shell: Shell) -> None:
    """Bash completes files itself when nothing is offered."""
    assert shell.completes("verify", "") == []
    assert shell.completes("--config", "") == []
    assert shell.completes("scan", "rack", "--addresses", "") == []


def test_a_file_that_is_half_written_has_the_names_that_can_be_had(tmp_path: Path) -> None:
    """A key is pressed while the file is open in the editor; an error on the command line helps nobody."""
    config = tmp_path / "station.toml"
    config.write_text('[[device]\nname = "so2"\n')

    assert names("device", config) == []
    assert "teledyne-t100" in names("profile", config)
    assert names("device", tmp_path / "missing.toml") == []


def test_a_profile_of_the_station_itself_is_completed_too(tmp_path: Path, station: Path) -> None:
    """It stands beside the file, and comes before one that ships."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own-model.toml").write_text('[[channel]]\nname = "salt"\n')
    station.write_text(STATION + device("buoy", 'url = "tcp://192.0.2.2:502"', "5s", profile="own-model"))

    assert "own-model" in names("profile", station)
    assert "buoy.salt" in names("channel", station)


def test_completing_names_imports_nothing_heavy(station: Path) -> None:
    """A shell asks at every press of the key."""
    words = ("--config", str(station), "completion", "channel")
    line = [sys.executable, "-X", "importtime", "-c", MAIN, *words]
    imported = subprocess.run(line, capture_output=True, text=True, check=True).stderr
    modules = {row.rsplit("|", 1)[-1].strip() for row in imported.splitlines() if row.startswith("import time:")}

    assert "agent.completion.names" in modules
    assert not {"pydantic", "asyncio", "structlog", "apsw", "drivers.catalog"} & modules


def test_the_script_for_zsh_is_the_same_behind_its_bashcompinit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One script to keep right; zsh runs it as bash does."""
    technician = Technician(tmp_path, capsys)
    bash, zsh = technician.types("completion", "bash").out, technician.types("completion", "zsh").out

    assert "bashcompinit" in zsh
    assert zsh.endswith(bash.split("\n", 1)[1])


def test_the_manual_page_has_every_command_with_every_option() -> None:
    """What it lacks nobody finds without a network."""
    commands = list(commands_of(whole_parser()))
    roff = page(commands).replace(r"\-", "-")

    assert [command.path[0] for command in commands if len(command.path) == 1] == list(COMMANDS)
    for command in commands[1:]:
        assert f".SS {' '.join(command.path)}\n" in roff
        for word in command.words:
            assert all(rf"\fB{flag}\fR" in roff for flag in word.flags if flag not in ("-h", "--help")), word
    for heading in ("NAME", "SYNOPSIS", "EXIT STATUS", "FILES", "ENVIRONMENT", "SEE ALSO"):
        assert f".SH {heading}\n" in roff


def test_no_line_of_the_manual_page_is_taken_for_a_request_of_roff() -> None:
    """A line that begins with a dot would vanish."""
    known = {"TH", "SH", "SS", "TP", "PP", "nf", "fi", "B"}
    roff = page(commands_of(whole_parser()))
    requests = {match[1] for match in re.finditer(r"^[.'](\S*)", roff, re.MULTILINE)}

    assert requests <= known


def test_every_command_shows_examples_in_its_help() -> None:
    """One line to copy says more than a list of options."""
    lacking = [
        command.path[0]
        for command in commands_of(whole_parser())
        if len(command.path) == 1 and f"station-agent {command.path[0]}" not in command.epilog.replace(" --config", "")
    ]

    assert lacking == []


def test_an_argument_without_a_name_that_is_known_is_left_open() -> None:
    """What a word stands for is never guessed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("anything")
    (command,) = commands_of(parser)

    assert command.words[-1].kind == ""
