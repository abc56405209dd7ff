"""The retained face of a station at a broker: its state, its last will, its dictionaries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from agent.recorder import Recorder
from agent.uplink.broker import Will
from agent.uplink.progress import Progress

EVERY_S = 60.0
"""The state is published at least this often."""

APART_S = 1.0
"""And at most this often."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be published that is no batch."""

    topic: str
    payload: bytes
    retain: bool = False


class Announcer:
    """State and dictionaries of one connection, which is *session*.

    *facts* are those of the whole station: version, configuration, clock …
    """

    def __init__(
        self,
        base: str,
        session: int,
        *,
        station: str,
        facts: Callable[[], Mapping[str, Any]],
        progress: Progress,
        recorder: Recorder,
    ) -> None:
        self._base = base
        self.session = session
        self._station = station
        self._facts = facts
        self._progress = progress
        self._recorder = recorder
        self._told: set[str] = set()
        self._said: object = None
        self._said_s = float("-inf")
        self._overwritten = False
        self.echoed = False
        """Whether the state came back as this connection published it."""

    @property
    def topic(self) -> str:
        """Where the state stands."""
        return f"{self._base}/state"

    def will(self, *, retain: bool) -> Will:
        """What the broker says for us when we vanish."""
        return Will(self.topic, self._state(online=False), retain)

    def farewell(self) -> Message:
        """What we say ourselves when we leave in good order."""
        return Message(self.topic, self._state(online=False), retain=True)

    def due(self) -> list[Message]:
        """What has to be published now: the state when it changed or is a minute old, and new dictionaries."""
        messages = []
        if self._is_due():
            messages.append(Message(self.topic, self._state(online=True), retain=True))
        for name, dictionary in self._recorder.dictionaries.items():
            if name not in self._told:
                self._told.add(name)
                messages.append(Message(f"{self._base}/meta/{name}", dictionary, retain=True))
        return messages

    def _is_due(self) -> bool:
        since_s = time.monotonic() - self._said_s
        if since_s < APART_S:
            return False
        says = (self._progress.epoch, self._facts(), [bool(track.waiting) for track in self._progress.tracks.values()])
        if says == self._said and since_s < EVERY_S and not self._overwritten:
            return False
        self._said, self._said_s, self._overwritten = says, time.monotonic(), False
        return True

    def heard(self, payload: bytes) -> None:
        """Our own state came back; when it is the will of this or an older session, ours is published again."""
        words = parse_state(payload)
        if words.get("online") is False and words.get("session", 0) <= self.session:
            self._overwritten = True
        elif words.get("online") is True and words.get("session") == self.session:
            self.echoed = True

    def _state(self, *, online: bool) -> bytes:
        words: dict[str, Any] = {
            "v": 1,
            "online": online,
            "session": self.session,
            "station": self._station,
            "epoch": self._progress.epoch,
            # Also in the will, which is what an older copy of this log finds at the broker when it starts.
            "streams": self._streams(),
        }
        if online:
            words |= {**self._facts(), "backlog": self._progress.backlog}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return orjson.dumps(words | {"time": now})

    def _streams(self) -> dict[str, dict[str, Any]]:
        return {
            str(track.stream): {
                "first": track.first,
                "last": self._recorder.last(track.stream),
                "head": self._recorder.last_head(track.stream).hex(),
            }
            for track in self._progress.current
        }


def parse_state(payload: bytes) -> dict[str, Any]:
    """The words of a state message; none when it is not one."""
    try:
        words = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(words, dict) or not isinstance(words.get("session"), int):
        return {}
    return words
