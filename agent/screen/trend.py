"""The last hours of one channel, read from the log beside the screen and drawn by the same hand as ``plot``."""

from __future__ import annotations

import time
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from agent.curves.points import Curve, read_curve
from agent.curves.terminal import draw
from agent.store.reader import Reader
from drivers.reading import Stream

SPANS_H = (1, 3, 8, 24)
LEAST_PAUSE_S = 10.0
"""Between two looks at the log for the same curve."""


class Wanted(NamedTuple):
    """Which curve: a channel of a device, so many hours back, so many columns wide."""

    device: str
    channel: str
    stream: Stream
    hours: int
    columns: int

    @property
    def pause_s(self) -> float:
        """A curve changes when a column is over."""
        return max(self.hours * 3600 / self.columns, LEAST_PAUSE_S)


class Trend(NamedTuple):
    """A curve, which was asked for as *wanted* and read at ``read_s`` (monotonic)."""

    wanted: Wanted
    curve: Curve
    read_s: float

    def drawn(self, zone: tzinfo, rows: int) -> list[str]:
        """The lines of it; none where there is no room."""
        return list(draw(self.curve, zone, columns=self.wanted.columns, rows=rows, colour=False))

    def answers(self, wanted: Wanted) -> bool:
        """Whether this is still what is wanted."""
        return self.wanted == wanted and time.monotonic() - self.read_s < wanted.pause_s


def read_trend(path: Path, wanted: Wanted) -> Trend:
    """Read what is *wanted*. Opens the log anew: it may have been set aside."""
    now_ms = int(time.time() * 1000)
    since_ms = now_ms - wanted.hours * 3_600_000
    with Reader.open(path) as log:
        curve = read_curve(log, wanted.stream, wanted.device, wanted.channel, since_ms, now_ms, width=wanted.columns)
    return Trend(wanted, curve, time.monotonic())
