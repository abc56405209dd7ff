"""Between the tasks that make records and the one thread that writes them.

``put`` never waits and never fails: a poll does not depend on the disk's mood.
All that is queued goes into one synced transaction, together with the cursor
moves and facts that came in meanwhile. While the disk refuses, records wait
here, without a seq and undelivered, up to ``store.memory``; what comes after
that is lost, and counted, and the first event after recovery says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from agent.clock import Clock
from agent.reader import Reader
from agent.record import Draft, canonical, draft, event
from agent.refuge import REFUGE_S, RETURN_S, bring_home, move_in
from agent.rescue import write_off
from agent.store import LogFullError, LogWriteError, Move, Stamp, Store
from agent.store_errors import StoreError, UnreadableError
from drivers.reading import Stream

log = structlog.get_logger()
T = TypeVar("T")

GROUP = 2000
"""Records in one transaction at most, so that none takes long."""

CURSOR_S = 5.0
"""How long a cursor move may wait for a record to ride with."""

RETRY_S = 2.0
"""How long after a refusal the disk is asked again."""

AROUND = 1000
"""How many records are looked at for damage when one cannot be read."""


@dataclass(slots=True)
class Waiting:
    """What the disk has refused so far."""

    since: float  # seconds since 1970
    error: str
    hint: str
    by_quota: bool = False  # it is our own limit, and what is delivered makes room
    lost: dict[str, int] = field(default_factory=dict)  # records per stream that found the memory full
    lost_from_ms: int | None = None
    lost_to_ms: int | None = None


class Recorder:
    """Owner of the log: its one writing thread, its one reading thread, and the queue before it."""

    def __init__(
        self,
        store: Store,
        writing: ThreadPoolExecutor,
        *,
        clock: Clock,
        linger_s: float = 0.0,
        memory: int = 64_000_000,
        open_refuge: Callable[[], Store] | None = None,
    ) -> None:
        """*open_refuge* opens a log in memory, for when the disk refuses for long."""
        self._store = store
        self._open_refuge = open_refuge
        self._home: Store | None = None  # the log on disk, while another one in memory takes its place
        self._asked_home_s = 0.0
        self._clock = clock
        self._linger_s = linger_s
        self._memory = memory
        self._queue: deque[Draft] = deque()
        self._queued_bytes = 0
        self._moves: dict[tuple[str, str, Stream], Move] = {}
        self._facts: dict[str, str] = {}
        self._oldest_move_s: float | None = None
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self.dictionaries: dict[str, bytes] = {}
        """The dictionaries that this epoch uses: canonical bytes by id."""
        self._writing = writing
        self._reading = ThreadPoolExecutor(1, "log-reader")
        self._reader: Reader | None = None
        self.commits = 0
        self.waiting: Waiting | None = None
        self.turned_s = time.monotonic()
        self._take_over(store)

    @classmethod
    async def open(cls, opener: Callable[[], Store], **options: Any) -> Self:
        """Open the log in the thread that will write it; raises what *opener* raises."""
        writing = ThreadPoolExecutor(1, "log-writer")
        try:
            store = await asyncio.get_running_loop().run_in_executor(writing, opener)
        except BaseException:
            writing.shutdown(wait=False)
            raise
        return cls(store, writing, **options)

    def _take_over(self, store: Store) -> None:
        self.epoch = store.epoch
        self._last = {stream: store.last(stream) for stream in Stream}
        self._head = {stream: store.head(stream) for stream in Stream}
        self.dictionaries.clear()

    @property
    def path(self) -> Path:
        """The file of the log."""
        return self._store.path

    def last(self, stream: Stream) -> int:
        """The highest committed seq of *stream* in this epoch, 0 when there is none."""
        return self._last[stream]

    @property
    def lasts(self) -> Mapping[Stream, int]:
        """The highest committed seq of every stream."""
        return self._last

    def last_head(self, stream: Stream) -> bytes:
        """The chain value after the last committed record of *stream*."""
        return self._head[stream]

    def put(self, drafts: Iterable[Draft]) -> None:
        """Queue records for the next commit; those that find the memory full are counted as lost."""
        for one in drafts:
            size = _size(one)
            if self._queued_bytes + size > self._memory:
                self._lose(one)
                continue
            self._queue.append(one)
            self._queued_bytes += size
        self._wake.set()

    def move(self, move: Move) -> None:
        """Store where an uplink stands, with the next records or within :data:`CURSOR_S`."""
        self._moves[move.uplink, move.epoch, move.stream] = move
        if self._oldest_move_s is None:
            self._oldest_move_s = time.monotonic()

    def fact(self, key: str, text: str) -> None:
        """Keep *text* under *key* in the log, with the next commit."""
        self._facts[key] = text
        self._wake.set()

    def event(
        self,
        name: str,
        *,
        device: str | None = None,
        uplink: str | None = None,
        data: Mapping[str, Any] | None = None,
        stream: Stream = Stream.EVENT,
    ) -> None:
        """Record something that happened."""
        self.put([event(name, self._clock.now(), device=device, uplink=uplink, data=data, stream=stream)])

    def dictionary(self, name: str, words: Mapping[str, Any]) -> None:
        """Record the dictionary that records call *name*, unless this epoch has it since the agent started."""
        if name not in self.dictionaries:
            self.dictionaries[name] = canonical(words)
            fields = {"event": "dictionary", "meta": name, "data": dict(words)}
            self.put([draft(Stream.EVENT, self._clock.now(), fields)])

    async def changed(self, seen: int) -> int:
        """Wait until something was committed since *seen*; return the new count of commits."""
        while self.commits == seen:
            await self._news.wait()
        return self.commits

    async def flushed(self) -> None:
        """Wait until nothing waits to be committed."""
        while self._queue:
            await self._news.wait()

    async def read(self, question: Callable[[Reader], T]) -> T:
        """Ask the log something, in the reading thread; the question must be short.

        Records that the medium does not give back any more are written off, with an event, and it is asked again.
        """
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._reading, self._ask, question)
            except UnreadableError as error:
                if not await self._write_off(error):
                    raise

    async def _write_off(self, error: UnreadableError) -> bool:
        """Have the log know what it lost around an unreadable record; False when that is nothing new."""
        epoch, stream, first = error.epoch, error.stream, error.seq
        lost = await self.write(lambda store: write_off(store, epoch, stream, first, first + AROUND - 1))
        if lost:
            self.event(
                "records_lost", data={"epoch": epoch, "stream": str(stream), "ranges": lost, "error": str(error)}
            )
            log.critical("records_lost", epoch=epoch, stream=str(stream), ranges=lost)
        return bool(lost)

    async def write(self, order: Callable[[Store], T]) -> T:
        """Do something with the store itself, between two commits, in the writing thread."""
        result = await asyncio.get_running_loop().run_in_executor(self._writing, order, self._store)
        if self._store.epoch != self.epoch:
            self._take_over(self._store)
            self._tell()
        return result

    def _ask(self, question: Callable[[Reader], T]) -> T:
        if self._reader is None or self._reader.path != self._store.path:
            if self._reader is not None:
                self._reader.close()
            self._reader = Reader.open(self._store.path)
        return question(self._reader)

    @property
    def is_volatile(self) -> bool:
        """Whether records are kept in memory only, because the disk refuses."""
        return self._home is not None

    async def run(self) -> None:
        """Write until cancelled; then write what is left and close the log."""
        try:
            while True:
                await self._turn()
        finally:
            await asyncio.shield(self._close())

    async def _turn(self) -> None:
        self.turned_s = time.monotonic()
        if not self._queue and not self._facts:
            with suppress(TimeoutError):
                async with asyncio.timeout(CURSOR_S / 2):
                    await self._wake.wait()
        self._wake.clear()
        if self._linger_s and self._queue:
            await asyncio.sleep(self._linger_s)
        if self._queue or self._facts or self._moves_are_due():
            await self._commit()
        if self._home is not None:
            await self._go_home()
        elif self.waiting:
            await self._take_refuge()
            await asyncio.sleep(RETRY_S)

    def _moves_are_due(self) -> bool:
        return self._oldest_move_s is not None and time.monotonic() - self._oldest_move_s >= CURSOR_S

    async def _commit(self) -> None:
        batch = list(islice(self._queue, GROUP))
        moves = {key: move for key, move in self._moves.items() if self._home is None or move.epoch == self.epoch}
        facts, self._facts = self._facts, {}
        self._moves = {key: move for key, move in self._moves.items() if key not in moves}
        self._oldest_move_s = None
        writing = asyncio.get_running_loop().run_in_executor(
            self._writing, lambda: self._store.append(batch, tuple(moves.values()), facts)
        )
        try:
            await asyncio.wait([writing])
        finally:  # also when cancelled: what was stored must not be stored again
            while not writing.done():
                await asyncio.wait([writing])
            self._settle(writing, batch, moves, facts)

    def _settle(
        self,
        writing: asyncio.Future[list[Stamp]],
        batch: list[Draft],
        moves: dict[tuple[str, str, Stream], Move],
        facts: dict[str, str],
    ) -> None:
        """Take note of what became of a transaction. Raises DamagedError: the next start salvages the log."""
        try:
            stamps = writing.result()
        except (LogFullError, LogWriteError) as error:
            self._moves = moves | self._moves  # newer moves win
            self._facts = facts | self._facts
            self._oldest_move_s = time.monotonic()
            self._refused(error)
            return
        for one in batch:
            self._queue.popleft()
            self._queued_bytes -= _size(one)
        for stamp in stamps:
            self._last[stamp.stream], self._head[stamp.stream] = stamp.seq, stamp.head
        if self.waiting:
            self._recovered()
        self._tell()

    async def _take_refuge(self) -> None:
        """Go on with a log in memory when the disk has refused for long; a full quota is no reason for that."""
        waiting = self.waiting
        if waiting is None or waiting.by_quota or self._clock.now_s() - waiting.since < REFUGE_S:
            return
        if self._open_refuge is None:
            return
        loop = asyncio.get_running_loop()
        refuge = await loop.run_in_executor(self._writing, self._open_refuge)
        await loop.run_in_executor(self._writing, move_in, self._store, refuge)
        self._home, self._store = self._store, refuge
        self._asked_home_s = time.monotonic()
        self._take_over(refuge)
        log.critical("log_volatile", path=str(refuge.path), error=waiting.error)
        self._tell()

    async def _go_home(self) -> None:
        """Move back to the disk as soon as it takes everything."""
        home, refuge = self._home, self._store
        if home is None or time.monotonic() - self._asked_home_s < RETURN_S:
            return
        self._asked_home_s = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            moved = await loop.run_in_executor(self._writing, bring_home, home, refuge, int(self._clock.now_s() * 1000))
        except StoreError as error:
            log.warning("disk_still_refuses", error=str(error))
            return
        self._home, self._store = None, home
        self._take_over(home)
        await loop.run_in_executor(self._writing, refuge.close)
        self.event("log_came_home", data={"records": moved})
        log.info("log_came_home", records=moved)
        self._tell()

    def _tell(self) -> None:
        self.commits += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _refused(self, error: LogFullError | LogWriteError) -> None:
        if self.waiting is None:
            by_quota = isinstance(error, LogFullError) and error.limit == "quota"
            self.waiting = Waiting(self._clock.now_s(), str(error), error.hint, by_quota)
            log.error("log_refused", error=str(error), hint=error.hint)
        self.waiting.error, self.waiting.hint = str(error), error.hint

    def _recovered(self) -> None:
        waiting, self.waiting = self.waiting, None
        assert waiting is not None
        seconds = round(self._clock.now_s() - waiting.since, 3)
        data: dict[str, Any] = {"error": waiting.error, "seconds": seconds, "lost": waiting.lost}
        if waiting.lost_from_ms is not None:
            data |= {"lost_from_ms": waiting.lost_from_ms, "lost_to_ms": waiting.lost_to_ms}
        self.event("log_recovered", data=data)
        log.info("log_recovered", waited_s=seconds, lost=sum(waiting.lost.values()))

    def _lose(self, one: Draft) -> None:
        waiting = self.waiting or Waiting(self._clock.now_s(), "memory is full", "Raise store.memory")
        self.waiting = waiting
        waiting.lost[one.stream] = waiting.lost.get(one.stream, 0) + 1
        waiting.lost_from_ms = waiting.lost_from_ms or one.time_ms
        waiting.lost_to_ms = one.time_ms

    @property
    def held_back(self) -> tuple[int, int]:
        """Records and bytes that wait in memory."""
        return len(self._queue), self._queued_bytes

    async def _close(self) -> None:
        while self._queue or self._moves or self._facts:
            before = len(self._queue)
            await self._commit()
            if self.waiting and len(self._queue) >= before:
                break
        loop = asyncio.get_running_loop()
        for store in filter(None, (self._home, self._store)):
            await loop.run_in_executor(self._writing, store.close)
        if self._reader is not None:
            await loop.run_in_executor(self._reading, self._reader.close)
        self._writing.shutdown()
        self._reading.shutdown()


def _size(one: Draft) -> int:
    """Bytes that a waiting record takes, with what Python keeps beside them."""
    return len(one.head) + len(one.tail) + 120
