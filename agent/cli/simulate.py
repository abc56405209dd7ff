"""``simulate``: an instrument of any profile that is not there, on a TCP port, a pseudo-terminal or a serial port.

While it runs, faults are switched by typing (``span on``, ``late 3s``, ``help``), or
from a script: ``station-agent simulate --tell NAME "span on"``.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.cli.simulate_screen import Screen, said
from agent.paths import default_config
from agent.simulation.console import Console, ask, folder
from agent.simulation.instrument import Instrument, faults_of, instrument
from agent.simulation.journal import Journal
from agent.simulation.movement import Weather
from agent.simulation.simulation import Simulation
from agent.simulation.values import Values
from agent.simulation.wires import Network, SerialPort, SerialSettings, Terminal, Wire
from drivers.catalog import load_profile
from drivers.errors import StationError

PORT = 5020
"""Where Modbus TCP is served unless another port is named: 502 belongs to root."""

LAST_PORT = 65535


class SimulateError(StationError):
    """What was asked for cannot be simulated like that, or nobody simulates under that name."""

    exit_code = 2


EXAMPLES = """\
examples:
  station-agent simulate teledyne-t100
  station-agent simulate generic-xy-md02 --pty --link /tmp/room
  station-agent simulate teledyne-t100 --port 5020 --fault "late 3s"
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("profile", nargs="?", help="an instrument, as a station file names it")
    _add_wires(parser)
    add = parser.add_argument
    add("--address", help="unit number or address (default: as it leaves the factory, else 1)")
    add("--timezone", type=_timezone, default="UTC", help="what the instrument's own clock shows")
    add("--seed", type=int, default=1, help="another number gives other weather and other noise")
    add("--fault", action="append", default=[], metavar="WORDS", help='switched on from the start: "late 3s"')
    add("--journal", type=Path, metavar="FILE", help="write what was asked and served, a JSON object a line")
    add("--name", help="name for --tell (default: the profile's)")
    add("--tell", nargs=2, metavar=("NAME", "WORDS"), help='tell a running one: "span on", "help"')
    add("--plain", action="store_true", help="lines instead of a screen, as in a pipe")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def _add_wires(parser: argparse.ArgumentParser) -> None:
    wire = parser.add_mutually_exclusive_group()
    wire.add_argument("--port", type=_port, help=f"serve on a TCP port (default {PORT}, 0 for any that is free)")
    wire.add_argument("--pty", action="store_true", help="serve on a pseudo-terminal (default for serial instruments)")
    wire.add_argument("--serial", type=Path, metavar="DEVICE", help="serve on a serial port of this computer")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this computer only)")
    parser.add_argument("--link", type=Path, metavar="PATH", help="name of the pseudo-terminal")
    parser.add_argument("--baud", type=int, help="baud rate of --serial (default: as it leaves the factory)")


def run(options: argparse.Namespace) -> int:
    """Serve until somebody ends it, or tell one that serves; returns 0."""
    if options.tell:
        print(said(_told(*options.tell)))
        return 0
    if options.profile is None:
        raise SimulateError("no instrument is named", hint="Name a profile; station-agent profiles lists them")
    with ExitStack() as stack:
        journal = stack.enter_context(_opened(options.journal))
        asyncio.run(_serve(options, Journal(journal)))
    return 0


def _told(name: str, words: str) -> str:
    path = Path(name) if "/" in name else _folder() / f"{name}.sock"
    try:
        return ask(path, words)
    except ValueError as error:
        raise SimulateError(
            str(error), hint=f'Ask what there is: station-agent simulate --tell {name} "help"'
        ) from None
    except OSError:
        others = ", ".join(sorted(file.stem for file in _folder().glob("*.sock"))) or "none"
        raise SimulateError(f"no simulation called {name} runs", hint=f"There are: {others}") from None


async def _serve(options: argparse.Namespace, journal: Journal) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    name = options.name or options.profile
    thing = _instrument(options, journal)
    simulation = Simulation(thing, _wire(options, thing, name))
    async with AsyncExitStack() as stack:
        console = Console(_folder() / f"{name}.sock", simulation.tell)
        await _started(console, name)
        stack.push_async_callback(console.stop)
        await stack.enter_async_context(simulation)
        for words in options.fault:
            await _switched(simulation, words)
        screen = Screen(simulation, name, options.profile, plain=options.plain)
        await screen.run(stop)


def _instrument(options: argparse.Namespace, journal: Journal) -> Instrument:
    profile = load_profile(options.profile, [(options.config or default_config()).absolute().parent / "profiles"])
    faults, zone = faults_of(profile, options.seed), options.timezone
    east = datetime.now(zone).utcoffset() or timedelta()
    values = Values(profile, Weather(options.seed, hours_east=east.total_seconds() / 3600), faults, timezone=zone)
    try:
        return instrument(values, faults, journal, options.address)
    except ValueError as error:
        raise SimulateError(f"{options.profile} cannot be simulated: {error}", hint="Give another --address") from None


def _wire(options: argparse.Namespace, thing: Instrument, name: str) -> Wire:
    on_line = options.pty or options.serial or options.link
    if options.port is not None or not (on_line or thing.profile.serial):
        return Network(thing, options.host, PORT if options.port is None else options.port)
    try:
        settings = SerialSettings.of(thing.profile.serial, options.baud)
    except ValueError as error:
        raise SimulateError(str(error), hint="Give another --baud") from None
    if options.serial:
        return SerialPort(thing, options.serial, settings)
    return Terminal(thing, (options.link or _folder() / name).absolute(), settings)


def _folder() -> Path:
    try:
        return folder()
    except OSError as error:
        why = f"{error.filename} cannot be used: {error.strerror}"
        raise SimulateError(why, hint="Set XDG_RUNTIME_DIR to a folder of your own") from None


async def _started(console: Console, name: str) -> None:
    try:
        await console.start()
    except OSError as error:
        raise SimulateError(
            f"a simulation called {name} cannot listen at {console.path}: {error.strerror or error}",
            hint="Is one of that name running? Give another --name",
        ) from None


async def _switched(simulation: Simulation, words: str) -> None:
    try:
        await simulation.tell(words)
    except ValueError as error:
        raise SimulateError(str(error), hint="Leave --fault away and type help while it runs") from None


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise SimulateError(f"{path} cannot be written: {error.strerror}", hint="Name another --journal") from None
    with file:
        yield file


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to {LAST_PORT}")
    return int(text)


def _timezone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone such as Asia/Shanghai") from None
