"""The age of records that were made while nobody vouched for the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.store.archive import Archive
from agent.store.record import Draft, draft, to_ms
from agent.store.store import Store
from agent.store.vouched import NOT_YET_MS, vouched_time
from drivers.reading import Stream
from tests.simulators.logbook import DAY, NOON, open_store

BOOT = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "store.db")
    yield made
    made.close()


def made(count: int, at: datetime, *, synced: bool) -> list[Draft]:
    """*count* records, a minute apart."""
    clock = {} if synced else {"clock": "unsynced"}
    times = [at + timedelta(minutes=number) for number in range(count)]
    return [draft(Stream.MEASUREMENT, time, {"device": "so2", "values": {"so2": 1}, **clock}) for time in times]


def test_what_a_trusted_clock_says_is_so(store: Store) -> None:
    """Nothing changes for a station whose time is right."""
    store.append(made(3, NOON, synced=True))

    assert vouched_time(store.log, store.epoch, Stream.MEASUREMENT, 2) == to_ms(NOON + timedelta(minutes=1))


@pytest.mark.parametrize("unsynced", [1, 5, 200])
def test_a_record_from_the_year_2000_is_as_old_as_what_follows_it(store: Store, unsynced: int) -> None:
    """A minute after a PC without a battery learned the time, its first readings are not a quarter of a century old."""
    store.append([*made(unsynced, BOOT, synced=False), *made(300, NOON, synced=True)])

    found_ms = vouched_time(store.log, store.epoch, Stream.MEASUREMENT, 1)

    assert to_ms(NOON) <= found_ms < to_ms(NOON + timedelta(minutes=unsynced + 1))


def test_while_nobody_vouches_nothing_is_old(store: Store) -> None:
    """The time may still come."""
    store.append(made(5, BOOT, synced=False))

    assert vouched_time(store.log, store.epoch, Stream.MEASUREMENT, 1) == NOT_YET_MS


@pytest.mark.parametrize("synced", [True, False])
def test_the_archive_has_them_under_the_day_that_the_clock_found(store: Store, tmp_path: Path, synced: bool) -> None:
    """A file of the year 2000 would be the first to go; also where somebody set the time and nothing vouches for it."""
    store.append(made(5, BOOT, synced=False))
    archive = Archive(tmp_path / "archive")
    assert archive.next_slice(store.log, to_ms(NOON)) is None, "the clock has just leapt, and no record tells"

    store.append([*made(5, NOON, synced=synced), *made(1, NOON + DAY, synced=synced)])
    part = archive.next_slice(store.log, to_ms(NOON + DAY + timedelta(hours=1)))

    assert part is not None
    assert (part.day, part.first, part.last) == (NOON.date().isoformat(), 1, 10)


def test_a_clock_that_steps_back_once_more_makes_no_file_of_the_year_2000(store: Store, tmp_path: Path) -> None:
    """What it says now lies before what vouched for the first records: their day is not the one of the boot."""
    store.append([*made(5, BOOT, synced=False), *made(20, NOON, synced=True), *made(5, NOON - 900 * DAY, synced=True)])
    archive = Archive(tmp_path / "archive")

    assert archive.next_slice(store.log, to_ms(NOON - 900 * DAY + timedelta(hours=1))) is None
    part = archive.next_slice(store.log, to_ms(NOON + DAY))

    assert part is not None
    assert (part.day, part.first) == (NOON.date().isoformat(), 1)


def test_a_station_that_is_never_synchronised_has_an_archive_all_the_same(store: Store, tmp_path: Path) -> None:
    """Its days are what its own clock says."""
    store.append([*made(5, NOON, synced=False), *made(5, NOON + DAY, synced=False)])

    part = Archive(tmp_path / "archive").next_slice(store.log, to_ms(NOON + DAY + timedelta(hours=1)))

    assert part is not None
    assert (part.day, part.first, part.last) == (NOON.date().isoformat(), 1, 5)
