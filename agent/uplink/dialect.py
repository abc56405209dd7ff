"""Which version of MQTT an uplink speaks. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.uplink.broker import ConnectError, Protocol
from agent.uplink.codes import UNSUPPORTED_VERSION

SILENCES = 3
"""After so many in a row MQTT 3.1.1 is tried: some old brokers meet version 5 by hanging up, or never answer."""

BELIEVED_S = 86_400.0
"""For so long it is believed that a broker knows 3.1.1 only; then it may have learned 5."""


@dataclass(slots=True)
class Dialect:
    """MQTT 5, unless the broker knows only 3.1.1.

    A broker that refuses 5 may just be starting. So when 3.1.1 has succeeded after
    that, 5 is asked for once more, of a broker that is certainly up, and only a
    second refusal is believed.

    A broker that once spoke 5 to us is never asked for 3.1.1 again: there a
    refusal looks like a success, so whoever cuts connections must not be able to
    bring us down to it. ``spoke_5`` has to outlive the process for that.
    """

    wanted: Literal["auto", "5", "3.1.1"]
    spoke_5: bool = False
    clock: Callable[[], float] = time.monotonic
    _silences: int = 0
    _refused: bool = False
    _is_up: bool = False  # 3.1.1 has succeeded since
    _old_until_s: float = 0.0  # known to speak 3.1.1 only

    @property
    def next(self) -> Protocol:
        """What to speak in the next attempt; after a success what to go on with."""
        if self.wanted != "auto":
            return self.wanted
        if self.spoke_5:
            return "5"
        if self.clock() < self._old_until_s:
            return "3.1.1"
        return "3.1.1" if self._refused and not self._is_up else "5"

    def failed(self, spoken: Protocol, error: ConnectError) -> bool:
        """Learn from an attempt that failed; True when another version should be tried at once."""
        if self.wanted != "auto" or self.spoke_5:
            return False
        by_code = error.code == UNSUPPORTED_VERSION
        if spoken == "5" and self._is_up and error.may_be_old:
            self._old_until_s = self.clock() + BELIEVED_S
            self._forget()
            return True
        self._silences = self._silences + 1 if error.may_be_old and not by_code else 0
        refused = by_code or self._silences >= SILENCES
        if spoken == "5":
            self._refused, self._is_up = refused, False
            return by_code
        if refused:
            self._old_until_s = 0.0
        if self._refused or refused:
            self._forget()
        return False

    def succeeded(self, spoken: Protocol) -> bool:
        """Learn from an attempt that succeeded; True when that is the first time with version 5."""
        first = spoken == "5" and not self.spoke_5
        self.spoke_5 = self.spoke_5 or spoken == "5"
        self._is_up = True
        return first

    def _forget(self) -> None:
        self._silences, self._refused, self._is_up = 0, False, False
