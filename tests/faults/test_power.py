"""Power cuts, and what else makes a disk remember less or something else than it was told.

First the log alone, over as many cuts as patience allows, then the daemon with real
instruments and a real broker. Each story keeps its own books of what it was told is
stored; nothing is asked how it went. Seeds are printed, ``POWER_SEED`` repeats a run,
``POWER_CUTS`` makes it longer.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.store.archive import Archive
from agent.store.record import to_ms
from agent.store.salvage import open_log
from agent.store.store import condemn
from agent.store.verify import verify_files, verify_log
from tests.faults.cuts import Cut, Lives, let_go, nearly_full, summary
from tests.faults.damage import Aftermath, blank, damaged_after_a_cut, damaged_after_a_kill, flip, shorten
from tests.faults.names import heads
from tests.faults.outages import Toll, outages
from tests.faults.table import row
from tests.simulators.disk import Disk
from tests.simulators.logbook import DAY, NOON, open_store, reading

CUTS_IN_A_ROW = 5
OUTAGES_IN_A_ROW = 20


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place in memory: the simulated disk decides what is synced, and the real one need not."""
    with TemporaryDirectory(dir="/dev/shm") as place:
        yield Path(place)


@pytest.fixture(autouse=True)
def silence_of_the_dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After a cut every operation of the disk fails, and nothing is closed in good order; neither is worth a word."""
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    yield
    gc.collect()


def seed() -> int:
    """Another one each time, printed."""
    found = int(os.environ.get("POWER_SEED") or random.randrange(1 << 30))
    print(f"seed {found}")
    return found


def count(usual: int) -> int:
    """How many cuts to make."""
    return int(os.environ.get("POWER_CUTS") or usual)


def cuts_over_the_log(folder: Path, number: int, first: int, fault: str, *, synchronous: str = "FULL") -> list[Cut]:
    """Logs that lose their power some times in a row; they begin as nothing, or nearly full."""
    old = nearly_full(folder / "old")
    cuts: list[Cut] = []
    for n in range(first, first + number // CUTS_IN_A_ROW):
        lives = Lives(folder / str(n), random.Random(n), old=old if n % 3 else None, synchronous=synchronous)
        cuts += [lives.cut() for _ in range(CUTS_IN_A_ROW)]
        shutil.rmtree(folder / str(n))
    print(summary(cuts))
    told, lost, twice = sum(c.told for c in cuts), sum(len(c.lost) for c in cuts), sum(len(c.twice) for c in cuts)
    row(fault, len(cuts), told, told - lost, lost, twice, seed=first)
    return cuts


def test_no_power_cut_takes_from_the_log_what_it_had_said_is_stored(folder: Path) -> None:
    """Accepted means synced: records, cursors, facts and sealed days, whatever was being done when the power went."""
    cuts = cuts_over_the_log(folder, 150, seed(), "power cut, log")
    assert [cut for cut in cuts if cut.broke] == []
    assert {"opening", "appending", "freeing"} <= {cut.doing for cut in cuts}
    assert {"write wal", "write log", "sync wal"} <= {cut.interrupted for cut in cuts}


def test_the_same_cuts_lose_records_when_the_log_does_not_wait_for_the_disk(folder: Path) -> None:
    """The proof that the test above can fail. One pragma makes the difference."""
    cuts = cuts_over_the_log(folder, 60, 1, "power cut, log, synchronous=NORMAL", synchronous="NORMAL")
    assert sum(bool(cut.lost) for cut in cuts) >= 5


@pytest.mark.soak
def test_ten_thousand_power_cuts_over_the_log(folder: Path) -> None:
    """Rare interleavings need many tries."""
    cuts = cuts_over_the_log(folder, count(10_000), seed(), "power cut, log")
    assert [cut for cut in cuts if cut.broke] == []
    assert len({cut.doing for cut in cuts}) >= 8


@pytest.mark.soak
def test_many_power_cuts_over_a_log_that_does_not_wait_lose_records(folder: Path) -> None:
    """A tenth of them, for the table."""
    cuts = cuts_over_the_log(
        folder, count(10_000) // 10, seed(), "power cut, log, synchronous=NORMAL", synchronous="NORMAL"
    )
    assert sum(bool(cut.lost) for cut in cuts) >= len(cuts) / 20


def at_every_operation(folder: Path, work: Callable[[Path, str], object]) -> Iterator[Path]:
    """Copies of *folder* in which *work* was cut at its first operation, its second, and so on to the last."""
    for at in range(1, 10_000):
        before, after = folder.with_name(f"{at}-before"), folder.with_name(f"{at}-after")
        shutil.copytree(folder, before)
        after.mkdir()
        with Disk("every", random.Random(at)) as disk, disk.under(before):
            disk.cut_at = at
            try:
                work(before, disk.name)
            except Exception:  # noqa: BLE001 - whatever the dying disk makes of it
                disk.image(after)
            else:
                return
        yield after
        shutil.rmtree(before)
        shutil.rmtree(after)


def test_a_power_cut_at_any_step_of_sealing_leaves_a_day_whole_or_not_there(folder: Path) -> None:
    """A torn file under its final name would look like a crime; a sealed day that vanishes would be one."""
    log = folder / "log"
    log.mkdir()
    store = open_store(log / "store.db")
    store.append([reading(n, every_s=3600) for n in range(60)])
    store.close()
    steps = 0

    def seal(place: Path, _: str) -> None:
        store = open_store(place / "store.db")
        archive = Archive(place / "archive")
        try:
            while part := archive.next_slice(store.log, to_ms(NOON + 9 * DAY)):
                archive.seal(store.log, part)
        finally:
            let_go(store)

    for after in at_every_operation(log, seal):
        steps += 1
        assert [proof for proof in verify_files([Archive(after / "archive").folder]) if proof.broken] == []
        shutil.copy(log / "store.db", after)
        seal(after, "")
        proofs = list(verify_files([after / "archive"]))
        assert [(proof.first, proof.broken) for proof in proofs] == [(1, None), (21, None), (45, None)]
        assert proofs[-1].last == 60
    row("power cut at each step of sealing", steps, 60, 60, 0, 0)
    assert steps > 12


def test_a_power_cut_at_any_step_of_salvage_leaves_the_old_log_or_the_new_one(folder: Path) -> None:
    """Half of each would be neither: the set-aside log, its heir, and their write-ahead files change places."""
    log = folder / "log"
    log.mkdir()
    store = open_store(log / "store.db")
    store.append([reading(n, size=400) for n in range(60)])
    told = heads(store.log)
    store.close()
    condemn(log / "store.db", "found by the test")
    steps = 0

    def salvage(place: Path, vfs: str | None) -> None:
        path = place / "store.db"
        store = open_log(path, station="330100-A01", machine="pc-1", quota=1 << 30, now_ms=to_ms(NOON), vfs=vfs)
        try:
            assert told.items() <= heads(store.log).items()
            assert [proof for proof in verify_log(store.log) if proof.broken] == []
        finally:
            let_go(store)

    for after in at_every_operation(log, salvage):
        steps += 1
        salvage(after, None)
    row("power cut at each step of salvage", steps, len(told), len(told), 0, 0)
    assert steps > 50


def after_a_kill(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_kill(folder, rng, rng.choice([flip, shorten, blank]), "-wal")


def after_a_cut(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_cut(folder, rng, rng.choice([flip, blank]))


def in_the_main_file(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_kill(folder, rng, rng.choice([flip, shorten, blank]), "")


@pytest.mark.parametrize("story", [after_a_kill, after_a_cut, in_the_main_file])
@pytest.mark.parametrize("number", [40, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_damaged_log_never_gives_a_number_a_second_time(
    folder: Path, number: int, story: Callable[[Path, random.Random], Aftermath]
) -> None:
    """What a consumer got as record 17 must stay record 17, also when the log itself has forgotten it."""
    first = seed()
    found = []
    for n in range(first, first + number):
        found.append(story(folder / str(n), random.Random(n)))
        shutil.rmtree(folder / str(n))
    unnamed = sum(len(one.unnamed) for one in found if not one.broken)
    silent = sum(len(one.twice) for one in found if not one.broken)
    told, kept = sum(one.told for one in found), sum(one.kept for one in found)
    row(f"damage {story.__name__.replace('_', ' ')}", number, told, kept, unnamed, silent, seed=first)
    print(f"{told - kept} were lost to the damage")
    assert (unnamed, silent) == (0, 0), "a record that differs breaks the chain, and verify names it"
    if story is not in_the_main_file:
        assert [one for one in found if one.twice or one.broken] == []
    assert any(one.new_epoch for one in found)


@pytest.mark.parametrize("number", [222751566, 222752728])
def test_damage_that_is_no_error_to_sqlite_is_damage_all_the_same(folder: Path, number: int) -> None:
    """An index that tells of rows which its table does not have; a table of one row that has eleven."""
    found = in_the_main_file(folder / "log", random.Random(number))

    assert found.new_epoch
    assert (found.unnamed, found.twice) == ([], [])


async def test_no_power_cut_takes_from_the_station_what_it_had_accepted(folder: Path) -> None:
    """The promise of the first page, on a disk that forgets, tears and reorders all that was not synced."""
    toll = await outages(folder, 10, seed())
    toll.told("power cut, agent")
    assert toll.faults == []


async def test_the_same_cuts_cost_the_station_records_when_it_does_not_wait_for_the_disk(folder: Path) -> None:
    """The proof that the test above can fail, within some cuts."""
    tolls: list[Toll] = []
    while not any(toll.missing for toll in tolls) and len(tolls) < 10:
        tolls.append(await outages(folder / str(len(tolls)), 4, len(tolls), synchronous="NORMAL"))
    Toll.sum(tolls).told("power cut, agent, synchronous=NORMAL")
    assert any(toll.missing for toll in tolls)


@pytest.mark.soak
async def test_five_hundred_power_cuts_over_the_whole_agent(folder: Path) -> None:
    """First starts, checkpoints, retention, archive, salvage and new epochs are all among what they interrupt."""
    toll = await stations(folder, count(500) // OUTAGES_IN_A_ROW, seed())
    toll.told("power cut, agent")
    assert toll.faults == []
    assert {"opening", "storing", "freeing", "sealing a day", "setting aside"} <= toll.doing.keys()


@pytest.mark.soak
async def test_many_power_cuts_over_an_agent_that_does_not_wait_lose_records(folder: Path) -> None:
    """A fifth of them, for the table."""
    toll = await stations(folder, count(500) // OUTAGES_IN_A_ROW // 5, seed(), synchronous="NORMAL")
    toll.told("power cut, agent, synchronous=NORMAL")
    assert toll.missing > 0


async def stations(folder: Path, number: int, first: int, *, synchronous: str = "FULL") -> Toll:
    """So many stations one after another, each with some power cuts."""
    lives = range(number)
    return Toll.sum(
        [await outages(folder / str(n), OUTAGES_IN_A_ROW, first + n, synchronous=synchronous) for n in lives]
    )
