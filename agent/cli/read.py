"""``read``: polls one device once, now. Nothing is stored.

The running daemon owns its links, so it is asked first; only when none runs
does this command open the wire itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.cli.words import table
from agent.control import NoDaemonError, ask
from agent.paths import locate
from agent.settings import Settings, station_device
from drivers.api import DriverError, Link, Scan
from drivers.catalog import make_driver
from drivers.units import shown


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("device", help="a device name from the station file")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Poll and print; the exit code is 1 when a channel has no value."""
    settings = Settings.load(options.config)
    profile = settings.profiles.get(options.device)
    if profile is None:
        raise DriverError(
            f"there is no device called {options.device} in {options.config}",
            hint=f"The devices are: {', '.join(settings.profiles)}",
        )
    answer = _asked(locate(options.config).runtime / "control.sock", options.device)
    if answer is None:
        answer = _words(asyncio.run(_polled(settings, options.device)))
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        units = {channel.name: shown(channel.unit) for channel in profile.channels}
        rows = [_row(reading, units) for reading in answer["readings"]]
        print(f"{options.device} at {answer['time']}")
        print("\n".join(table(("CHANNEL", "VALUE", "UNIT", "QUALITY"), rows, 100)))
    return int(any(reading["value"] is None for reading in answer["readings"]))


def _asked(socket: Path, device: str) -> dict[str, Any] | None:
    try:
        return ask(socket, {"do": "read", "device": device})
    except NoDaemonError:
        return None


async def _polled(settings: Settings, name: str) -> Scan:
    wire = settings.wire(settings.device(name).link_name)
    link = Link(wire.name, wire.url, pause_s=wire.pause, quiet_s=wire.quiet)
    try:
        driver = make_driver(station_device(settings, settings.device(name)), link)
        return await driver.poll([channel.name for channel in settings.profiles[name].channels])
    finally:
        await link.close()


def _words(scan: Scan) -> dict[str, Any]:
    readings = [
        {"channel": r.channel, "value": r.value, "quality": str(r.quality), "reason": r.reason}
        for r in scan.readings.values()
    ]
    return {"time": scan.time.isoformat(timespec="milliseconds"), "readings": readings}


def _row(reading: Mapping[str, Any], units: Mapping[str, str]) -> tuple[str, ...]:
    value = "-" if reading["value"] is None else str(reading["value"])
    why = f" ({reading['reason']})" if reading["reason"] else ""
    return reading["channel"], value, units.get(reading["channel"], ""), reading["quality"] + why
