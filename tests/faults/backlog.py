"""A log with days of readings that no broker has, and what a consumer sees while they go out."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.daemon import machine_id
from agent.store.record import Draft, draft
from agent.store.store import Store
from drivers.reading import Stream
from tests.simulators.accounting import STATION, seconds
from tests.simulators.consumer import Received
from tests.simulators.evidence import raw_elements
from tests.simulators.ledger import derived

DEVICE = 0
"""The number of the device whose readings wait; the instruments that are polled count from 1."""

GROUP = 2000


def fill(log: Path, count: int, *, registers: int, ended: timedelta = timedelta()) -> None:
    """Make a log at *log* with *count* readings, five a second, the last of them made *ended* ago."""
    log.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC) - ended
    store = Store.open(log, station=STATION, machine=machine_id(), quota=20 << 30, now_ms=int(now.timestamp() * 1000))
    try:
        for first in range(1, count + 1, GROUP):
            serials = range(first, min(first + GROUP, count + 1))
            store.append(
                [_reading(serial, now - timedelta(seconds=(count - serial) / 5), registers) for serial in serials]
            )
    finally:
        store.close()


def _reading(serial: int, time: datetime, registers: int) -> Draft:
    values = {f"r{register}": derived(DEVICE, serial, register) for register in range(2, registers)}
    words = {"device": f"d{DEVICE}", "meta": "3fa09c1e", "values": {"serial": serial, **values}}
    return draft(Stream.MEASUREMENT, time, words)


@dataclass(frozen=True)
class Draining:
    """What a consumer saw of it."""

    count: int  # records of the backlog
    took_s: float
    ages_s: list[float]  # of new records when they came, while the backlog went out

    @classmethod
    def seen_in(cls, messages: list[Received], count: int) -> Draining:
        """Look at the *messages* of a consumer that met *count* waiting records."""
        back = [message.monotonic_s for message in messages if message.topic.endswith("/measurement/back")]
        began_s, ended_s = back[0], back[-1]
        during = [message for message in messages if began_s <= message.monotonic_s <= ended_s]
        return cls(count, ended_s - began_s, sorted(_ages(during)))

    def __str__(self) -> str:
        return (
            f"{self.count} records in {self.took_s:.1f} s, {self.count / self.took_s:.0f} a second; beside them "
            f"{len(self.ages_s)} new ones, when they came {statistics.median(self.ages_s):.3f} s old in the median, "
            f"{self.ages_s[-1]:.3f} s at the worst"
        )


def _ages(messages: list[Received]) -> Iterator[float]:
    offset_s = time.time() - time.monotonic()
    for message in messages:
        if message.topic.endswith("/measurement/live"):
            for record in raw_elements(message.payload):
                yield message.monotonic_s + offset_s - seconds(json.loads(record)["time"])
