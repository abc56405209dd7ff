"""The report as data: JSON for programs, CSV for a spreadsheet, a row per day, channel and uplink."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from agent.accounts.causes import Cause
from agent.accounts.report import Report
from agent.accounts.tally import Account, Delivery, Tally
from agent.exporting.sheet import POINT, Dialect, Sheet, plain
from agent.store.record import time_text

COLUMNS = (
    "day",
    "device",
    "channel",
    "title",
    "unit",
    "expected",
    "acquired",
    "valid",
    *(cause.replace(" ", "_") for cause in Cause),
    "uplink",
    "due",
    "exempt",
    "received",
    "received_valid",
    "transmission_rate",
    "validity_rate",
    "valid_transmission_rate",
    "hours",
    "hours_acquired",
    "hours_valid",
    "hours_received",
    "hours_received_valid",
)


def as_csv(found: Report, dialect: Dialect = POINT) -> bytes:
    """Return the report as CSV, with the byte-order mark that makes spreadsheet programs read UTF-8."""
    text = io.StringIO(newline="")
    sheet = Sheet(text, dialect)
    sheet.write([COLUMNS])
    for account in found.accounts:
        for day, tally in account.days.items():
            sheet.write(_rows(account, day, tally))
    return text.getvalue().encode("utf-8-sig")


def _rows(account: Account, day: str, tally: Tally) -> Iterator[tuple[object, ...]]:
    begin = (day, plain(account.device), plain(account.channel), plain(account.title), account.unit)
    counts = (tally.expected, tally.acquired, tally.valid, *(tally.lost[cause] for cause in Cause))
    for uplink, delivery in (tally.deliveries or {"": Delivery()}).items():
        rates = (delivery.transmission, delivery.validity, delivery.valid_transmission)
        shown = (None if rate is None else round(rate, 6) for rate in rates)
        end = (uplink, delivery.expected, delivery.exempt, delivery.received, delivery.valid, *shown)
        hours = (tally.hours.expected, tally.hours.received, tally.hours.valid)
        yield (*begin, *counts, *end, *hours, delivery.hours.received, delivery.hours.valid)


def as_words(found: Report) -> dict[str, Any]:
    """Return the report as JSON has it; rates are 0 to 1, null where nothing was expected."""
    return {
        "station": found.station,
        "since": time_text(found.since_ms),
        "until": time_text(found.until_ms),
        "closes": found.closes,
        "channels": [
            {
                "device": account.device,
                "channel": account.channel,
                "title": account.title,
                "unit": account.unit,
                **_tally(account.total),
                "valid_days": account.valid_days,
                "days": {day: _tally(tally) for day, tally in account.days.items()},
            }
            for account in found.accounts
        ],
        "down": [
            {"since": time_text(down.since_ms), "until": time_text(down.until_ms), "cause": str(down.cause)}
            for down in found.downs
        ],
        "uncounted": found.uncounted,
        "repeated": found.repeated,
        "unread": found.unread,
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "expected": tally.expected,
        "acquired": tally.acquired,
        "valid": tally.valid,
        "lost": {str(cause): tally.lost[cause] for cause in Cause},
        "hours": {"expected": tally.hours.expected, "acquired": tally.hours.received, "valid": tally.hours.valid},
        "uplinks": {uplink: _delivery(delivery) for uplink, delivery in tally.deliveries.items()},
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "expected": delivery.expected,
        "exempt": delivery.exempt,
        "received": delivery.received,
        "valid": delivery.valid,
        "transmission_rate": delivery.transmission,
        "validity_rate": delivery.validity,
        "valid_transmission_rate": delivery.valid_transmission,
        "hours": {
            "expected": delivery.hours.expected,
            "received": delivery.hours.received,
            "valid": delivery.hours.valid,
        },
    }
