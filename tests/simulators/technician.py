"""A technician at the command line, in this process: what a command says and how it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def news(self) -> list[dict[str, Any]]:
        """Its lines as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """Its JSON lines of one kind."""
        return [news for news in self.news if news["event"] == event]


class Technician:
    """Types commands for the station file in *folder*."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], station: str = "") -> None:
        self.config = folder / "station.toml"
        if station:
            self.config.write_text(station)
        self._capsys = capsys

    def types(self, *words: str) -> Said:
        """Run a command to its end."""
        self._capsys.readouterr()
        code = main(["--config", str(self.config), *words])
        return Said(code, *self._capsys.readouterr())

    def asks(self, words: Sequence[str]) -> Said:
        """Run a command and take its answer as JSON."""
        return self.types(*words, "--json")
