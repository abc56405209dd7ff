"""Nothing is written to an instrument: not by a poll, and not by any command that looks into one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent
import drivers
from drivers import modbus_frames
from drivers.plan import FUNCTIONS, Span
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusLine, Unit
from tests.simulators.stationfile import HEAD, device, shared
from tests.simulators.technician import Technician

READING = {1, 2, 3, 4}
WRITING = {5, 6, 15, 16, 21, 22, 23}
"""Write coil, register, coils, registers, file record, mask, and read with write (application protocol 1.1b3)."""


def modules() -> Iterator[Path]:
    """Every module that runs on a station; the simulated instruments, which are written to, are none."""
    for package in (agent, drivers):
        folder = Path(str(package.__file__)).parent
        yield from (path for path in folder.rglob("*.py") if not {"simulation", "demo"} & set(path.parts))


def test_only_reading_functions_can_be_asked_for() -> None:
    """The one door to Modbus has no request for anything else."""
    assert set(modbus_frames.REQUESTS) == set(FUNCTIONS.values()) == READING
    for function in WRITING:
        for frames in modbus_frames.FRAMINGS.values():
            with pytest.raises(KeyError):
                frames.ask(1, Span(function, 0, 1))


def test_no_module_imports_what_could_write() -> None:
    """Also tomorrow: a request to write would have to be imported first, and only one module imports any."""
    imported = {
        (path.name, alias.name)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pymodbus")
        for alias in node.names
    }

    assert {module for module, _ in imported} == {"modbus_frames.py"}
    assert not [name for _, name in imported if "Write" in name or "Mask" in name or "Client" in name]


def test_whatever_a_technician_asks_only_reads(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every frame that any of the commands sends, as the instruments saw it."""
    units = {7: Unit(holding={0: 17}, coils={0: 1}, discrete={0: 1}, input={0: 5}, writable=True)}
    bus = bench.serve(ModbusLine(units, tmp_path / "bus"))
    text = HEAD + shared(f"serial://{bus.path}?baud=115200") + device("so2", 'link = "bus"', "1s", address=7)
    man = Technician(tmp_path, capsys, text)
    commands = [
        *(["probe", "so2", "0", "1", "--table", table] for table in FUNCTIONS),
        ["read", "so2"],
        ["read", "so2", "--raw"],
        ["scan", "bus", "--addresses", "6-8", "--timeout", "30ms"],
        ["listen", "bus", "--for", "50ms"],
        ["identify", "bus", "--address", "7", "--timeout", "30ms", "--profile", "generic-xy-md02"],
    ]
    codes = {" ".join(words): man.types(*words).code for words in commands}

    assert {frame[1] for _, frame in bus.requests} == READING
    assert {name.partition(" ")[0] for name, code in codes.items() if code > 1} == set()
