"""One alarm: what raises it, what is known of it, what is told of it. How it lives, :mod:`.alarms` settles."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

LIMITS = "normal"
"""Stands for the limits of a channel where a flag of it has its name."""

SILENCE = "silence"
"""Stands for "the device gives nothing at all"."""

DEVICE = ""
"""Stands for the device as a whole where a channel has its name."""

Key = tuple[str, str]
"""What of a device raises an alarm: a channel and one of its flags, or :data:`LIMITS`."""


class Source(NamedTuple):
    """What raises an alarm."""

    device: str
    channel: str
    flag: str


SILENT: Key = (DEVICE, SILENCE)


@dataclass(frozen=True, slots=True)
class Sign:
    """What one poll shows of something that raises an alarm: its class, how bad it is, and the proof.

    ``severity`` is ``critical`` where readings are lost or worthless while it holds, ``warning`` where not.
    """

    kind: str
    severity: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What a record of an alarm will say."""

    event: str
    device: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Alarm:
    """One alarm that is open. ``evidence`` is what raised it the last time; ``times`` says how often that was."""

    id: str
    source: Source
    kind: str
    severity: str
    first: str
    raised: str
    raised_s: float
    hold_s: float
    evidence: Mapping[str, Any]
    times: int = 1
    cleared: str | None = None
    cleared_s: float = 0.0
    lasted_s: float = 0.0
    acknowledged: Mapping[str, Any] | None = None

    @property
    def is_active(self) -> bool:
        """Whether what raised it still holds, as far as is known."""
        return self.cleared is None

    @property
    def state(self) -> str:
        """``active``, ``acknowledged`` (and active), or ``cleared``."""
        if not self.is_active:
            return "cleared"
        return "acknowledged" if self.acknowledged else "active"

    def words(self) -> dict[str, Any]:
        """All of it as plain data: for the log, the snapshot and the screens."""
        return {
            "id": self.id,
            "device": self.source.device,
            "channel": self.source.channel,
            "flag": self.source.flag,
            "class": self.kind,
            "severity": self.severity,
            "state": self.state,
            "first": self.first,
            "raised": self.raised,
            "raised_s": self.raised_s,
            "times": self.times,
            "hold_s": self.hold_s,
            "cleared": self.cleared,
            "cleared_s": self.cleared_s,
            "seconds": self.lasted_s,
            "acknowledged": self.acknowledged,
            "evidence": dict(self.evidence),
        }

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Self:
        """The alarm that :meth:`words` told of."""
        same = ("id", "severity", "first", "raised", "raised_s", "evidence", "times", "hold_s", "cleared", "cleared_s")
        return cls(
            **{name: words[name] for name in same},
            source=Source(words["device"], words["channel"], words["flag"]),
            kind=words["class"],
            lasted_s=words["seconds"],
            acknowledged=words["acknowledged"],
        )


def alarm_id(source: Source, raised: str) -> str:
    """The name of the alarm that *source* raised at *raised*: eight letters and digits that anyone can compute again.

    They are base32 of the SHA-256 of ``device/channel/flag/time``.
    """
    text = "/".join((*source, raised))
    return b32encode(hashlib.sha256(text.encode()).digest()[:5]).decode().lower()
