"""The door to SQLite: how connections to the log are opened, and what its errors mean to us.

apsw brings a current SQLite of its own; the one of the system may have the
WAL-reset defect of versions before 3.51.3.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import apsw

from agent.store.errors import AccessError, DamagedError, LogFullError, LogWriteError, StoreError
from agent.store.medium import medium, no_access, refusal, why_not

Connection = apsw.Connection
FullError = apsw.FullError
"""Neither quota nor disk have a page left; what it means depends on what was written."""

PAGE = 4096
WAL_LIMIT = 16 << 20
"""The write-ahead file is shortened to so many bytes after it had to grow beyond them."""

_BUSY_MS = 5000
_NOT_READ = {apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ}
_WRITER_PRAGMAS: dict[str, str | int] = {
    "page_size": PAGE,
    "journal_mode": "wal",
    # WAL alone may lose the last commits when the power fails. Stations lose power.
    "synchronous": 2,
    # What a damaged WAL can cost, and what has to be replayed after a kill, is at most this many pages.
    "wal_autocheckpoint": 1000,
    "secure_delete": 0,
}


def connect_writer(path: Path, vfs: str | None = None) -> Connection:
    """Open *path* for writing, made if there is none, with every setting that the promise rests on in force.

    Raises DamagedError, AccessError or LogWriteError.
    """
    with translated(path):
        db = apsw.Connection(str(path), vfs=vfs)
        try:
            db.set_busy_timeout(_BUSY_MS)
            for name, wanted in _WRITER_PRAGMAS.items():
                _insist(db, path, name, wanted)
            db.pragma("journal_size_limit", WAL_LIMIT)
        except BaseException:
            discard(db)
            raise
    return db


def _insist(db: Connection, path: Path, name: str, wanted: str | int) -> None:
    db.pragma(name, wanted)
    if (found := db.pragma(name)) != wanted:
        raise LogWriteError(path, f"this file system does not support {name} = {wanted} (it stays {found})")


def connect_reader(path: Path) -> tuple[Connection, bool]:
    """Open *path* for reading only; the flag says that the file was opened as immutable.

    A log whose agent stopped cleanly has no files for shared memory beside it, and a reader of
    another user may not make them: then, and only then, nothing can change and it is read as immutable.
    Raises DamagedError or AccessError, LogFullError or LogWriteError when the disk refuses.
    """
    with medium(path):
        if not path.exists():
            hint = "Check store.path in station.toml, and that the agent ran"
            raise AccessError(f"there is no log at {path}", hint=hint)
    with medium(path), translated(path):
        try:
            return _read_only(path, "mode=ro"), False
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            if wal_of(path).exists():
                raise
            return _read_only(path, "mode=ro&immutable=1"), True


def connect_wreck(path: Path) -> Connection:
    """Open a damaged log for reading, as far as SQLite lets one; raises DamagedError or AccessError."""
    with translated(path):
        return _read_only(path, "mode=ro", damaged=True)


def _read_only(path: Path, options: str, *, damaged: bool = False) -> Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(f"file:{quote(str(path))}?{options}", flags=flags)
    try:
        db.set_busy_timeout(_BUSY_MS)
        if damaged:
            # So set, SQLite reads what there is of a file that is shorter than its header says.
            db.pragma("writable_schema", 1)
        db.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except BaseException:
        discard(db)
        raise
    return db


def frames(db: Connection) -> int:
    """How many frames SQLite takes from the write-ahead file."""
    return db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0]


def sound(db: Connection) -> bool:
    """Whether the pages of the log fit together; reads all of it."""
    return bool(db.execute("PRAGMA quick_check(1)").get == "ok")


def empty_wal(db: Connection, path: Path) -> None:
    """Move everything from the write-ahead file to the log; raises LogFullError or LogWriteError."""
    with room_wanted(path), translated(path):
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def write_again(db: Connection) -> None:
    """Write to the log what its write-ahead file has, as far as readers allow.

    Where a sync has failed, the system may show what the disk never got, and takes it for written from then on
    (https://lwn.net/Articles/752063). What is built on that would be gone with the power.
    """
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def copy(db: Connection, to: Path, path: Path) -> None:
    """Make *to* a synced copy of *db*, which is open as *path*.

    Raises LogFullError or LogWriteError, and DamagedError where *db* cannot be read any more.
    """
    to.unlink(missing_ok=True)
    with room_wanted(path), translated(path), _readable(path):
        made = apsw.Connection(str(to))
        try:
            with made.backup("main", db, "main") as work:
                while not work.done:
                    work.step(10_000)
            made.close()
        except BaseException:
            discard(made)
            to.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.IOError as error:
        if getattr(error, "extendedresult", None) in _NOT_READ:
            raise DamagedError(path, str(error)) from error
        raise


@contextlib.contextmanager
def room_wanted(path: Path) -> Iterator[None]:
    """A disk without room is a LogFullError here."""
    try:
        yield
    except apsw.FullError as error:
        raise LogFullError(path, "disk", 0) from error


def discard(db: Connection) -> None:
    """Close *db* whatever the medium says to that: the error that counts has been raised already."""
    with contextlib.suppress(apsw.Error):
        db.close(force=True)


def leave(db: Connection) -> None:
    """Close *db* without writing anything more to its files."""
    with contextlib.suppress(apsw.Error):
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    discard(db)


def wal_of(path: Path) -> Path:
    """The write-ahead file beside the log at *path*."""
    return path.with_name(path.name + "-wal")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; a full disk is the business of those who write and passes through."""
    try:
        yield
    except apsw.FullError:
        raise
    except apsw.Error as error:
        raise translate(error, path) from error
    except UnicodeDecodeError as error:
        raise DamagedError(path, f"a text in it is none: {error}") from error


def translate(error: apsw.Error, path: Path) -> StoreError:
    """The error of ours that says what *error* means for the log at *path*."""
    # Our statements are right: damage has taken the table or column that is missing, or made an index tell
    # of a row that its table does not have.
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.SQLError | apsw.ConstraintError):
        return DamagedError(path, str(error))
    if isinstance(error, apsw.ReadOnlyError) and os.access(path, os.W_OK):
        return DamagedError(path, f"its header is wrong: {error}")
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        if cause := why_not(path):
            return refusal(path, cause)
        if isinstance(error, apsw.CantOpenError) and os.access(path.parent, os.W_OK):
            return LogWriteError(path, "SQLite could not open it, and the system can: the disk comes and goes")
        return no_access(path, str(error))
    return LogWriteError(path, f"{error} (SQLite error {getattr(error, 'extendedresult', 'unknown')})")


@contextlib.contextmanager
def transaction(db: Connection, path: Path) -> Iterator[None]:
    """All or nothing, and synced when it ends; raises FullError and what :func:`translate` gives."""
    with translated(path):
        try:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("COMMIT")
        except BaseException as error:
            # SQLite may have rolled back by itself, and a sick disk may refuse even that.
            with contextlib.suppress(apsw.Error):
                if db.in_transaction:
                    db.execute("ROLLBACK")
            # What is there although it was not found lies in a tree that is out of order.
            if isinstance(error, apsw.ConstraintError) and not sound(db):
                raise DamagedError(path, str(error)) from error
            raise
