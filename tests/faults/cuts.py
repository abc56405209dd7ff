"""Power cuts over the log alone: lives of a store on a simulated disk, and what a restart finds after each."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from unittest.mock import patch

import apsw

from agent.store import gaps
from agent.store.archive import Archive
from agent.store.cursor import Cursor
from agent.store.errors import StoreError
from agent.store.reader import Gone, Reader
from agent.store.record import to_ms
from agent.store.rescue import turn as rescue
from agent.store.retention import Claim, Retention, Terms
from agent.store.room import margin
from agent.store.salvage import open_log
from agent.store.store import Move, Store, condemn
from agent.store.verify import verify_files, verify_log
from drivers.reading import Stream
from tests.faults.names import Name, Names, heads
from tests.simulators.disk import Disk
from tests.simulators.logbook import DAY, NOON, open_store, reading

QUOTA = 1 << 18
STREAMS = (Stream.MEASUREMENT, Stream.PARAMETER, Stream.EVENT)
UPLINK = "city"
RESTORED = 0.3
"""How many logs are now and then found to be older copies of themselves, and number records anew."""
CONDEMNED = 0.1
"""How often one of the others is to be salvaged when it is opened."""


@dataclass
class Books:
    """What was said to be stored, over all lives: heads by name, how far the uplink had come, a fact, sealed days."""

    names: Names = field(default_factory=Names)
    told: dict[Name, bytes] = field(default_factory=dict)
    contents: dict[Name, bytes] = field(default_factory=dict)  # what is in a record but for its number
    acknowledged: dict[tuple[str, Stream], int] = field(default_factory=dict)
    fact: int = 0
    sealed: list[str] = field(default_factory=list)


@dataclass
class Cut:
    """One power cut: what it interrupted, how much had been told by then, and what was not there afterwards."""

    doing: str
    interrupted: str
    told: int
    lost: list[Name] = field(default_factory=list)
    twice: list[Name] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    freed: int = 0
    reason: str | None = None

    @property
    def broke(self) -> bool:
        """Whether the promise was broken."""
        return bool(self.lost or self.twice or self.wrong)


class Lives:
    """One log in *folder* that loses its power again and again; it begins as nothing, or as a copy of that in *old*."""

    def __init__(self, folder: Path, rng: random.Random, *, old: Path | None = None, synchronous: str = "FULL") -> None:
        self._folder = folder
        self._rng = rng
        self._synchronous = synchronous
        self._books = Books()
        self._restored = rng.random() < RESTORED
        self._doing = ""
        self._lives = 0
        self._place = folder / "0"
        shutil.copytree(old, self._place) if old else self._place.mkdir(parents=True)

    @classmethod
    def found(cls, place: Path, rng: random.Random, *, synchronous: str = "FULL", books: Books | None = None) -> Self:
        """The log that lies in *place* itself, with what was told of it before in *books*."""
        lives = cls(place, rng, synchronous=synchronous)
        (place / "0").rmdir()
        lives._place, lives._books = place, books or Books()
        return lives

    def cut(self) -> Cut:
        """Live until the power goes, often soon, and look at what is left."""
        before = len(self._books.told)
        self._lives += 1
        after = self._folder / str(self._lives)
        after.mkdir()
        mark_syncs_every_s = self._rng.choice([0.0, 1e9])  # a real second would make no run like another
        with (
            Disk("cut", self._rng, sector=self._rng.choice([512, 4096])) as disk,
            disk.under(self._place),
            patch("agent.store.highwater._SYNC_EVERY_S", mark_syncs_every_s),
        ):
            disk.cut_at = self._rng.randrange(1, self._rng.choice([80, 400]))
            self._live(disk)
            disk.image(after)
        assert disk.cut_in
        shutil.rmtree(self._place)
        self._place = after
        return self.looked_at(Cut(self._doing, disk.cut_in, len(self._books.told) - before))

    def _live(self, disk: Disk) -> None:
        """Start, record, deliver, free, seal, begin epochs, stop and start again, until the power goes."""
        while disk.cut_in is None:
            self._doing = "opening"
            try:
                if not self._restored and self._rng.random() < CONDEMNED and self._path.exists():
                    self._doing = "salvaging"
                    condemn(self._path, "found by the test")
                store = self._open(disk.name, machine=self._rng.choice(["a", "a", "b"]))
            except (StoreError, OSError):
                continue
            store.connection.pragma("synchronous", self._synchronous)
            store.connection.pragma("wal_autocheckpoint", 8)
            try:
                self._work(store)
                self._doing = "closing"
                store.close()
            except (StoreError, OSError):
                let_go(store)

    @property
    def _path(self) -> Path:
        return self._place / "store.db"

    def _open(self, vfs: str | None = None, *, machine: str = "a") -> Store:
        at_ms = to_ms(NOON) + 1000 * self._rng.randrange(10_000)
        return open_log(
            self._path, station="330100-A01", machine=machine, quota=QUOTA, now_ms=at_ms, vfs=vfs, patience_s=0
        )

    def _work(self, store: Store) -> None:
        """Everything that writes, in any order, for a while; raises when the power went."""
        store.set_uplinks({UPLINK: "oldest"})
        retention = Retention(rest_s=0)
        terms = Terms({UPLINK: Claim(frozenset(STREAMS), 1 << 60)}, archived={})
        archive = Archive(self._place / "archive")
        acts: dict[str, tuple[int, Callable[[], object]]] = {
            "appending": (300, lambda: self._append(store)),
            "freeing": (150, lambda: retention.turn(store, terms, 0)),
            "rescuing": (100, lambda: rescue(store)),
            "sealing": (10, lambda: self._seal(archive, store)),
            "beginning an epoch": (8, lambda: store.begin_epoch("restored_image")),
            "keeping a fact": (30, lambda: self._remember(store)),
            "tidying": (60, store.tidy),
        }
        if self._restored:
            acts |= {"forking": (20, lambda: store.fork("restored_image")), "renumbering": (60, store.renumber)}
        weights = [weight for weight, _ in acts.values()]
        for _ in range(self._rng.randrange(20, 200)):
            (self._doing,) = self._rng.choices(list(acts), weights)
            acts[self._doing][1]()

    def _append(self, store: Store) -> None:
        """Some records, and with them the word that the uplink has all that it was told of before."""
        rng, number = self._rng, self._rng.randrange(10_000)
        drafts = [
            reading(number + n, stream=rng.choice(STREAMS), size=rng.randrange(100, 2000))
            for n in range(rng.randrange(1, 4))
        ]
        reach = {s: store.last(s) for s in STREAMS if rng.random() < 0.7}
        moves = [Move(UPLINK, store.epoch, s, Cursor(last).to_json()) for s, last in reach.items()]
        stamps = store.append(drafts, moves)
        news = {(store.epoch, stamp.stream, stamp.seq): stamp.head for stamp in stamps}
        self._books.told |= news
        self._books.contents |= {name: one.head + one.tail for name, one in zip(news, drafts, strict=True)}
        self._books.names.note(news)
        self._books.acknowledged |= {(store.epoch, stream): seq for stream, seq in reach.items()}

    def _seal(self, archive: Archive, store: Store) -> None:
        if part := archive.next_slice(store.log, to_ms(NOON + 5 * DAY)):
            self._books.sealed.append(archive.seal(store.log, part).name)

    def _remember(self, store: Store) -> None:
        store.set_fact("number", str(self._books.fact + 1))
        self._books.fact += 1

    def looked_at(self, cut: Cut) -> Cut:
        """Open the log as a restart would, and hold it against the books."""
        try:
            store = self._open()
            while rescue(store) or store.renumber():
                pass
        except StoreError as error:
            cut.wrong.append(f"it does not open: {error}")
            return cut
        cut.reason = store.reason
        kept = heads(store.log)
        self._books.names.note(kept)
        contents = _contents(store.log)
        cut.lost = [name for name in self._books.told if not self._is_kept(store.log, name, kept, contents)]
        gone = [(name, gap) for name, gap in _gone(store.log) if gap.reason == gaps.FREED]
        cut.freed = sum(gap.last - gap.first + 1 for _, gap in gone)
        cut.wrong += [str(proof) for proof in verify_log(store.log) if proof.broken]
        cut.wrong += self._forgotten(store.log)
        store.append([reading(1)])
        store.close()
        cut.wrong += _wrong_in(Archive(self._place / "archive"), self._books.sealed)
        cut.twice, self._books.names.twice = self._books.names.twice, []
        return cut

    def _is_kept(self, log: Reader, name: Name, kept: dict[Name, bytes], contents: set[bytes]) -> bool:
        """Whether a record is there, be it under a new number; or freed or left behind, for the uplink has it."""
        if name in kept:
            return kept[name] == self._books.told[name]
        epoch, stream, seq = name
        reason = next((g.reason for g in log.gone(epoch, stream) if g.first <= seq <= g.last), None)
        if reason == gaps.MOVED:
            freed_since = any(gap.reason == gaps.FREED for (other, _), gap in _gone(log) if other != epoch)
            return freed_since or self._books.contents[name] in contents
        delivered = log.cursors().get((UPLINK, epoch, stream), Cursor()).covers(seq)
        return delivered and reason in (gaps.FREED, gaps.SET_ASIDE)

    def _forgotten(self, log: Reader) -> Iterator[str]:
        """What was acknowledged or kept beside the records, and is not there."""
        cursors = log.cursors()
        for (epoch, stream), seq in self._books.acknowledged.items():
            if cursors.get((UPLINK, epoch, stream), Cursor()).upto < seq:
                yield f"the cursor of {epoch} {stream} is behind {seq}"
        if int(log.fact("number") or 0) < self._books.fact:
            yield f"the fact is older than {self._books.fact}"


def nearly_full(folder: Path, *, station: str = "330100-A01", machine: str = "a", quota: int = QUOTA) -> Path:
    """A log in *folder* that is about to run into its quota, everything delivered."""
    folder.mkdir(parents=True)
    store = open_store(folder / "store.db", station=station, quota=quota, machine=machine)
    store.set_uplinks({UPLINK: "oldest"})
    number = 0
    while store.quota.limit - store.log.used_bytes() > 1.1 * margin(store.quota.limit):
        store.append([reading(number + n, stream=stream, size=300) for n, stream in enumerate(STREAMS)])
        number += len(STREAMS)
    store.append([], [Move(UPLINK, store.epoch, s, Cursor(store.last(s)).to_json()) for s in STREAMS])
    store.close()
    return folder


def let_go(store: Store) -> None:
    """Give back what the process held of a log whose disk has died."""
    with suppress(apsw.Error):
        store.connection.close(force=True)
    store._high.close()
    store._lock.release()


def _contents(log: Reader) -> set[bytes]:
    """What all records say but for their number."""
    series = [one for one in log.series() if one.stream in STREAMS]
    rows = [row for one in series for row in log.walk(one.epoch, one.stream, one.first, one.last)]
    return {row.body.replace(b'"seq":%d' % row.seq, b'"seq":', 1) for row in rows}


def _gone(log: Reader) -> list[tuple[tuple[str, Stream], Gone]]:
    epochs = [epoch.epoch for epoch in log.epochs()]
    return [((epoch, stream), gap) for epoch in epochs for stream in STREAMS for gap in log.gone(epoch, stream)]


def _wrong_in(archive: Archive, sealed: Sequence[str]) -> Iterator[str]:
    names = {file.path.name for file in archive.files()}
    yield from (f"{name} is not in the archive" for name in sealed if name not in names)
    yield from (str(proof) for proof in verify_files([archive.folder]) if proof.broken)


def summary(cuts: Sequence[Cut]) -> str:
    """What was interrupted how often, and what of it was lost."""
    doings = [doing for doing, _ in Counter(cut.doing for cut in cuts).most_common()]
    lines = [f"{'power cut while':20} {'cuts':>6} {'told':>8} {'lost':>6} {'twice':>6} {'wrong':>6}"]
    lines += [_line(doing, [cut for cut in cuts if cut.doing == doing]) for doing in doings]
    steps = Counter(cut.interrupted for cut in cuts).most_common()
    return "\n".join([*lines, "in: " + ", ".join(f"{step} {count}" for step, count in steps)])


def _line(doing: str, cuts: Sequence[Cut]) -> str:
    lost, twice, wrong = (sum(len(getattr(cut, what)) for cut in cuts) for what in ("lost", "twice", "wrong"))
    return f"{doing:20} {len(cuts):6} {sum(cut.told for cut in cuts):8} {lost:6} {twice:6} {wrong:6}"
