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
    """Channels that do not exist, and neighbours that may not be asked for together."""

    def __init__(self) -> None:
        self.version = 0  # changes whenever a plan made before may be wrong
        self._missing: set[Span] = set()
        self._apart: set[Span] = set()
        self._since_s: float | None = None

    @property
    def refused(self) -> Collection[Span]:
        """Ranges that no block may hold."""
        return self._missing | self._apart

    def is_missing(self, span: Span) -> bool:
        """Whether a channel at *span* was refused when it was asked for alone."""
        return span in self._missing

    def miss(self, span: Span, now_s: float) -> None:
        """Remember from *now_s* (monotonic) on that a channel at *span* does not exist."""
        self._add(self._missing, span, now_s)

    def part(self, span: Span, now_s: float) -> None:
        """Remember from *now_s* on that the two channels at the ends of *span* are to be asked for apart."""
        self._add(self._apart, span, now_s)

    def _add(self, spans: set[Span], span: Span, now_s: float) -> None:
        if span not in spans:
            spans.add(span)
            self._since_s = now_s if self._since_s is None else self._since_s
            self.version += 1

    def forget_old(self, now_s: float) -> None:
        """Forget everything a day after the first of it was learned: an option may have been fitted."""
        if self._since_s is not None and now_s - self._since_s > KEPT_S:
            self._missing, self._apart, self._since_s = set(), set(), None
            self.version += 1
