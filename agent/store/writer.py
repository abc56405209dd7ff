"""The stores that records go to: the log on disk, and while the disk refuses for long, one in memory.

What is wrong with the log and can be mended is mended here, while the agent runs on:
a damaged log is set aside and salvaged, one that was deleted or replaced is put back.
Everything but :attr:`store` runs in the one thread that writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from agent.store.epoch import ELSEWHERE
from agent.store.errors import (
    DamagedError,
    DisplacedError,
    LockedError,
    LogFullError,
    LogWriteError,
    StoreError,
    UnreadableError,
)
from agent.store.footing import Ground
from agent.store.highwater import Mark
from agent.store.medium import medium
from agent.store.putback import follow, put_back
from agent.store.record import Draft
from agent.store.refuge import bring_home, clear, move_in
from agent.store.sqlite import PAGE, frames, translated, wal_of
from agent.store.store import Move, Stamp, Store, condemn
from agent.store.waltail import Tail, cut, tail

log = structlog.get_logger()
T = TypeVar("T")

APART_S = 60.0
"""A log that is damaged again so soon after it was salvaged lies on a disk that is no use at present."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that the log is to have about itself."""

    name: str
    data: Mapping[str, Any]


class Writer:
    """Owner of the stores. *open_home* opens the one on disk, *open_refuge* one in memory, if there may be one.

    That in memory lies at *left* when an earlier life has left it.
    """

    def __init__(
        self, open_home: Callable[[], Store], open_refuge: Callable[[], Store] | None, left: Path | None = None
    ) -> None:
        self.happenings: list[Happening] = []
        """What was done to the log, to be recorded in it by whoever takes it out of here."""
        self.mending = False
        """Whether something is being done that may take minutes."""
        self.has_let_go = False
        """Whether records go to memory, and what has the name of the log on disk is that log."""
        self._open_home = open_home
        self._open_refuge = open_refuge
        self._left = left
        self.refusal: StoreError | None = None
        """Why it began in memory."""
        self._home: Store | None = None
        self._refuge: Store | None = None
        self._salvaged_s = self._shut_until_s = float("-inf")  # monotonic
        self._path = Path()
        self._ground: Ground | None = None
        self._mark: Mark | None = None
        """How far the log on disk had come when it was closed; whatever takes its place has to agree with that."""

    def begin(self) -> None:
        """Open the log; when the disk refuses, begin in memory.

        Raises what *open_home* raises when there is no refuge, or when it is not the disk that refuses.
        """
        try:
            self._reopen()
            self.happenings.clear()  # who begins, tells
            self._bring_what_was_left()
        except (LogFullError, LogWriteError) as error:
            if self._open_refuge is None:
                raise
            self.refusal = error
            self.take_refuge(str(error))

    def _bring_what_was_left(self) -> None:
        """Bring home what an earlier life kept in memory, unless that life has not ended."""
        if self._open_refuge is None or self._left is None or not self._left.exists():
            return
        with suppress(LockedError):
            self._refuge = self._open_refuge()
            self.go_home()

    @property
    def has_refuge(self) -> bool:
        """Whether records may be kept in memory."""
        return self._open_refuge is not None

    @property
    def store(self) -> Store | None:
        """The store that is written now; None while there is none."""
        return self._refuge or self._home

    @property
    def is_volatile(self) -> bool:
        """Whether records go to memory only."""
        return self._refuge is not None

    def append(self, drafts: Sequence[Draft], moves: Sequence[Move], facts: Mapping[str, str]) -> list[Stamp]:
        """Store as :meth:`Store.append` does; what can be mended is mended first.

        Raises LogFullError or LogWriteError, and nothing else that the medium can do.
        """
        try:
            with medium(self._path):
                try:
                    return self._present().append(drafts, moves, facts)
                except (DamagedError, DisplacedError) as error:
                    self.mend(error)
                    return self._present().append(drafts, moves, facts)
        except (LogFullError, LogWriteError):
            raise
        except StoreError as error:
            raise LogWriteError(self._path, str(error), hint=error.hint) from error

    def order(self, order: Callable[[Store], T]) -> T:
        """Do something with the store. Raises StoreError; what was wrong with the log itself has been mended then.

        But for an UnreadableError: to write off a record is up to the caller.
        """
        with medium(self._path):
            try:
                return order(self._present())
            except UnreadableError:
                raise
            except (DamagedError, DisplacedError) as error:
                self.mend(error)
                raise

    def mend(self, error: StoreError) -> None:
        """Give the log new ground after damage or displacement. Raises StoreError when that fails."""
        if self._refuge is not None:
            raise LogWriteError(self._refuge.path, str(error)) from error
        log.critical("log_mending", error=str(error), hint=error.hint)
        with self._long(), medium(self._path):
            if displaced := self._displacement(error):
                self._put_back(displaced)
            else:
                self._salvage(error)
            self._reopen()

    def take_refuge(self, error: str) -> None:
        """Go on in memory, and let go of the disk, so that it can be unmounted and mended. Raises StoreError."""
        assert self._open_refuge is not None
        with medium(self._path):
            self._refuge = refuge = self._refuge or self._open_refuge()
            if self._home is not None:
                move_in(self._home, refuge)
                self._let_go()
            elif self._mark is None:
                self.has_let_go = True  # it was never opened
        log.critical("log_volatile", path=str(refuge.path), error=error)
        self._tell("log_volatile", error=error)

    def go_home(self) -> None:
        """Move back to the disk with everything. Raises StoreError while it still refuses."""
        refuge = self._refuge
        assert refuge is not None
        with self._long(), medium(self._path):
            home = self._standing_home()
            try:
                moved = bring_home(home, refuge, _now_ms())
            except StoreError:
                self._let_go()
                raise
        self._refuge, self.has_let_go = None, False
        with suppress(StoreError, OSError):  # what is left of it comes home at the next start, and is there then
            refuge.close()
            clear(refuge.path)
        log.info("log_came_home", records=moved)
        self._tell("log_came_home", records=moved)

    def tidy(self) -> None:
        """Do what no record has to wait for; see :meth:`Store.tidy`."""
        if store := self.store:
            store.tidy()

    def close(self) -> None:
        """Close everything."""
        for store in filter(None, (self._home, self._refuge)):
            store.close()

    def _present(self) -> Store:
        return self._refuge or self._standing_home()

    def _standing_home(self) -> Store:
        """The log on disk, its files being what their names say."""
        if self._home is not None:
            try:
                self._home.footing.check()
            except DisplacedError as error:
                self._put_back(error)
        self._reopen()
        assert self._home is not None
        return self._home

    def _reopen(self) -> None:
        """Open the log on disk, if it is not open; raises StoreError."""
        if self._home is not None:
            return
        is_elsewhere = self._ground is not None and self._ground.is_another()
        if time.monotonic() < self._shut_until_s:
            raise LogWriteError(self._path, "it was damaged again just after it had been salvaged")
        home = self._open_home()
        try:
            if self._mark:
                home.agree(self._mark, _now_ms())
            if is_elsewhere and not home.fresh:
                home.begin_epoch(ELSEWHERE)  # the old file may be back one day, and go on with its own
        except BaseException:
            home.abandon()
            raise
        self._home, self._mark = home, None
        self._path, self._ground = home.path, home.footing.ground
        if home.reason:
            self._tell("epoch_began", epoch=home.epoch, reason=home.reason)

    def _put_back(self, error: DisplacedError) -> None:
        assert self._home is not None
        self._mark = self._home.mark
        moved = follow(self._home, _now_ms()) if error.elsewhere else put_back(self._home, _now_ms())
        self._home = None
        log.critical("log_put_back", file=error.name, was=error.what, aside=moved, hint=error.hint)
        self._tell("log_put_back", file=error.name, was=error.what, aside=moved)

    def _displacement(self, error: StoreError) -> DisplacedError | None:
        """Why the log must be put back; the damage that a reader found may be that of a stranger in its place."""
        if isinstance(error, DisplacedError):
            return error
        try:
            if self._home is not None:
                self._home.footing.check()
        except DisplacedError as displaced:
            return displaced
        except StoreError:
            pass
        return None

    def _salvage(self, error: StoreError) -> None:
        """Have the log set aside and salvaged when it is opened next, which is at once unless that was just done."""
        condemn(self._path, str(error))
        home, self._home = self._home, None
        if home is not None:
            self._mark = home.mark
            home.abandon()
        now_s = time.monotonic()
        if now_s - self._salvaged_s < APART_S:
            self._shut_until_s = now_s + APART_S
        self._salvaged_s = now_s

    def _let_go(self) -> None:
        """Close the log on disk, unless its files would be gone with that.

        Others may read it then, unless a commit that failed could not be taken from its write-ahead file.
        """
        home, self.has_let_go = self._home, False
        if home is None or _is_displaced(home):
            return
        self._home, self._mark = None, home.mark
        with suppress(StoreError, OSError), translated(home.path):
            whole = frames(home.connection)
            self.has_let_go = tail(wal_of(home.path), whole, PAGE) is not Tail.ENDED
            cut(wal_of(home.path), whole, PAGE)
            self.has_let_go = True
        with suppress(StoreError):
            home.close()

    @contextmanager
    def _long(self) -> Iterator[None]:
        """What is done here may take minutes, and is no reason to take the agent for dead."""
        self.mending = True
        try:
            yield
        finally:
            self.mending = False

    def _tell(self, name: str, **data: Any) -> None:
        self.happenings.append(Happening(name, data))


def _is_displaced(home: Store) -> bool:
    """Whether the names of the log stand for something else, as far as the disk still says."""
    with suppress(StoreError):
        home.footing.check()
    try:
        return home.footing.is_displaced
    except StoreError:
        return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
