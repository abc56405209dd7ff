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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from agent.store.archive import Archive
from agent.store.record import to_ms
from agent.store.salvage import open_log
from agent.store.store import condemn
from agent.store.verify import verify_files, verify_log
from drivers.reading import Stream
from tests.faults.cuts import QUOTA, STREAMS, Cut, cut_once, let_go, nearly_full, table
from tests.faults.damage import Aftermath, blank, damaged_after_a_cut, damaged_after_a_kill, flip, heads, shorten
from tests.faults.powered import Powered
from tests.faults.story import Story, station_file
from tests.simulators.disk import Disk
from tests.simulators.logbook import DAY, NOON, open_store, reading

MEASUREMENT = Stream.MEASUREMENT


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


# The log.


def cuts_over_the_log(folder: Path, number: int, first: int, **how: str) -> list[Cut]:
    """Lives that begin without a log, or with one that is nearly full."""
    old = nearly_full(folder / "old")
    cuts = []
    for n in range(first, first + number):
        cuts.append(cut_once(folder / str(n), random.Random(n), old=old if n % 3 else None, **how))
        shutil.rmtree(folder / str(n))
    print(table(cuts))
    return cuts


def test_no_power_cut_takes_from_the_log_what_it_had_said_is_stored(folder: Path) -> None:
    """Accepted means synced: records, cursors, facts and sealed days, whatever was being done when the power went."""
    cuts = cuts_over_the_log(folder, 300, seed())
    assert [cut for cut in cuts if cut.lost or cut.wrong] == []
    assert {"opening", "appending", "freeing"} <= {cut.doing for cut in cuts}
    assert {"write wal", "write log", "sync wal"} <= {cut.interrupted for cut in cuts}


def test_the_same_cuts_lose_records_when_the_log_does_not_wait_for_the_disk(folder: Path) -> None:
    """The proof that the test above can fail. One pragma makes the difference."""
    cuts = cuts_over_the_log(folder, 60, 1, synchronous="NORMAL")
    assert sum(bool(cut.lost) for cut in cuts) >= 5


@pytest.mark.soak
def test_ten_thousand_power_cuts_over_the_log(folder: Path) -> None:
    """Rare interleavings need many tries."""
    cuts = cuts_over_the_log(folder, count(10_000), seed())
    assert [cut for cut in cuts if cut.lost or cut.wrong] == []
    assert len({cut.doing for cut in cuts}) == 7


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
            except Exception:  # whatever the dying disk makes of it
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
    print(f"{steps} steps")
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
            kept = heads(store.log)
            assert told.items() <= kept.items()
            assert [proof for proof in verify_log(store.log) if proof.broken] == []
        finally:
            let_go(store)

    for after in at_every_operation(log, salvage):
        steps += 1
        salvage(after, None)
    print(f"{steps} steps")
    assert steps > 50


# A medium that gives back something else than was written.


def aftermaths(
    folder: Path, number: int, first: int, story: Callable[[Path, random.Random], Aftermath]
) -> list[Aftermath]:
    """*story* with so many seeds."""
    found = []
    for n in range(first, first + number):
        found.append(story(folder / str(n), random.Random(n)))
        shutil.rmtree(folder / str(n))
    sums = {name: sum(getattr(one, name) for one in found) for name in ("told", "kept", "new_epoch")}
    print(f"{number} damaged logs: {sums}")
    return found


def after_a_kill(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_kill(folder, rng, rng.choice([flip, shorten, blank]), "-wal")


def after_a_cut(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_cut(folder, rng, rng.choice([flip, blank]))


def in_the_main_file(folder: Path, rng: random.Random) -> Aftermath:
    return damaged_after_a_kill(folder, rng, rng.choice([flip, shorten, blank]), "")


@pytest.mark.parametrize("story", [after_a_kill, after_a_cut, in_the_main_file])
@pytest.mark.parametrize("number", [60, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_damaged_log_never_gives_a_number_a_second_time(
    folder: Path, number: int, story: Callable[[Path, random.Random], Aftermath]
) -> None:
    """What a consumer got as record 17 must stay record 17, also when the log itself has forgotten it."""
    found = aftermaths(folder, number, seed(), story)
    silent = [one for one in found if one.twice and not one.broken]
    assert silent == [], "a record that differs breaks the chain, and verify names it"
    if story is not in_the_main_file:
        assert [one for one in found if one.twice or one.broken] == []
    if story is not after_a_cut:  # there the mark may be a second old, and who forgot it all can name nothing
        assert [one for one in found if one.unnamed and not one.broken] == []
    assert any(one.new_epoch for one in found)


# The daemon.


async def test_no_power_cut_takes_from_the_station_what_it_had_accepted(folder: Path) -> None:
    """The promise of the first page, on a disk that forgets, tears and reorders all that was not synced."""
    story = await lives_under_cuts(folder, 15, seed())
    assert story.faults == []


@pytest.mark.soak
async def test_five_hundred_power_cuts_over_the_whole_agent(folder: Path) -> None:
    """Checkpoints, retention, archive, new epochs and first starts are all among what they interrupt."""
    story = await lives_under_cuts(folder, count(500), seed(), operations=1500)
    assert story.faults == []
    assert story.duplicated == 0


async def test_the_same_cuts_cost_the_station_records_when_it_does_not_wait_for_the_disk(folder: Path) -> None:
    """The proof that the test above can fail."""
    story = await lives_under_cuts(folder, 8, 3, synchronous="NORMAL")
    assert any("not there any more" in fault for fault in story.faults)


async def lives_under_cuts(folder: Path, cuts: int, first: int, *, operations: int = 500, **how: str) -> Story:
    """A station that loses its power *cuts* times, then lives on in peace until everything is delivered."""
    rng = random.Random(first)
    async with Story(folder, devices=3) as story:
        station = Powered(folder / "lives", station_file(story, every="20ms"), rng, **how)
        for _ in range(cuts):
            machine = rng.choice(["pc-1", "pc-1", "pc-1", "pc-2"])
            outcome = await station.live_until_cut(story.proxy, rng.randrange(1, operations), machine)
            story.faults += [f"{name} is not there any more" for name in outcome.found.missing] + outcome.found.broken
        await station.live(lambda: story.everything_arrives(station.log))
        story.judge(station)
    print(story.table("power cut", cuts, station.witness.first_s), f"in {dict(station.cuts())}", sep="\n")
    return story
