"""What an instrument refused: register ranges that no request may hold again, until they are tried anew.

Instruments answer exception 2 for options that are not fitted, and for a block
that runs over an address nobody defined. The first poll finds out by splitting;
this memory keeps later polls from asking again.
"""

from __future__ import annotations

from collections.abc import Collection

from drivers.plan import Span

KEPT_S = 24 * 3600.0


class Holes:
    """The smallest refused ranges, and those of them that are a channel's own."""

    def __init__(self) -> None:
        self.version = 0  # changes whenever a plan made before may be wrong
        self._refused: set[Span] = set()
        self._missing: set[Span] = set()
        self._since_s = 0.0

    @property
    def refused(self) -> Collection[Span]:
        """Ranges that no block may hold."""
        return self._refused

    def is_missing(self, span: Span) -> bool:
        """Whether a channel at *span* was refused when it was asked for alone."""
        return span in self._missing

    def refuse(self, span: Span, now_s: float) -> None:
        """Remember that a block over *span* was refused at *now_s* (monotonic)."""
        if any(span.holds(smaller) for smaller in self._refused):
            return
        self._since_s = self._since_s or now_s
        self._refused = {other for other in self._refused if not other.holds(span)} | {span}
        self.version += 1

    def miss(self, span: Span, now_s: float) -> None:
        """Remember that a channel at *span* does not exist."""
        self.refuse(span, now_s)
        self._missing.add(span)
        self.version += 1

    def forget_old(self, now_s: float) -> None:
        """Forget everything a day after it was learned first: an option may have been fitted."""
        if self._since_s and now_s - self._since_s > KEPT_S:
            self._refused, self._missing, self._since_s = set(), set(), 0.0
            self.version += 1
