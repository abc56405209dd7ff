"""What is known of a station before it is examined, gathered once: file, snapshot, unit, the daemon's user."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.diagnosis import UNKNOWN, Facts, Finding, look
from agent.diagnosis.presence import lives, of_daemon
from agent.doctor.person import Person
from agent.doctor.unit import Unit, ask_systemd
from agent.lastgood import choose
from agent.paths import Paths, locate
from agent.settings import Settings
from drivers.errors import StationError

USUAL = "station-agent"
"""The user that the installer makes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One station. ``settings`` are those of the file, or the last that ran when the file is wrong, or none at all.

    ``snapshot`` is empty where there is none or this user may not read it; ``troubles`` say so, and what is wrong
    with the daemon that wrote it. ``daemon`` is the user that it runs as, where that is known.
    """

    paths: Paths
    settings: Settings | None
    error: StationError | None
    snapshot: Facts
    troubles: tuple[Finding, ...]
    unit: Unit
    daemon: Person | None

    @property
    def turns(self) -> bool:
        """Whether the daemon lives and its snapshot is fresh."""
        return not self.troubles

    @property
    def may_run(self) -> bool:
        """Whether a daemon may be at work, also one that hangs, or that this user may not see."""
        if not self.snapshot:
            return any(trouble.level == UNKNOWN for trouble in self.troubles)
        return not self.snapshot["ended"] and lives(self.snapshot["pid"])

    def of(self, kind: str, name: str) -> Facts:
        """What the running daemon says of the link, device or uplink *name*; empty when none runs or says anything."""
        found = self.snapshot.get(f"{kind}s", ()) if self.turns else ()
        return next((facts for facts in found if facts["name"] == name), {})


def take_up(config: Path) -> Case:
    """Gather what is known; raises nothing, however broken the station is."""
    paths = locate(config)
    settings, error = _settings(config)
    found = look(paths)
    snapshot = {} if isinstance(found, Finding) else found
    unit = ask_systemd()
    return Case(paths, settings, error, snapshot, tuple(_troubles(found)), unit, _runs_as(unit, snapshot))


def _runs_as(unit: Unit, snapshot: Facts) -> Person | None:
    """The user of the unit, else of the daemon that runs, else the usual one; None where there is none of them."""
    if unit["User"]:
        return Person.named(unit["User"], unit["SupplementaryGroups"].split())
    with suppress(OSError, KeyError):
        return Person.named(Path(f"/proc/{snapshot['pid']}").owner())
    usual = Person.named(USUAL)
    return usual if usual.exists else None


def _settings(config: Path) -> tuple[Settings | None, StationError | None]:
    try:
        return choose(config)
    except StationError as error:
        return None, error


def _troubles(found: Facts | Finding) -> Iterator[Finding]:
    if isinstance(found, Finding):
        yield found
    else:
        yield from of_daemon(found, time.time())
