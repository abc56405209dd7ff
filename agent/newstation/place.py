"""Puts a new station file in its place: never over another, never half, and readable for the daemon."""

from __future__ import annotations

import os
from pathlib import Path

from agent.newstation.answers import AnswerError

MODE = 0o640
"""No other user may read it: it will name the ways to secrets."""


def insist_on_place(file: Path) -> None:
    """Raise AnswerError where *file* cannot be written, before anybody has answered a question."""
    folder = file.absolute().parent
    if os.path.lexists(file):
        hint = "Move it away, or name another: station-agent --config FILE init"
        raise AnswerError(f"{file} is there already, and nothing is overwritten", hint=hint)
    if not folder.is_dir():
        hint = "Install the service first, or name another: station-agent --config FILE init"
        raise AnswerError(f"there is no folder {folder}", hint=hint)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AnswerError(f"this user may not write into {folder}", hint="Run: sudo station-agent init")


def put(file: Path, text: str) -> None:
    """Write *text* as *file*, in one step and synced to disk; raises AnswerError."""
    insist_on_place(file)
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), MODE)
            if os.geteuid() == 0:
                os.fchown(out.fileno(), -1, part.parent.stat().st_gid)  # who may enter the folder may read the file
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        part.rename(file)
        _sync(part.parent)
    except OSError as error:
        hint = "Check the folder, who may write there, and the room on it"
        raise AnswerError(f"{file} cannot be written: {error.strerror}", hint=hint) from None
    finally:
        part.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Bring the name of the new file to the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
