"""What happens to a log that cannot be opened or written any more: it is set aside, and saved as far as it can be read.

Nothing of the damaged file is ever deleted or written to. A new log takes its
place with a new epoch, and knows the old ones; their records are copied over
under their own epoch, seq and head, so that what was not delivered still is.
What the medium lost is named. :mod:`agent.store.rescue` does the copying.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from agent.store import gaps, roster
from agent.store.cursor import subtract
from agent.store.epoch import SALVAGED
from agent.store.errors import DamagedError, ForeignLogError, LogWriteError, StoreError
from agent.store.files import sync_folder
from agent.store.highwater import HighWater, Mark
from agent.store.lock import StoreLock
from agent.store.putback import finish as finish_put_back
from agent.store.reader import Epoch, Gone, Reader
from agent.store.record import event
from agent.store.rescue import ASIDE, needed, turn
from agent.store.schema import APPLICATION_ID, insert
from agent.store.sqlite import PAGE, empty_wal
from agent.store.store import Store, condemn, condemnation
from agent.store.wreck import Wreck, ask, open_wreck
from drivers.reading import Stream

__all__ = ["condemn", "open_log"]

_PATIENCE_S = 20.0
_SIDE_FILES = ("-wal", "-shm")
_JOURNAL = "-journal"
"""Left by a first start that was interrupted; SQLite would roll it back into whatever log it lies beside."""
_NEW_FILES = (".lock", ".high", *_SIDE_FILES, _JOURNAL)
_DAMAGED = ".damaged-"
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID = slice(68, 72)
_TABLES = slice(103, 105)
"""How many entries there are on the first page, which lists the tables: none where a first start was interrupted.

All three are where https://www.sqlite.org/fileformat2.html sections 1.3 and 1.6 have them.
"""


def open_log(
    path: Path,
    *,
    station: str,
    machine: str,
    quota: int,
    now_ms: int,
    vfs: str | None = None,
    patience_s: float = _PATIENCE_S,
) -> Store:
    """Open the log as :meth:`agent.store.store.Store.open` does; a damaged one is set aside and salvaged first.

    Returns when all is copied that an uplink still lacks; the rest only as far as *patience_s* allows:
    call :func:`agent.store.rescue.turn` for it now and then. Raises what ``Store.open`` raises, but no DamagedError.
    """
    lock = StoreLock(path)

    def opened(where: Path, held: StoreLock | None = None) -> Store:
        return Store.open(where, station=station, machine=machine, quota=quota, now_ms=now_ms, vfs=vfs, lock=held)

    damage = None
    try:
        finish_put_back(path, now_ms)
        _finish_exchange(path)
        try:
            _heed_condemnation(path)
            store = opened(path, lock)
        except DamagedError as error:
            damage = error
            _insist_it_is_ours(path, damage)
            _exchange(path, opened, now_ms)
            store = opened(path, lock)
    except BaseException:
        lock.release()
        raise
    if damage:
        store.reason = SALVAGED
        data = {"aside": _asides(store.log)[0], "error": damage.why}
        store.append([event("log_set_aside", _time(now_ms), data=data)])
    deadline = time.monotonic() + patience_s
    try:
        while turn(store) and (time.monotonic() < deadline or needed(store)):
            pass
    except DamagedError as error:  # what was just written: this disk is no use at present
        store.abandon()
        raise LogWriteError(path, str(error), hint=error.hint) from error
    store.hand_over()
    return store


def _heed_condemnation(path: Path) -> None:
    if not path.exists():
        condemnation(path).unlink(missing_ok=True)
    if condemnation(path).exists():  # the power may have gone before what stands in it was written
        raise DamagedError(path, condemnation(path).read_text(errors="replace"))


def _finish_exchange(path: Path) -> None:
    """Bring to its end what a power cut interrupted; see :func:`_exchange`."""
    new = _beside(path, ".new")
    if path.exists():
        for suffix in ("", *_NEW_FILES):  # the old log has not been moved yet: begin again
            _beside(new, suffix).unlink(missing_ok=True)
    elif new.exists():
        aside = _aside_of(new)
        if aside:
            _put_in_place(path, new, path.with_name(aside))
        elif left := max(path.parent.glob(f"{path.name}{_DAMAGED}*Z"), default=None):
            left.rename(path)  # the disk has lost the heir, which it had synced: begin again
            _finish_exchange(path)


def _aside_of(new: Path) -> str | None:
    """The name of the log that the one in *new* is the heir of; None where the medium has not kept that."""
    try:
        with Reader.open(new) as heir:
            return next(iter(_asides(heir)), None)
    except StoreError:
        return None


def _exchange(path: Path, open_new: Callable[[Path], Store], now_ms: int) -> None:
    """Set the log at *path* aside and put a new one in its place, which knows what is to be copied."""
    aside, new = _free_name(path, now_ms), _beside(path, ".new")
    if _beside(path, _JOURNAL).exists():
        _beside(path, _JOURNAL).rename(_beside(aside, ".journal"))  # under a name that means nothing to SQLite
    store = open_new(new)
    wreck = open_wreck(path, store.station)
    try:
        _inherit(store, wreck, HighWater(path).mark, aside.name)
        empty_wal(store.connection, new)  # closing would not say that it could not
    finally:
        store.close()
        if wreck:
            wreck.close()
    path.rename(aside)
    _put_in_place(path, new, aside)


def _free_name(path: Path, now_ms: int) -> Path:
    """Where the log at *path* goes; a clock that stands still at every start must not have one replace another."""
    names = (_beside(path, f"{_DAMAGED}{_time(at_ms):%Y%m%dT%H%M%SZ}") for at_ms in count(now_ms, 1000))
    return next(aside for aside in names if not aside.exists())


def _put_in_place(path: Path, new: Path, aside: Path) -> None:
    """Move *new* to *path* once nothing of the old log is there, lest its write-ahead file be replayed into the new."""
    for suffix in _SIDE_FILES:
        if _beside(path, suffix).exists():
            _beside(path, suffix).rename(_beside(aside, suffix))
    for suffix in _NEW_FILES:
        _beside(new, suffix).unlink(missing_ok=True)
    condemnation(path).unlink(missing_ok=True)
    sync_folder(path.parent)
    new.rename(path)
    sync_folder(path.parent)


def _inherit(store: Store, wreck: Wreck | None, mark: Mark | None, aside: str) -> None:
    """Make the new *store* the heir of *wreck*: its epochs, cursors and facts, and gaps for all its records."""
    epochs = _epochs(wreck, mark)
    with store.writing() as db:
        number = max((epoch.number for epoch in epochs), default=0) + 1
        db.execute("UPDATE epoch SET number = ?, reason = ? WHERE epoch = ?", (number, SALVAGED, store.epoch))
        for epoch in epochs:
            row = (epoch.number, epoch.epoch, epoch.began_ms, epoch.reason, epoch.machine)
            db.execute(insert("epoch", "OR IGNORE"), row)
        state = wreck.state() if wreck else {}
        for name, rows in state.items():
            db.executemany(insert(name, "OR IGNORE"), rows)
        if not state.get("uplink"):
            roster.forget(db)
        asides = [aside, *(ask(partial(_asides, wreck), list[str]()) if wreck else [])]
        db.execute(insert("fact", "OR REPLACE"), (ASIDE, "\n".join(asides)))
        for epoch in epochs:
            for stream in Stream:
                for gap in _gaps(wreck, mark, epoch, stream):
                    gaps.declare(db, epoch.number, stream, gap.first, gap.last, gap.head, gap.reason)


def _asides(log: Reader) -> list[str]:
    """The files that *log* still copies from, the last one that was set aside first."""
    return (log.fact(ASIDE) or "").splitlines()


def _epochs(wreck: Wreck | None, mark: Mark | None) -> list[Epoch]:
    """The epochs of *wreck*; when it cannot tell any more, the one that the high-water mark names."""
    epochs = ask(wreck.epochs, list[Epoch]()) if wreck else []
    if epochs or mark is None:
        return epochs
    return [Epoch(ask(wreck.newest_number, 1) if wreck else 1, mark.epoch, 0, "unknown", "")]


def _gaps(wreck: Wreck | None, mark: Mark | None, epoch: Epoch, stream: Stream) -> list[Gone]:
    """What the new log lacks of a series to begin with: all of it."""
    marked = mark.last[stream][0] if mark and mark.epoch == epoch.epoch else 0
    if wreck is None:
        return [Gone(1, marked, None, gaps.DAMAGED)] if marked else []
    last = max(marked, ask(lambda: wreck.last_row(epoch.epoch, stream), 0))
    known = ask(lambda: wreck.gone(epoch.epoch, stream), list[Gone]())
    for gap in known:
        last = gap.last if gap.first == last + 1 else last  # the end of it had been freed, or moved elsewhere
    gone = [_as_lost(gap) for gap in known if 0 < gap.first <= gap.last <= last]
    left = subtract([(1, last)], [(gap.first, gap.last) for gap in gone])
    heads = {last: ask(partial(wreck.head_at, epoch.epoch, stream, last), None) for _, last in left}
    return gone + [Gone(first, last, heads[last], gaps.SALVAGING) for first, last in left]


def _as_lost(gap: Gone) -> Gone:
    """Records without a number have no place in another file."""
    return replace(gap, reason=gaps.DAMAGED) if gap.reason == gaps.MOVING else gap


def _insist_it_is_ours(path: Path, damage: DamagedError) -> None:
    """A file that was never a log is not to be moved away: the path is wrong, not the disk."""
    with path.open("rb") as file:
        page = file.read(PAGE)
    ours = page[_APPLICATION_ID] == APPLICATION_ID.to_bytes(4) or HighWater(path).mark is not None
    is_empty = not any(page) or (page.startswith(_MAGIC) and not any(page[_TABLES]))
    if not ours and not is_empty:
        hint = "Set store.path in station.toml to a file of its own"
        raise ForeignLogError(f"{path} is no log of a station: {damage}", hint=hint) from damage


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
