"""One station that loses its power again and again, from its first start or with an old log, and what that cost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from agent.store.reader import Reader
from tests.faults.cuts import nearly_full
from tests.faults.names import Name
from tests.faults.powered import PC, QUOTA, Powered
from tests.faults.reckoning import Reckoning
from tests.faults.table import row
from tests.simulators.accounting import STATION

MACHINES = (PC, PC, PC, "pc-2")
SOON, LATER = 60, 500
"""Operations of the disk until the power goes, at the most: a start takes some 50."""
CONDEMNED = 0.15
"""How often a log is to be salvaged when it is opened."""


@dataclass
class Toll:
    """What some power cuts cost. *missing* are records that were accepted, and then were gone or never arrived."""

    seed: int
    times: int = 0
    polled: int = 0
    delivered: int = 0
    missing: int = 0
    duplicated: int = 0
    recovery_s: float = 0.0  # from a start to the first record that is stored, at the worst
    doing: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def sum(cls, tolls: Sequence[Self]) -> Self:
        """All of them together."""
        total = cls(tolls[0].seed)
        for toll in tolls:
            for name in ("times", "polled", "delivered", "missing", "duplicated", "doing", "interrupted", "faults"):
                setattr(total, name, getattr(total, name) + getattr(toll, name))
            total.recovery_s = max(total.recovery_s, toll.recovery_s)
        return total

    def told(self, fault: str) -> None:
        """Print it as a row, and what the cuts met."""
        counts = (self.times, self.polled, self.delivered, self.missing, self.duplicated)
        row(fault, *counts, recovery_s=self.recovery_s, seed=self.seed)
        for found in (self.doing, self.interrupted):
            print("in: " + ", ".join(f"{what} {times}" for what, times in found.most_common()))


async def outages(folder: Path, cuts: int, seed: int, *, synchronous: str = "FULL") -> Toll:
    """A station that loses its power *cuts* times, then lives on in peace until everything is delivered.

    It begins without a log, or, where *seed* is odd, with one that is nearly full.
    """
    rng, toll, gone = random.Random(seed), Toll(seed, times=cuts), set[Name]()
    async with Reckoning(folder) as reckoning:
        old = nearly_full(folder / "old", station=STATION, machine="pc-0", quota=QUOTA) if seed % 2 else None
        station = Powered(folder / "lives", reckoning.station_file, rng, old=old, synchronous=synchronous)
        for _ in range(cuts):
            operations, machine = rng.randrange(1, rng.choice([SOON, LATER])), rng.choice(MACHINES)
            condemned = rng.random() < CONDEMNED
            outcome = await station.live_until_cut(reckoning.proxy, operations, machine, condemned=condemned)
            toll.doing[outcome.doing] += 1
            toll.interrupted[outcome.cut_in or "nothing"] += 1
            gone.update(outcome.found.missing)
            toll.faults += [f"{name} is not there any more" for name in outcome.found.missing] + outcome.found.broken
        await station.live(lambda: reckoning.everything_arrives(station.log, _epochs(old)))
        await reckoning.close(station, gone)
    toll.polled, toll.delivered = reckoning.polled, reckoning.delivered
    toll.missing, toll.duplicated = len(gone.union(reckoning.missing)), reckoning.duplicated
    toll.recovery_s = max(station.witness.first_s)
    toll.faults += reckoning.faults
    return toll


def _epochs(old: Path | None) -> set[str]:
    """The epochs of a log that was delivered before the story begins."""
    if old is None:
        return set()
    with Reader.open(old / "store.db") as log:
        return {epoch.epoch for epoch in log.epochs()}
