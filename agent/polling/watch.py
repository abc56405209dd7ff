"""Values that nobody should change unseen: slope, intercept, range, K0, serial number, firmware.

A change makes an ``audit`` record with old, new and the window in which it
happened: between the last poll that still showed the old value and the first
that showed the new one. What was seen last survives a restart as a fact in the
log, so that a change made while the agent was down is found too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.store.record import time_text, to_ms
from drivers.profile import Profile
from drivers.reading import Reading, Value

REFRESH = timedelta(hours=1)
"""How often "still the same" is kept, so that the window of a change found after a restart stays narrow."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A value and when it was last seen so; ``kept`` is when the log was last told."""

    value: Value
    time: datetime
    kept: datetime


class Watch:
    """Compares watched channels of one device with what was seen before."""

    def __init__(
        self, device: str, profile: Profile, *, recall: Callable[[str], str | None], keep: Callable[[str, str], None]
    ) -> None:
        self._device = device
        self._names = {channel.name for channel in profile.channels if channel.watch}
        self._keep = keep
        self._seen = {name: seen for name in self._names if (seen := _parse(recall(self._key(name))))}

    def changes(self, readings: Mapping[str, Reading], time: datetime) -> Iterator[dict[str, object]]:
        """Yield what the audit record says, for each watched channel of *readings* that changed."""
        for name in self._names & readings.keys():
            value = readings[name].value
            if value is None:
                continue
            before = self._seen.get(name)
            kept = before.kept if before and before.value == value and time - before.kept < REFRESH else time
            self._seen[name] = Seen(value, time, kept)
            if kept is time:
                self._keep(self._key(name), json.dumps({"value": value, "time": time.isoformat()}))
            if before and before.value != value:
                window = [time_text(to_ms(before.time)), time_text(to_ms(time))]
                yield {"channel": name, "old": before.value, "new": value, "window": window}

    def _key(self, name: str) -> str:
        return f"watch/{self._device}/{name}"


def _parse(text: str | None) -> Seen | None:
    if text is None:
        return None
    kept = json.loads(text)
    time = datetime.fromisoformat(kept["time"])
    return Seen(kept["value"], time, time)
