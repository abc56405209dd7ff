"""Every uplink: connected or why not, how much waits and for how long still, what the broker refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from agent.amounts import ago, number
from agent.columns import fold
from agent.diagnosis import Facts, Finding
from agent.language import bracketed, joined, say
from agent.screen.overview import concerns, time_to_empty, told
from agent.screen.page import Line, Page, Tone


def uplinks_page(uplinks: Sequence[Facts], findings: Sequence[Finding], zone: tzinfo, columns: int) -> Page:
    """All uplinks below each other."""
    lines = [line for uplink in uplinks for line in (*_uplink(uplink, findings, zone, columns), Line(""))]
    return Page(body=lines or [Line(say("no uplink is configured"))])


def _uplink(uplink: Facts, findings: Sequence[Finding], zone: tzinfo, columns: int) -> Iterator[Line]:
    state, age = say(uplink["state"]), say(f"for {ago(uplink['since'])}")
    tone: Tone = "head" if uplink["state"] == "connected" else "warning"
    yield from (Line(text, tone) for text in fold(f"{uplink['name']}  {state} {age}  {uplink['url']}", columns, "  "))
    for finding in findings:
        if concerns(finding, uplink["name"]):
            yield from told(finding, columns)
    for words in (_waiting(uplink), _session(uplink), _certificates(uplink, zone), _parked(uplink)):
        if words:
            yield from map(Line, fold("  " + joined(words), columns, "    "))


def _waiting(uplink: Facts) -> list[str]:
    backlog: dict[str, int] = uplink["backlog"]
    rate = say(f"{uplink['rate'] or 0:.1f} records/s")
    if not any(backlog.values()):
        return [say("nothing waits"), rate]
    streams = joined(f"{say(stream)} {number(count)}" for stream, count in backlog.items() if count)
    return [
        bracketed(say(f"{number(sum(backlog.values()))} records wait"), streams),
        say(f"the oldest for {ago(uplink['oldest_unsent'])}"),
        rate,
        say("empty in") + " " + time_to_empty(uplink),
    ]


def _session(uplink: Facts) -> list[str]:
    broker, window = uplink["broker"] or {}, uplink["window"]
    words = [f"MQTT {broker['protocol']}"] if broker else []
    words += [say(f"confirm {uplink['confirm']}"), say(f"{window['used']} of {window['size']} on the way")]
    if uplink["unconfirmed"]:
        words.append(say(f"{number(uplink['unconfirmed'])} not confirmed yet"))
    if uplink["next_attempt_s"] is not None:
        words.append(say(f"next attempt in {ago(seconds=uplink['next_attempt_s'])}"))
    return words


def _certificates(uplink: Facts, zone: tzinfo) -> list[str]:
    ends = {whose: end for whose, end in uplink.get("certificates", {}).items() if end}
    return [say(f"certificate {say(whose)} until {_day(end, zone)}") for whose, end in ends.items()]


def _day(instant: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d}"


def _parked(uplink: Facts) -> list[str]:
    return [
        say(f"refused: {say(part['stream'])} {part['first']} to {part['last']}, {part['reason']}")
        for part in uplink["parked"]
    ]
