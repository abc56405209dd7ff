"""A station and what happens to it, minute by minute, and the log that a daemon would leave of it.

This knows nothing of the accounts: what is true of a tick follows from what happens at its moment, in the order of
:data:`TRUTH`. Records are written by hand, as the manual of the log describes them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from agent.store.record import Draft, draft
from agent.store.store import Store
from drivers.reading import Stream

TRUTH = (
    ("off", "power"),
    ("stopped", "agent"),
    ("unkept", "agent"),
    ("work", "maintenance"),
    ("link", "link"),
    ("garbled", "link"),
    ("dead", "instrument"),
    ("busy", "agent"),
    ("fault", "instrument"),
    ("span", "calibration"),
    ("purge", "calibration"),
    ("line", "sampling line"),
)
"""What happens, and who is to blame, the strongest first."""

NOTHING = {
    "link": ("comm_fault", "link_down"),
    "garbled": ("comm_fault", "bad_reply"),
    "dead": ("comm_fault", "no_reply"),
}
MARKS = {"work": "maintenance", "fault": "fault", "span": "span_check", "purge": "recovering", "line": "suspect"}
PRECEDENCE = ("fault", "work", "span", "purge", "line")
"""Of several marks the record has the first."""


@dataclass(frozen=True)
class Span:
    """From ``since_s`` up to ``until_s`` something happens to ``device``, to all for ""."""

    what: str
    since_s: float
    until_s: float
    device: str = ""


@dataclass(frozen=True)
class Gauge:
    """An instrument that is polled every ``every_s`` from ``since_s`` up to ``until_s``."""

    name: str
    every_s: int
    since_s: float
    until_s: float
    channels: tuple[str, ...] = ("so2",)
    line: str = ""


@dataclass
class World:
    """Writes into ``store`` what happens to ``gauges``."""

    store: Store
    gauges: list[Gauge]
    spans: list[Span]
    last: dict[str, float] = field(default_factory=dict)
    _gathered: dict[str, list[Any]] = field(default_factory=dict)
    _edges: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)

    def truth(self, since_s: float, until_s: float) -> dict[str, Counter[str]]:
        """What the ticks of a time came to, by instrument and cause."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for at_s, gauge in self._ticks(since_s, until_s):
            found[gauge.name][next((cause for what, cause in TRUTH if self._holds(what, gauge, at_s)), "valid")] += 1
        return found

    def valid_hours(self, since_s: float, until_s: float) -> Counter[str]:
        """How many hours had 45 minutes without trouble, by instrument."""
        minutes: Counter[tuple[str, int]] = Counter()
        for at_s, gauge in self._ticks(since_s, until_s):
            if not any(self._holds(what, gauge, at_s) for what, _ in TRUTH):
                minutes[gauge.name, int(at_s) // 3600] += gauge.every_s
        return Counter(name for (name, _), seconds in minutes.items() if seconds >= 45 * 60)

    def happens(self, what: str, device: str, at_s: float) -> bool:
        """Whether it happens to the device then."""
        if (what, device) not in self._edges:
            mine = [span for span in self.spans if span.what == what and span.device in ("", device)]
            self._edges[what, device] = [(span.since_s, span.until_s) for span in mine]
        return any(since_s <= at_s < until_s for since_s, until_s in self._edges[what, device])

    def live(self, since_s: float, until_s: float, wrong_s: float = 0.0) -> None:
        """Let time pass; *wrong_s* is how far the clock of the computer is off."""
        drafts: list[Draft] = []
        for at_s, gauge in sorted(self._ticks(since_s, until_s), key=lambda tick: tick[0]):
            drafts += self._tick(gauge, at_s, wrong_s)
        for gauge in self.gauges:
            if gauge.until_s <= until_s:
                drafts += self._told(gauge.name, wrong_s)
        self.store.append(drafts)

    def _ticks(self, since_s: float, until_s: float) -> Iterator[tuple[float, Gauge]]:
        for gauge in self.gauges:
            first = -(-int(max(since_s, gauge.since_s)) // gauge.every_s) * gauge.every_s
            for at_s in range(first, int(min(until_s, gauge.until_s)), gauge.every_s):
                yield at_s, gauge

    def _tick(self, gauge: Gauge, at_s: float, wrong_s: float) -> Iterator[Draft]:
        holds = [what for what, _ in TRUTH if self._holds(what, gauge, at_s)]
        if holds and holds[0] in ("off", "stopped") and not wrong_s:
            if holds[0] == "stopped":
                yield from self._told(gauge.name, wrong_s)
            self._gathered.pop(gauge.name, None)
            return
        self.last[gauge.name] = at_s + wrong_s + 0.2
        for what in ("link", "garbled", "dead"):
            if what in holds:
                yield from self._gather(gauge.name, NOTHING[what], at_s, wrong_s)
                return
        if "busy" in holds:
            yield self._nothing(gauge.name, ("not_polled", "line_busy"), at_s, 1, wrong_s)
            return
        yield from self._told(gauge.name, wrong_s)
        mark = next((MARKS[what] for what in PRECEDENCE if what in holds), None)
        fields: dict[str, object] = {"device": gauge.name, "meta": "0", "values": dict.fromkeys(gauge.channels, 1.5)}
        if mark:
            fields["quality"] = dict.fromkeys(gauge.channels, mark)
        yield self._draft(at_s + 0.2, fields, wrong_s)

    def _holds(self, what: str, gauge: Gauge, at_s: float) -> bool:
        if what == "busy":
            return self.happens(what, gauge.name, at_s) and at_s // gauge.every_s % 3 == 0
        if what == "work" and gauge.line and self.happens(what, gauge.line, at_s):
            return True
        return self.happens(what, gauge.name, at_s)

    def _gather(self, name: str, why: tuple[str, str], at_s: float, wrong_s: float) -> Iterator[Draft]:
        """The first at once, then one record for the ticks of each minute."""
        there = self._gathered.get(name)
        if there and there[0] != why:
            yield from self._told(name, wrong_s)
            there = None
        if there is None:
            self._gathered[name] = [why, at_s, at_s, 0]
            yield self._nothing(name, why, at_s, 1, wrong_s)
            return
        there[2] = at_s if there[3] == 0 else there[2]
        there[3] += 1
        if at_s - there[1] >= 60:
            yield self._nothing(name, why, there[2], there[3], wrong_s)
            there[1], there[3] = at_s, 0

    def _told(self, name: str, wrong_s: float) -> Iterator[Draft]:
        why, _, first_s, ticks = self._gathered.pop(name, (("", ""), 0, 0, 0))
        if ticks:
            yield self._nothing(name, why, first_s, ticks, wrong_s)

    def _nothing(self, name: str, why: tuple[str, str], at_s: float, ticks: int, wrong_s: float) -> Draft:
        fields = {"device": name, "quality": {"*": why[0]}, "reason": why[1], "ticks": ticks}
        return self._draft(at_s, fields, wrong_s)

    def _draft(self, at_s: float, fields: Mapping[str, object], wrong_s: float) -> Draft:
        return draft(Stream.MEASUREMENT, moment(at_s + wrong_s), {**fields, **_clock(wrong_s)})

    def tell(
        self,
        event: str,
        at_s: float,
        data: Mapping[str, Any],
        *,
        stream: Stream = Stream.EVENT,
        device: str = "",
        wrong_s: float = 0.0,
    ) -> None:
        """An event or audit record."""
        words = {"event": event, "data": dict(data), **({"device": device} if device else {}), **_clock(wrong_s)}
        self.store.append([draft(stream, moment(at_s + wrong_s), words)])

    def configure(self, at_s: float, wrong_s: float = 0.0) -> None:
        """The configuration of that moment is applied."""
        there = [gauge for gauge in self.gauges if gauge.since_s <= at_s < gauge.until_s]
        devices: dict[str, dict[str, Any]] = {
            gauge.name: {"every_s": gauge.every_s, "channels": dict.fromkeys(gauge.channels, gauge.every_s)}
            for gauge in there
        }
        for line in sorted({gauge.line for gauge in there if gauge.line}):
            behind = [f"{gauge.name}.{name}" for gauge in there if gauge.line == line for name in gauge.channels]
            devices[line] = {"every_s": 60, "channels": {}, "affects": sorted(behind)}
        self.tell("configuration_applied", at_s, {"devices": devices}, stream=Stream.AUDIT, wrong_s=wrong_s)

    def start(self, at_s: float, up_s: float, wrong_s: float = 0.0) -> None:
        """An agent starts; the computer is up for *up_s*, and its clock is wrong by so much."""
        last = {name: text(last_s) for name, last_s in self.last.items()}
        self.tell("agent_started", at_s, {"version": "1", "up_s": up_s, "last": last}, wrong_s=wrong_s)
        self.configure(at_s, wrong_s)

    def works(self, name: str, at_s: float, subject: str, **data: Any) -> None:
        """A record of maintenance: started, extended or ended."""
        about = {"subject": subject, "reason": "visit", **data}
        self.tell(f"maintenance_{name}", at_s, about, stream=Stream.AUDIT, device="" if subject == "all" else subject)

    def renamed(self, name: str, new: str, at_s: float, **changes: Any) -> None:
        """From then on an instrument has another name, or other settings."""
        old = next(gauge for gauge in self.gauges if gauge.name == name and gauge.until_s > at_s)
        self.gauges.remove(old)
        self.gauges += [replace(old, until_s=at_s), replace(old, name=new, since_s=at_s, **changes)]


def moment(at_s: float) -> datetime:
    """As a time of a record."""
    return datetime.fromtimestamp(at_s, UTC)


def text(at_s: float) -> str:
    """As a time in the data of one."""
    return moment(at_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock(wrong_s: float) -> dict[str, str]:
    return {"clock": "unsynced"} if wrong_s else {}
