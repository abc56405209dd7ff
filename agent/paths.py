"""Where a station keeps its things, found without validating its configuration.

``status`` must answer at once and beside a broken file, so this module imports
neither pydantic nor a driver, and takes from the file whatever can still be read.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

CONFIG = Path("/etc/station-agent/station.toml")
STORE = Path("/var/lib/station-agent/store.db")
RUNTIME = Path("/run/station-agent")
CREDENTIALS = Path("/run/credentials/station-agent.service")

_LARGEST = 4_000_000
_TABLE = re.compile(r"\s*\[+\s*([A-Za-z0-9_.-]+)\s*\]")
_TEXT = re.compile(r"""\s*([a-z_]+)\s*=\s*(?:"([^"\\]*)"|'([^']*)')""")


class Paths(NamedTuple):  # not a dataclass: those import a third of all that ``status`` needs
    """What a command needs to know to look at a station."""

    config: Path
    station: str  # the id; empty where the file does not tell
    store: Path
    archive: Path
    runtime: Path
    problem: str = ""  # why not everything could be read from the file
    timezone: str = "UTC"  # of displays


def default_config() -> Path:
    """The station file that is meant when none is named."""
    return Path(os.environ.get("STATION_AGENT_CONFIG") or CONFIG)


def locate(config: Path) -> Paths:
    """Return where the station of *config* keeps its things; never raises for what stands in the file."""
    raw, problem = _read(config)
    station, store = _table(raw, "station"), _table(raw, "store")
    folder = config.absolute().parent
    log = _path(store.get("path"), folder) or STORE
    return Paths(
        config=config,
        station=station["id"] if isinstance(station.get("id"), str) else "",
        store=log,
        archive=_path(_table(store, "archive").get("path"), folder) or archive_beside(log),
        runtime=_path(station.get("runtime"), folder) or default_runtime(),
        problem=problem,
        timezone=station["timezone"] if isinstance(station.get("timezone"), str) else "UTC",
    )


def file_named(written: str, folder: Path) -> Path:
    """Return the file that a station file in *folder* means by *written*.

    ``credential:NAME`` is a file that systemd hands to the unit; outside of it the
    path is where the unit would find it.
    """
    if written.startswith("credential:"):
        return Path(os.environ.get("CREDENTIALS_DIRECTORY") or CREDENTIALS) / written.removeprefix("credential:")
    return folder.absolute() / written


def default_runtime() -> Path:
    """The folder of snapshot and control socket when the file names none: what systemd gave, else the usual one."""
    return Path((os.environ.get("RUNTIME_DIRECTORY") or str(RUNTIME)).split(":")[0])


def archive_beside(store: Path) -> Path:
    """Where the archive is when the file does not say."""
    return store.parent / "archive"


def _read(config: Path) -> tuple[dict[str, Any], str]:
    try:
        with config.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        return {}, f"{config} cannot be read: {getattr(error, 'strerror', None) or error}"
    try:
        return tomllib.loads(text), ""
    except (ValueError, RecursionError) as error:
        return _salvaged(text), f"{config} is not TOML: {error}"


def _salvaged(text: str) -> dict[str, Any]:
    """The plain ``key = "text"`` lines of a text that is no longer TOML."""
    found: dict[str, Any] = {"station": {}, "store": {"archive": {}}}
    tables = {"station": found["station"], "store": found["store"], "store.archive": found["store"]["archive"]}
    table: dict[str, Any] = {}
    for line in text.splitlines():
        if header := _TABLE.match(line):
            table = tables.get(header[1], {})
        elif pair := _TEXT.match(line):
            table.setdefault(pair[1], pair[2] if pair[3] is None else pair[3])
    return found


def _table(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _path(value: object, folder: Path) -> Path | None:
    return folder / value if isinstance(value, str) and value.isprintable() and value else None
