"""The report as data: JSON for programs, CSV for a spreadsheet, a row per day, channel and uplink."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from agent.accounts.causes import Cause
from agent.accounts.report import Report
from agent.accounts.tally import Account, Delivery, Tally
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
)


def as_csv(found: Report) -> bytes:
    """Return the report as CSV, with the byte-order mark that makes spreadsheet programs read UTF-8."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for account in found.accounts:
        for day, tally in account.days.items():
            table.writerows(_rows(account, day, tally))
    return text.getvalue().encode("utf-8-sig")


def _rows(account: Account, day: str, tally: Tally) -> Iterator[tuple[object, ...]]:
    begin = (day, account.device, account.channel, account.title, account.unit)
    counts = (tally.expected, tally.acquired, tally.valid, *(tally.lost[cause] for cause in Cause))
    for uplink, delivery in (tally.deliveries or {"": Delivery()}).items():
        rates = (delivery.transmission, delivery.validity, delivery.valid_transmission)
        shown = ("" if rate is None else round(rate, 6) for rate in rates)
        end = (uplink, delivery.expected, delivery.exempt, delivery.received, delivery.valid, *shown)
        yield (*begin, *counts, *end)


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
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "expected": tally.expected,
        "acquired": tally.acquired,
        "valid": tally.valid,
        "lost": {str(cause): tally.lost[cause] for cause in Cause},
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
    }
