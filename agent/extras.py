"""What only some stations need is an extra of the package: imported when it is used, and named when it is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from drivers.errors import StationError


class ExtraMissingError(StationError):
    """A library that comes with an extra is not installed."""

    exit_code = 3

    def __init__(self, what: str, library: str, extra: str) -> None:
        super().__init__(
            f"{what} needs {library}, which is not installed",
            hint=f"Install it with: pip install 'station-agent[{extra}]'",
        )


def required(module: str, *, extra: str, what: str) -> Any:
    """Return *module*, which *extra* brings; raises ExtraMissingError that says *what* needs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ExtraMissingError(what, module.partition(".")[0], extra) from error
