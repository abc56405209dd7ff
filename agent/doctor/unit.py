"""The systemd unit of the daemon, as ``systemctl show`` tells it to everybody."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

UNIT = "station-agent.service"
ASK_S = 5.0
PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "NRestarts",
    "MainPID",
    "User",
    "SupplementaryGroups",
    "WatchdogUSec",
    "MemoryMax",
    "MemoryCurrent",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of the unit; ``why`` is why it says nothing, and then ``words`` is empty."""

    words: dict[str, str]
    why: str = ""

    def __getitem__(self, name: str) -> str:
        return self.words.get(name, "")

    def number(self, name: str) -> int | None:
        """A property that is a number; None for ``infinity`` and what is not set."""
        return int(self[name]) if self[name].isdecimal() else None


def ask_systemd() -> Unit:
    """Ask for all that is needed, at once."""
    line = ("systemctl", "show", UNIT, f"--property={','.join(PROPERTIES)}")
    plain = os.environ | {"LC_ALL": "C", "SYSTEMD_PAGER": ""}
    try:
        asked = subprocess.run(line, capture_output=True, text=True, timeout=ASK_S, check=False, env=plain)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired):
        return Unit({}, "systemctl is missing here, or does not answer")
    if asked.returncode:
        return Unit({}, "this machine was not started by systemd")
    return Unit(dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line))
