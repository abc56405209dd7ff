"""What an uplink has learned about its broker, kept over connections: limits, refusals, pauses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent.recorder import Recorder
from agent.uplink.broker import UNLIMITED
from agent.uplink.lanes import Key

PAUSE_S = 600.0
"""How long an uplink rests when its broker refuses everything, or somebody else uses its identity."""

QUIET_S = 600.0
"""The same thing is said in an event at most once in so long."""

RETRIES = 3
"""So often a batch goes out again after a refusal that explains nothing."""

TAKEOVERS = 3
"""So often in PAUSE_S another client may take the session over before that is an alarm."""

PARKS = 3
"""After so many parked ranges without a success between them it is not the batches' fault."""

REDRESS_S = 86_400.0
"""So often at most what was parked is tried again because the broker takes records at last; some may be to blame."""

SMALLEST = 512
"""Bytes: the learned limit for a packet never falls below this; a record that is larger goes alone."""

LITTLE = 4096
"""Bytes: who refuses a packet as small as this hardly means its size, unless nothing else was said."""

LEARNED_S = 3600.0
"""A learned limit, of size or of window, holds for so long; then the broker may have been given a larger one."""


class Notices:
    """Events of one uplink, none of them so often that it buries the rest."""

    def __init__(self, uplink: str, recorder: Recorder) -> None:
        self._uplink = uplink
        self._recorder = recorder
        self._said: dict[tuple[str, str], float] = {}

    def say(self, name: str, **data: Any) -> None:
        """Record an event."""
        self._recorder.event(name, uplink=self._uplink, data=data or None)

    def say_rarely(self, name: str, about: str, **data: Any) -> None:
        """Record an event, once in QUIET_S for each name and *about*."""
        now = time.monotonic()
        self._said = {key: when for key, when in self._said.items() if now - when < QUIET_S}
        if (name, about) not in self._said and len(self._said) < 1000:
            self._said[name, about] = now
            self.say(name, **data)


@dataclass(slots=True)
class Pause:
    """Why nothing is sent, and until when (monotonic). Over when a batch was taken again."""

    reason: str
    hint: str
    until_s: float


@dataclass(slots=True)
class Standing:
    """How this broker has treated us so far."""

    notices: Notices
    clock: Callable[[], float] = time.monotonic
    retain: bool = True
    pause: Pause | None = None
    rest_until_s: float = 0.0
    suspect: tuple[Key, int] | None = None
    unheard: set[str] = field(default_factory=set)  # topics without a subscriber
    refusals: dict[tuple[Key, int], int] = field(default_factory=dict)
    takeovers: deque[float] = field(default_factory=deque)
    parks: int = 0
    wronged: bool = False  # what was parked of late was hardly to blame, and deserves another attempt
    echo_missing: bool = False  # our own state does not come back, so the broker may refuse without a word
    _packet_limit: int = UNLIMITED
    _window_limit: int = UNLIMITED
    _learned_s: float = 0.0
    _takes: int = 0
    _blamed: tuple[Key, int, int, int] | None = None  # a batch that was refused, and how many had been taken by then
    _suspicious: bool = False  # whether what was parked of late may be innocent
    _redressed_s: float = float("-inf")

    @property
    def packet_limit(self) -> int:
        """Bytes that a packet may have, from experience."""
        self._forget_in_time()
        return self._packet_limit

    @property
    def window_limit(self) -> int:
        """Messages that may be on their way, from experience."""
        self._forget_in_time()
        return self._window_limit

    def _forget_in_time(self) -> None:
        if self.clock() - self._learned_s > LEARNED_S:
            self._packet_limit = self._window_limit = UNLIMITED

    @property
    def resting(self) -> bool:
        """Whether nothing may be sent now."""
        now = self.clock()
        return now < self.rest_until_s or (self.pause is not None and now < self.pause.until_s)

    def begin_pause(self, reason: str, hint: str) -> None:
        """Send nothing for PAUSE_S; an event the first time."""
        if self.pause is None:
            self.notices.say("uplink_paused", reason=reason, hint=hint)
        self.pause = Pause(reason, hint, self.clock() + PAUSE_S)

    def end_pause(self) -> None:
        """Try at once."""
        if self.pause is not None:
            self.pause.until_s = 0.0
        self.rest_until_s = 0.0

    def taken(self, key: Key, first: int) -> None:
        """A batch was acknowledged: what looked like a refusal of everything is over."""
        if self.pause is not None:
            self.pause = None
            self.notices.say("uplink_resumed")
        if self._suspicious and self.clock() - self._redressed_s > REDRESS_S:
            self.wronged, self._redressed_s = True, self.clock()
        self._suspicious = False
        self._takes += 1
        self.parks = 0
        self.refusals.pop((key, first), None)
        if self.suspect == (key, first):
            self.suspect = None

    def blame(self, key: Key, first: int, last: int) -> None:
        """A batch is refused, or a part of one that was."""
        before = self._blamed
        if before is None or before[0] != key or not before[1] <= first <= last <= before[2]:
            self._blamed = key, first, last, self._takes

    def refused(self, key: Key, first: int) -> bool:
        """Count a refusal that explains nothing and rest a little; True when it was one too many."""
        count = self.refusals[key, first] = self.refusals.get((key, first), 0) + 1
        if count > RETRIES:
            del self.refusals[key, first]
            return True
        self.rest_until_s = self.clock() + 2.0 ** (count - 1)
        return False

    def died(self, key: Key, first: int) -> bool:
        """A connection ended with this batch first in flight; True when that was so the last time too."""
        again = self.suspect == (key, first)
        self.suspect = None if again else (key, first)
        return again

    def too_many(self, window: int) -> None:
        """The broker counted more messages on their way than it allows: not so many for a while."""
        self._window_limit = max(1, window // 2)
        self._learned_s = self.clock()

    def may_park(self) -> bool:
        """Count a record that is refused for good; False when it is not the records' fault any more."""
        if self.resting:
            return False
        if self._blamed is not None and self._blamed[3] == self._takes:
            self._suspicious = True  # it has taken nothing else since
        self.parks += 1
        if self.parks >= PARKS:
            self.parks, self._suspicious = 0, True
            self.begin_pause(
                f"{PARKS} records in a row were refused", "Look at the broker's log: it refuses more than one record"
            )
        return True

    def too_large(self, size: int, *, certain: bool = True) -> None:
        """A packet of *size* bytes was too large, or probably so: make smaller ones from now on."""
        self._packet_limit = max(SMALLEST if certain else LITTLE, min(self.packet_limit, size) // 2)
        self._learned_s = self.clock()

    def refused_alone(self, size: int) -> None:
        """A record of *size* bytes is refused even alone; if it is little, nothing was learned about sizes."""
        if size <= LITTLE:
            self._packet_limit = UNLIMITED

    def taken_over(self) -> bool:
        """Another client took the session over; True when that happens so often that it is an alarm."""
        now = self.clock()
        self.takeovers.append(now)
        while self.takeovers[0] < now - PAUSE_S:
            self.takeovers.popleft()
        self.notices.say_rarely("session_taken_over", "", times=len(self.takeovers))
        if len(self.takeovers) < TAKEOVERS:
            return False
        self.takeovers.clear()
        return True

    def miss_echo(self, topic: str, waited_s: float) -> None:
        """What we published did not come back to us; an event per change."""
        if not self.echo_missing:
            self.echo_missing = True
            self.notices.say_rarely("echo_missing", topic, topic=topic, waited_s=waited_s)

    def subscriber(self, topic: str, there: bool) -> None:
        """Note whether anybody subscribes to *topic*; an event per change."""
        if there == (topic not in self.unheard):
            return
        if there:
            self.unheard.discard(topic)
        else:
            self.unheard.add(topic)
        self.notices.say("subscriber_found" if there else "no_subscriber", topic=topic)
