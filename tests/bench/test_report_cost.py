"""What a report and a sealed month cost: both read every record of their time."""

from __future__ import annotations

import resource
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.accounts.report import report
from agent.accounts.tally import Day
from agent.exporting.jsonl import export_lines
from agent.store.reader import Reader
from agent.store.record import event, to_ms
from agent.store.source import Source
from drivers.reading import Stream
from tests.bench.figures import Figures
from tests.simulators.logbook import open_store

pytestmark = pytest.mark.bench

DEVICES, EVERY_S, DAYS = 20, 5, 3
DAY_MS = 86_400_000
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
RECORDS = DEVICES * DAYS * 86_400 // EVERY_S
A_MONTH = 10.368
"""Million records of 30 such days."""

FILL = """
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < :records - 1)
INSERT INTO measurement_record SELECT (1 << 40) + n + 1, :begin + (n / 20) * 5000 + 137 + n % 20, zeroblob(32),
'{"device":"d' || (n % 20) || '","meta":"3fa09c1e","seq":' || (n + 1) || ',"time":"2026-10-01T00:00:00.137Z",'
|| '"values":{"no":12.3,"no2":33.2,"nox":45.1}}' FROM number
"""
MINUTES = "INSERT INTO minute SELECT 'measurement', time / 60000, min(id) FROM measurement_record GROUP BY 2"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three good days of 20 devices at 5 s; nobody looks at the heads here, so that they need not be computed."""
    path = tmp_path / "store.db"
    promise = {"every_s": EVERY_S, "channels": dict.fromkeys(("no", "no2", "nox"), EVERY_S)}
    devices = {f"d{number}": promise for number in range(DEVICES)}
    store = open_store(path)
    store.append([event("configuration_applied", BEGIN, data={"devices": devices}, stream=Stream.AUDIT)])
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(FILL, {"records": RECORDS, "begin": to_ms(BEGIN)})
        db.execute(MINUTES)
    db.close()
    return path


def test_a_report_reads_a_month_while_one_waits(log: Path, figures: Figures) -> None:
    """Per million records, and what that makes of a month of this station."""
    since_ms = to_ms(BEGIN)
    days = [Day(str(n), since_ms + n * DAY_MS, since_ms + (n + 1) * DAY_MS) for n in range(DAYS)]
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with Reader.open(log) as reader:
        found = report(
            Source(reader, log.parent / "archive"), days, now_ms=since_ms + 31 * DAY_MS, today=None, uplinks=None
        )
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    assert sum(account.total.valid for account in found.accounts) == 3 * RECORDS
    million = RECORDS / 1e6
    figures.add("report, per million records", "s", took_s / million)
    figures.add("the same, processor time", "s", cpu_s / million)
    figures.add("report of a month, 20 devices at 5 s", "s", took_s / million * A_MONTH, below=60)
    figures.add("memory of this process then", "MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def test_a_month_is_exported_while_one_fetches_tea(log: Path, tmp_path: Path, figures: Figures) -> None:
    """As JSON Lines with heads."""
    since_ms = to_ms(BEGIN)
    began_s = time.perf_counter()
    with Reader.open(log) as reader, (tmp_path / "out").open("wb") as out:
        source = Source(reader, tmp_path / "archive")
        (segment,) = export_lines(source, Stream.MEASUREMENT, since_ms, since_ms + DAYS * DAY_MS, out)
    assert segment.records == RECORDS
    figures.add("export as JSON Lines, per million records", "s", (time.perf_counter() - began_s) / (RECORDS / 1e6))
