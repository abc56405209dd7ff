"""A station whose power is cut: the daemon itself, in this process, on a simulated disk, life after life.

What each life was told is stored is written down the moment that it is told; what
the next life finds on the disk is held against it, and so is what a consumer at a
real broker ever got.
"""

from __future__ import annotations

import asyncio
import functools
import random
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from agent import daemon as daemon_module
from agent.daemon import Daemon
from agent.keeper import Keeper
from agent.store.errors import StoreError
from agent.store.record import Draft
from agent.store.salvage import open_log
from agent.store.sqlite import connect_writer
from agent.store.store import Stamp, Store
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.faults.damage import heads
from tests.simulators.accounting import STATION
from tests.simulators.disk import Disk
from tests.simulators.proxy import Proxy

QUOTA = 1 << 20
TOMORROW_MS = 26 * 3_600_000
PC = "pc-1"

Name = tuple[str, Stream, int]
"""Epoch, stream and seq."""


@dataclass
class Witness:
    """Every record that a store said it had stored, by name, with the head that it said."""

    told: dict[Name, bytes] = field(default_factory=dict)
    of_this_life: dict[Name, bytes] = field(default_factory=dict)
    seen: dict[Name, bytes] = field(default_factory=dict)
    """What was found on the disk after a cut, told before or not."""
    began_s: float = 0.0
    first_s: list[float] = field(default_factory=list)
    """How long each life that stored anything took until it did."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Write down what any store in this process tells."""
        real = Store.append

        def append(store: Store, drafts: Sequence[Draft], *rest: Any, **more: Any) -> list[Stamp]:
            stamps = real(store, drafts, *rest, **more)
            if stamps and not self.of_this_life:
                self.first_s.append(time.monotonic() - self.began_s)
            news = {(store.epoch, stamp.stream, stamp.seq): stamp.head for stamp in stamps}
            self.told |= news
            self.of_this_life |= news
            return stamps

        self.of_this_life, self.began_s = {}, time.monotonic()
        with patch.object(Store, "append", append):
            yield


@dataclass
class Found:
    """What a restart found on the disk."""

    missing: list[Name]
    broken: list[str]
    reason: str | None
    heads: dict[Name, bytes] = field(default_factory=dict)


@dataclass
class Outcome:
    """One life: what the cut interrupted (None for a life that ended in good order), and what was found after it."""

    cut_in: str | None
    found: Found


class Powered:
    """Lives of one station, in *folder*; *text* is its station file, which keeps the log in ``data/store.db``."""

    def __init__(self, folder: Path, text: str, rng: random.Random, *, synchronous: str = "FULL") -> None:
        self.folder = folder
        self.witness = Witness()
        self.outcomes: list[Outcome] = []
        self.daemon: Daemon | None = None
        self._text = text
        self._rng = rng
        self._synchronous = synchronous
        self._lives = 0
        self._place().mkdir(parents=True)

    @property
    def log(self) -> Path:
        """The log of the present life."""
        return self._place() / "store.db"

    @property
    def archive(self) -> Path:
        """The archive of the present life."""
        return self._place() / "archive"

    def cuts(self) -> Counter[str]:
        """How often what was interrupted."""
        return Counter(one.cut_in or "nothing" for one in self.outcomes)

    async def live_until_cut(self, proxy: Proxy, operations: int, machine: str = PC) -> Outcome:
        """Live until the power goes at the disk's operation number *operations*, and look at what the disk shows then."""
        with (
            Disk("powered", self._rng, sector=self._rng.choice([512, 4096])) as disk,
            disk.under(self._place()),
            self._on(disk, machine),
            self.witness.listening(),
        ):
            disk.cut_at = operations
            task = asyncio.create_task(self._daemon().run())
            while disk.cut_in is None and not task.done():
                await asyncio.sleep(0.001)
            await proxy.cut()
            self._place(self._lives + 1).mkdir(parents=True)
            disk.image(self._place(self._lives + 1))
            await self._die(task)
        shutil.rmtree(self._place().parent)
        self._lives += 1
        found = examine(self._place(), self.witness.of_this_life, machine)
        self.witness.seen |= found.heads
        self.outcomes.append(Outcome(disk.cut_in, found))
        return self.outcomes[-1]

    async def live(self, until: Callable[[], Awaitable[None]], machine: str = PC) -> int:
        """Live in good order until the coroutine function *until* returns; the exit code."""
        with self.witness.listening(), patch.object(daemon_module, "machine_id", lambda: machine):
            running = self._daemon()
            task = asyncio.create_task(running.run())
            await until()
            running._stop.set()
            return await task

    def _daemon(self) -> Daemon:
        config = self._place().parent / "station.toml"
        config.write_text(self._text)
        self.daemon = Daemon(config)
        return self.daemon

    async def _die(self, task: asyncio.Task[int]) -> None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        assert self.daemon is not None
        if recorder := getattr(self.daemon, "_recorder", None):
            with suppress(Exception):
                recorder._store.connection.close(force=True)

    @contextmanager
    def _on(self, disk: Disk, machine: str) -> Iterator[None]:
        """Have the daemon use *disk*, checkpoint all the time, and seal the present day, as if it were over."""
        now_ms = Keeper._now_ms

        def connect(path: Path, vfs: str | None = None) -> Any:
            db = connect_writer(path, vfs)
            db.pragma("wal_autocheckpoint", 8)
            db.pragma("synchronous", self._synchronous)
            return db

        with (
            patch.object(daemon_module, "open_log", functools.partial(open_log, vfs=disk.name)),
            patch.object(daemon_module, "machine_id", lambda: machine),
            patch("agent.store.store.connect_writer", connect),
            patch.object(Keeper, "_now_ms", lambda keeper: now_ms(keeper) + TOMORROW_MS),
            patch("agent.keeper.SEAL_S", 0.1),
            patch("agent.keeper.REST_S", 0.05),
        ):
            yield

    def _place(self, life: int | None = None) -> Path:
        return self.folder / f"life-{self._lives if life is None else life}" / "data"


def examine(folder: Path, told: dict[Name, bytes], machine: str) -> Found:
    """Open a copy of what the disk shows, as a restart does, and look for what the last life was told is stored."""
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    try:
        store = open_log(copy / "store.db", station=STATION, machine=machine, quota=QUOTA, now_ms=0)
    except StoreError as error:
        return Found(list(told), [str(error)], None)
    missing = []
    for name, head in told.items():
        epoch, stream, seq = name
        gone = any(gap.first <= seq <= gap.last and gap.reason == "freed" for gap in store.log.gone(epoch, stream))
        if not gone and store.log.head_at(epoch, stream, seq) != head:
            missing.append(name)
    broken = [str(proof) for proof in verify_log(store.log) if proof.broken]
    kept = heads(store.log)
    store.close()
    shutil.rmtree(copy)
    return Found(missing, broken, store.reason, kept)
