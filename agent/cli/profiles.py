"""``profiles``: lists the instruments it knows, all or those that a word fits, or shows one with every channel."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from agent.columns import table
from agent.language import say, say_title
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
  station-agent profiles a21026              which ones measure it, by HJ code; also ozone, 臭氧, teledyne
  station-agent profiles --units
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", nargs="?", help="a profile, as a station file names it, or a word that finds some")
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
    elif options.name in profile_names(folders):
        profile = load_profile(options.name, folders)
        words = profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        lines = iter([json.dumps(words, ensure_ascii=False)]) if options.json else _page(options.name, profile)
    else:
        profiles = _found(options.name or "", folders)
        lines = iter([_index(profiles)]) if options.json else _list(profiles)
    for line in lines:
        print(line)
    return 0


def _found(word: str, folders: list[Path]) -> dict[str, Profile]:
    """The profiles that *word* fits in some way; raises ProfileError with the nearest name when there are none."""
    profiles = {name: load_profile(name, folders) for name in profile_names(folders)}
    found = {name: profile for name, profile in profiles.items() if word.lower() in _about(name, profile).lower()}
    return found or {word: load_profile(word, folders)}


def _about(name: str, profile: Profile) -> str:
    """All that somebody may look for, in both languages."""
    channels = [(c.name, c.hj or "", c.title, say_title(c.title)) for c in profile.channels]
    about = (name, profile.maker, profile.model, profile.kind, say(profile.kind))
    return "\n".join([*about, *(word for channel in channels for word in channel)])


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
    heads = _said("CHANNEL", "STREAM", "UNIT", "HJ", "READ AT", "")
    yield from table(heads, map(_channel, profile.channels), 110)


def _channel(channel: Channel) -> tuple[str, ...]:
    stream, title = say(str(channel.stream)), say_title(channel.title)
    return channel.name, stream, shown(channel.unit), channel.hj or "", _read_at(channel), title


def _said(*heads: str) -> list[str]:
    return [say(head) for head in heads]


def _read_at(channel: Channel) -> str:
    if channel.start is not None:
        return f"{channel.table or ''} {channel.start} {channel.type or ''}".strip()
    if channel.options:
        return " ".join(f"{key} {value}" for key, value in channel.options.items())
    return f"{channel.request or ''} {channel.pattern or channel.field or ''}".strip()
