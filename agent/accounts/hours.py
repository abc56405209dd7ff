"""Hours as authorities count them: one is valid that has 45 valid minutes, a day that has 20 valid hours.

So HJ 212-2017, annex D; GB 3095 and HJ 906 are said to ask the same of their hours. A tick stands for
the time until the next one. Instruments that sample less often than once an hour have no hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
NEEDED_MS = 45 * 60_000
HOURS_OF_A_DAY = 20


@dataclass(slots=True)
class Hours:
    """How many hours were ``expected``, had values (or arrived) for 45 minutes, and were ``valid`` for so long."""

    expected: int = 0
    received: int = 0
    valid: int = 0

    def add(self, other: Hours) -> None:
        """Count *other* in."""
        self.expected += other.expected
        self.received += other.received
        self.valid += other.valid


@dataclass(slots=True)
class Span:
    """Of one hour, for how long (ms) something was expected, received and valid."""

    expected_ms: int = 0
    received_ms: int = 0
    valid_ms: int = 0

    def count(self, ms: int, *, received: bool, valid: bool) -> None:
        """Add *ms*."""
        self.expected_ms += ms
        self.received_ms += ms if received else 0
        self.valid_ms += ms if received and valid else 0

    def settled(self) -> Hours:
        """What it comes to; an hour of which less was expected counts nowhere."""
        if self.expected_ms < NEEDED_MS:
            return Hours()
        return Hours(1, int(self.received_ms >= NEEDED_MS), int(self.valid_ms >= NEEDED_MS))


@dataclass(slots=True)
class Hour:
    """The hour that a channel is in, as it was acquired ("") and as each uplink has it."""

    begin_ms: int = -1
    spans: dict[str, Span] = field(default_factory=dict)

    def span(self, uplink: str = "") -> Span:
        """That of one uplink."""
        return self.spans.setdefault(uplink, Span())


def by_hour(due_ms: int, ticks: int, every_ms: float, midnight_ms: int) -> Iterator[tuple[int, int]]:
    """*ticks* from *due_ms* on, as the hours of the station's clock in which they begin, and how long (ms) each has."""
    at_ms = float(due_ms)
    while ticks > 0:
        begin_ms = int(at_ms - (at_ms - midnight_ms) % HOUR_MS)
        within = min(ticks, max(int(-(-(begin_ms + HOUR_MS - at_ms) // every_ms)), 1))
        yield begin_ms, round(within * every_ms)
        at_ms += within * every_ms
        ticks -= within
