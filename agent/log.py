"""What the daemon says about itself: one JSON object a line for journald, plain lines on a terminal.

An event is a constant past-tense name; what varies is a key, with its unit.
Changes of state are logged, not every success, and never a secret.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog


def configure(*, level: str = "info", readable: bool | None = None) -> None:
    """Send the log to stderr; *readable* lines where stderr is a terminal, unless told otherwise."""
    if readable is None:
        readable = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer(serializer=_as_json)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            *([] if readable else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it has to say, the link says with names


def _as_json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
