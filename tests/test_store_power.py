"""Power cuts over appending and freeing, and how long a log takes to open; the rest is in faults/test_power.py."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.store.retention import Claim, Retention, Terms
from agent.store.store import Store
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.simulators.disk import Disk
from tests.simulators.logbook import open_store, reading

MEASUREMENT = Stream.MEASUREMENT
CUTS = 100
QUOTA = 1 << 18


@dataclass
class Outcome:
    """What the log had acknowledged before the cut, and what a restart found."""

    acknowledged: int
    found: int
    broken: str | None
    freed: int = 0


def cut_once(folder: Path, rng: random.Random) -> Outcome:
    """Write until the power goes, then open what the disk kept."""
    before, after = folder / "before", folder / "after"
    before.mkdir()
    after.mkdir()
    with Disk("cut", rng, sector=rng.choice([512, 4096])) as disk, disk.under(before):
        store = open_store(before / "store.db", vfs=disk.name, quota=QUOTA)
        store._db.pragma("wal_autocheckpoint", 8)
        disk.cut_at = disk.operations + rng.randrange(1, 600)
        acknowledged = write_until_it_fails(store, rng)
        disk.cut_at = 1  # or closing would tidy up on the dead machine
        disk.image(after)
        with pytest.raises(StoreError):
            store.close()
        store._db.close(force=True)
    return looked_at(after / "store.db", acknowledged)


def write_until_it_fails(store: Store, rng: random.Random) -> int:
    """Append, and free what is delivered when room is short; the last seq that was acknowledged."""
    retention = Retention(rest_s=0)
    number = acknowledged = 0
    terms = Terms({"nobody": Claim(frozenset(), 0)})
    while True:
        count = rng.randrange(1, 4)
        try:
            stamps = store.append([reading(number + n, size=rng.randrange(300, 2500)) for n in range(count)])
            acknowledged = stamps[-1].seq
            retention.turn(store, terms, 0)
        except StoreError:
            return acknowledged
        number += count


def looked_at(path: Path, acknowledged: int) -> Outcome:
    """Open the log as a restart would, prove it, and close it."""
    try:
        store = open_store(path, quota=QUOTA)
    except StoreError as error:
        return Outcome(acknowledged, 0, str(error))
    epoch = store.log.epochs()[0].epoch  # a torn last transaction is a reason for a second one
    found, _ = store.log.tip(epoch, MEASUREMENT)
    broken = next((str(proof) for proof in verify_log(store.log) if proof.broken), None)
    freed = found - sum(last - first + 1 for first, last in store.log.kept(epoch, MEASUREMENT))
    store.close()
    return Outcome(acknowledged, found, broken, freed)


def run(folder: Path, cuts: int, seed: int) -> list[Outcome]:
    print(f"seed {seed}")
    outcomes = []
    for number in range(cuts):
        (folder / str(number)).mkdir()
        outcomes.append(cut_once(folder / str(number), random.Random(seed + number)))
    return outcomes


def seed() -> int:
    """Another one each time, printed; POWER_SEED repeats a run."""
    return int(os.environ.get("POWER_SEED") or random.randrange(1 << 30))


def test_no_acknowledged_record_is_lost_by_a_power_cut(tmp_path: Path) -> None:
    """The promise: accepted means synced."""
    outcomes = run(tmp_path, CUTS, seed())
    assert [one for one in outcomes if one.broken or one.found < one.acknowledged] == []
    assert max(one.acknowledged for one in outcomes) > 10
    assert any(one.freed for one in outcomes)


def grow(path: Path, size: int) -> None:
    """A log of *size* bytes, left behind by a process that was killed while it wrote."""
    code = f"from tests.test_store_power import write_until_killed; write_until_killed({str(path)!r}, {size})"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == -signal.SIGKILL
    assert path.with_name("store.db-wal").stat().st_size > 0


def write_until_killed(path: str, size: int) -> None:
    store = open_store(Path(path), quota=size * 2)
    number = 0
    while store.log.used_bytes() < size:
        store.append([reading(number + n, size=600) for n in range(2000)])
        number += 2000
    os.kill(os.getpid(), signal.SIGKILL)


def opening_s(path: Path) -> float:
    """How long a process that was killed needs until it can store again."""
    began = time.monotonic()
    store = open_store(path, quota=1 << 40)
    stamp = store.append([reading(0)])[0]
    took_s = time.monotonic() - began
    with Reader.open(path) as log:
        assert log.series()[0].last == stamp.seq
    store.close()
    return took_s


def test_a_log_opens_at_once_however_big_it_is(tmp_path: Path) -> None:
    """Nothing at start may depend on the size: here 50 MB, in the soak as much as one likes."""
    grow(tmp_path / "store.db", 50 << 20)
    assert opening_s(tmp_path / "store.db") < 0.5


@pytest.mark.soak
def test_a_log_of_gigabytes_opens_within_a_second(tmp_path: Path) -> None:
    """A year of a station, after a kill."""
    size = int(float(os.environ.get("LOG_GB", "5")) * (1 << 30))
    grow(tmp_path / "store.db", size)
    took_s = opening_s(tmp_path / "store.db")
    print(f"{size >> 20} MB open in {took_s:.3f} s")
    assert took_s < 1.0
