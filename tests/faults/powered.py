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
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from agent.daemon import Daemon
from agent.keeper import Keeper
from agent.store.errors import LogWriteError, StoreError
from agent.store.gaps import FREED
from agent.store.record import Draft, to_ms
from agent.store.salvage import open_log
from agent.store.sqlite import connect_writer
from agent.store.store import Stamp, Store, condemn
from agent.store.verify import verify_log
from tests.faults.names import Name, Names, heads
from tests.simulators.accounting import STATION
from tests.simulators.disk import Disk
from tests.simulators.logbook import NOON
from tests.simulators.proxy import Proxy

QUOTA = 1_000_000
TOMORROW_MS = 26 * 3_600_000
PC = "pc-1"
ACTIVITIES = {
    "free": "freeing",
    "seal": "sealing a day",
    "_exchange": "setting aside",
    "rescue": "rescuing",
    "beginning": "beginning an epoch",
    "open_log": "opening",
    "append": "storing",
}
"""What is being done, by the function that does it; the first that is at work counts."""


class Witness:
    """Every record that a store said it had stored, by name, with the head that it said."""

    def __init__(self) -> None:
        self.names = Names()
        self.told: dict[Name, bytes] = {}
        self.of_this_life: dict[Name, bytes] = {}
        self.first_s: list[float] = []
        """How long each life that stored anything took until it did."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Write down what any store in this process tells."""
        real, began_s = Store.append, time.monotonic()

        def append(store: Store, drafts: Sequence[Draft], *rest: Any, **more: Any) -> list[Stamp]:
            stamps = real(store, drafts, *rest, **more)
            if stamps and not self.of_this_life:
                self.first_s.append(time.monotonic() - began_s)
            self.of_this_life |= {(store.epoch, stamp.stream, stamp.seq): stamp.head for stamp in stamps}
            return stamps

        self.of_this_life = {}
        try:
            with patch.object(Store, "append", append):
                yield
        finally:
            self.told |= self.of_this_life
            self.names.note(self.of_this_life)


@dataclass
class Found:
    """What a restart found on the disk."""

    missing: list[Name]
    broken: list[str]


@dataclass
class Outcome:
    """One life that a cut ended: what the disk and what the agent was doing, and what was found after it."""

    cut_in: str | None
    doing: str
    found: Found


class Powered:
    """Lives of one station in *folder*; *text* is its station file, which keeps the log in ``data/store.db``.

    It begins as nothing, or with a copy of what lies in the folder *old*.
    """

    def __init__(
        self, folder: Path, text: str, rng: random.Random, *, old: Path | None = None, synchronous: str = "FULL"
    ) -> None:
        self.folder = folder
        self.witness = Witness()
        self._text = text
        self._rng = rng
        self._synchronous = synchronous
        self._lives = 0
        shutil.copytree(old, self._place()) if old else self._place().mkdir(parents=True)

    @property
    def log(self) -> Path:
        """The log of the present life."""
        return self._place() / "store.db"

    @property
    def archive(self) -> Path:
        """The archive of the present life."""
        return self._place() / "archive"

    async def live_until_cut(self, proxy: Proxy, operations: int, machine: str = PC, *, condemned: bool) -> Outcome:
        """Live until the power goes at the disk's operation number *operations*, and look at what the disk shows then.

        A *condemned* log is salvaged when it is opened.
        """
        if condemned and self.log.exists():
            condemn(self.log, "found by the test")
        with (
            self.witness.listening(),
            Disk("powered", self._rng, sector=self._rng.choice([512, 4096])) as disk,
            disk.under(self._place()),
            self._on(disk, machine),
        ):
            disk.cut_at = operations
            daemon = self._daemon()
            task = asyncio.create_task(daemon.run())
            while disk.cut_in is None and not task.done():  # noqa: ASYNC110 - the disk is used by other threads
                await asyncio.sleep(0.001)
            await proxy.cut()
            self._place(self._lives + 1).mkdir(parents=True)
            disk.image(self._place(self._lives + 1))
            await _die(daemon, task)
        shutil.rmtree(self._place().parent)
        self._lives += 1
        found = examine(self._place(), self.witness.of_this_life, machine)
        doing = next((doing for name, doing in ACTIVITIES.items() if name in disk.cut_under), "other")
        return Outcome(disk.cut_in, doing, found)

    async def live(self, until: Callable[[], Awaitable[None]], machine: str = PC) -> int:
        """Live in good order until the coroutine function *until* returns; the exit code."""
        with (
            self.witness.listening(),
            patch("agent.opening.open_log", self._opened),
            patch("agent.daemon.machine_id", lambda: machine),
        ):
            daemon = self._daemon()
            task = asyncio.create_task(daemon.run())
            await until()
            daemon._stop.set()
            return await task

    def _daemon(self) -> Daemon:
        config = self._place().parent / "station.toml"
        config.write_text(self._text)
        return Daemon(config)

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
            patch("agent.opening.open_log", functools.partial(self._opened, vfs=disk.name)),
            patch("agent.daemon.machine_id", lambda: machine),
            patch("agent.daemon.open_refuge", _no_refuge),
            patch("agent.store.store.connect_writer", connect),
            patch.object(Keeper, "_now_ms", lambda keeper: now_ms(keeper) + TOMORROW_MS),
            patch("agent.keeper.SEAL_S", 0.1),
            patch("agent.keeper.REST_S", 0.05),
        ):
            yield

    def _opened(self, path: Path, **terms: Any) -> Store:
        """Open the log, and write down what it holds: a life may have stored more than it was told."""
        store = open_log(path, **terms)
        self.witness.names.note(heads(store.log))
        return store

    def _place(self, life: int | None = None) -> Path:
        return self.folder / f"life-{self._lives if life is None else life}" / "data"


def _no_refuge(*_: object) -> Store:
    raise LogWriteError(Path("run"), "without power there is no memory either")


async def _die(daemon: Daemon, task: asyncio.Task[int]) -> None:
    """End what goes on in a machine that has no power any more, and give back what it held."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
    if recorder := getattr(daemon, "_recorder", None):
        with suppress(Exception):
            recorder._store.connection.close(force=True)
    for thread in threading.enumerate():
        if thread.name.startswith("log-writer"):
            await asyncio.to_thread(thread.join)  # what it still does belongs to the life that ends here


def examine(folder: Path, told: dict[Name, bytes], machine: str) -> Found:
    """Open a copy of what the disk shows, as a restart does, and look for what the last life was told is stored."""
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    try:
        store = open_log(copy / "store.db", station=STATION, machine=machine, quota=QUOTA, now_ms=to_ms(NOON))
    except StoreError as error:
        return Found(list(told), [str(error)])
    kept = heads(store.log)
    missing = [name for name, head in told.items() if not _is_kept(store, name, head, kept)]
    broken = [str(proof) for proof in verify_log(store.log) if proof.broken]
    store.close()
    shutil.rmtree(copy)
    return Found(missing, broken)


def _is_kept(store: Store, name: Name, head: bytes, kept: dict[Name, bytes]) -> bool:
    epoch, stream, seq = name
    freed = any(gap.first <= seq <= gap.last and gap.reason == FREED for gap in store.log.gone(epoch, stream))
    return freed or kept.get(name) == head
