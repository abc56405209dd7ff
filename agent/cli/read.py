"""``read``: polls one device once, now. Nothing is stored.

The running daemon owns its links, so it is asked first; only when none runs
does this command open the wire itself. ``--raw`` shows the bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.cli.moments import local, station_zone, to_ms
from agent.cli.news import Screen
from agent.columns import table
from agent.commission.anywhere import carry_out
from agent.commission.readout import readout
from agent.control.client import NoDaemonError, ask
from agent.language import say
from agent.naming import UnknownDeviceError
from agent.paths import locate
from agent.settings import Settings, station_device
from drivers.api import Link
from drivers.catalog import make_driver

EXAMPLES = """\
examples:
  station-agent read so2
  station-agent read so2 --raw               the bytes, with what they are
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("device", help="a device name from the station file")
    parser.add_argument("--raw", action="store_true", help="show the bytes that go over the wire, with notes")
    parser.add_argument("--json", action="store_true", help="one JSON object; with --raw one a line")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Poll and print; the exit code is 1 when a channel has no value."""
    if options.raw:
        screen = Screen(_line, json=options.json)
        carry_out(options.config, "raw", {"device": options.device}, screen.show)
        return _lacking(screen.last["readings"])
    answer = _asked(locate(options.config).runtime / "control.sock", options.device)
    if answer is None:
        answer = asyncio.run(_polled(Settings.load(options.config), options.device))
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        time = local(to_ms(datetime.fromisoformat(answer["time"])), station_zone(options.config))
        print(say(f"{options.device} at {time}"))
        print("\n".join(_table(answer["readings"])))
    return _lacking(answer["readings"])


def _lacking(readings: Iterable[Mapping[str, Any]]) -> int:
    return int(any(reading["value"] is None for reading in readings))


def _asked(socket: Path, device: str) -> dict[str, Any] | None:
    try:
        return ask(socket, {"do": "read", "device": device})
    except NoDaemonError:
        return None


async def _polled(settings: Settings, name: str) -> dict[str, Any]:
    if name not in settings.profiles:
        raise UnknownDeviceError(name, list(settings.profiles))
    wire, profile = settings.wire(settings.device(name).link_name), settings.profiles[name]
    link = Link(wire.name, wire.url, pause_s=wire.pause, quiet_s=wire.quiet)
    try:
        driver = make_driver(station_device(settings, settings.device(name)), link)
        return readout(await driver.poll([channel.name for channel in profile.channels]), profile)
    finally:
        await link.close()


def _line(news: dict[str, Any]) -> str:
    if news["event"] == "readings":
        return "\n" + "\n".join(_table(news["readings"]))
    arrow = "->" if news["event"] == "sent" else "<-"
    return f"{arrow} {news['raw']}\n     {', '.join(map(say, news['notes']))}"


def _table(readings: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return table([say(word) for word in ("CHANNEL", "VALUE", "UNIT", "QUALITY")], map(_row, readings), 100)


def _row(reading: Mapping[str, Any]) -> tuple[str, ...]:
    value = "-" if reading["value"] is None else str(reading["value"])
    why = f" ({say(reading['reason'])})" if reading["reason"] else ""
    return reading["channel"], value, reading["unit"], say(reading["quality"]) + why
