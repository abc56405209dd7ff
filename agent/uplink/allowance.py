"""How many bytes of old records may go out now, where an uplink has a rate."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """Grows by *rate* bytes a second, and saves up a second of that at most; without a rate there is no limit."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = 0.0
        self._counted_s = clock()

    @property
    def is_open(self) -> bool:
        """Whether something may go out now; what goes may be larger than what is left."""
        if self._rate is None:
            return True
        now = self._clock()
        self._left = min(self._left + (now - self._counted_s) * self._rate, self._rate)
        self._counted_s = now
        return self._left >= 0

    def spend(self, size: int) -> None:
        """*size* bytes went out."""
        if self._rate is not None:
            self._left -= size

    @property
    def wait_s(self) -> float:
        """Seconds until it is open again, as it was last counted."""
        return max(-self._left / self._rate, 0.05) if self._rate and self._left < 0 else 0.0
