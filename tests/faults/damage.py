"""Logs whose medium gave back something else than was written: what is done to the files, and what that did."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

from agent.store.errors import DamagedError, UnreadableError
from agent.store.record import to_ms
from agent.store.rescue import write_off
from agent.store.salvage import open_log
from agent.store.store import Store
from agent.store.verify import verify_log
from agent.store.writer import Writer
from drivers.reading import Stream
from tests.faults.cuts import let_go
from tests.faults.names import Name, heads
from tests.simulators.disk import Disk
from tests.simulators.logbook import NOON, open_store, reading

Damage = Callable[[Path, random.Random], None]


def flip(path: Path, rng: random.Random) -> None:
    """Turn some bits of the file at *path*, all near each other or anywhere."""
    content = bytearray(path.read_bytes())
    if content:
        middle, width = rng.randrange(len(content)), rng.choice([1, 50, 5000, len(content)])
        for _ in range(rng.choice([1, 1, 3, 20])):
            content[(middle + rng.randrange(width)) % len(content)] ^= 1 << rng.randrange(8)
        path.write_bytes(content)


def shorten(path: Path, rng: random.Random) -> None:
    """Cut the file at *path* off somewhere."""
    with path.open("r+b") as file:
        file.truncate(rng.randrange(path.stat().st_size + 1))


def blank(path: Path, rng: random.Random) -> None:
    """Turn whole sectors of the file at *path* to zeros, as a flash cell does that has lost its charge."""
    sectors = max(path.stat().st_size // 512, 1)
    with path.open("r+b") as file:
        for _ in range(rng.choice([1, 2, 8])):
            file.seek(rng.randrange(sectors) * 512)
            file.write(bytes(512))


@dataclass
class Aftermath:
    """What became of a log after damage: how many records there had been and are left, and what contradicts."""

    told: int
    kept: int
    twice: list[Name]
    unnamed: list[Name]  # gone, and nothing says so
    broken: list[str]
    new_epoch: bool


def written(folder: Path, rng: random.Random, records: int) -> tuple[Store, dict[Name, bytes]]:
    """A log of some *records* in a running store, and the head of each by name."""
    store = open_store(folder / "store.db")
    store._db.pragma("wal_autocheckpoint", rng.choice([8, 40, 1000]))
    return store, fill(store, rng, records)


def fill(store: Store, rng: random.Random, records: int) -> dict[Name, bytes]:
    """Append *records* in groups; what the store told."""
    told: dict[Name, bytes] = {}
    while len(told) < records:
        drafts = [reading(len(told) + n, size=rng.randrange(100, 2000)) for n in range(rng.randrange(1, 5))]
        told |= {(store.epoch, stamp.stream, stamp.seq): stamp.head for stamp in store.append(drafts)}
        store.tidy()
    return told


def damaged_after_a_kill(folder: Path, rng: random.Random, damage: Damage, suffix: str) -> Aftermath:
    """The process is killed, the medium damages the file with *suffix*, and the agent starts again."""
    before = folder / "before"
    before.mkdir(parents=True)
    store, told = written(before, rng, rng.randrange(10, 120))
    shutil.copytree(before, folder / "after", ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    damage(folder / "after" / f"store.db{suffix}", rng)
    return restarted(folder / "after", told, rng)


def damaged_after_a_cut(folder: Path, rng: random.Random, damage: Damage) -> Aftermath:
    """The same after a power cut, when the mark beside the log may be a second old: then it cannot name all losses."""
    before, after = folder / "before", folder / "after"
    before.mkdir(parents=True)
    after.mkdir()
    mark_syncs_every_s = rng.choice([0.0, 1e9])
    with (
        Disk("damaged", rng) as disk,
        disk.under(before),
        patch("agent.store.highwater._SYNC_EVERY_S", mark_syncs_every_s),
    ):
        store = open_store(before / "store.db", vfs=disk.name)
        told = fill(store, rng, rng.randrange(10, 120))
        disk.cut_at = 1
        disk.image(after)
        let_go(store)
    damage(after / "store.db-wal", rng)
    aftermath = restarted(after, told, rng)
    return replace(aftermath, unnamed=[]) if mark_syncs_every_s else aftermath


def restarted(folder: Path, told: dict[Name, bytes], rng: random.Random, *, machine: str = "pc-1") -> Aftermath:
    """Start on what is left as the agent does, work a little, read everything as it does, and compare."""
    path = folder / "store.db"
    writer = Writer(
        lambda: open_log(path, station="330100-A01", machine=machine, quota=1 << 30, now_ms=to_ms(NOON)), None
    )
    writer.begin()
    for _ in range(10):
        writer.append([reading(rng.randrange(1000), size=rng.randrange(100, 2000))], (), {})
    kept = _read(writer)
    log = writer.order(lambda store: store.log)
    gone = {
        (epoch.epoch, stream, seq)
        for epoch in log.epochs()
        for stream in Stream
        for gap in log.gone(epoch.epoch, stream)
        for seq in range(gap.first, gap.last + 1)
    }
    broken = [str(proof) for proof in verify_log(log) if proof.broken]
    new_epoch = writer.order(lambda store: store.fresh)
    writer.close()
    twice = [name for name, head in kept.items() if told.get(name, head) != head]
    unnamed = [name for name in told if name not in kept and name not in gone]
    return Aftermath(len(told), len(kept.keys() & told.keys()), twice, unnamed, broken, new_epoch)


def _read(writer: Writer) -> dict[Name, bytes]:
    """The head of every record that is kept, by name; what cannot be read is written off, or the log salvaged."""
    while True:
        try:
            return writer.order(lambda store: heads(store.log))
        except UnreadableError as error:
            if not writer.order(partial(_write_off, error=error)):
                writer.mend(error)
        except DamagedError:
            continue


def _write_off(store: Store, error: UnreadableError) -> bool:
    return bool(write_off(store, error.epoch, error.stream, error.seq, error.seq + 999))
