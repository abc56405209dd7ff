"""``plot``: what channels did over some hours, in the terminal or as a PNG for a report."""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from agent.cli.moments import local, moment, seconds, station_zone
from agent.curves.image import save
from agent.curves.points import Curve, read_curve
from agent.curves.terminal import draw
from agent.dictionaries import Dictionaries
from agent.language import say
from agent.paths import locate
from agent.settings import ConfigError, Settings
from agent.store.reader import Reader
from agent.store.source import Source
from drivers.errors import StationError
from drivers.reading import Stream

PICTURE_WIDTH = 1200
"""So many columns a picture can show."""

EXAMPLES = """\
examples:
  station-agent plot so2
  station-agent plot so2.so2 nox.no --last 6h
  station-agent plot manifold.temperature --since 2026-11-21 --until 2026-11-22 --png manifold.png
"""


class PlotError(StationError):
    """There is no such channel, or the picture cannot be written."""

    exit_code = 2


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("channels", nargs="+", metavar="CHANNEL", help="a channel, or device.channel")
    parser.add_argument("--last", type=seconds, metavar="TIME", help='how far back, as "6h" (default: 24h)')
    parser.add_argument("--since", metavar="TIME", help='"2026-11-22 04:30", in the station\'s zone')
    parser.add_argument("--until", metavar="TIME", help="default: now")
    parser.add_argument("--png", type=Path, metavar="FILE", help="write a picture in place of characters")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draw; the exit code is 1 when no channel has a value in that time."""
    zone = station_zone(options.config)
    since_ms, until_ms = _span(options, zone)
    columns, lines = shutil.get_terminal_size()
    width = PICTURE_WIDTH if options.png else columns * 2  # a character shows two points side by side
    paths = locate(options.config)
    with Reader.open(paths.store) as log:
        source = Source(log, paths.archive)
        known = _known(options.config, source, options.channels)
        found = [_one(name, known) for name in options.channels]
        curves = [read_curve(source, known[one], *one, since_ms, until_ms, width=width) for one in found]
    if options.png:
        _picture(curves, paths.station, zone, options.png)
    else:
        _screen(curves, zone, columns, max(10, min(20, (lines - 4) // len(curves) - 2)))
    return int(not any(curve.read for curve in curves))


def _span(options: argparse.Namespace, zone: tzinfo) -> tuple[int, int]:
    if options.last and options.since:
        raise PlotError("--last and --since both say when it begins", hint="Leave one of them out")
    until_ms = moment(options.until, zone) if options.until else int(time.time() * 1000)
    since_ms = moment(options.since, zone) if options.since else until_ms - round((options.last or 86_400) * 1000)
    if since_ms >= until_ms:
        raise PlotError("it ends before it begins", hint="Look at --since and --until")
    return since_ms, until_ms


def _known(config: Path, source: Source, names: Sequence[str]) -> Mapping[tuple[str, str], Stream]:
    """The channels of the station file, and where these are not all that is asked for, those that the log ever knew."""
    try:
        profiles = Settings.load(config).profiles
    except ConfigError:
        profiles = {}
    known = {(device, one.name): Stream(one.stream) for device, profile in profiles.items() for one in profile.channels}
    if all(_called(name, known) for name in names):
        return known
    return Dictionaries(source).channels() | known


def _called(name: str, known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [one for one in known if name in (".".join(one), one[1])]


def _one(name: str, known: Mapping[tuple[str, str], Stream]) -> tuple[str, str]:
    """The one channel that is called *name*; raises PlotError."""
    found = _called(name, known)
    if len(found) == 1:
        return found[0]
    if found:
        raise PlotError(f"{len(found)} channels are called {name}", hint=f"Say which: {_listed(found)}")
    near = difflib.get_close_matches(name, [*(".".join(one) for one in known), *(one[1] for one in known)], 3)
    hint = f"Did you mean {', '.join(dict.fromkeys(near))}?" if near else f"There are: {_listed(known)}"
    raise PlotError(f"there is no channel {name}", hint=hint)


def _listed(channels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(sorted(".".join(one) for one in channels))


def _screen(curves: list[Curve], zone: tzinfo, columns: int, rows: int) -> None:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    first = curves[0]
    print(say(f"{local(first.since_ms, zone)[:16]} to {local(first.until_ms, zone)[:16]}"))
    for curve in curves:
        print("\n".join(draw(curve, zone, columns=columns, rows=rows, colour=colour)))


def _picture(curves: list[Curve], station: str, zone: tzinfo, path: Path) -> None:
    try:
        whole = save(curves, station, zone, path)
    except OSError as error:
        hint = "Check the folder, who may write there, and the room on it"
        raise PlotError(f"{path} cannot be written: {error.strerror}", hint=hint) from error
    print(say(f"{path}: {sum(curve.read for curve in curves)} values"))
    if not whole:
        print(say("This system has no font for Chinese, so the picture has none: apt-get install fonts-noto-cjk"))
