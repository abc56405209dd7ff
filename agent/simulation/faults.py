"""What can be wrong with a simulated instrument, and the words that switch it while it runs.

Some faults lie on the wire (silent, late, garbage, address, exception, swapped,
disconnect), the others in the instrument (alarm, zero, span, blocked).
"""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

SUMMARIES = {
    "silent": "gives no answer",
    "late": "answers after a while: late 3s",
    "garbage": "answers with random bytes",
    "address": "answers as another unit than the one that was asked",
    "exception": "refuses every request: exception 2 (1 to 11)",
    "swapped": "the words of numbers that take several registers stand the other way round",
    "disconnect": "the wire is pulled out, until: disconnect off",
    "alarm": "a state of the instrument holds: alarm NAME; several may",
    "zero": "zero gas instead of air, and the state that says so",
    "span": "span gas instead of air, and the state that says so",
    "blocked": "a blocked sampling line: flows fall, and flow alarms hold",
}
WIRE = ("silent", "late", "garbage")
"""What any wire can suffer."""

WORDS = "FAULT [VALUE] [on|off], all off, status, help"
LATE_S, EXCEPTION = 3.0, 2
RATES = {"ms": 0.001, "s": 1.0, "": 1.0, "min": 60.0}


class FaultError(ValueError):
    """What was typed names no fault that this instrument can have."""


@dataclass
class Faults:
    """The faults of one instrument that are on.

    ``possible`` are those that it can have, ``alarms`` the states that ``alarm``
    may name, the first one for an alarm without a name.
    """

    possible: Collection[str] = WIRE
    alarms: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    silent: bool = False
    late_s: float = 0.0
    garbage: bool = False
    address: bool = False
    exception: int = 0
    swapped: bool = False
    disconnect: bool = False
    alarm: set[str] = field(default_factory=set)
    zero: bool = False
    span: bool = False
    blocked: bool = False

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - noise, not secrets

    @property
    def on(self) -> list[str]:
        """The faults that are on, in the words that switch them on."""
        said = {
            "late": f"late {self.late_s:g}s" if self.late_s else "",
            "exception": f"exception {self.exception}" if self.exception else "",
            "alarm": ", ".join(f"alarm {name}" for name in sorted(self.alarm)),
        }
        plain = (name for name in SUMMARIES if name not in said and getattr(self, name))
        return [*plain, *filter(None, said.values())]

    def tell(self, line: str) -> str:
        """Do what *line* says and return what to show for it; raises FaultError."""
        words = line.lower().split()
        if words in (["all", "off"], ["off"]):
            for name in SUMMARIES:
                self._switch(name, None, on=False)
            return self.state()
        if words in ([], ["status"]):
            return self.state()
        if words in (["help"], ["?"]):
            return self.help()
        self._obey(*words)
        return self.state()

    def state(self) -> str:
        """Which faults are on."""
        return ", ".join(self.on) or "no fault is on"

    def help(self) -> str:
        """Every fault that this instrument can have, one a line."""
        lines = [f"{name:<10}  {what}" for name, what in SUMMARIES.items() if name in self.possible]
        alarms = [f"alarms: {', '.join(self.alarms)}"] if self.alarms else []
        return "\n".join([*lines, *alarms, WORDS])

    def _obey(self, name: str, *words: str) -> None:
        if name not in SUMMARIES:
            raise FaultError(f"there is no fault {name!r}; {_nearest(name, self.possible)}")
        if name not in self.possible:
            raise FaultError(f"this instrument cannot have the fault {name}; it has: {', '.join(self.possible)}")
        on = "off" not in words
        rest = [word for word in words if word not in ("on", "off")]
        if len(rest) > 1:
            raise FaultError(f"{' '.join(rest)!r} is too much: {SUMMARIES[name]}")
        self._switch(name, rest[0] if rest else None, on=on)

    def _switch(self, name: str, value: str | None, *, on: bool) -> None:
        if name == "late":
            self.late_s = _seconds(value) if on else 0.0
        elif name == "exception":
            self.exception = _code(value) if on else 0
        elif name == "alarm":
            self._switch_alarm(value, on=on)
        elif value is not None:
            raise FaultError(f"{name} takes no value, {value!r} was given")
        else:
            setattr(self, name, on)
        if on and name in ("zero", "span"):
            self.zero, self.span = name == "zero", name == "span"

    def _switch_alarm(self, value: str | None, *, on: bool) -> None:
        if not on and value is None:
            self.alarm.clear()
            return
        name = value or next(iter(self.alarms))
        if name not in self.alarms:
            raise FaultError(f"there is no alarm {name!r}; {_nearest(name, self.alarms)}")
        (self.alarm.add if on else self.alarm.discard)(name)

    def spoil(self, honest: bytes) -> bytes | None:
        """What goes out in place of the reply *honest*: None for nothing."""
        if self.silent or self.disconnect:
            return None
        return self._dice.randbytes(len(honest)) if self.garbage else honest


def _nearest(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"


def _seconds(text: str | None) -> float:
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)(ms|s|min|)", text or f"{LATE_S:g}s")
    if match is None or not float(match[1]):
        raise FaultError(f"{text!r} is no time such as 500ms or 3s")
    return float(match[1]) * RATES[match[2]]


def _code(text: str | None) -> int:
    if not (text or str(EXCEPTION)).isdecimal() or not 1 <= int(text or EXCEPTION) <= 11:
        raise FaultError(f"{text!r} is no exception code from 1 to 11")
    return int(text or EXCEPTION)
