"""What a line does to what is sent over it, in one direction. Pure, but for its dice."""

from __future__ import annotations

import random
from dataclasses import dataclass

HELD_BACK_S = 0.05
"""A reordered packet comes so much later than those around it."""


@dataclass
class Way:
    """One direction of a line. Every field may be changed while it works."""

    delay_s: float = 0.0
    jitter_s: float = 0.0  # added, up to so much
    loss: float = 0.0  # these three are probabilities
    duplicates: float = 0.0
    reorder: float = 0.0
    rate: float | None = None  # bytes per second
    buffer: int = 16_384  # bytes that may wait for a thin line; what comes beyond them is lost
    cut: bool = False
    passed: int = 0  # packets
    dropped: int = 0
    _free_s: float = 0.0  # when what waits for a thin line has left

    def mend(self) -> None:
        """Let everything pass at once."""
        self.delay_s = self.jitter_s = self.loss = self.duplicates = self.reorder = 0.0
        self.rate, self.cut = None, False

    def due(self, size: int, now_s: float, dice: random.Random) -> list[float]:
        """When a packet of *size* bytes that comes *now_s* leaves again: never, once or twice."""
        if self.cut or dice.random() < self.loss or self._is_full(size, now_s):
            self.dropped += 1
            return []
        self.passed += 1
        late_s = self.delay_s + dice.uniform(0, self.jitter_s) + HELD_BACK_S * (dice.random() < self.reorder)
        return [self.sent_s(size, now_s) + late_s] * (2 if dice.random() < self.duplicates else 1)

    def sent_s(self, size: int, now_s: float) -> float:
        """When the last of *size* bytes has left, behind everything that waits."""
        if self.rate is None:
            return now_s
        self._free_s = max(self._free_s, now_s) + size / self.rate
        return self._free_s

    def _is_full(self, size: int, now_s: float) -> bool:
        return self.rate is not None and max(self._free_s - now_s, 0) * self.rate + size > self.buffer
