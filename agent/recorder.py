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
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from agent.clock import Clock
from agent.inquiry import Inquiry, Place
from agent.store.chain import Break
from agent.store.errors import DamagedError, StoreError, UnreadableError
from agent.store.reader import Reader
from agent.store.record import Draft, canonical, draft, event
from agent.store.refuge import REFUGE_S, RETURN_S
from agent.store.rescue import write_off
from agent.store.store import LogFullError, LogWriteError, Move, Stamp, Store
from agent.store.writer import Writer
from agent.waiting import Waiting
from drivers.reading import Stream

log = structlog.get_logger()
T = TypeVar("T")

GROUP = 2000
"""Records in one transaction at most, so that none takes long."""

CURSOR_S = 5.0
"""How long a cursor move may wait for a record to ride with."""

SETTLED_TURNS = 4
"""A burst is over when the loop has turned so often and nothing came; from reply to record takes three turns."""

SETTLE_S = 0.02
"""No burst is waited for longer than this."""

RETRY_S = 2.0
"""How long after a refusal the disk is asked again."""

BEAT_S = 1.0
"""How often it is looked whether the writing thread still works."""

AROUND = 1000
"""How many records are looked at for damage when one cannot be read."""


class Recorder:
    """The queue before the log, and its two threads: one writes, one reads. Made by :meth:`open`."""

    def __init__(
        self,
        writer: Writer,
        writing: ThreadPoolExecutor,
        *,
        clock: Clock,
        linger_s: float,
        memory: int,
        home: Path | None,
    ) -> None:
        self._writer = writer
        self._home = home
        self._asked_s = float("-inf")  # monotonic: when another store was tried
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
        self._inquiry = Inquiry()
        self.commits = 0
        self.waiting: Waiting | None = None
        self._refused_s = 0.0  # monotonic: since when
        self._refuses = False
        self.turned_s = time.monotonic()
        self.path: Path
        """The file of the log."""
        self.epoch: str
        self._store: Store | None = None
        self._catch_up()
        if writer.refusal:
            self.waiting = Waiting(clock.now_s(), str(writer.refusal), writer.refusal.hint)
            self._asked_s = time.monotonic()

    @classmethod
    async def open(
        cls,
        opener: Callable[[], Store],
        *,
        clock: Clock,
        linger_s: float = 0.0,
        memory: int = 64_000_000,
        open_refuge: Callable[[], Store] | None = None,
        home: Path | None = None,
        refuge: Path | None = None,
    ) -> Self:
        """Open the log in the thread that will write it; raises what *opener* raises.

        *open_refuge* opens a log in memory, for when the disk refuses: at once, or later for long. Meanwhile the
        log at *home* is still read, as far as that goes. What an earlier life left in memory, at *refuge*, comes home.
        """
        writer = Writer(opener, open_refuge, refuge)
        writing = ThreadPoolExecutor(1, "log-writer")
        try:
            await asyncio.get_running_loop().run_in_executor(writing, writer.begin)
        except BaseException:
            writing.shutdown(wait=False)
            raise
        return cls(writer, writing, clock=clock, linger_s=linger_s, memory=memory, home=home)

    def _catch_up(self) -> None:
        """Take note of what the writer did to the log: another store, another epoch, things to be recorded."""
        store = self._writer.store
        if store is not None and (store is not self._store or store.epoch != self.epoch):
            self._store = store
            self.path, self.epoch = store.path, store.epoch
            self._last = {stream: store.last(stream) for stream in Stream}
            self._head = {stream: store.head(stream) for stream in Stream}
            self.dictionaries.clear()
            self._tell()
        while self._writer.happenings:
            happening = self._writer.happenings.pop(0)
            self.event(happening.name, data=happening.data)

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
        now, synced = self._clock.now(), self._clock.synchronised
        self.put([event(name, now, device=device, uplink=uplink, data=data, stream=stream, synced=synced)])

    def dictionary(self, name: str, words: Mapping[str, Any]) -> None:
        """Record the dictionary that records call *name*, unless this epoch has it since the agent started."""
        if name not in self.dictionaries:
            self.dictionaries[name] = canonical(words)
            fields = {"event": "dictionary", "meta": name, "data": dict(words)}
            if not self._clock.synchronised:
                fields["clock"] = "unsynced"
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
        Raises DamagedError for other damage; then the log is being salvaged, and may be asked again later.
        """
        while True:
            try:
                return await self._inquiry.put(question, self._place)
            except DamagedError as error:
                if isinstance(error, UnreadableError) and await self.write_off(error):
                    continue
                with suppress(StoreError):
                    await self._in_writing(self._writer.mend, error)
                raise

    async def recall(self, question: Callable[[Reader], T], otherwise: T) -> T:
        """As :meth:`read`, but *otherwise* while the disk does not say: nothing at the station waits for it."""
        try:
            return await self.read(question)
        except StoreError as error:
            log.error("log_not_read", error=str(error), hint=error.hint)
            return otherwise

    async def write_off(self, error: UnreadableError) -> bool:
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
        """Do something with the store itself, between two commits, in the writing thread.

        Raises what *order* raises, and LogWriteError at once while the log is being mended.
        """
        if self._writer.mending:
            raise LogWriteError(self.path, "it is being mended")
        return await self._in_writing(self._writer.order, order)

    async def _in_writing(self, work: Callable[..., T], *arguments: Any) -> T:
        doing = asyncio.get_running_loop().run_in_executor(self._writing, work, *arguments)
        try:
            await self._finish(doing)
        finally:
            self._catch_up()
        return doing.result()

    async def _finish(self, doing: asyncio.Future[Any]) -> None:
        """Wait for the writing thread; what it does to save a log may take minutes, and is life."""
        while not doing.done():
            await asyncio.wait([doing], timeout=BEAT_S)
            if self._writer.mending:
                self.turned_s = time.monotonic()

    @property
    def _place(self) -> Place:
        behind = self._home if self._store is not None and self.path != self._home else None
        return Place(self._store, self.path, behind, self._writer.has_let_go or not self._writer.is_volatile)

    @property
    def beginning(self) -> tuple[str | None, Mapping[Stream, Break]]:
        """Why the present epoch began, if it did since the start, and which records were found to break the chain."""
        return (self._store.reason, self._store.forks) if self._store else (None, {})

    @property
    def is_volatile(self) -> bool:
        """Whether records are kept in memory only, because the disk refuses."""
        return self._writer.is_volatile

    async def run(self) -> None:
        """Write until cancelled; then write what is left and close the log."""
        try:
            while True:
                await self._turn()
        finally:
            await asyncio.shield(self._close())

    async def _turn(self) -> None:
        self.turned_s = time.monotonic()
        if not self._queue and not self._facts and not self._refuses:
            with suppress(TimeoutError):
                async with asyncio.timeout(CURSOR_S / 2):
                    await self._wake.wait()
        self._wake.clear()
        if self._linger_s and self._queue:
            await asyncio.sleep(self._linger_s)
        await self._until_settled()
        if self._queue or self._facts or self._moves_are_due():
            await self._commit()
            await self._in_writing(self._writer.tidy)
        if self.waiting:
            await self._find_another_store()
        if self._refuses:
            await asyncio.sleep(RETRY_S)

    async def _until_settled(self) -> None:
        """Wait until a burst of polls is over: while the loop is busy the writing thread would not get far anyway."""
        still, seen, ends_s = 0, len(self._queue), time.monotonic() + SETTLE_S
        while still < SETTLED_TURNS and time.monotonic() < ends_s:
            await asyncio.sleep(0)
            still, seen = (still + 1 if len(self._queue) == seen else 0), len(self._queue)

    def _moves_are_due(self) -> bool:
        return self._oldest_move_s is not None and time.monotonic() - self._oldest_move_s >= CURSOR_S

    async def _commit(self) -> None:
        batch = list(islice(self._queue, GROUP))
        volatile = self._writer.is_volatile  # then what is known of the log on disk waits until it is back
        moves = {key: move for key, move in self._moves.items() if not volatile or move.epoch == self.epoch}
        facts, self._facts = self._facts, {}
        self._moves = {key: move for key, move in self._moves.items() if key not in moves}
        self._oldest_move_s = None
        writing = asyncio.get_running_loop().run_in_executor(
            self._writing, self._writer.append, batch, tuple(moves.values()), facts
        )
        try:
            await self._finish(writing)
        finally:  # also when cancelled: what was stored must not be stored again
            await self._finish(writing)
            self._catch_up()
            self._settle(writing, batch, moves, facts)

    def _settle(
        self,
        writing: asyncio.Future[list[Stamp]],
        batch: list[Draft],
        moves: dict[tuple[str, str, Stream], Move],
        facts: dict[str, str],
    ) -> None:
        """Take note of what became of a transaction."""
        try:
            stamps = writing.result()
        except (LogFullError, LogWriteError) as error:
            self._moves = moves | self._moves  # newer moves win
            self._facts = facts | self._facts
            self._oldest_move_s = time.monotonic()
            self._refused(error)
            return
        if self.waiting:
            self.waiting.end(self._queue)
        for one in batch:
            self._queue.popleft()
            self._queued_bytes -= _size(one)
        for stamp in stamps:
            self._last[stamp.stream], self._head[stamp.stream] = stamp.seq, stamp.head
        self._refuses = False
        if self.waiting and not self.is_volatile:
            self._recovered()
        self._tell()

    async def _find_another_store(self) -> None:
        """Go on in memory when the disk has refused for long, and back to the disk when it takes everything again."""
        now_s = time.monotonic()
        assert self.waiting is not None
        if now_s - self._asked_s < RETURN_S or not self._writer.has_refuge:
            return
        try:
            if self.is_volatile:
                self._asked_s = now_s
                await self._in_writing(self._writer.go_home)
            elif self._refuses and not self.waiting.by_quota and now_s - self._refused_s >= REFUGE_S:
                self._asked_s = now_s
                await self._in_writing(self._writer.take_refuge, self.waiting.error)
        except StoreError as error:
            if str(error) != self.waiting.error:
                log.warning("log_still_refused", error=str(error), hint=error.hint)
            self.waiting.error, self.waiting.hint = str(error), error.hint

    def _tell(self) -> None:
        self.commits += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _refused(self, error: StoreError) -> None:
        if not self._refuses:
            self._refuses, self._refused_s = True, time.monotonic()
        if self.waiting is None:
            by_quota = isinstance(error, LogFullError) and error.limit == "quota"
            self.waiting = Waiting(self._clock.now_s(), str(error), error.hint, by_quota)
            log.error("log_refused", error=str(error), hint=error.hint)
        self.waiting.error, self.waiting.hint = str(error), error.hint

    def _recovered(self) -> None:
        waiting, self.waiting = self.waiting, None
        assert waiting is not None
        words = waiting.words(self._clock.now_s())
        self.event("log_recovered", data=words)
        log.info("log_recovered", waited_s=words["seconds"], waited=waiting.waited, lost=sum(waiting.lost.values()))

    def _lose(self, one: Draft) -> None:
        self.waiting = self.waiting or Waiting(self._clock.now_s(), "memory is full", "Raise store.memory")
        self.waiting.lose(one)

    @property
    def held_back(self) -> tuple[int, int]:
        """Records and bytes that wait in memory."""
        return len(self._queue), self._queued_bytes

    async def _close(self) -> None:
        if self.is_volatile:
            with suppress(StoreError):
                await self._in_writing(self._writer.go_home)
        left = None
        while left != (left := (len(self._queue), len(self._moves), len(self._facts))) and any(left):
            await self._commit()
        await self._inquiry.close()
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._writer.close)
        except StoreError as error:
            log.error("log_not_closed", error=str(error), hint=error.hint)
        self._writing.shutdown()


def _size(one: Draft) -> int:
    """Bytes that a waiting record takes, with what Python keeps beside them."""
    return len(one.head) + len(one.tail) + 120
