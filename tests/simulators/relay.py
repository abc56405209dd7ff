"""A bad line between a station and its broker: late, thin, leaky, cut, or forgetful, and changed while it runs.

:func:`lines` gives real IP: a tunnel device in each of two networks of our own,
and a relay between them that loses, delays, doubles and reorders packets, so that
both kernels retransmit, time out and hold half-open connections as they do in the
field. Where such networks cannot be made, a TCP proxy imitates what the two ends
would notice (:mod:`tests.simulators.stalling_proxy`). ``kind`` says which one it is.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tests.simulators.bench import Bench
from tests.simulators.namespaces import Network, NoNamespaceError
from tests.simulators.stalling_proxy import StallingProxy

T = TypeVar("T")

PACKET = 65_536
TCP = 6


@dataclass
class Way:
    """What happens to packets in one direction. Every field may be changed at any time."""

    delay_s: float = 0.0
    jitter_s: float = 0.0  # added, up to so much
    loss: float = 0.0  # probabilities
    duplicates: float = 0.0
    reorder: float = 0.0  # held back for some 50 ms, so that others overtake
    rate: float | None = None  # bytes per second
    buffer: int = 16_384  # bytes that may wait for a thin line; what comes beyond them is lost
    cut: bool = False
    passed: int = 0
    lost: int = 0
    _free_s: float = 0.0

    def mend(self) -> None:
        """No fault any more."""
        self.__init__()  # type: ignore[misc]  # the fields, as they were in the beginning

    def due(self, size: int, now_s: float, dice: random.Random) -> list[float]:
        """When a packet that came *now_s* leaves again: never, once or twice."""
        if self.cut or dice.random() < self.loss or self._is_full(size, now_s):
            self.lost += 1
            return []
        self.passed += 1
        if self.rate is not None:
            now_s = self._free_s = max(self._free_s, now_s) + size / self.rate
        late_s = self.delay_s + dice.uniform(0, self.jitter_s) + 0.05 * (dice.random() < self.reorder)
        return [now_s + late_s] * (2 if dice.random() < self.duplicates else 1)

    def _is_full(self, size: int, now_s: float) -> bool:
        return self.rate is not None and (self._free_s - now_s) * self.rate + size > self.buffer


class Line(Protocol):
    """One line. ``up`` leads from the station to the broker, ``down`` back."""

    up: Way
    down: Way

    @property
    def host(self) -> str:
        """Where the station finds the broker."""

    @property
    def port(self) -> int:
        """And at which port."""

    def forget(self) -> None:
        """Drop every connection that stands now without telling anyone; new ones pass."""


class Lines(Protocol):
    """A station, its brokers, and a line to each of them. ``kind`` says what the lines are made of."""

    kind: str
    station: AbstractContextManager[None]

    def line(self, port: int) -> Line:
        """A new line to what listens at *port* of the brokers' side, on every address."""

    def at_station(self) -> AbstractContextManager[None]:
        """What this thread starts meanwhile runs at the station's end."""

    def at_brokers(self) -> AbstractContextManager[None]:
        """What this thread starts meanwhile runs at the brokers' end."""
