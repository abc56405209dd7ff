"""Times as people type them: ``10min``, ``now``, ``2026-11-22``, ``2026-11-22 04:30``, in the station's zone."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from drivers.duration import parse_duration


def moment(zone: tzinfo) -> Callable[[str], int]:
    """Return a parser of one argument to milliseconds since 1970 UTC; a duration counts back from now."""

    def parse(text: str) -> int:
        if text == "now":
            return int(time.time() * 1000)
        try:
            return int((time.time() - parse_duration(text)) * 1000)
        except ValueError:
            pass
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            hint = 'a time is "2026-11-22 04:30", "2026-11-22T04:30:00Z", "now", or an age such as "10min"'
            raise argparse.ArgumentTypeError(f"{text!r}: {hint}") from None
        return int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)

    return parse
