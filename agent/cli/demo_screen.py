"""What a visitor of the demonstration sees: one screen of 80 columns and 24 lines and up, or a line now and then."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agent.amounts import ago, number
from agent.language import joined, punctuation, say
from agent.screen.values import GLANCE, called, shown
from agent.stage.judge import Count
from agent.stage.play import Note, Play
from agent.stage.stationfile import DEVICES

TELLING = (
    *("wind_speed", "wind_direction", "tube_temperature", "temperature", "humidity", "velocity"),
    *("no", "no2", "nox", "sample_flow", "uv_lamp", "cell_temperature", "box_temperature", "measure"),
)
"""Channels that say most to a visitor, in this order; the others follow."""

FIXED_LINES = 13
"""Lines of the screen beside the devices and the notes."""


def screen(play: Play, count: Count, height: int) -> RenderableType:
    """Draw everything, into *height* lines."""
    status = play.status()
    devices = sorted(status.get("devices", []), key=lambda device: DEVICES.index(device["name"]))
    parts: list[RenderableType] = [_title(play), _programs(play), Text(), _devices(devices), Text()]
    parts += [*_uplinks(status), *_arrivals(play, count), Text(), *_advice(play)]
    room = max(1, height - FIXED_LINES - len(devices))
    parts += [_note(note) for note in list(play.notes)[-room:]]
    return Group(*parts)


def line(play: Play, count: Count) -> str:
    """The same in one line, for a pipe or a log."""
    status = play.status()
    values = [channel for device in status.get("devices", []) for channel in device["channels"]]
    shown = _values(c for c in values if c["stream"] == "measurement" and c["name"] in _SHORT)
    backlog = sum(sum(uplink["backlog"].values()) for uplink in status.get("uplinks", []))
    told = f"polled {count.polled} records, delivered {count.delivered}, on the way {count.missing}, backlog {backlog}"
    return f"{play.age_s:5.1f} s  {say(told)}; {shown.plain}"


_SHORT = ("so2", "no2", "co", "o3")


def facts(play: Play) -> Iterator[str]:
    """What a plain listing says first."""
    yield say(f"broker {play.broker.name} at {play.broker.url}, pid {play.broker.process.pid}")
    yield say(f"agent pid {play.agent.pid}; files in {play.folder}")
    yield say(f"try: {_command()} --config {play.config} status")
    yield say(f"try: {_command()} simulate --tell {play.console.path} 'co silent'")


def _command() -> str:
    """What a visitor types for this program: its name, or where it lies when no path leads there."""
    return "station-agent" if shutil.which("station-agent") else os.path.relpath(sys.argv[0])


def note_line(note: Note) -> str:
    """One thing that happened."""
    return f"{note.at_s:5.1f} s  {say(note.text)}"


def _title(play: Play) -> Text:
    title = Text.from_markup(say("[bold]station-agent demo[/]: simulated six-parameter air station"))
    title.append(f"  {int(play.age_s) // 60}:{int(play.age_s) % 60:02}", "cyan")
    title.append(say("  Ctrl-C ends it"), "dim")
    return _cut(title)


def _programs(play: Play) -> Text:
    broker, agent = play.broker.process, play.agent
    text = Text()
    text.append(say(f"BROKER {play.broker.name}, MQTT {play.judge.protocol or '-'}, "))
    text.append(_process(broker.pid, broker.restarts), "green" if broker.pid else "red bold")
    text.append(say("  AGENT "))
    text.append(_process(agent.pid, agent.restarts), "green" if agent.pid else "red bold")
    return _cut(text)


def _process(pid: int | None, restarts: int) -> str:
    state = say(f"pid {pid}" if pid else "NOT RUNNING")
    return state + (say(f", restarts: {restarts}") if restarts else "")


def _devices(devices: Iterable[dict[str, Any]]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim", pad_edge=False)
    table.add_column(say("DEVICE"), no_wrap=True)
    table.add_column(say("MEASURED"), no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(say("SAMPLING, INSTRUMENT AND HOUSE"), no_wrap=True, overflow="ellipsis", ratio=1)
    for device in devices:
        is_good = device["state"] == "good"
        measured = [channel for channel in device["channels"] if channel["stream"] == "measurement"]
        state = f"{say(device['state'])} {say(device['reason'] or '')}"
        values = _values(measured) if is_good else Text(state, "yellow")
        others = _values(filter(_is_telling, device["channels"]))
        table.add_row(Text(device["name"], "green" if is_good else "yellow"), values, others)
    return table


def _is_telling(channel: dict[str, Any]) -> bool:
    """Whether a parameter is a number with a unit; bit fields say nothing at a glance."""
    return channel["stream"] == "parameter" and bool(channel["unit"]) and not isinstance(channel["value"], str | bool)


def _rank(channel: dict[str, Any]) -> int:
    name = channel["name"]
    return TELLING.index(name) if name in TELLING else len(TELLING)


def _values(channels: Iterable[dict[str, Any]]) -> Text:
    """Names and values, the unit once where it is the same; what is not valid says why, in yellow."""
    text = Text()
    for (unit, quality), alike in groupby(sorted(channels, key=_rank), key=itemgetter("unit", "quality")):
        words = joined(f"{called(channel)} {shown(channel['value'], GLANCE)}" for channel in alike)
        mark = "" if quality == "valid" else say(quality)
        text.append(punctuation(", ") if text else "")
        text.append(" ".join(filter(None, (words, unit, mark))), "yellow bold" if mark else "")
    return text


def _uplinks(status: dict[str, Any]) -> Iterator[Text]:
    for uplink in status.get("uplinks", []):
        text = Text(say(f"UPLINK {uplink['name']}: "))
        text.append(say(uplink["state"]), "green" if uplink["state"] == "connected" else "red bold")
        waiting = number(sum(uplink["backlog"].values()))
        text.append(say(f", waiting {waiting}, {uplink.get('rate') or 0:.1f} records/s"))
        if error := uplink.get("error"):
            text.append(f"  {say(error)}", "yellow")
        yield _cut(text)


def _arrivals(play: Play, count: Count) -> Iterator[Text]:
    judge = play.judge
    streams = joined(f"{say(stream)} {number(n)}" for stream, n in judge.streams.items())
    yield _cut(Text(say(f"ARRIVED {streams or 'nothing yet'}; {judge.rate:.1f} records/s")))
    age = ago(seconds=time.monotonic() - judge.last_batch_s) if judge.last_batch else "-"
    chain = Text(say(f"{count.faults} FAULTS"), "red bold") if count.faults else Text(say("chain verified"), "green")
    last = " ".join(map(say, judge.last_batch.split())) or "-"
    yield _cut(Text(say(f"last batch {last}, {age} ago; ")).append_text(chain))
    told = (
        f"log {number(count.polled)} records, delivered {number(count.delivered)}, on the way {number(count.missing)}"
    )
    yield _cut(Text(say(f"{told}, duplicates dropped {count.duplicates}")))


def _advice(play: Play) -> Iterator[Text]:
    yield _cut(Text.from_markup(f"[dim]{say('TRY')}[/]  {_command()} --config {escape(str(play.config))} status"))
    yield _cut(Text(f"     {_command()} simulate --tell {play.console.path} 'co silent'"))
    kills = [f"kill -9 {child.pid} ({child.name})" for child in (play.agent, play.broker.process) if child.pid]
    yield _cut(Text.from_markup(f"     {'   '.join(kills)}   [dim]{say('and watch')}[/]"))


def _note(note: Note) -> Text:
    return _cut(Text(note_line(note), "dim"))


def _cut(text: Text) -> Text:
    """One line, whatever the width."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
