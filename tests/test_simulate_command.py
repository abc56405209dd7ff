"""``station-agent simulate`` as integrators, trainers and scripts use it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
import time
import tty
from pathlib import Path

import pytest

from agent.cli import main
from drivers.api import Device, Link
from drivers.catalog import load_profile, make_driver
from tests.simulators.simulate_process import running


async def test_a_script_switches_faults_and_reads_the_journal(
    open_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of an integrator: a port, a journal, and faults from another process."""
    folder = open_folder
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    journal = folder / "journal"
    with running(folder, "teledyne-t400", "--port", "0", "--address", "3", "--journal", str(journal)) as run:
        run.until(lambda: "tell it" in run.text)
        (url,) = re.findall('url = "(.*)"', run.text)
        link = Link("rack", url, quiet_s=0.02)
        driver = make_driver(Device("o3", 3, load_profile("teledyne-t400"), timeout_s=2.0), link)
        codes = [main(["simulate", "--tell", "teledyne-t400", "span on"])]
        scan = await driver.poll(["o3", "status"])
        codes += [main(["simulate", "--tell", name, "spann on"]) for name in ("teledyne-t400", "nobody")]
        await link.close()
        code = run.end()

    said = capsys.readouterr()
    assert (codes, said.out) == ([0, 2, 2], "span\n")
    assert "did you mean span" in said.err
    assert "no simulation called nobody" in said.err
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [entry["said"]["o3"] for entry in entries if "o3" in entry["said"]] == [scan.readings["o3"].value]
    assert all(entry["faults"] == ["span"] for entry in entries)
    assert code == 0
    assert run.text.rstrip().splitlines()[-1] == f"asked {len(entries)} times, answered {len(entries)}"
    assert not list((folder / "station-agent-simulate").iterdir())


def test_what_it_prints_makes_a_station_that_reads_it(open_folder: Path) -> None:
    """From nothing to a first reading with two commands and one paste."""
    folder = open_folder
    config = folder / "station.toml"
    with running(folder, "vaisala-wxt536", "--pty") as run:
        run.until(lambda: "tell it" in run.text)
        pasted = run.text.partition("# tell it")[0]
        config.write_text(f'[station]\nid = "A1"\nruntime = "{folder}"\n{pasted}')
        command = [sys.executable, "-m", "agent", "--config", str(config), "read", "simulated", "--json"]
        answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        run.end()

    assert {reading["quality"] for reading in answer["readings"]} == {"valid"}


def test_on_a_terminal_faults_are_typed_and_the_screen_shows_them(open_folder: Path) -> None:
    """The way of a trainer: one screen, and the line in which things go wrong."""
    folder = open_folder
    with running(folder, "teledyne-t100", "--port", "0", terminal=True) as run:
        run.until(lambda: "FAULTS  no fault is on" in run.text and re.search(r"so2 \d\d\.", run.text))
        run.type("spamn\x7f\x7fn on")
        run.until(lambda: "FAULTS  span" in run.text and "span_calibration" in run.text)
        run.type("nonsense")
        run.until(lambda: "there is no fault 'nonsense'" in run.text)

        assert run.end() == 0
    assert "asked 0 times" in run.text.rpartition("\x1b[?1049l")[2]


async def test_a_serial_port_of_this_computer_serves_too(open_folder: Path) -> None:
    """Two computers and a null-modem cable: what the bench of an integrator looks like."""
    folder = open_folder
    near, far = pty.openpty()
    try:
        tty.setraw(near)
        with running(folder, "generic-xy-md02", "--serial", os.ttyname(far), "--baud", "19200") as run:
            run.until(lambda: "?baud=19200" in run.text)
            os.write(near, bytes.fromhex("01 04 0001 0001 600a"))
            reply = b""
            deadline = time.monotonic() + 10
            while len(reply) < 7 and time.monotonic() < deadline:
                reply += await asyncio.to_thread(os.read, near, 100)

            assert (reply[:3].hex(), len(reply)) == ("010402", 7)
            assert run.end() == 0
    finally:
        os.close(near)
        os.close(far)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["teledyne-t101"], 2, "there is no profile 'teledyne-t101'"),
        ([], 2, "no instrument is named"),
        (["generic-xy-md02", "--address", "300"], 2, "a Modbus unit has a number"),
        (["generic-xy-md02", "--baud", "12345"], 2, "12345 is no baud rate"),
        (["generic-xy-md02", "--serial", "/dev/null"], 3, "/dev/null is no serial port"),
        (["generic-xy-md02", "--serial", "/dev/nothing"], 3, "/dev/nothing cannot be opened"),
        (["generic-xy-md02", "--pty", "--fault", "zero"], 2, "cannot have the fault zero"),
    ],
)
def test_what_cannot_be_simulated_is_said_with_a_next_step(
    words: list[str],
    code: int,
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    open_folder: Path,
) -> None:
    """Wrong words end with one sentence and one thing to try."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(open_folder))

    assert main(["simulate", *words]) == code
    said = capsys.readouterr().err
    assert why in said
    assert "next: " in said
