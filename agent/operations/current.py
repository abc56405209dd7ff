"""What is open and what runs now: the daemon says so, and without one what it last left in the log."""

from __future__ import annotations

import json
from typing import Any

from agent.control.client import ControlError, ask
from agent.paths import Paths
from agent.store.errors import DamagedError
from agent.store.reader import Reader

ANSWER_S = 5.0
"""A daemon that takes longer hangs, and the log is asked."""


def current(paths: Paths, what: str) -> list[dict[str, Any]]:
    """The open alarms or the running maintenance, whichever *what* says; raises StoreError where the log fails too."""
    try:
        return list(ask(paths.runtime / "control.sock", {"do": "operations"}, timeout_s=ANSWER_S)[what])
    except ControlError:
        return _kept(paths, what)


def _kept(paths: Paths, what: str) -> list[dict[str, Any]]:
    with Reader.open(paths.store) as log:
        text = log.fact(what) or "[]"
    try:
        return list(json.loads(text))
    except (ValueError, TypeError) as error:
        raise DamagedError(paths.store, f"what it keeps of {what} is no JSON: {error}") from error
