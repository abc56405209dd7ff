"""Power cuts over the log alone: lives of a store on a simulated disk, and what a restart finds after each."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from agent.store.archive import Archive
from agent.store.cursor import Cursor
from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.store.record import to_ms
from agent.store.retention import Claim, Retention, Terms
from agent.store.room import margin
from agent.store.store import Move, Store
from agent.store.verify import verify_files, verify_log
from drivers.reading import Stream
from tests.simulators.disk import Disk
from tests.simulators.logbook import DAY, NOON, open_store, reading

QUOTA = 1 << 18
STREAMS = (Stream.MEASUREMENT, Stream.PARAMETER, Stream.EVENT)
UPLINK = "city"

Name = tuple[str, Stream, int]


@dataclass
class Told:
    """What was said to be stored: heads by name, how far the uplink had come, a fact, the files of the archive."""

    heads: dict[Name, bytes] = field(default_factory=dict)
    acknowledged: dict[tuple[str, Stream], int] = field(default_factory=dict)
    fact: int = 0
    sealed: list[str] = field(default_factory=list)
    doing: str = ""


@dataclass
class Cut:
    """One power cut: what it interrupted, how much had been told, and what was not there afterwards."""

    doing: str
    interrupted: str
    told: int
    lost: list[Name] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    freed: int = 0
    reason: str | None = None


def cut_once(
    folder: Path, rng: random.Random, *, old: Path | None = None, synchronous: str = "FULL", operations: int = 400
) -> Cut:
    """Live until the power goes somewhere in the first *operations* of the disk, and look at what is left.

    The first life begins without a log, or with a copy of the one in the folder *old*.
    """
    before, after = folder / "before", folder / "after"
    shutil.copytree(old, before) if old else before.mkdir(parents=True)
    after.mkdir()
    told = Told()
    with Disk("cut", rng, sector=rng.choice([512, 4096])) as disk, disk.under(before):
        disk.cut_at = rng.randrange(1, operations)
        _live(before, disk, rng, told, synchronous)
        disk.image(after)
    assert disk.cut_in
    return _looked_at(after, told, Cut(told.doing, disk.cut_in, len(told.heads)))


def nearly_full(folder: Path) -> Path:
    """A log in *folder* that is about to run into its quota, everything delivered but the last records."""
    folder.mkdir()
    store = open_store(folder / "store.db", quota=QUOTA, machine="a")
    store.set_uplinks({UPLINK: "oldest"})
    number = 0
    while store.limit - store.log.used_bytes() > 1.1 * margin(store.limit):
        store.append([reading(number + n, stream=stream, size=300) for n, stream in enumerate(STREAMS)])
        number += len(STREAMS)
    store.append([], [Move(UPLINK, store.epoch, s, Cursor(store.last(s) - 3).to_json()) for s in STREAMS])
    store.close()
    return folder


def _live(folder: Path, disk: Disk, rng: random.Random, told: Told, synchronous: str) -> None:
    """Start, record, deliver, free, seal, begin epochs, stop and start again, until the power goes."""
    while disk.cut_in is None:
        told.doing = "opening"
        try:
            store = open_store(folder / "store.db", vfs=disk.name, quota=QUOTA, machine=rng.choice(["a", "b"]))
        except (StoreError, OSError):
            continue
        store._db.pragma("synchronous", synchronous)
        store._db.pragma("wal_autocheckpoint", 8)
        try:
            _work(store, rng, told)
            told.doing = "closing"
            store.close()
        except (StoreError, OSError):
            let_go(store)


def let_go(store: Store) -> None:
    """Give back what the process held of a log whose disk has died."""
    with suppress(apsw.Error):
        store._db.close(force=True)
    store._high.close()
    store._lock.release()


def _work(store: Store, rng: random.Random, told: Told) -> None:
    """Everything that writes, in any order, for a while; raises when the power went."""
    store.set_uplinks({UPLINK: "oldest"})
    retention = Retention(rest_s=0)
    terms = Terms({UPLINK: Claim(frozenset(STREAMS), 1 << 60)}, archived={})
    archive = Archive(store.path.with_name("archive"))
    acts: dict[str, tuple[int, Callable[[], object]]] = {
        "appending": (300, lambda: _append(store, rng, told)),
        "freeing": (150, lambda: retention.turn(store, terms, 0)),
        "sealing": (6, lambda: _seal(archive, store, told)),
        "beginning an epoch": (4, lambda: store.begin_epoch("restored_image")),
        "keeping a fact": (30, lambda: _remember(store, told)),
    }
    weights = [weight for weight, _ in acts.values()]
    for _ in range(rng.randrange(20, 200)):
        (told.doing,) = rng.choices(list(acts), weights)
        acts[told.doing][1]()


def _append(store: Store, rng: random.Random, told: Told) -> None:
    """Some records, and with them the word that the uplink has all that it was told of before."""
    number = rng.randrange(10_000)
    drafts = [
        reading(number + n, stream=rng.choice(STREAMS), size=rng.randrange(100, 2000))
        for n in range(rng.randrange(1, 4))
    ]
    moves = [Move(UPLINK, store.epoch, s, Cursor(store.last(s)).to_json()) for s in STREAMS if rng.random() < 0.7]
    reach = {move.stream: store.last(move.stream) for move in moves}
    stamps = store.append(drafts, moves)
    told.heads |= {(store.epoch, stamp.stream, stamp.seq): stamp.head for stamp in stamps}
    told.acknowledged |= {(store.epoch, stream): seq for stream, seq in reach.items()}


def _seal(archive: Archive, store: Store, told: Told) -> None:
    if part := archive.next_slice(store.log, to_ms(NOON + 5 * DAY)):
        told.sealed.append(archive.seal(store.log, part).name)


def _remember(store: Store, told: Told) -> None:
    store.set_fact("number", str(told.fact + 1))
    told.fact += 1


def _looked_at(folder: Path, told: Told, cut: Cut) -> Cut:
    """Open the log as a restart would, and hold it against what was told."""
    try:
        store = open_store(folder / "store.db", quota=QUOTA, machine="a")
    except StoreError as error:
        cut.wrong.append(f"it does not open: {error}")
        return cut
    cut.reason = store.reason
    epochs = [epoch.epoch for epoch in store.log.epochs()]
    for (epoch, stream, seq), head in told.heads.items():
        is_free = any(gap.first <= seq <= gap.last and gap.reason == "freed" for gap in store.log.gone(epoch, stream))
        if not is_free and store.log.head_at(epoch, stream, seq) != head:
            cut.lost.append((epoch, stream, seq))
    gone = [(epoch, stream, gap) for epoch in epochs for stream in STREAMS for gap in store.log.gone(epoch, stream)]
    freed = [(epoch, stream, gap) for epoch, stream, gap in gone if gap.reason == "freed"]
    cut.freed = sum(gap.last - gap.first + 1 for _, _, gap in freed)
    cursors = store.log.cursors()
    for epoch, stream, gap in freed:
        if gap.last > cursors[UPLINK, epoch, stream].upto:
            cut.wrong.append(f"{epoch} {stream} {gap.first}-{gap.last} was freed, and nobody has it")
    cut.wrong += [str(proof) for proof in verify_log(store.log) if proof.broken]
    cut.wrong += list(_forgotten(store.log, told))
    store.append([reading(1)])
    store.close()
    cut.wrong += _wrong_in(Archive(folder / "archive"), told)
    return cut


def _forgotten(log: Reader, told: Told) -> Iterator[str]:
    """What was acknowledged or kept beside the records, and is not there."""
    cursors = log.cursors()
    for (epoch, stream), seq in told.acknowledged.items():
        if cursors.get((UPLINK, epoch, stream), Cursor()).upto < seq:
            yield f"the cursor of {epoch} {stream} is behind {seq}"
    if int(log.fact("number") or 0) < told.fact:
        yield f"the fact is older than {told.fact}"


def _wrong_in(archive: Archive, told: Told) -> Iterator[str]:
    names = {file.path.name for file in archive.files()}
    yield from (f"{name} is not in the archive" for name in told.sealed if name not in names)
    yield from (str(proof) for proof in verify_files([archive.folder]) if proof.broken)


def table(cuts: Sequence[Cut]) -> str:
    """What was interrupted how often, and what of it was lost."""
    doings = Counter(cut.doing for cut in cuts)
    lines = [f"{'power cut while':20} {'cuts':>6} {'told':>8} {'freed':>8} {'lost':>6} {'wrong':>6}"]
    for doing in sorted(doings, key=doings.__getitem__, reverse=True):
        lines.append(_line(doing, [cut for cut in cuts if cut.doing == doing]))
    steps = Counter(cut.interrupted for cut in cuts).most_common()
    return "\n".join([*lines, _line("all", cuts), "in: " + ", ".join(f"{step} {count}" for step, count in steps)])


def _line(doing: str, cuts: Sequence[Cut]) -> str:
    told, freed = sum(cut.told for cut in cuts), sum(cut.freed for cut in cuts)
    lost, wrong = sum(len(cut.lost) for cut in cuts), sum(len(cut.wrong) for cut in cuts)
    return f"{doing:20} {len(cuts):6} {told:8} {freed:8} {lost:6} {wrong:6}"
