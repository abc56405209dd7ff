"""``check``: validates configuration and profiles, and shows what they mean: requests, times, room."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.amounts import number, size
from agent.columns import table
from agent.language import say
from agent.settings import DeviceSettings, LinkSettings, Settings, station_device
from drivers.api import Link, RequestPlan, Stream
from drivers.catalog import make_driver
from drivers.duration import show_duration
from drivers.profile import Channel

RECORD_BYTES = 190
"""What a record takes in the log beside its values: time, device, dictionary, head, and SQLite's own."""

VALUE_BYTES = 9
"""What a value takes beside its name, on the average."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What one kind of poll of a device costs: its requests, bytes both ways, seconds of a serial line."""

    device: str
    what: str
    every_s: float
    requests: list[str]
    sent: int
    expected: int
    wire_s: float


@dataclass(frozen=True, slots=True)
class Wire:
    """A link with all its polls; ``share`` is the part of its time that they take, 0 where nobody can say."""

    link: str
    endpoint: str
    share: float
    polls: list[Poll] = field(default_factory=list)


EXAMPLES = """\
examples:
  station-agent check
  station-agent check --requests
  station-agent --config new.toml check      before it takes the place of the old one
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--requests", action="store_true", help="show every request that would be sent")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what the file means; a wrong file is explained and ends with 2, a doubtful one with 1."""
    settings = Settings.load(options.config)
    wires = asyncio.run(_wires(settings))
    if options.json:
        warnings = [str(warning) for warning in settings.warnings]
        print(json.dumps({"warnings": warnings, "links": [asdict(wire) for wire in wires], "log": _room(settings)}))
    else:
        print("\n".join(_page(settings, wires, show_requests=options.requests)))
    return int(bool(settings.warnings))


async def _wires(settings: Settings) -> list[Wire]:
    """What would be sent; a link is made, for the drivers to plan with, and never opened."""
    wires = []
    for wire in settings.wires:
        link = Link(wire.name, wire.url)
        polls = [poll for device in settings.devices_on(wire.name) for poll in _polls(settings, device, wire, link)]
        share = sum(poll.wire_s / poll.every_s for poll in polls)
        wires.append(Wire(wire.name, link.endpoint, round(share, 4), polls))
    return wires


def _polls(settings: Settings, device: DeviceSettings, wire: LinkSettings, link: Link) -> Iterator[Poll]:
    profile = settings.profiles[device.name]
    driver = make_driver(station_device(settings, device), link)
    often, all_of_them = _often(profile.channels), {channel.name for channel in profile.channels}
    kinds = (("measurements", often, device.every), ("everything", all_of_them, device.parameters_every))
    for what, names, every_s in kinds if often else (("parameters", all_of_them, device.every),):
        if names:
            pause_s = max(wire.pause, driver.device.pause_s)
            yield _poll(device.name, what, every_s, driver.requests(names), wire.endpoint.silence_s, pause_s, link)


def _often(channels: tuple[Channel, ...]) -> set[str]:
    if not any(channel.stream is Stream.MEASUREMENT for channel in channels):
        return set()
    return {c.name for c in channels if c.stream is Stream.MEASUREMENT or c.decides or (c.normal and c.affects)}


def _poll(
    device: str,
    what: str,
    every_s: float,
    requests: list[RequestPlan],
    silence_s: float,
    pause_s: float,
    link: Link,
) -> Poll:
    sent, expected = sum(r.sent for r in requests), sum(r.expected for r in requests)
    wire_s = link.wire_s(sent + expected) + (2 * silence_s + pause_s) * len(requests)
    return Poll(device, what, every_s, [r.text for r in requests], sent, expected, round(wire_s, 4))


def _verdict(path: Path, warnings: int) -> str:
    if warnings == 1:
        return f"{path}: good, with one warning"
    return f"{path}: good, with {warnings} warnings" if warnings else f"{path}: good"


def _page(settings: Settings, wires: list[Wire], *, show_requests: bool) -> Iterator[str]:
    yield say(_verdict(settings.path, len(settings.warnings)))
    for warning in settings.warnings:
        yield f"  {say('warning')}: {warning.told(say)}"
    for wire in wires:
        where = f"link {wire.link} at {wire.endpoint}"
        yield ""
        yield say(f"{where}, busy {wire.share:.0%} of the time" if wire.share else where)
        rows = [_row(poll) for poll in wire.polls]
        head = [say(word) for word in ("DEVICE", "POLL", "EVERY", "REQUESTS", "BYTES", "WIRE")]
        yield from (f"  {line}" for line in table(head, rows, 78))
        if show_requests:
            yield from (f"    {say(text)}" for poll in wire.polls for text in poll.requests)
    yield ""
    room = _room(settings)
    yield say(
        f"log {settings.store.path}: about {size(room['bytes_per_day'])} a day; "
        f"{size(settings.store.quota)} last about {number(room['days'])} days, "
        f"{show_duration(settings.store.keep)} are wanted"
    )


def _row(poll: Poll) -> tuple[str, ...]:
    count, bytes_ = str(len(poll.requests)), f"{poll.sent}+{poll.expected}"
    return poll.device, say(poll.what), show_duration(poll.every_s), count, bytes_, _ms(poll.wire_s)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds else "-"


def _room(settings: Settings) -> dict[str, Any]:
    """How fast the log grows and how long its quota lasts: an estimate from the names and the rates."""
    per_day = sum(_bytes_per_day(settings, device) for device in settings.devices if device.enabled)
    return {"bytes_per_day": round(per_day), "days": round(settings.store.quota / per_day, 1) if per_day else 0.0}


def _bytes_per_day(settings: Settings, device: DeviceSettings) -> float:
    channels = settings.profiles[device.name].channels
    total = 0.0
    for stream in (Stream.MEASUREMENT, Stream.PARAMETER):
        named = [channel for channel in channels if channel.stream is stream]
        slow = stream is Stream.PARAMETER and len(named) < len(channels)
        size = RECORD_BYTES + sum(len(channel.name) + VALUE_BYTES for channel in named)
        total += size * 86400 / (device.parameters_every if slow else device.every) if named else 0
    return total
