"""The report as the tables that a screen and a page show, in the language that was chosen. Pure text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from agent.accounts.causes import Cause
from agent.accounts.report import Report
from agent.accounts.tally import Account
from agent.language import joined, say

SHORT = {
    Cause.POWER: "power",
    Cause.LINK: "link",
    Cause.INSTRUMENT: "instr.",
    Cause.CALIBRATION: "calib.",
    Cause.MAINTENANCE: "maint.",
    Cause.SAMPLING: "line",
    Cause.AGENT: "agent",
}
"""Causes as headings of narrow columns."""

MEANINGS = {
    Cause.POWER: "the computer was off or restarting",
    Cause.LINK: "the wire could not be used, or gave damaged replies",
    Cause.INSTRUMENT: "no answer, no value, out of order or out of its range",
    Cause.CALIBRATION: "zero or span gas, a check, or the recovery from one",
    Cause.MAINTENANCE: "somebody was at work, or set the value by hand",
    Cause.SAMPLING: "what brings the sample was not as it should be",
    Cause.AGENT: "this program did not run, had no time, or did not keep it",
}


ACROSS = 8
"""So many channels stand beside each other."""


class Table(NamedTuple):
    """A table: what it is about, its head, and its rows; all columns but the first hold numbers."""

    caption: str
    head: list[str]
    rows: list[list[str]]


def tables(found: Report) -> Iterator[Table]:
    """Yield what became of the ticks, what they were lost to, the hours, and what each uplink has."""
    yield _ticks(found)
    yield _losses(found)
    if any(account.total.hours.expected for account in found.accounts):
        yield _hours(found)
    for uplink in found.uplinks:
        yield _deliveries(found, uplink)


def by_day(found: Report) -> Iterator[Table]:
    """The share of valid ticks, a row per day, a column per channel, so many to a table as a page has room for."""
    for first in range(0, len(found.accounts), ACROSS):
        accounts = found.accounts[first : first + ACROSS]
        rows = [
            [day.name, *(percent(tally.capture) if (tally := one.days.get(day.name)) else "-" for one in accounts)]
            for day in found.days
            if any(day.name in one.days for one in found.accounts)
        ]
        yield Table(say("valid ticks of each day, %"), [say("day"), *map(name, accounts)], rows)


def legend(found: Report) -> Table:
    """What the channels are called, and their units."""
    rows = [[name(account), say(account.title) or "-", account.unit or "-"] for account in found.accounts]
    return Table(say("what the channels measure"), [say("channel"), say("quantity"), say("measured in")], rows)


def notes(found: Report, zone: tzinfo) -> Iterator[str]:
    """What a reader must know besides, a sentence each."""
    since, until = moment(found.since_ms, zone), moment(found.until_ms, zone)
    yield say(f"For each of {len(found.accounts)} channels: expected = valid + lost; the sum closes.")
    if found.since_ms > found.days[0].since_ms:
        yield say(f"Counted from {since}: the log knows of nothing before that.")
    if found.until_ms < found.days[-1].until_ms:
        yield say(f"Counted up to {until}: the period goes on.")
    for down in found.downs:
        told = say(f"Nothing was polled from {moment(down.since_ms, zone)} to {moment(down.until_ms, zone)}")
        yield joined([told, say(str(down.cause))], ": ")
    if found.uncounted:
        yield say(f"Not counted, for nobody knows how many values were to come: {', '.join(found.uncounted)}")
    if found.repeated:
        yield say(f"{found.repeated} readings were for ticks that had one already: the clock was set back.")

    for sentence in found.unread:
        yield joined([say(sentence), say("what it held counts as lost to the agent")], "; ")


def definitions() -> Iterator[str]:
    """How the figures are meant, a sentence each."""
    yield say("Acquired ticks have a value; valid ones have one without any mark; received ones are acknowledged.")
    yield say("An hour is valid with 45 valid minutes, a day with 20 valid hours (HJ 212-2017, annex D).")
    yield say("Transmission rate = received / expected.")
    yield say("Validity rate = valid received / (expected - calibration - maintenance).")
    yield say("Valid transmission rate = transmission rate x validity rate.")
    yield say("Platforms that count calibration and maintenance as invalid have every number for it in the CSV.")
    yield say("What arrived late counts as received.")
    for cause, meaning in MEANINGS.items():
        yield joined([say(str(cause)), say(meaning)], ": ")


def name(account: Account) -> str:
    """How a table calls a channel: by its name where the device has the same."""
    return account.channel if account.channel == account.device else f"{account.device}.{account.channel}"


def percent(share: float | None) -> str:
    """Return a share of 1 in per cent, never rounded up to 100."""
    if share is None:
        return "-"
    return f"{min(share * 100, 99.99):.2f}" if share < 1 else "100"


def moment(time_ms: int, zone: tzinfo) -> str:
    """Return a moment on the station's clock, to the minute."""
    return f"{datetime.fromtimestamp(time_ms / 1000, zone):%Y-%m-%d %H:%M}"


def _ticks(found: Report) -> Table:
    words = ("channel", "expected", "acquired", "valid", "lost", "valid %")
    rows = []
    for account in found.accounts:
        total = account.total
        counts = (total.expected, total.acquired, total.valid, total.lost.total())
        rows.append([name(account), *map(str, counts), percent(total.capture)])
    return Table(say("ticks"), [say(word) for word in words], rows)


def _losses(found: Report) -> Table:
    rows = []
    for account in found.accounts:
        total = account.total
        rows.append([name(account), *(str(total.lost[cause] or "-") for cause in Cause), str(total.lost.total())])
    return Table(say("lost to"), [say(word) for word in ("channel", *SHORT.values(), "sum")], rows)


def _hours(found: Report) -> Table:
    words = ("channel", "expected", "acquired", "valid", "valid %", "valid days")
    rows = []
    for account in found.accounts:
        if (hours := account.total.hours).expected:
            counts = (hours.expected, hours.received, hours.valid)
            share = percent(hours.valid / hours.expected)
            rows.append([name(account), *map(str, counts), share, str(account.valid_days)])
    return Table(say("by the hour"), [say(word) for word in words], rows)


def _deliveries(found: Report, uplink: str) -> Table:
    words = ("channel", "expected", "received", "transm. %", "validity %", "valid transm. %")
    rows = []
    for account in found.accounts:
        if delivery := account.total.deliveries.get(uplink):
            rates = (delivery.transmission, delivery.validity, delivery.valid_transmission)
            rows.append([name(account), str(delivery.expected), str(delivery.received), *map(percent, rates)])
    return Table(say(f"uplink {uplink}"), [say(word) for word in words], rows)
