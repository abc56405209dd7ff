"""Parts of a device that stay silent while the rest of it answers: they are asked ever less often.

An instrument that does not know a block of registers often says nothing at all.
Asked with every poll, that block would cost the wire one time-out a tick, for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.reading import Quality, Reading

COSTLY = frozenset({"no_reply", "bad_reply"})
"""Why a part was not read, where waiting for it took time; a refusal takes none."""

TRIES = 2
"""So often in a row a part must fail before it is left alone: one reply may be lost in noise."""


@dataclass(slots=True)
class Silence:
    """One channel that was not read."""

    reason: str
    since_s: float
    times: int = 0
    rest_s: float = 0.0
    until_s: float = 0.0

    @property
    def is_told(self) -> bool:
        """Whether it has lasted long enough to be spoken of."""
        return self.times >= TRIES


@dataclass(frozen=True, slots=True)
class News:
    """Channels that fell silent, each with the reason, and how long each of those was silent that are read again."""

    lost: Mapping[str, str]
    recovered: Mapping[str, float]


class Parts:
    """The silent channels of one device; all times are monotonic."""

    def __init__(self, first_rest_s: float, longest_rest_s: float) -> None:
        self._first_rest_s = first_rest_s
        self._longest_rest_s = longest_rest_s
        self._silences: dict[str, Silence] = {}

    @property
    def silent(self) -> frozenset[str]:
        """The channels that were not read when they were asked for last."""
        return frozenset(self._silences)

    def awake(self, names: Iterable[str], now_s: float) -> frozenset[str]:
        """Those of *names* that are worth asking for now."""
        silences = self._silences
        return frozenset(name for name in names if name not in silences or now_s >= silences[name].until_s)

    def resting(self, names: Iterable[str]) -> dict[str, Reading]:
        """What is recorded for those of *names* that were not asked for because they rest."""
        silences = {name: self._silences[name] for name in names}
        return {name: Reading(name, None, Quality.COMM_FAULT, one.reason) for name, one in silences.items()}

    def wake(self) -> None:
        """Let none rest: the device as a whole was away, and may have come back otherwise."""
        for silence in self._silences.values():
            silence.rest_s = silence.until_s = 0.0

    def note(self, readings: Mapping[str, Reading], now_s: float) -> News:
        """Learn from *readings* of what was asked for, in a poll that gave something."""
        lost, recovered = {}, {}
        for name, reading in readings.items():
            if reading.quality is Quality.COMM_FAULT and reading.reason in COSTLY:
                if self._fail(name, reading.reason, now_s):
                    lost[name] = reading.reason
            elif (silence := self._silences.pop(name, None)) and silence.is_told:
                recovered[name] = now_s - silence.since_s
        return News(lost, recovered)

    def _fail(self, name: str, reason: str, now_s: float) -> bool:
        """Count a failure; whether it is the one to be told of."""
        silence = self._silences.setdefault(name, Silence(reason, now_s))
        silence.reason, silence.times = reason, silence.times + 1
        if silence.is_told:
            silence.rest_s = min(self._longest_rest_s, silence.rest_s * 2 or self._first_rest_s)
            silence.until_s = now_s + silence.rest_s
        return silence.times == TRIES
