"""Moments as the records write them."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.store.record import time_text, to_ms


def text_of(seconds: float) -> str:
    """The time of *seconds* since 1970, as a record made at that moment has it."""
    return time_text(to_ms(datetime.fromtimestamp(seconds, UTC)))
