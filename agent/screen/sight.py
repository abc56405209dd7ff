"""What is known of the station: the snapshot that its daemon leaves, and what the diagnosis says to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.diagnosis import Facts, Finding, diagnose, look, overall
from agent.paths import Paths, locate

PATIENCE_S = 5.0
"""A snapshot that is not replaced is judged again after so long: its age is a finding by then."""

FRESH_S = 3.0
"""A snapshot is written every second; one that is older is called by its age."""


class Sight:
    """The last look at the station of *config*."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._stamp: tuple[int, int] | None = None
        self._looked_s = float("-inf")  # monotonic
        self.paths: Paths = locate(config)
        self.snapshot: Facts | None = None
        self.findings: list[Finding] = []

    def look(self) -> bool:
        """Read what is new and judge it; whether there was anything. Takes long on a sick disk."""
        now_s, stamp = time.monotonic(), _stamp(self.paths.runtime / "status.json")
        if stamp == self._stamp and now_s - self._looked_s < PATIENCE_S:
            return False
        self._stamp, self._looked_s = stamp, now_s
        self.paths = locate(self._config)
        found = look(self.paths)
        if isinstance(found, Finding):  # the last state that was seen stays
            self.findings = [found]
        else:
            self.snapshot, self.findings = found, diagnose(found, self.paths)
        return True

    @property
    def level(self) -> int:
        """How the station does."""
        return overall(self.findings)

    @property
    def age_s(self) -> float:
        """How old the state is that is known; 0 without any."""
        if self.snapshot is None:
            return 0.0
        return max(time.time() - datetime.fromisoformat(self.snapshot["written"]).timestamp(), 0.0)

    @property
    def zone(self) -> tzinfo:
        """Of the station; UTC where its file does not say."""
        try:
            return ZoneInfo(self.paths.timezone)
        except (OSError, ValueError):
            return UTC

    @property
    def station(self) -> str:
        """Id and name."""
        about = (self.snapshot or {}).get("station") or {"id": self.paths.station}
        return " ".join(filter(None, (about.get("id"), about.get("name"))))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
