"""Files that have their name only once they are whole: half an export looks like one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivers.errors import StationError


class OutputError(StationError):
    """A file cannot be written."""

    exit_code = 3

    def __init__(self, path: Path, why: str) -> None:
        hint = "Check the folder, who may write there, and the room on it"
        super().__init__(f"{path} cannot be written: {why}", hint=hint)


@contextmanager
def finished(path: Path) -> Iterator[Path]:
    """Where to write what is to be *path*, whole and synced; a pipe or a device is written as it is.

    Raises OutputError where the medium refuses.
    """
    is_file = path.is_file() or not path.exists()
    unfinished = path.with_name(path.name + ".part") if is_file else path
    try:
        yield unfinished
        if is_file:
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            unfinished.replace(path)
    except BaseException as error:
        if is_file:
            with suppress(OSError):  # a medium that is gone
                unfinished.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OutputError(path, error.strerror or str(error)) from error
