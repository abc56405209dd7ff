"""The log: every record is stored here, synced, before anything else happens with it.

One writer, one connection, one thread. A record gets its seq and its head in
the transaction that stores it; cursor moves and facts ride along. What fails
leaves nothing behind, neither on disk nor in memory.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from agent.store import gaps, roster
from agent.store.chain import Break, walk
from agent.store.epoch import UNTOLD, new_name, why_new
from agent.store.errors import DamagedError, HeldError, LogFullError, LogWriteError, StoreError
from agent.store.files import sync_folder
from agent.store.footing import Footing
from agent.store.highwater import HighWater, Mark
from agent.store.lock import StoreLock
from agent.store.medium import medium
from agent.store.quota import Quota
from agent.store.reader import Gone, Parked, Reader
from agent.store.record import Draft, genesis, next_head
from agent.store.renumber import UNPROVEN, Start, disown, forget, next_chunk, told
from agent.store.roster import Move
from agent.store.schema import MINUTE_MS, insert, prepare, record_id, table
from agent.store.sqlite import (
    PAGE,
    WAL_LIMIT,
    Connection,
    FullError,
    connect_writer,
    discard,
    frames,
    leave,
    room_wanted,
    sound,
    transaction,
    translated,
    wal_of,
    write_again,
)
from agent.store.waltail import Tail, tail
from drivers.reading import Stream

__all__ = ["LogFullError", "LogWriteError", "Move", "Stamp", "Store", "StoreError"]

CHUNK = 1000
"""Rows freed in one transaction at most: some milliseconds for the records that wait meanwhile."""

_CHECKED_AT_OPEN = 100
_LONG_WAL = 4 * WAL_LIMIT


class Stamp(NamedTuple):
    """Where a draft came to lie: its seq, and the head after it."""

    stream: Stream
    seq: int
    head: bytes


class _Tip(NamedTuple):
    """The end of one stream of the present epoch; ``minute`` is that of its last record."""

    seq: int
    head: bytes
    minute: int | None


class Store:
    """The one writer of a log. Every call but :meth:`close` comes from the same thread."""

    def __init__(self, path: Path, db: Connection, lock: StoreLock, *, machine: str, quota: int) -> None:
        self.path = path
        self.quota = Quota(db, path, quota)
        self.log = Reader(db, path)
        self.footing = Footing(path)
        self.epoch = ""
        self.reason: str | None = None
        """Why the present epoch began, when it did so since the log was opened."""
        self.forks: dict[Stream, Break] = {}
        """Records near the end that were found to break the chain when the log was opened."""
        self._db = db
        self._lock = lock
        self._machine = machine
        self._high = HighWater(path)
        self._thread: int | None = None
        self._number = 0
        self._tips: dict[Stream, _Tip] = {}
        self._due: dict[str, str] = {}  # facts that ride with the first records

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        station: str,
        machine: str,
        quota: int,
        now_ms: int,
        vfs: str | None = None,
        lock: StoreLock | None = None,
    ) -> Self:
        """Open the log at *path*, made if there is none, and begin a new epoch if it cannot prove that it continues.

        *quota* is in bytes, *machine* names this computer, *vfs* the layer through which SQLite reaches
        the disk. With *lock* the caller holds the lock already. Raises LockedError, AccessError,
        ForeignLogError, DamagedError (see :func:`agent.store.salvage.open_log`), LogFullError or LogWriteError.
        """
        held = lock or StoreLock(path)
        try:
            db = connect_writer(path, vfs)
            try:
                return cls._on(db, path, held, station, machine, quota, now_ms)
            except BaseException:
                discard(db)
                raise
        except BaseException as error:
            if lock is None:
                held.release()
            if isinstance(error, FullError):
                raise LogFullError(path, "disk", 0) from error
            raise

    @classmethod
    def _on(
        cls, db: Connection, path: Path, lock: StoreLock, station: str, machine: str, quota: int, now_ms: int
    ) -> Self:
        with translated(path):
            torn = _is_torn(db, path)
            prepare(db, path, station, now_ms)
            write_again(db)
            store = cls(path, db, lock, machine=machine, quota=quota)
        try:
            store._continue(now_ms, torn=torn)
            sync_folder(path.parent)
        except BaseException:
            store._high.close()
            raise
        store.hand_over()
        return store

    @property
    def connection(self) -> Connection:
        """The one connection that writes."""
        return self._db

    @property
    def fresh(self) -> bool:
        """Whether a new epoch began when the log was opened, or since."""
        return self.reason is not None

    @property
    def station(self) -> str:
        """The station whose log this is."""
        return self.log.station

    @property
    def mark(self) -> Mark:
        """How far it has come."""
        return Mark(self.epoch, {stream: (tip.seq, tip.head) for stream, tip in self._tips.items()})

    def last(self, stream: Stream) -> int:
        """Seq of the last record of *stream* in this epoch; 0 before the first."""
        return self._tips[stream].seq

    def head(self, stream: Stream) -> bytes:
        """Head after the last record of *stream* in this epoch."""
        return self._tips[stream].head

    def append(
        self, drafts: Sequence[Draft], moves: Sequence[Move] = (), facts: Mapping[str, str] | None = None
    ) -> list[Stamp]:
        """Store records, and the cursor moves and facts that came in meanwhile, in one synced transaction.

        Returns the seq and head of each record. Raises LogFullError at the quota or on a full disk,
        LogWriteError when the medium refuses, DamagedError when it gives back nonsense; then nothing of it is
        stored, but for the moves where there is no room: what they acknowledge is what can make room.
        """
        try:
            with self.writing(sum(len(draft.head) + len(draft.tail) for draft in drafts)):
                tips, stamps = self._insert(drafts)
                roster.move(self._db, moves, _now_ms())
                self._remember({**(facts or {}), **self._due})
        except LogFullError:
            with contextlib.suppress(StoreError), self.quota.reserve(), self.writing() as db:
                roster.move(db, moves, _now_ms())
            raise
        self._tips, self._due = tips, {}
        self._note_high_water()
        return stamps

    def set_fact(self, key: str, text: str) -> None:
        """Keep *text* under *key*."""
        with self.quota.reserve(), self.writing():
            self._remember({key: text})

    def fact(self, key: str) -> str | None:
        """What was kept under *key*, or None."""
        return self.log.fact(key)

    def next_session(self) -> int:
        """The number of a new session: 1 in a new log, then one more each time."""
        session = int(self.fact("session") or 0) + 1
        self.set_fact("session", str(session))
        return session

    def begin_epoch(self, reason: str, now_ms: int | None = None) -> str:
        """Begin a new epoch and return its name; what the old ones hold stays, and stays to be delivered."""
        with self.quota.reserve(), self.beginning(reason, _now_ms() if now_ms is None else now_ms):
            pass
        return self.epoch

    def fork(self, reason: str, now_ms: int | None = None) -> str:
        """Begin a new epoch because this log turned out to be an older copy of itself; returns its name.

        What was numbered since the copy was put back loses its numbers; :meth:`renumber` gives it new ones.
        """
        with self.quota.reserve(), self.beginning(reason, _now_ms() if now_ms is None else now_ms) as db:
            disown(db, self.log, self._proven)
        return self.epoch

    def renumber(self) -> bool:
        """Give new numbers to a chunk of what :meth:`fork` took them from; True while there may be more."""
        chunk = next_chunk(self.log)
        if chunk is None:
            return False
        with self.quota.reserve(), self.writing():
            forget(self._db, self.log, chunk)
            tips, _ = self._insert([*chunk.drafts, told(chunk, self.epoch)])
        self._tips = tips
        self._note_high_water()
        return True

    def agree(self, mark: Mark, now_ms: int) -> None:
        """Begin a new epoch unless the log ends where *mark* says, which is what this process was told of it before.

        What is missing is named. What lies beyond is deleted: its commit had failed, and its records are elsewhere.
        """
        number = self.log.number(mark.epoch)
        told = {stream: seq for stream, (seq, _) in mark.last.items()} if number else {}
        beyond = {stream: seq for stream, seq in told.items() if self.log.tip(mark.epoch, stream)[0] > seq}
        reason = why_new(self.log.epochs(), self._machine, mark, self._lasts(), self._head_at)
        if reason or beyond:
            with self.quota.reserve(), self.beginning(reason or UNTOLD, now_ms) as db:
                self._name_missing(db, mark)
                for stream, seq in beyond.items():
                    gaps.forget_after(db, number, stream, seq)

    @contextlib.contextmanager
    def beginning(self, reason: str, now_ms: int) -> Iterator[Connection]:
        """One transaction that ends in a new epoch, above all that are inserted meanwhile."""
        name = new_name()
        with self.writing() as db:
            yield db
            number = max((epoch.number for epoch in self.log.epochs()), default=0) + 1
            db.execute(insert("epoch"), (number, name, now_ms, reason, self._machine))
        self._number, self.epoch, self.reason = number, name, reason
        self._tips = {stream: _Tip(0, genesis(self.station, name, stream), None) for stream in Stream}
        self._proven = Start.of(self.log, name, self._lasts())
        self._note_high_water()

    def set_uplinks(self, starts: Mapping[str, str], now_ms: int | None = None) -> None:
        """Make the uplinks of the configuration known; see :func:`agent.store.roster.name`."""
        with self.quota.reserve(), self.writing() as db:
            roster.name(db, self.log, starts, _now_ms() if now_ms is None else now_ms)

    def park(self, uplink: str, epoch: str, stream: Stream, first: int, last: int, reason: str) -> None:
        """Keep a range that a broker refused for good out of the way, unacknowledged and never deleted."""
        with self.quota.reserve(), self.writing() as db:
            roster.park(db, Parked(uplink, epoch, stream, first, last, reason, _now_ms()))

    def unpark(self, uplink: str, epoch: str, stream: Stream, first: int, last: int) -> None:
        """Forget a parked range: it was delivered after all, or is to be tried again."""
        with self.quota.reserve(), self.writing() as db:
            roster.unpark(db, uplink, epoch, stream, first, last)

    def free(self, epoch: str, stream: Stream, first: int, last: int, facts: Mapping[str, str] | None = None) -> None:
        """Delete records *first* to *last*, all of them kept and :data:`CHUNK` at most, and store *facts* with that.

        The head of the last one is kept, so that the chain can be walked from there on.
        """
        assert last - first < CHUNK, "freeing in big bites makes records wait"
        with self.quota.reserve(), self.writing():
            gaps.free(self._db, self.log.number(epoch), stream, first, last)
            self._remember(facts or {})
        tip = self._tips[stream]
        if epoch == self.epoch and last == tip.seq:  # nothing is left that says where its minute begins
            self._tips[stream] = tip._replace(minute=None)

    @contextlib.contextmanager
    def writing(self, size: int = 0) -> Iterator[Connection]:
        """One transaction: all or nothing, and synced when it ends; *size* is how many bytes it wants to add.

        Raises LogFullError, LogWriteError, DisplacedError (see :mod:`agent.store.putback`); or DamagedError, and then
        the log is set aside when it is opened next.
        """
        if self._thread is None:
            self._thread = threading.get_ident()
        assert self._thread == threading.get_ident(), "the log is written by one thread only"
        try:
            self.footing.check()
            with transaction(self._db, self.path):
                yield self._db
        except BaseException as error:
            self.log.unlearn()
            if isinstance(error, FullError):
                raise self.quota.error(size) from error
            if isinstance(error, DamagedError):
                condemn(self.path, error.why)
            raise

    def insist_on_short_wal(self) -> None:
        """Raise HeldError when the write-ahead file has grown far beyond what a reader of ours ever makes it."""
        wal = wal_of(self.path)
        with medium(self.path):
            size = wal.stat().st_size if wal.exists() else 0
        if size > _LONG_WAL:
            raise HeldError(wal, size)

    def tidy(self) -> None:
        """Do what no record has to wait for: bring the mark beside the log to the medium, once a second."""
        self._high.tidy()

    def hand_over(self) -> None:
        """Let the thread that makes the next call be the one that writes from then on."""
        self._thread = None

    def close(self) -> None:
        """Close the log and give the lock back; the next one to open it finds nothing to repair.

        Raises LogFullError or LogWriteError when the disk refuses the last word; it is closed all the same.
        """
        try:
            with room_wanted(self.path), translated(self.path):
                self._db.close()
        finally:
            discard(self._db)
            self._high.close()
            self._lock.release()

    def abandon(self) -> None:
        """Close a damaged log as it is, without a last word to it, and give the lock back."""
        leave(self._db)
        self._high.close()
        self._lock.release()

    def _continue(self, now_ms: int, *, torn: bool) -> None:
        """Go on with the newest epoch, or begin one. Raises DamagedError, also for what only uplinks will need."""
        epochs = self.log.epochs()
        for needed in (self.log.cursors, self.log.parked, self.log.uplinks, self.log.facts, self._gaps):
            needed()
        if epochs:
            self._number, self.epoch = epochs[-1].number, epochs[-1].epoch
            self._tips = {stream: self._tip(stream) for stream in Stream}
        last = self._lasts()
        reason = why_new(epochs, self._machine, self._high.mark, last, self._head_at, torn=torn)
        self.forks = {stream: fork for stream in last if (fork := self._fork(stream))}
        if reason is not None:
            self._begin_after(reason, now_ms)
        self._proven = Start.of(self.log, self.epoch, self._lasts())
        if self.fact(UNPROVEN) != self._proven.text():
            self._due = {UNPROVEN: self._proven.text()}
        self._note_high_water()

    def _lasts(self) -> dict[Stream, int]:
        return {stream: tip.seq for stream, tip in self._tips.items()}

    def _gaps(self) -> list[Gone]:
        return [gap for epoch in self.log.epochs() for s in Stream for gap in self.log.gone(epoch.epoch, s)]

    def _begin_after(self, reason: str, now_ms: int) -> None:
        """Begin a new epoch, and note what is missing before it as far as the mark beside the log knows that."""
        with self.quota.reserve(), self.beginning(reason, now_ms) as db:
            if self._high.mark:
                self._name_missing(db, self._high.mark)

    def _name_missing(self, db: Connection, mark: Mark) -> None:
        """In a transaction: note what *mark* knows and the log does not have."""
        number = self.log.number(mark.epoch)
        if not number:
            number = max((epoch.number for epoch in self.log.epochs()), default=0) + 1
            db.execute(insert("epoch"), (number, mark.epoch, 0, "unknown", ""))
        for stream, (seq, head) in mark.last.items():
            found = self.log.tip(mark.epoch, stream)[0]
            if found < seq:
                gaps.declare(db, number, stream, found + 1, seq, head, gaps.MISSING)

    def _head_at(self, stream: Stream, seq: int) -> bytes | None:
        return self.log.head_at(self.epoch, stream, seq)

    def _tip(self, stream: Stream) -> _Tip:
        seq, head = self.log.tip(self.epoch, stream)
        newest = self.log.batch(self.epoch, stream, seq, seq)
        return _Tip(seq, head, newest[0].time_ms // MINUTE_MS if newest else None)

    def _fork(self, stream: Stream) -> Break | None:
        kept = self.log.kept(self.epoch, stream)
        if not kept:
            return None
        first = max(kept[-1][0], kept[-1][1] - _CHECKED_AT_OPEN + 1)
        rows = self.log.batch(self.epoch, stream, first, kept[-1][1])
        return walk(rows, first - 1, self._head_at(stream, first - 1)).broken

    def _insert(self, drafts: Sequence[Draft]) -> tuple[dict[Stream, _Tip], list[Stamp]]:
        tips = dict(self._tips)
        stamps: list[Stamp] = []
        rows: dict[Stream, list[tuple[int, int, bytes, bytes]]] = {}
        minutes: list[tuple[str, int, int]] = []
        for draft in drafts:
            stream = draft.stream
            seq, head, minute = tips[stream]
            seq += 1
            body = draft.body(seq)
            head = next_head(head, body)
            row = record_id(self._number, seq)
            if draft.time_ms // MINUTE_MS != minute:
                minute = draft.time_ms // MINUTE_MS
                minutes.append((stream, minute, row))
            rows.setdefault(stream, []).append((row, draft.time_ms, head, body))
            tips[stream] = _Tip(seq, head, minute)
            stamps.append(Stamp(stream, seq, head))
        for stream, found in rows.items():
            self._db.executemany(insert(table(stream)), found)
        self._db.executemany(insert("minute"), minutes)
        return tips, stamps

    def _remember(self, facts: Mapping[str, str]) -> None:
        self._db.executemany(insert("fact", "OR REPLACE"), list(facts.items()))

    def _note_high_water(self) -> None:
        self._high.write(self.mark)


def _is_torn(db: Connection, path: Path) -> bool:
    """Whether the last transaction may be missing; raises DamagedError when what is there does not fit together."""
    found = tail(wal_of(path), frames(db), PAGE)
    if found is Tail.ENDED and not sound(db):
        raise DamagedError(path, "its pages do not fit together: the end of its write-ahead file was lost")
    return found is not Tail.NOTHING


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def condemn(path: Path, why: str) -> None:
    """Have the log at *path* set aside when it is opened next: much damage shows only when it is written."""
    with contextlib.suppress(OSError):  # a disk that refuses this too will show it again
        condemnation(path).write_text(why)


def condemnation(path: Path) -> Path:
    """The file that says why the log at *path* is to be set aside."""
    return path.with_name(path.name + ".condemned")
