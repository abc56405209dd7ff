"""Which version of MQTT an uplink speaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agent.uplink.broker import ConnectError, Protocol
from agent.uplink.codes import UNSUPPORTED_VERSION

SILENT_CLOSES = 3
"""After so many in a row MQTT 3.1.1 is tried: some old brokers meet version 5 with a closed connection."""


@dataclass(slots=True)
class Dialect:
    """MQTT 5, unless the broker knows only 3.1.1.

    A broker that once spoke 5 to us is never asked for 3.1.1 again: there a
    refusal looks like a success, so whoever cuts connections must not be able to
    bring us down to it. ``spoke_5`` has to outlive the process for that.
    """

    wanted: Literal["auto", "5", "3.1.1"]
    spoke_5: bool = False
    _closes: int = 0
    _fallen_back: bool = False

    @property
    def next(self) -> Protocol:
        """What to speak in the next attempt."""
        if self.wanted != "auto":
            return self.wanted
        if self.spoke_5:
            return "5"
        return "3.1.1" if self._fallen_back or self._closes >= SILENT_CLOSES else "5"

    def failed(self, spoken: Protocol, error: ConnectError) -> bool:
        """Learn from an attempt that failed; True when another version should be tried at once."""
        if self.wanted != "auto" or self.spoke_5:
            return False
        if spoken == "3.1.1":
            self._closes, self._fallen_back = 0, False
            return False
        if error.code == UNSUPPORTED_VERSION:
            self._fallen_back = True
            return True
        self._closes = self._closes + 1 if error.kind == "closed" else 0
        return False

    def succeeded(self, spoken: Protocol) -> bool:
        """Learn from an attempt that succeeded; True when that is the first time with version 5."""
        self._closes = 0
        self._fallen_back = spoken == "3.1.1"
        first = spoken == "5" and not self.spoke_5
        self.spoke_5 = self.spoke_5 or spoken == "5"
        return first
