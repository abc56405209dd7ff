"""What can go wrong on a wire, as errors that carry the next step.

Every error of this project is a :class:`StationError`: one sentence that says
what failed, with names and numbers, and a hint that says what to try. The
drivers' errors also carry a ``reason``, the short constant that ends in the
record of a poll that gave nothing.
"""

from __future__ import annotations

from collections.abc import Callable

COMPARE = "Compare the register map of the profile with the manual of this model and firmware"
_ON_A_LINE = "Check baud rate, parity, wiring and that no address is used twice"
_ON_A_NETWORK = "Check protocol, port and address of the device"


class StationError(Exception):
    """Base of all our errors: what failed, and what to do next.

    ``exit_code`` is what a command ends with: 1 something needs attention,
    2 wrong use or configuration, 3 something that it needs cannot be reached.
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint

    def told(self, say: Callable[[str], str]) -> str:
        """Return the sentence in the language of *say*, which translates whole sentences."""
        return say(str(self))


class DriverError(StationError):
    """A poll, or one request of it, gave nothing."""

    exit_code = 3

    reason = "driver_error"


class NoReplyError(DriverError):
    """Nothing that answers the request came back in time."""

    reason = "no_reply"

    def __init__(self, device: str, endpoint: str, timeout_s: float) -> None:
        super().__init__(
            f"{device} on {endpoint} gave no reply within {timeout_s:.3g} s",
            hint=f"Check power, cable and address, then run: station-agent read {device}",
        )


class BadReplyError(DriverError):
    """Something came back that is not the answer: length, function, address or form is wrong, or it is ``damaged``."""

    reason = "bad_reply"

    def __init__(self, device: str, endpoint: str, what: str, *, damaged: bool = False) -> None:
        super().__init__(
            f"{device} on {endpoint} gave a reply that cannot be its answer: {what}",
            hint=f"{_ON_A_LINE if endpoint.startswith('/') else _ON_A_NETWORK}, then run: station-agent read {device}",
        )
        self.damaged = damaged


class RefusedError(DriverError):
    """The instrument understood the request and refused it, for Modbus by an exception code."""

    def __init__(self, device: str, request: str, code: int, meaning: str, *, hint: str = COMPARE) -> None:
        super().__init__(f"{device} refused {request}: exception {code} ({meaning})", hint=hint)
        self.code = code
        self.reason = f"exception_{code}"


class LinkDownError(DriverError):
    """The wire itself cannot be used: no such port, held by another process, connection refused or lost."""

    reason = "link_down"

    def __init__(self, link: str, endpoint: str, why: str, *, hint: str) -> None:
        super().__init__(f"link {link} ({endpoint}) cannot be used: {why}", hint=hint)
        self.why = why


class ProfileError(StationError):
    """A profile is wrong, or there is none of that name."""

    exit_code = 2
