"""Power cuts between any two calls of a real process, on whatever the disk may show then.

What a process does to its disk is written down below it, call by call; afterwards the
power goes at many of these moments, in many ways each. Nothing here knows how SQLite
or the log work, and the files beside the log are treated like the log itself.
`POWER_SEED` repeats a run, as far as real time allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.daemon import machine_id
from agent.store.archive import Archive
from agent.store.errors import LogWriteError
from agent.store.record import event, to_ms
from agent.store.salvage import open_log
from agent.store.verify import verify_files, verify_log
from drivers.duration import parse_duration
from drivers.reading import Stream
from tests.faults import cuts
from tests.faults.backlog import fill
from tests.faults.books import IN_A_HURRY, Books
from tests.faults.cuts import Cut, Lives, nearly_full
from tests.faults.damage import restarted
from tests.faults.diary import books_of
from tests.faults.names import Name, heads
from tests.faults.table import row
from tests.simulators.accounting import STATION
from tests.simulators.disk_calls import DiskCalls
from tests.simulators.disk_trace import Call, TracedDisk, calls
from tests.simulators.evidence import collect_records
from tests.simulators.logbook import NOON, reading
from tests.simulators.mqtt_packets import Kind, Packet, read_packet

WAYS = 2
"""How many states after each cut are looked at."""

STDOUT = 1

OF_NAMES = "odru"
"""The calls that make, rename and delete: few, and each is followed by what relies on it."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place in memory: what is synced is for the trace to say."""
    with TemporaryDirectory(dir="/dev/shm") as place:
        yield Path(place)


def seed() -> int:
    """Another one each time, printed."""
    found = int(os.environ.get("POWER_SEED") or random.randrange(1 << 30))
    print(f"seed {found}")
    return found


def lived(folder: Path, dice: int, acts: int, synchronous: str) -> tuple[dict[str, bytes], list[Call]]:
    """What lay in the folder of a log, and what a process then did there."""
    place, runtime = folder / "place", folder / "run"
    nearly_full(place)
    runtime.mkdir()
    found = {str(path): path.read_bytes() for path in place.iterdir()}
    disk = DiskCalls(place, runtime=runtime, beside=folder, trace=folder / "trace")
    line = [sys.executable, "-m", "tests.faults.diary", str(place), str(dice), str(acts)]
    environment = os.environ | disk.environment | {"SYNCHRONOUS": synchronous}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return found, calls(folder / "trace")


def moments(rng: random.Random, made: Sequence[Call], number: int) -> list[int]:
    """When the power goes: half of the times near a change of names, else anywhere."""
    near = [at for at, call in enumerate(made) if call.what in OF_NAMES]
    found = {rng.choice(near) + rng.randrange(6) for _ in range(number // 2)}
    found |= {rng.randrange(len(made)) for _ in range(number - len(found))}
    return sorted(at for at in found if at < len(made))


def power_cuts(folder: Path, first: int, number: int, *, synchronous: str = "FULL") -> list[Cut]:
    """What is found after some power cuts in the life of one process."""
    found, made = lived(folder, first, 100, synchronous)
    rng, disk, results = random.Random(first), TracedDisk(found), []
    for moment in followed(disk, made, moments(rng, made, number)):
        doing = f"before {made[moment].what} {moment}"
        results += [looked_at(folder, disk, rng, doing) for _ in range(WAYS)]
    return results


def followed(disk: TracedDisk, made: Sequence[Call], until: Sequence[int]) -> Iterator[int]:
    """Each of the moments *until*, when *disk* has come so far."""
    at = 0
    for moment in until:
        for call in made[at:moment]:
            disk.follow(call)
        at = moment
        yield moment


def looked_at(folder: Path, disk: TracedDisk, rng: random.Random, doing: str) -> Cut:
    """Open one state that may be left as a restart would, and hold it against what the process had told by then."""
    after = shown(disk, rng, folder / "place", folder / "after")
    books = books_told(disk)
    lives = Lives.found(after, rng, books=books)
    cut = lives.looked_at(Cut(doing, doing, len(books.told)))
    shutil.rmtree(after)
    return cut


def books_told(disk: TracedDisk) -> cuts.Books:
    """What the process had told by then."""
    return books_of(b"".join(data for handle, data in disk.sent if handle == STDOUT))


def shown(disk: TracedDisk, rng: random.Random, place: Path, after: Path) -> Path:
    """Write to *after* what may be left of *place*, and return it."""
    after.mkdir()
    for path, content in disk.survivors(rng).items():
        where = after / Path(path).relative_to(place)
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content)
    return after


def total(fault: str, results: Sequence[Cut], first: int) -> None:
    """A row in the table of all faults."""
    lost, twice = sum(len(cut.lost) for cut in results), sum(len(cut.twice) for cut in results)
    told = max((cut.told for cut in results), default=0)
    row(fault, len(results), told, told - lost, lost, twice, seed=first)


def test_whatever_a_disk_may_show_after_a_power_cut_what_was_told_is_there(folder: Path) -> None:
    """Sectors and names in any order, lengths without content: what was not synced may look like anything."""
    first = seed()
    results = power_cuts(folder, first, 30)
    total("power cut, calls", results, first)
    assert [cut for cut in results if cut.broke] == []
    assert max(cut.told for cut in results) > 100


def test_the_same_cuts_lose_records_where_the_log_does_not_wait(folder: Path) -> None:
    """The proof that the test above can fail."""
    results = power_cuts(folder, 3, 20, synchronous="NORMAL")
    assert any(cut.lost for cut in results)


def test_a_log_opens_and_goes_on_whatever_a_lying_disk_has_left_of_it(folder: Path) -> None:
    """Nobody can keep what a disk says it has and has not; but the station must start, and record on."""
    first = seed()
    found, made = lived(folder, first, 100, "FULL")
    rng, disk, results, refused = random.Random(first), TracedDisk(found, lies=True), [], 0
    for moment in followed(disk, made, moments(rng, made, 20)):
        after = shown(disk, rng, folder / "place", folder / str(moment))
        try:
            results.append(restarted(after, books_told(disk).told, rng, machine="a"))
        except LogWriteError:  # then records go to memory
            refused += 1
        shutil.rmtree(after)
    assert refused <= 2
    told, kept = sum(one.told for one in results), sum(one.kept for one in results)
    row("power cut, disk lies", len(results), told, kept, 0, 0, seed=first)
    assert kept < told


@pytest.mark.soak
def test_many_processes_lose_nothing_to_power_cuts(folder: Path) -> None:
    """For as long as FOR says, a minute if nothing is said."""
    first, results = seed(), []
    ends_s = time.monotonic() + parse_duration(os.environ.get("FOR") or "60s")
    for number in range(first, first + 10_000):
        place = folder / str(number)
        place.mkdir()
        results += power_cuts(place, number, 60)
        shutil.rmtree(place)
        assert [cut for cut in results if cut.broke] == [], f"with seed {number}"
        if time.monotonic() > ends_s:
            break
    total("power cut, calls", results, first)


SMALL_STEPS = "import agent.store.sqlite as door; door._WRITER_PRAGMAS['wal_autocheckpoint'] = 8\n"
"""So that the moments of a short run are also those of moving records from the write-ahead file."""


async def gone_out(disk: TracedDisk) -> dict[Name, bytes]:
    """The head after each record that had gone out to the broker, as an independent consumer computes it."""
    streams: dict[int, bytes] = {}
    for handle, data in disk.sent:
        streams[handle] = streams.get(handle, b"") + data
    packets: list[Packet] = []
    for stream in streams.values():
        if stream[0] == Kind.CONNECT << 4:
            packets += await packets_of(stream)
    evidence = collect_records(packet for packet in packets if packet.kind is Kind.PUBLISH)
    assert evidence.faults == []
    return {
        (chain.epoch, Stream(chain.stream), seq): evidence.heads[chain][seq]
        for chain, records in evidence.records.items()
        for seq in records
    }


async def packets_of(stream: bytes) -> list[Packet]:
    """The packets of a client that speaks MQTT 5, but for one that is not whole yet."""
    reader, found = asyncio.StreamReader(), []
    reader.feed_data(stream)
    reader.feed_eof()
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            found.append(await read_packet(reader, 5))
    return found


async def test_no_record_goes_out_before_the_disk_has_it_for_good(tmp_path: Path, folder: Path) -> None:
    """The whole daemon: whatever a consumer has of it at any moment is there when the power is back."""
    place, first = tmp_path / "agent" / "disk", seed()
    place.mkdir(parents=True)
    disk = DiskCalls(place, runtime=tmp_path / "agent" / "run", beside=tmp_path, trace=tmp_path / "trace")
    prelude = IN_A_HURRY + SMALL_STEPS
    with Books(tmp_path, where="disk/store.db", environment=disk.environment, prelude=prelude) as books:
        fill(books.agent.store, 400, registers=4, ended=timedelta(days=3))
        found = {str(path): path.read_bytes() for path in place.iterdir()}
        books.agent.start()
        books.work(20)
        books.close("power cut, calls of the daemon")
    rng, traced, made = random.Random(first), TracedDisk(found), calls(tmp_path / "trace")
    for moment in followed(traced, made, moments(rng, made, 40)):
        out = await gone_out(traced)
        again_given = out.keys() & next_numbers(shown(traced, rng, place, folder / str(moment)), out)
        assert not again_given, f"numbers that had gone out before call {moment} of {len(made)}"
    assert len(out) > 100


def next_numbers(place: Path, out: dict[Name, bytes]) -> set[Name]:
    """Start on what is left in *place*, which must have all that had gone *out*; returns the next numbers."""
    path = place / "store.db"
    store = open_log(path, station=STATION, machine=machine_id(), quota=1 << 30, now_ms=to_ms(NOON))
    try:
        lost = out.items() - heads(store.log).items()
        assert not lost
        assert [proof for proof in verify_log(store.log) if proof.broken] == []
        assert [proof for proof in verify_files([Archive(place / "archive").folder]) if proof.broken] == []
        return {(store.epoch, one.stream, one.seq) for one in store.append([reading(1), event("tried", NOON)])}
    finally:
        store.close()
        shutil.rmtree(place)
