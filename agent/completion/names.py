"""The names that a station has, for a shell that completes them: at once, and never an error.

A shell asks at every press of a key, also beside a file that is half written, so
neither pydantic nor a driver is imported, and what cannot be read has no names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

KINDS = ("device", "link", "channel", "profile", "target")


def names(kind: str, config: Path) -> list[str]:
    """Every name of *kind* at the station of *config*, sorted."""
    raw, folder = _read(config), config.absolute().parent / "profiles"
    devices, links = _tables(raw, "device"), _tables(raw, "link")
    match kind:
        case "device":
            found = set(_named(devices))
        case "link":
            found = {*_named(links), *_named(device for device in devices if "url" in device)}
        case "target":
            found = {*_named(links), *_named(devices)}
        case "channel":
            found = {name for device in devices for name in _channels(device, folder)}
        case _:
            found = {file.name.removesuffix(".toml") for place in _places(folder) for file in _toml_files(place)}
    return sorted(found)


def _channels(device: dict[str, Any], folder: Path) -> Iterator[str]:
    """``device.channel`` for each channel of *device*, written in place or in its profile."""
    channels = _tables(device, "channel")
    if isinstance(profile := device.get("profile"), str):
        file = next((place / f"{profile}.toml" for place in _places(folder) if _is_in(place, profile)), None)
        channels = _tables(_read(file), "channel") if file else []
    yield from (f"{device.get('name')}.{name}" for name in _named(channels))


def _places(folder: Path) -> Iterator[Traversable]:
    """Where profiles are, the station's own first."""
    if folder.is_dir():
        yield folder
    yield files("drivers") / "profiles"


def _is_in(place: Traversable, profile: str) -> bool:
    return "/" not in profile and (place / f"{profile}.toml").is_file()


def _toml_files(place: Traversable) -> Iterator[Traversable]:
    return (file for file in place.iterdir() if file.name.endswith(".toml"))


def _read(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def _tables(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = raw.get(key)
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _named(tables: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[str]:
    return (table["name"] for table in tables if isinstance(table.get("name"), str))
