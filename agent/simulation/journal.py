"""What a simulated instrument was asked and what it served: for the screen, and as JSON Lines for those who compare."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

from agent.simulation.registers import Said

RATE_S = 10.0


class Journal:
    """Counts requests and remembers the last; *file* gets one JSON object for each.

    ``{"time", "asked", "said": {channel: value} | null, "faults": […]}``: ``said`` is
    what honest readings of the reply have to be, null when no honest reply went out.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.asked = 0
        self.answered = 0
        self.last = ""
        self.last_s = 0.0
        self.said: dict[str, Said] = {}
        self._file = file
        self._recent: deque[float] = deque(maxlen=10_000)

    def note(self, asked: str, said: Mapping[str, Said] | None, faults: Sequence[str] = ()) -> None:
        """Remember a request and what was answered."""
        self.asked += 1
        self.last, self.last_s = asked, time.monotonic()
        self._recent.append(self.last_s)
        if said is not None:
            self.answered += 1
            self.said |= said
        if self._file is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = {"time": now, "asked": asked, "said": said, "faults": list(faults)}
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()

    @property
    def rate(self) -> float:
        """Requests per second of late."""
        since_s = time.monotonic() - RATE_S
        while self._recent and self._recent[0] < since_s:
            self._recent.popleft()
        return len(self._recent) / RATE_S
