"""Whose fault a suspect value was: its own instrument's while that had an alarm, else that of the sampling line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.accounts.steps import ms_of

Record = Mapping[str, Any]
_EVER_MS = 1 << 60


@dataclass(slots=True)
class Suspicion:
    """When instruments had alarms that make channels of their own suspect, by ``device.channel`` or ``device.*``."""

    own: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Record]) -> Suspicion:
        """Read the alarms and conditions out of *events*, in the order in which they were stored."""
        suspicion = cls()
        began: dict[tuple[str, str], tuple[int, list[str]]] = {}
        for event in events:
            name, device, data = event["event"], event.get("device", ""), event.get("data", {})
            at_ms = ms_of(event["time"])
            key = (device, data.get("id") or f"{data.get('channel')}.{data.get('flag', 'normal')}")
            if name in ("alarm_raised", "condition_began"):
                began.setdefault(key, (at_ms, _targets(device, data)))
            elif name in ("alarm_cleared", "condition_ended"):
                since_ms, targets = began.pop(key, (0, [f"{device}.*"] if data.get("quality") == "suspect" else []))
                suspicion._add(targets, since_ms, at_ms)
        for since_ms, targets in began.values():
            suspicion._add(targets, since_ms, _EVER_MS)
        return suspicion

    def edges(self, device: str, channel: str) -> list[int]:
        """The moments at which an alarm of its own began or ended for a channel."""
        return sorted({edge for span in self._spans(device, channel) for edge in span})

    def is_own(self, device: str, channel: str, at_ms: int) -> bool:
        """Whether its own instrument made a channel suspect at that moment."""
        return any(since_ms <= at_ms < until_ms for since_ms, until_ms in self._spans(device, channel))

    def _spans(self, device: str, channel: str) -> list[tuple[int, int]]:
        return [*self.own.get(f"{device}.{channel}", ()), *self.own.get(f"{device}.*", ())]

    def _add(self, targets: Iterable[str], since_ms: int, until_ms: int) -> None:
        for target in targets:
            self.own.setdefault(target, []).append((since_ms, until_ms))


def _targets(device: str, data: Record) -> list[str]:
    """What of *device* itself is made suspect."""
    if data.get("quality") == "suspect":
        return [f"{device}.*"]
    return [target for target in data.get("affects", ()) if target.startswith(f"{device}.")]
