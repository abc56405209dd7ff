"""The recorder: groups, refusals, the waiting room in memory, and the log in memory behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from agent.clock import Clock
from agent.recorder import Recorder
from agent.store.errors import AccessError, DamagedError
from agent.store.reader import Reader
from agent.store.record import Draft, draft
from agent.store.store import Store
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.simulators.disk import Disk

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SICK = ("write", apsw.SQLITE_IOERR_WRITE)


def reading(number: int) -> Draft:
    return draft(Stream.MEASUREMENT, NOON, {"device": "so2", "values": {"so2": number}})


def numbers(path: Path) -> list[int]:
    """What the log at *path* holds, over all epochs."""
    with Reader.open(path) as log:
        bodies = [
            json.loads(row.body)
            for series in log.series()
            if series.stream is Stream.MEASUREMENT
            for row in log.walk(series.epoch, series.stream, series.first, series.last)
        ]
        assert all(proof.broken is None for proof in verify_log(log))
    return [body["values"]["so2"] for body in bodies]


def events(path: Path, name: str) -> list[dict[str, Any]]:
    with Reader.open(path) as log:
        rows = [row for _, row in log.located(Stream.EVENT, 0, int(time.time() * 1000) + 86_400_000)]
        return [body["data"] for row in rows if (body := json.loads(row.body))["event"] == name]


@pytest.fixture
def disk() -> Iterator[Disk]:
    with Disk("recorder-disk", random.Random(1)) as disk:
        yield disk


@contextlib.asynccontextmanager
async def recording(path: Path, **options: Any) -> AsyncIterator[Recorder]:
    def opened(where: Path = path) -> Store:
        vfs = "recorder-disk" if where == path else None
        return Store.open(where, station="S1", machine="m", quota=50_000_000, now_ms=0, vfs=vfs)

    refuge = path.with_name("volatile.db")
    recorder = await Recorder.open(opened, clock=Clock(), open_refuge=lambda: opened(refuge), home=path, **options)
    task = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.01)


async def test_everything_put_is_stored_in_order(tmp_path: Path, disk: Disk) -> None:
    """The order of seq is the order in which things happened."""
    async with recording(tmp_path / "store.db") as recorder:
        for number in range(5000):
            recorder.put([reading(number)])
        await recorder.flushed()

    assert numbers(tmp_path / "store.db") == list(range(5000))


@pytest.mark.parametrize("seed", range(10))
async def test_what_is_being_stored_when_the_agent_ends_is_stored_once(tmp_path: Path, disk: Disk, seed: int) -> None:
    """A record stored twice under two seqs would be an invented reading."""
    dice = random.Random(seed)
    async with recording(tmp_path / "store.db") as recorder:
        for number in range(300):
            recorder.put([reading(number)])
            if dice.random() < 0.1:
                await asyncio.sleep(dice.random() * 0.002)

    assert numbers(tmp_path / "store.db") == list(range(300))


async def test_while_the_disk_refuses_records_wait_and_are_stored_when_it_is_well(tmp_path: Path, disk: Disk) -> None:
    """A loose SATA plug costs no reading: polling goes on, and the first event after it says what happened."""
    path = tmp_path / "store.db"
    async with recording(path) as recorder:
        recorder.put([reading(0)])
        await recorder.flushed()
        disk.fault = SICK
        recorder.put([reading(1), reading(2)])
        await until(lambda: recorder.waiting is not None)
        assert recorder.waiting is not None
        assert "store.db" in recorder.waiting.error
        assert recorder.held_back[0] == 2
        disk.fault = None
        await until(lambda: recorder.waiting is None)
        await recorder.flushed()

    assert numbers(path) == [0, 1, 2]
    (told,) = events(path, "log_recovered")
    assert (told["lost"], told["waited"]) == ({}, 2)
    assert told["waited_from_ms"] == told["waited_to_ms"] == int(NOON.timestamp() * 1000)


async def test_damage_found_in_a_stranger_is_not_taken_for_that_of_the_log(tmp_path: Path, disk: Disk) -> None:
    """A reader may be the first to meet a file that took the place of the log; the good log must not be let go then."""
    path = tmp_path / "store.db"

    def find_damage(log: Reader) -> None:
        raise DamagedError(log.path, "file is not a database")

    async with recording(path) as recorder:
        epoch = recorder.epoch
        recorder.put([reading(0)])
        await recorder.flushed()
        path.with_name("other").write_bytes(b"another file" * 4096)
        path.with_name("other").replace(path)
        with pytest.raises(DamagedError):
            await recorder.read(find_damage)
        recorder.put([reading(1)])
        await recorder.flushed()
        assert recorder.epoch == epoch

    assert numbers(path) == [0, 1]
    assert [told["was"] for told in events(path, "log_put_back")] == ["replaced"]


async def test_what_finds_the_memory_full_is_counted_and_named(tmp_path: Path, disk: Disk) -> None:
    """When something must be lost, it is the newest, and the log says how much and of when."""
    path = tmp_path / "store.db"
    async with recording(path, memory=5_000) as recorder:
        disk.fault = SICK
        recorder.put([reading(number) for number in range(100)])
        kept = recorder.held_back[0]
        await until(lambda: recorder.waiting is not None and bool(recorder.waiting.error))
        disk.fault = None
        await until(lambda: recorder.waiting is None)
        await recorder.flushed()

    assert 0 < kept < 100
    assert numbers(path) == list(range(kept))
    (told,) = events(path, "log_recovered")
    assert told["lost"] == {"measurement": 100 - kept}
    assert told["lost_from_ms"] == told["lost_to_ms"] == int(NOON.timestamp() * 1000)


async def test_a_disk_that_refuses_for_long_is_replaced_by_memory_until_it_is_back(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data must reach the centre although the disk is dead, and come home under its own epoch when it is not."""
    monkeypatch.setattr("agent.recorder.REFUGE_S", 0.1)
    monkeypatch.setattr("agent.recorder.RETURN_S", 0.2)
    monkeypatch.setattr("agent.recorder.RETRY_S", 0.05)
    path = tmp_path / "store.db"
    async with recording(path) as recorder:
        recorder.put([reading(0)])
        await recorder.flushed()
        first = recorder.epoch
        disk.fault = SICK
        recorder.put([reading(1)])
        await until(lambda: recorder.is_volatile)
        recorder.put([reading(2)])
        await recorder.flushed()
        second = recorder.epoch
        served = await recorder.read(lambda log: log.batch(second, Stream.MEASUREMENT, 1, 9))
        disk.fault = None
        await until(lambda: not recorder.is_volatile)
        recorder.put([reading(3)])
        await recorder.flushed()
        third = recorder.epoch

    assert len({first, second, third}) == 3
    assert [json.loads(row.body)["values"]["so2"] for row in served] == [1, 2], "uplinks deliver from memory meanwhile"
    assert numbers(path) == [0, 1, 2, 3]
    assert events(path, "log_came_home") == [{"records": 2 + len(events(path, "log_recovered"))}]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second is long."""
    for name, seconds in {"REFUGE_S": 0.1, "RETURN_S": 0.2, "RETRY_S": 0.05}.items():
        monkeypatch.setattr(f"agent.recorder.{name}", seconds)
    monkeypatch.setattr("agent.inquiry.APART_S", 0.1)


async def test_what_lies_on_a_disk_that_takes_nothing_more_can_still_be_asked_for(
    tmp_path: Path, disk: Disk, soon: None
) -> None:
    """What no broker has yet is delivered from there, beside the new records from memory."""
    async with recording(tmp_path / "store.db") as recorder:
        recorder.put([reading(number) for number in range(3)])
        await recorder.flushed()
        first = recorder.epoch
        disk.fault = SICK
        recorder.put([reading(3)])
        await until(lambda: recorder.is_volatile)
        await recorder.flushed()
        old = await recorder.read(lambda log: log.batch(first, Stream.MEASUREMENT, 1, 9))
        new = await recorder.read(lambda log: log.batch(recorder.epoch, Stream.MEASUREMENT, 1, 9))
        series = await recorder.read(lambda log: log.series())
        disk.fault = None
        await until(lambda: not recorder.is_volatile)

    assert [json.loads(row.body)["values"]["so2"] for row in (*old, *new)] == [0, 1, 2, 3]
    known = [(one.epoch, one.last) for one in series if one.stream is Stream.MEASUREMENT]
    assert known == [(first, 3), (known[1][0], 1)]


async def test_what_cannot_be_read_at_present_is_not_taken_for_gone(tmp_path: Path, disk: Disk, soon: None) -> None:
    """What the log does not have is over, for a broker too; what is merely out of reach must stay to be delivered."""
    path = tmp_path / "store.db"
    async with recording(path) as recorder:
        recorder.put([reading(0)])
        await recorder.flushed()
        first = recorder.epoch
        disk.fault = SICK
        recorder.put([reading(1)])
        await until(lambda: recorder.is_volatile)
        await recorder.flushed()
        path.rename(tmp_path / "unplugged")
        with pytest.raises(AccessError, match="cannot be read at present"):
            await recorder.read(lambda log: log.batch(first, Stream.MEASUREMENT, 1, 9))
        (tmp_path / "unplugged").rename(path)
        disk.fault = None
        await until(lambda: not recorder.is_volatile)
        again = await recorder.read(lambda log: log.batch(first, Stream.MEASUREMENT, 1, 9))

    assert [row.seq for row in again] == [1]
    assert numbers(path) == [0, 1]


async def test_a_commit_whose_sync_failed_is_not_stored_a_second_time(tmp_path: Path, disk: Disk, soon: None) -> None:
    """It stands whole in the write-ahead file, to be replayed; its records are in memory, under other numbers."""
    path = tmp_path / "store.db"
    async with recording(path) as recorder:
        recorder.put([reading(0)])
        await recorder.flushed()
        first = recorder.epoch
        disk.fault = ("sync", apsw.SQLITE_IOERR_FSYNC)
        recorder.put([reading(1)])
        await until(lambda: recorder.is_volatile)
        await recorder.flushed()
        waits = await recorder.read(lambda log: log.batch(first, Stream.MEASUREMENT, 1, 9))
        await asyncio.sleep(0.5)  # two attempts to go home fail in their sync
        disk.fault = None
        await until(lambda: not recorder.is_volatile)
        await recorder.flushed()

    assert [row.seq for row in waits] == [1]
    assert numbers(path) == [0, 1]
