"""Who counts: an independent subscriber at the broker, held against the log of the agent."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.receive.holding import Key
from agent.receive.receiving import FAULTS, Receiver, Taken
from agent.store.reader import Reader
from agent.uplink.broker import Broker

RATE_S = 5.0


@dataclass(frozen=True, slots=True)
class Count:
    """What the log has, and what of it arrived with its chain proven."""

    polled: int
    delivered: int
    duplicates: int
    faults: int

    @property
    def missing(self) -> int:
        """Records that did not arrive."""
        return self.polled - self.delivered

    @property
    def is_good(self) -> bool:
        """Whether everything arrived, and nothing that contradicts the log."""
        return self.missing == 0 and self.faults == 0

    def __str__(self) -> str:
        return (
            f"polled {self.polled} records, delivered {self.delivered}, "
            f"missing {self.missing}, duplicates {self.duplicates}"
        )


@dataclass(slots=True)
class Judge:
    """Watches one subscription; *told* gets a sentence about what is out of the ordinary."""

    receiver: Receiver
    told: Callable[[str], None]
    protocol: str = ""
    last_batch: str = ""
    last_batch_s: float = 0.0
    _arrivals: deque[tuple[float, int]] = field(default_factory=deque)

    def connected(self, broker: Broker) -> None:
        """Note which version of MQTT is spoken."""
        if self.protocol:
            self.told("the subscriber is back at the broker")
        self.protocol = broker.protocol

    def disconnected(self, why: str) -> None:
        """Nothing to note: who killed the broker knows, and the broker's keeper says so."""

    def taken(self, taken: Taken) -> None:
        """Note what arrived."""
        for finding in taken.findings:
            if finding.kind in FAULTS:
                self.told(f"FAULT {finding.where}: {finding.what}")
        if (batch := taken.batch) is not None:
            self.last_batch = f"{batch.stream} {batch.lane} {batch.first}-{batch.last}"
            self.last_batch_s = time.monotonic()
            self._arrivals.append((self.last_batch_s, len(taken.records)))

    @property
    def rate(self) -> float:
        """New records per second of late."""
        since_s = time.monotonic() - RATE_S
        while self._arrivals and self._arrivals[0][0] < since_s:
            self._arrivals.popleft()
        return sum(records for _, records in self._arrivals) / RATE_S

    @property
    def streams(self) -> dict[str, int]:
        """Different records that arrived, by stream."""
        counts: Counter[str] = Counter()
        for key, series in self.receiver.series.items():
            counts[key.stream] += series.count()
        return dict(counts)

    def count(self, log: Path) -> Count:
        """Hold what arrived against the log, all its epochs; a head that differs there is a fault."""
        polled = delivered = 0
        forks = 0
        with Reader.open(log) as reader:
            for kept in reader.series():
                polled += kept.last
                series = self.receiver.series.get(Key(reader.station, kept.epoch, kept.stream))
                if series is None:
                    continue
                delivered += series.count(kept.last)
                forks += series.head(kept.last) not in (None, kept.head)
        return Count(polled, delivered, self.receiver.duplicates, self.receiver.faults + forks)
