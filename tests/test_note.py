"""Notes, and who may leave them: the record names the user that the kernel tells, and only some may act."""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.people import MEMBER, TAKES_MEMBERS_FOR_OTHERS, as_member, other_group, some_group
from tests.simulators.stationfile import HEAD, at_port, device
from tests.simulators.technician import Said, Technician
from tests.test_schemas import validator

ME = {"uid": os.getuid(), "user": getpass.getuser()}
ACTIONS = (
    ("note", "a remark"),
    ("maintenance", "start", "so2", "--reason", "x"),
    ("maintenance", "stop", "all"),
    ("alarms", "ack", "k3nab7q2"),
    ("alarms", "close", "k3nab7q2", "--reason", "x"),
)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """A daemon that everybody of this file writes to."""
    with Bench() as bench:
        server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
        with AgentProcess(tmp_path_factory.mktemp("notes"), HEAD + device("so2", at_port(server), "1s")) as running:
            yield running


Types = Callable[..., Said]
"""Runs a command at the station of the test."""


@pytest.fixture
def types(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> Types:
    return Technician(agent.folder, capsys).types


def notes(agent: AgentProcess) -> list[dict[str, Any]]:
    return [record for record in agent.records("audit") if record["event"] == "note_added"]


def test_a_note_is_in_the_audit_stream_once_the_command_has_ended(agent: AgentProcess, types: Types) -> None:
    """Twenty years later somebody asks who changed the filter, and under which order."""
    words = ["--device", "so2", "--kind", "filter", "--person", "李雷", "--order", "WO-7"]
    said = types("note", "滤膜已更换，", "grey", *words)
    (note,) = notes(agent)

    validator("event").validate(note)
    assert (said.code, said.out, said.err) == (0, "noted\n", "")
    assert note["device"] == "so2"
    assert note["data"] == {"text": "滤膜已更换， grey", "kind": "filter", "person": "李雷", "order": "WO-7", **ME}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["  "], "text cannot be taken"),
        (["bell \x07"], "text cannot be taken"),
        (["bytes that are no text \udcff"], "text cannot be taken"),
        (["x" * 2001], "at most 2000 characters"),
        (["x", "--person", "y" * 101], "person cannot be taken"),
        (["x", "--device", "all"], "there is no device called all"),
        (["x", "--device", "SO2"], "Did you mean so2?"),
    ],
)
def test_what_no_record_should_hold_is_refused(agent: AgentProcess, words: list[str], why: str, types: Types) -> None:
    """A record is for ever: no typing error, no control character, nobody's whole diary."""
    before = notes(agent)
    said = types("note", *words)

    assert said.code == 2
    assert why in said.err
    assert notes(agent) == before


@pytest.mark.parametrize("words", ACTIONS, ids=" ".join)
def test_without_a_daemon_nothing_is_done_and_nothing_written(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the daemon writes the log; a remark that nobody keeps must not look as if it were kept."""
    (tmp_path / "station.toml").write_text(HEAD)
    said = Technician(tmp_path, capsys).types(*words)

    assert said.code == 3
    assert "no daemon answers" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["station.toml"]


@pytest.mark.parametrize("command", ["alarms", "maintenance"])
def test_without_a_daemon_and_without_a_log_there_is_nothing_to_be_shown(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty list would say that all is well."""
    (tmp_path / "station.toml").write_text(HEAD)
    said = Technician(tmp_path, capsys).types(command)

    assert (said.code, said.out) == (3, "")
    assert "store.db" in said.err


def test_one_group_looks_and_another_acts_and_the_record_names_the_user(bench: Bench, open_folder: Path) -> None:
    """Whoever may read a screen may not mark data; whoever does is known."""
    ours = some_group()
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    text = HEAD + device("so2", at_port(server), "200ms")
    lists, refused, allowed = [], [], []
    for acting in (other_group(ours), ours):
        groups = f'read_group = "{ours.gr_name}"\nact_group = "{acting.gr_name}"\n'
        config = text.replace("[store]", f"{groups}[store]")
        with AgentProcess(open_folder, config, prelude=TAKES_MEMBERS_FOR_OTHERS) as agent:

            def ask(*words: str, agent: AgentProcess = agent) -> tuple[int, str]:
                asked = as_member(agent, ours, *words)
                return asked.returncode, asked.stderr

            lists += [ask("maintenance"), *([ask("alarms")] if acting is ours else [])]
            (allowed if acting is ours else refused).append(ask(*ACTIONS[1]))
            audits = [one for one in agent.records("audit") if one["event"] in ("note_added", "maintenance_started")]
            if acting is not ours:
                assert audits == []

    user = pwd.getpwuid(MEMBER)
    assert lists == [(0, "")] * 3
    assert [(code, "may look, but not act" in said) for code, said in refused] == [(3, True)]
    assert allowed == [(0, "")]
    assert [(one["data"]["uid"], one["data"]["user"]) for one in audits] == [(user.pw_uid, user.pw_name)]
