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
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from agent.clock import Clock
from agent.reader import Reader
from agent.record import Draft, canonical, draft, event
from agent.store import LogFullError, LogWriteError, Move, Store
from drivers.reading import Stream

log = structlog.get_logger()
T = TypeVar("T")

GROUP = 2000
"""Records in one transaction at most, so that none takes long."""

CURSOR_S = 5.0
"""How long a cursor move may wait for a record to ride with."""

RETRY_S = 2.0
"""How long after a refusal the disk is asked again."""


@dataclass(slots=True)
class Waiting:
    """What the disk has refused so far."""

    since: float  # seconds since 1970
    error: str
    hint: str
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
    ) -> None:
        self._store = store
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
            size = len(one.head) + len(one.tail) + 120  # and what Python keeps beside the bytes
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
        """Ask the log something, in the reading thread; the question must be short."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._ask, question)

    async def write(self, order: Callable[[Store], T]) -> T:
        """Do something with the store itself, between two commits, in the writing thread."""
        result = await asyncio.get_running_loop().run_in_executor(self._writing, order, self._store)
        if self._store.epoch != self.epoch:
            self._take_over(self._store)
            self._tell()
        return result

    def _ask(self, question: Callable[[Reader], T]) -> T:
        if self._reader is None:
            self._reader = Reader.open(self._store.path)
        return question(self._reader)

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
                await asyncio.wait_for(self._wake.wait(), CURSOR_S / 2)
        self._wake.clear()
        if self._linger_s and self._queue:
            await asyncio.sleep(self._linger_s)
        if self._queue or self._facts or self._moves_are_due():
            await self._commit()
        if self.waiting:
            await asyncio.sleep(RETRY_S)

    def _moves_are_due(self) -> bool:
        return self._oldest_move_s is not None and time.monotonic() - self._oldest_move_s >= CURSOR_S

    async def _commit(self) -> None:
        batch = [self._queue[index] for index in range(min(len(self._queue), GROUP))]
        moves, self._moves = self._moves, {}
        facts, self._facts = self._facts, {}
        self._oldest_move_s = None
        loop = asyncio.get_running_loop()
        try:
            stamps = await loop.run_in_executor(
                self._writing, lambda: self._store.append(batch, tuple(moves.values()), facts)
            )
        except (LogFullError, LogWriteError) as error:
            self._moves = {**moves, **self._moves}  # newer moves win
            self._facts = {**facts, **self._facts}
            self._oldest_move_s = time.monotonic()
            self._refused(error)
            return
        for one in batch:
            self._queue.popleft()
            self._queued_bytes -= len(one.head) + len(one.tail) + 120
        for stamp in stamps:
            self._last[stamp.stream], self._head[stamp.stream] = stamp.seq, stamp.head
        if self.waiting:
            self._recovered()
        self._tell()

    def _tell(self) -> None:
        self.commits += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _refused(self, error: LogFullError | LogWriteError) -> None:
        if self.waiting is None:
            self.waiting = Waiting(self._clock.now_s(), str(error), error.hint)
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
        await loop.run_in_executor(self._writing, self._store.close)
        if self._reader is not None:
            await loop.run_in_executor(self._reading, self._reader.close)
        self._writing.shutdown()
        self._reading.shutdown()
