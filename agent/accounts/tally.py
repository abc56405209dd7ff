"""What ticks came to, in numbers. A sum that does not close is a defect, and says so.

Per uplink: transmission rate (传输率) = received / expected; validity rate (有效率) = valid received /
those that should be valid, which are the expected without calibration and maintenance; valid
transmission rate (有效传输率) = the product of both. So a public implementation counts that cites
《自动监测数据有效传输率统计算法说明》; other networks count otherwise, and have the numbers here to do it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.accounts.causes import EXEMPT, Cause
from agent.accounts.hours import HOURS_OF_A_DAY, Hour, Hours


class Day(NamedTuple):
    """A day of the station's zone, from ``since_ms`` up to ``until_ms``."""

    name: str
    since_ms: int
    until_ms: int


@dataclass(slots=True)
class Delivery:
    """What one uplink was to have: ticks ``expected``, some ``exempt``; and what it has: ``received``, ``valid``."""

    expected: int = 0
    exempt: int = 0
    received: int = 0
    valid: int = 0
    hours: Hours = field(default_factory=Hours)

    @property
    def transmission(self) -> float | None:
        """The transmission rate (传输率), 0 to 1."""
        return self.received / self.expected if self.expected else None

    @property
    def validity(self) -> float | None:
        """The validity rate (有效率), 0 to 1."""
        due = self.expected - self.exempt
        return self.valid / due if due else None

    @property
    def valid_transmission(self) -> float | None:
        """The valid transmission rate (有效传输率), 0 to 1."""
        transmission, validity = self.transmission, self.validity
        return None if transmission is None or validity is None else transmission * validity

    def count(self, ticks: int, cause: Cause | None, *, received: bool) -> None:
        """Count *ticks* that are valid, or were lost to *cause*."""
        self.expected += ticks
        self.exempt += ticks if cause in EXEMPT else 0
        self.received += ticks if received else 0
        self.valid += ticks if received and cause is None else 0

    def add(self, other: Delivery) -> None:
        """Count *other* in."""
        self.expected += other.expected
        self.exempt += other.exempt
        self.received += other.received
        self.valid += other.valid
        self.hours.add(other.hours)


@dataclass(slots=True)
class Tally:
    """What ticks of one channel came to; ``acquired`` are those with a value, ``deliveries`` by uplink."""

    expected: int = 0
    acquired: int = 0
    valid: int = 0
    lost: Counter[Cause] = field(default_factory=Counter)
    hours: Hours = field(default_factory=Hours)
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    @property
    def capture(self) -> float | None:
        """Valid of expected ticks, 0 to 1."""
        return self.valid / self.expected if self.expected else None

    @property
    def closes(self) -> bool:
        """Whether every expected tick is valid or lost to a cause."""
        return self.expected == self.valid + self.lost.total()

    def count(self, ticks: int, cause: Cause | None, *, has_value: bool) -> None:
        """Count *ticks* that are valid, or were lost to *cause*."""
        self.expected += ticks
        self.acquired += ticks if has_value else 0
        if cause is None:
            self.valid += ticks
        else:
            self.lost[cause] += ticks

    def add(self, other: Tally) -> None:
        """Count *other* in."""
        self.expected += other.expected
        self.acquired += other.acquired
        self.valid += other.valid
        self.lost += other.lost
        self.hours.add(other.hours)
        for uplink, delivery in other.deliveries.items():
            self.deliveries.setdefault(uplink, Delivery()).add(delivery)


@dataclass(slots=True)
class Account:
    """One channel over the period, by day."""

    device: str
    channel: str
    title: str = ""
    unit: str = ""
    days: dict[str, Tally] = field(default_factory=dict)
    is_fitted: bool | None = None  # None: nobody said
    before: Cause | None = None  # what the last ticks were lost to, while they are entered
    hour: Hour = field(default_factory=Hour, compare=False)  # the one that is being entered

    @property
    def valid_days(self) -> int:
        """Days with so many valid hours that they are valid."""
        return sum(tally.hours.valid >= HOURS_OF_A_DAY for tally in self.days.values())

    @property
    def total(self) -> Tally:
        """All days together."""
        total = Tally()
        for tally in self.days.values():
            total.add(tally)
        return total
