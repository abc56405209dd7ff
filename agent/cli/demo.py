"""``demo``: a simulated station, a broker, the agent and an independent subscriber, in one process tree.

The last line printed is the result, counted at the broker's side:
``polled N records, delivered N, missing 0, duplicates 0``.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console
from rich.live import Live

from agent.cli import demo_screen
from agent.language import say
from agent.stage.judge import Count
from agent.stage.play import Play
from drivers.duration import parse_duration
from drivers.errors import StationError

FRAME_S = 0.5
LINE_S = 2.0
LONGEST_PATH = 88
"""Characters of the folder: the control socket lies in it, and a socket's name has at most 107."""


class FolderError(StationError):
    """The folder for the files of the demonstration cannot be used."""

    exit_code = 2


EXAMPLES = """\
examples:
  station-agent demo
  station-agent demo --for 20s --plain
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--for", dest="seconds", type=_duration, metavar="TIME", help='end after "20s", "2min", …')
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep its files (station.toml, log, …) in a new DIR")
    parser.add_argument("--plain", action="store_true", help="lines instead of a screen, as in a pipe")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "iotcore"), default="auto", help=argparse.SUPPRESS)
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play until the time is over or somebody ends it; the exit code is 1 when anything is missing or broken."""
    with _folder(options.keep) as folder:
        count = asyncio.run(_play(options, folder))
    print(say(str(count)), flush=True)
    return int(not count.is_good)


async def _play(options: argparse.Namespace, folder: Path) -> Count:
    stop = asyncio.Event()
    me = asyncio.current_task()
    assert me is not None

    def wanted() -> None:
        if stop.is_set():  # asked for twice: at once
            me.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, wanted)
    ends_s = time.monotonic() + options.seconds if options.seconds is not None else float("inf")
    async with Play(folder, options.broker) as play:
        console = Console()
        on_screen = console.is_terminal and not options.plain
        show = _show(play, console) if on_screen else _tell(play)
        showing = asyncio.create_task(show)
        try:
            await _wait(play, showing, stop, ends_s)
            count = await play.finish()
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
    if on_screen:
        _recall(play, console)
    return count


async def _wait(play: Play, showing: asyncio.Task[None], stop: asyncio.Event, ends_s: float) -> None:
    """Let it play until *stop* or *ends_s* (monotonic); raises what a part of it ended with."""
    while not stop.is_set() and not showing.done() and (left_s := ends_s - time.monotonic()) > 0:
        play.check()
        try:
            async with asyncio.timeout(min(left_s, FRAME_S)):
                await stop.wait()
        except TimeoutError:
            pass


async def _show(play: Play, console: Console) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(demo_screen.screen(play, play.count(), console.height), refresh=True)
            await asyncio.sleep(FRAME_S)


async def _tell(play: Play) -> None:
    """Print a line every LINE_S, and what happens between them when it happens."""
    told = 0
    for text in demo_screen.facts(play):
        print(text, flush=True)
    try:
        while True:
            for _ in range(int(LINE_S / FRAME_S)):
                await asyncio.sleep(FRAME_S)
                told = _tell_notes(play, told)
            print(demo_screen.line(play, play.count()), flush=True)
    finally:
        _tell_notes(play, told)


def _tell_notes(play: Play, told: int) -> int:
    for note in list(play.notes)[len(play.notes) - min(play.noted - told, len(play.notes)) :]:
        print(demo_screen.note_line(note), flush=True)
    return play.noted


def _recall(play: Play, console: Console) -> None:
    """Leave on the terminal what the screen has shown of what happened."""
    console.print(f"{play.broker.name}, MQTT {play.judge.protocol}, {play.age_s:.0f} s", highlight=False)
    for note in list(play.notes)[-10:]:
        console.print(demo_screen.note_line(note), highlight=False, markup=False)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """A folder of its own: *keep*, which stays, or a temporary one."""
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="station-agent-demo-"))
    else:
        folder = keep.absolute()
        _make(folder)
    try:
        if len(str(folder)) > LONGEST_PATH:
            raise FolderError(f"{folder} has a too long name for the sockets in it", hint="Choose a shorter one")
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            sys.stderr.write(say(f"files are kept in {folder}") + "\n")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise FolderError(f"{folder} cannot be used: {error.strerror}", hint="Choose another folder") from None
    if used:
        raise FolderError(f"{folder} is not empty", hint="Choose a new folder, or remove what is in it")


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
