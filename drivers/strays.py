"""What comes on a wire and answers nothing: replies after their time-out, second copies, lines of somebody else."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from drivers.question import FrameFinder, answer_in

MOST_KEPT = 32


class Strays:
    """What strayed lately, and which requests are still without the answer that may have; times of one clock."""

    def __init__(self) -> None:
        self._came: deque[tuple[float, bytes]] = deque(maxlen=MOST_KEPT)
        self._missing: dict[str, tuple[FrameFinder, float]] = {}

    def miss(self, device: str, find: FrameFinder, asked_s: float) -> None:
        """Take note that what *find* finds never came; *device* was asked for it at *asked_s*."""
        self._missing[device] = find, asked_s

    def add(self, data: bytes, now_s: float) -> tuple[str, float] | None:
        """Take *data*, which answers nothing; returns which device it comes from, late, and how long that took."""
        self._came.append((now_s, data))
        for device, (find, asked_s) in self._missing.items():
            with suppress(Exception):  # a finder's defect was told to who asked
                if answer_in(data, find) is not None:
                    del self._missing[device]
                    return device, now_s - asked_s
        return None

    def has(self, frame: bytes, find: FrameFinder, since_s: float) -> bool:
        """Whether *find* finds *frame*, and nothing else, in anything that came after *since_s*."""
        return any(came_s > since_s and answer_in(data, find) == frame for came_s, data in self._came)
