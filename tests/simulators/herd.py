"""Many stations that lost one broker and come back, with the agent's own back-off, in time that is only counted."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from agent.uplink.retry import FIRST_S, full_jitter


@dataclass(order=True, slots=True)
class Station:
    """One of them; ``next_s`` is when it tries again, in seconds since the broker went down."""

    next_s: float
    began_s: float
    attempt_number: int = 0

    @property
    def seconds_since_start(self) -> float:
        """As tenacity tells it."""
        return self.next_s - self.began_s


@dataclass
class Herd:
    """*stations* that are connected when the broker goes down, at 0, to come back after *outage_s*.

    It refuses at once while it is down, and then takes *rate* connections a second.
    """

    stations: int
    outage_s: float
    rate: float = float("inf")
    attempts: Counter[int] = field(default_factory=Counter)  # by second
    connects: Counter[int] = field(default_factory=Counter)
    last_s: float = 0.0  # after the outage, until the last one was back

    def reconnect(self) -> None:
        """Let all of them come back; chance is that of the module random."""
        firsts = [random.uniform(0, FIRST_S) for _ in range(self.stations)]
        waiting = [Station(at_s, at_s) for at_s in firsts]
        heapify(waiting)
        while waiting:
            station = heappop(waiting)
            if self._takes(station.next_s):
                self.last_s = station.next_s - self.outage_s
                continue
            station.attempt_number += 1
            told: Any = station
            station.next_s += full_jitter(told)
            heappush(waiting, station)

    def _takes(self, at_s: float) -> bool:
        second = int(at_s)
        self.attempts[second] += 1
        if at_s < self.outage_s or self.connects[second] >= self.rate:
            return False
        self.connects[second] += 1
        return True

    @property
    def busiest(self) -> int:
        """Connections in the worst second after the outage."""
        return max(self.connects.values())

    @property
    def half_s(self) -> int:
        """When half of them were back, in seconds after the outage."""
        return sorted(self.connects.elements())[self.stations // 2] - int(self.outage_s)
