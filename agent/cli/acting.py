"""Telling the daemon something that it records under the user's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.control.client import ask
from agent.paths import locate
from drivers.errors import StationError


class NotStoredError(StationError):
    """It was done, but the disk does not take the record of it yet."""

    def __init__(self) -> None:
        super().__init__(
            "it is done, but the record of it waits in memory: the disk takes nothing now",
            hint="Run: station-agent status",
        )


def tell(config: Path, do: str, **words: Any) -> dict[str, Any]:
    """Have the daemon of *config* do something; *words* that are None are left out.

    Returns its answer; raises ControlError when nobody is there or it refuses.
    """
    given = {key: value for key, value in words.items() if value is not None}
    return ask(locate(config).runtime / "control.sock", {"do": do, **given})


def settled(answer: dict[str, Any]) -> int:
    """Return 0, the exit code, where the record is stored; raises NotStoredError where it waits."""
    if not answer["stored"]:
        raise NotStoredError
    return 0
