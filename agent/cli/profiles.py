"""``profiles``: lists the instruments it knows, or shows one with every channel."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from agent.columns import table
from agent.language import say
from agent.paths import default_config
from drivers.catalog import load_profile, profile_names
from drivers.profile import Channel, Profile
from drivers.units import UNITS, shown

KNOWN_FROM = {
    "manual": "its manual",
    "driver": "other drivers",
    "secondary": "second hand",
    "unverified": "unverified",
}

EXAMPLES = """\
examples:
  station-agent profiles
  station-agent profiles teledyne-t100
  station-agent profiles --units
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", nargs="?", help="a profile, as a station file names it")
    parser.add_argument("--units", action="store_true", help="list the units that a channel may have")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print; a profile that a station keeps in ``profiles/`` beside its file comes before one of ours."""
    config = options.config or default_config()
    folders = [config.absolute().parent / "profiles"]
    if options.units:
        lines = table(_said("UCUM CODE", "SHOWN AS"), UNITS.items(), 80)
    elif options.name:
        profile = load_profile(options.name, folders)
        words = profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        lines = iter([json.dumps(words, ensure_ascii=False)]) if options.json else _page(options.name, profile)
    else:
        profiles = {name: load_profile(name, folders) for name in profile_names(folders)}
        lines = iter([_index(profiles)]) if options.json else _list(profiles)
    for line in lines:
        print(line)
    return 0


def _index(profiles: dict[str, Profile]) -> str:
    index = {name: {"maker": p.maker, "model": p.model, "kind": p.kind} for name, p in profiles.items()}
    return json.dumps(index, ensure_ascii=False)


def _list(profiles: dict[str, Profile]) -> Iterator[str]:
    rows = [
        (name, p.protocol, say(KNOWN_FROM[p.confidence]), f"{p.maker} {p.model}: {say(p.kind)}")
        for name, p in profiles.items()
    ]
    yield from table(_said("PROFILE", "PROTOCOL", "KNOWN FROM", "INSTRUMENT"), rows, 100)


def _page(name: str, profile: Profile) -> Iterator[str]:
    yield f"{name}: {profile.maker} {profile.model}, {say(profile.kind)}"
    yield say(f"manual: {profile.manual}")
    yield say(f"known from: {KNOWN_FROM[profile.confidence]}; {profile.source}")
    if profile.unverified:
        yield say(f"not verified: {profile.unverified}")
    if profile.serial:
        yield say(f"leaves the factory with {profile.serial}, address {profile.address}")
    yield ""
    rows = [
        (c.name, say(str(c.stream)), shown(c.unit), c.hj or "", _read_at(c), say(c.title)) for c in profile.channels
    ]
    yield from table(_said("CHANNEL", "STREAM", "UNIT", "HJ", "READ AT", ""), rows, 110)


def _said(*heads: str) -> list[str]:
    return [say(head) for head in heads]


def _read_at(channel: Channel) -> str:
    if channel.start is not None:
        return f"{channel.table or ''} {channel.start} {channel.type or ''}".strip()
    if channel.options:
        return " ".join(f"{key} {value}" for key, value in channel.options.items())
    return f"{channel.request or ''} {channel.pattern or channel.field or ''}".strip()
