"""What a simulated instrument shows, what it was asked, and the line in which its faults are switched."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from agent.amounts import ago, number
from agent.language import say
from agent.simulation.faults import WORDS
from agent.simulation.instrument import Instrument
from agent.simulation.simulation import Simulation
from agent.simulation.values import Shown, utc_now
from drivers.profile import Channel
from drivers.units import shown

FRAME_S, LINE_S = 0.5, 2.0
BACKSPACE, CLEAR, ENTER = ("\x7f", "\b"), "\x15", ("\n", "\r")
TOLD = 6
"""Channels that a line shows; a screen shows all that have room."""


class Screen:
    """Shows *simulation* on a terminal, or a line now and then in a pipe; what is typed is told to it."""

    def __init__(self, simulation: Simulation, name: str, profile: str, *, plain: bool = False) -> None:
        self._simulation = simulation
        self._name = name
        self._profile = profile
        self._console = Console()
        self._is_live = self._console.is_terminal and sys.stdin.isatty() and not plain
        self._typed = ""
        self._answer = say(WORDS)
        self._telling: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Show until *stop* is set, then leave one line that counts."""
        for line in self._facts():
            print(line, flush=True)
        with _typing(self._type, echo=not self._is_live):
            await (self._draw(stop) if self._is_live else self._tell(stop))
        journal = self._simulation.instrument.journal
        print(say(f"asked {number(journal.asked)} times, answered {number(journal.answered)}"), flush=True)

    async def _draw(self, stop: asyncio.Event) -> None:
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            while not stop.is_set():
                live.update(self._page(), refresh=True)
                await _passed(stop, FRAME_S)

    async def _tell(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await _passed(stop, LINE_S)
            print(self._line(), flush=True)

    def _type(self, text: str) -> None:
        for letter in text:
            if letter in ENTER:
                line, self._typed = self._typed, ""
                task = asyncio.create_task(self._told(line))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
            elif letter in BACKSPACE:
                self._typed = self._typed[:-1]
            elif letter == CLEAR:
                self._typed = ""
            elif letter.isprintable():
                self._typed += letter

    async def _told(self, line: str) -> None:
        try:
            self._answer = said(await self._simulation.tell(line))
        except ValueError as error:
            self._answer = say(str(error))
        if not self._is_live:
            print(self._answer, flush=True)

    def _facts(self) -> Iterator[str]:
        thing, wire = self._simulation.instrument, self._simulation.wire
        profile = thing.profile
        yield f"# {say(f'{self._name}: simulated {profile.maker} {profile.model}, {profile.kind}')}"
        yield from _device(wire.url, thing, self._profile)
        told = f'tell it: station-agent simulate --tell {self._name} "help"'
        yield f"# {say(told)}"
        yield from (f"# {say(f'note: {note}')}" for note in thing.notes)

    def _asked(self) -> str:
        journal = self._simulation.instrument.journal
        asked = say(f"{number(journal.asked)} times, {journal.rate:.1f}/s, answered {number(journal.answered)}")
        if not journal.asked:
            return asked
        last = say(f"last {journal.last}, {ago(seconds=time.monotonic() - journal.last_s)} ago")
        return f"{asked}; {last}"

    def _line(self) -> str:
        values = ", ".join(text for _, text in list(self._values())[:TOLD])
        faults = say(self._simulation.instrument.faults.state())
        return f"{say('asked')} {self._asked()}; {faults}; {values}"

    def _page(self) -> RenderableType:
        thing, wire = self._simulation.instrument, self._simulation.wire
        title = Text.from_markup(say(f"[bold]{self._name}[/]: simulated {thing.profile.maker} {thing.profile.model}"))
        title.append(say("  Ctrl-C ends it"), "dim")
        faults = Text(say(f"FAULTS  {thing.faults.state()}"), "red bold" if thing.faults.on else "green")
        above = [title, Text(say(f"SERVES  {wire.url}")), Text(f"{say('ASKED')}   {self._asked()}"), faults]
        above += [Text(say(f"NOTE    {note}"), "yellow") for note in thing.notes]
        above += [Text(f"> {self._typed}_", "bold"), *(Text(line, "cyan") for line in self._answer.splitlines())]
        cells = [Text(text, "yellow" if is_odd else "") for is_odd, text in self._values()]
        return Group(*map(_cut, above), Text(), Columns(cells, padding=(0, 3)))

    def _values(self) -> Iterator[tuple[bool, str]]:
        """Each channel as it is now, and whether a fault is in it."""
        thing = self._simulation.instrument
        for channel, value, is_odd in thing.shown(utc_now()):
            yield is_odd, f"{channel.name} {_worded(channel, value)}"


def said(answer: str) -> str:
    """*answer* in the language that was chosen: what stands behind the names of faults, or the whole line."""
    lines = (line.rpartition("  ") for line in answer.splitlines())
    return "\n".join(f"{name}{blanks}{say(what)}" for name, blanks, what in lines)


def _device(url: str, thing: Instrument, profile: str) -> Iterator[str]:
    """What to paste into a station file."""
    yield "[[device]]"
    yield 'name = "simulated"'
    yield f'url = "{url}"'
    if thing.address is not None:
        yield f"address = {json.dumps(thing.address)}"
    yield f'profile = "{profile}"'
    yield 'every = "5s"'


def _worded(channel: Channel, value: Shown) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if channel.states and str(value) in channel.states:
        return channel.states[str(value)].name
    if isinstance(value, int) and channel.bits:
        held = [flag.name for key, flag in channel.bits.items() if bool(value >> int(key) & 1) == flag.when]
        return " ".join(held) or "-"
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"{text} {shown(channel.unit)}".rstrip()


def _cut(text: Text) -> Text:
    """One line, whatever the width."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


async def _passed(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


@contextmanager
def _typing(take: Callable[[str], None], *, echo: bool) -> Iterator[None]:
    """Hand what is typed to *take*, letter by letter without *echo*, line by line with it; nothing from a pipe."""
    if not sys.stdin.isatty():
        yield
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, lambda: take(os.read(fd, 1024).decode(errors="ignore")))
    try:
        if not echo:
            tty.setcbreak(fd)
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
