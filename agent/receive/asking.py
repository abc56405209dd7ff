"""What a consumer says back: acknowledgements, and requests for what it lacks. Pure but for the clock it is given.

A gap is asked for when it stood unchanged for PATIENCE_S: before that the backlog
may still be filling it. One request per station is open at a time, for a station
serves one per consumer; it is repeated when the station's session changes or
nothing came for AGAIN_S.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from agent.receive.holding import Key, Series
from agent.receive.receiving import Receiver
from agent.store.cursor import Range
from agent.uplink.consumer import MOST_RANGES, MOST_RECORDS

PATIENCE_S = 3.0
AGAIN_S = 10.0

ACKS_APART_S = 1.0
"""A station is told at most this often what is held."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be published for a station."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(slots=True)
class _Request:
    key: Key
    session: int
    ranges: list[Range]
    asked_s: float


class Asker:
    """Writes the requests of the consumer *name* for what *receiver* lacks."""

    def __init__(
        self,
        name: str,
        root: str,
        receiver: Receiver,
        *,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._root = root
        self._receiver = receiver
        self._patience_s = patience_s
        self._clock = clock
        self._numbers = count(1)
        self._open: dict[str, _Request] = {}
        self._seen_s: dict[tuple[Key, Range], float] = {}

    @property
    def asked(self) -> list[Key]:
        """The series of which something is on order."""
        return [request.key for request in self._open.values()]

    def due(self) -> list[Letter]:
        """The requests to be sent now."""
        now = self._clock()
        lacking = {key: ranges for key, one in self._receiver.series.items() if (ranges := one.wanted)}
        seen = {(key, part): now for key, ranges in lacking.items() for part in ranges}
        self._seen_s = {gap: self._seen_s.get(gap, since_s) for gap, since_s in seen.items()}
        self._close(lacking, now)
        return [self._ask(key, ranges, now) for key, ranges in self._ripe(lacking, now)]

    def _close(self, lacking: dict[Key, list[Range]], now: float) -> None:
        """Forget requests that were served, or were made to a process that is gone, or are without effect."""
        for station, request in list(self._open.items()):
            left = lacking.get(request.key, [])
            if left != request.ranges and left:  # it is being served
                request.ranges, request.asked_s = left, now
            stale = now - request.asked_s > AGAIN_S or request.session != self._session(station)
            if stale or not left:
                del self._open[station]

    def _ripe(self, lacking: dict[Key, list[Range]], now: float) -> Iterator[tuple[Key, list[Range]]]:
        for key, ranges in lacking.items():
            state = self._receiver.stations.get(key.station)
            if key.station in self._open or state is None or not state.online:
                continue
            ripe = [part for part in ranges if now - self._seen_s[key, part] >= self._patience_s]
            if ripe:
                yield key, ripe

    def _ask(self, key: Key, ranges: list[Range], now: float) -> Letter:
        ranges = _limited(ranges)
        self._open[key.station] = _Request(key, self._session(key.station), self._receiver.series[key].wanted, now)
        number = f"{int(time.time())}-{next(self._numbers)}"  # never one that an earlier run of this consumer has used
        words = {
            "v": 1,
            "id": f"{key.epoch}-{key.stream}-{number}",
            "by": self._name,
            "epoch": key.epoch,
            "stream": key.stream,
            "ranges": ranges,
        }
        return Letter(f"{self._root}/{key.station}/replay/{self._name}", orjson.dumps(words), retain=False)

    def _session(self, station: str) -> int:
        state = self._receiver.stations.get(station)
        return state.session if state else 0


class Acknowledger:
    """Writes what the consumer *name* holds, one retained message a station and epoch."""

    def __init__(
        self, name: str, root: str, receiver: Receiver, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._root = root
        self._receiver = receiver
        self._clock = clock
        self._said: dict[tuple[str, str], bytes] = {}
        self._said_s = float("-inf")

    def due(self, *, at_once: bool = False) -> list[Letter]:
        """The acknowledgements to be sent now: those that changed, at most every ACKS_APART_S."""
        now = self._clock()
        if now - self._said_s < ACKS_APART_S and not at_once:
            return []
        letters = [letter for place in self._places() if (letter := self._letter(*place))]
        if letters:
            self._said_s = now
        return letters

    def forget(self) -> None:
        """Say everything again: the broker may have lost it."""
        self._said.clear()

    def _places(self) -> list[tuple[str, str]]:
        """Stations with their epochs; the present epoch last, for what is said last stays retained."""
        places = {(key.station, key.epoch) for key, one in self._receiver.series.items() if one.last}
        stations = self._receiver.stations
        return sorted(places, key=lambda place: place[0] in stations and stations[place[0]].epoch == place[1])

    def _letter(self, station: str, epoch: str) -> Letter | None:
        streams = {
            str(key.stream): _words(one)
            for key, one in self._receiver.series.items()
            if key[:2] == (station, epoch) and one.last
        }
        payload = orjson.dumps({"v": 1, "by": self._name, "epoch": epoch, "streams": streams})
        if self._said.get((station, epoch)) == payload:
            return None
        self._said[station, epoch] = payload
        return Letter(f"{self._root}/{station}/ack/{self._name}", payload, retain=True)


def _words(series: Series) -> dict[str, Any]:
    held = series.held
    words: dict[str, Any] = {"upto": held.upto, "have": held.ranges[:MOST_RANGES]}
    if held.upto and (head := series.head(held.upto)):
        words["head"] = head.hex()
    return words


def _limited(ranges: list[Range]) -> list[Range]:
    """As many of *ranges* as a station serves at a time."""
    room, taken = MOST_RECORDS, []
    for first, last in ranges[:MOST_RANGES]:
        last = min(last, first + room - 1)
        taken.append((first, last))
        room -= last - first + 1
        if not room:
            break
    return taken
