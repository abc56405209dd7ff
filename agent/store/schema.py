"""The tables of the log, and the views that make them readable with any SQLite tool.

Every stream has a table of its own, so that each one grows at its end only:
appending touches few pages, and a range of seqs is one range scan. ``LOG-FORMAT.md``
beside this file explains them to people.
"""

from __future__ import annotations

from pathlib import Path

from agent.store.errors import DamagedError, ForeignLogError
from agent.store.sqlite import Connection
from drivers.reading import Stream

APPLICATION_ID = 0x73746167
"""Marks the file as a log of this program: the letters ``stag``."""

STEPS: tuple[str, ...] = ()
"""What makes of a log of schema n, from 1 on, one of schema n + 1: SQL that runs when such a log is opened.

New tables, views and :data:`MORE_COLUMNS` need no step: they are made when they are missing, and an older agent leaves
them alone. A step is for what an older agent must not write; after it that agent refuses the log. A step may drop a
view, which is made anew.
"""

MORE_COLUMNS: tuple[tuple[str, str, str], ...] = ()
"""Columns that came later: table, name, and the declaration, with the default that rows of older agents have."""

VERSION = 1 + len(STEPS)
"""``user_version`` of the file: the schema that this version writes."""

MINUTE_MS = 60_000

_SEQ_BITS = 40
SEQ_MASK = (1 << _SEQ_BITS) - 1


def record_id(number: int, seq: int) -> int:
    """The row of record *seq* of epoch *number*: rows of later epochs always lie above those of earlier ones."""
    return number << _SEQ_BITS | seq


def epoch_number(record: int) -> int:
    """The number of the epoch that row *record* belongs to."""
    return record >> _SEQ_BITS


def table(stream: Stream) -> str:
    """The table that keeps *stream*; its view carries the plain name of the stream."""
    return f"{stream}_record"


def on(stream: Stream, query: str) -> str:
    """The *query* with ``$record`` naming the table of *stream*."""
    return query.replace("$record", table(stream))


_FILLED = {
    "epoch": ("number", "epoch", "began", "reason", "machine"),
    "gone": ("number", "stream", "first", "last", "head", "reason"),
    "minute": ("stream", "minute", "first"),
    "uplink": ("name", "since", "removed"),
    "cursor": ("uplink", "number", "stream", "cursor", "moved"),
    "parked": ("uplink", "number", "stream", "first", "last", "reason", "since"),
    "fact": ("key", "value"),
    "about": ("station", "made", "note"),
} | {table(stream): ("id", "time", "head", "body") for stream in Stream}


def into(name: str, rows: str, otherwise: str = "") -> str:
    """The statement that adds *rows*, a query, to table *name*, by columns: a later agent may have added more.

    *otherwise* is SQLite's word for rows that are there already, such as ``OR IGNORE``.
    """
    return f"INSERT {otherwise} INTO {name} ({', '.join(_FILLED[name])}) {rows}"


def insert(name: str, otherwise: str = "") -> str:
    """The statement that adds one row of values; see :func:`into`."""
    values = ("CAST(? AS TEXT)" if column == "body" else "?" for column in _FILLED[name])
    return into(name, f"VALUES ({', '.join(values)})", otherwise)


_TABLES = """
CREATE TABLE IF NOT EXISTS about (
    station TEXT NOT NULL,
    made INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS epoch (
    number INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    began INTEGER NOT NULL,
    reason TEXT NOT NULL,
    machine TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS gone (
    number INTEGER NOT NULL,
    stream TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    head BLOB,
    reason TEXT NOT NULL,
    PRIMARY KEY (number, stream, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minute (
    stream TEXT NOT NULL,
    minute INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (stream, minute, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uplink (
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    removed INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursor (
    uplink TEXT NOT NULL,
    number INTEGER NOT NULL,
    stream TEXT NOT NULL,
    cursor TEXT NOT NULL,
    moved INTEGER NOT NULL,
    PRIMARY KEY (uplink, number, stream)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
    uplink TEXT NOT NULL,
    number INTEGER NOT NULL,
    stream TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (uplink, number, stream, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""

_STREAM = """
CREATE TABLE IF NOT EXISTS {table} (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    head BLOB NOT NULL,
    body TEXT NOT NULL
);
CREATE VIEW IF NOT EXISTS {stream} AS
SELECT e.epoch AS epoch, r.id & {mask} AS seq, strftime('%Y-%m-%dT%H:%M:%fZ', r.time / 1000.0, 'unixepoch') AS time,
       r.body AS record, lower(hex(r.head)) AS head, r.id AS id
FROM {table} AS r JOIN epoch AS e ON e.number = r.id >> {bits};
"""

_VALUES = """
CREATE VIEW IF NOT EXISTS {stream}_value AS
SELECT r.epoch AS epoch, r.seq AS seq, r.time AS time, json_extract(r.record, '$.device') AS device,
       v.key AS channel, v.value AS value,
       coalesce(json_extract(r.record, '$.quality."' || v.key || '"'), json_extract(r.record, '$.quality."*"'), 'valid')
       AS quality, json_extract(r.record, '$.meta') AS meta, r.id AS id
FROM {stream} AS r, json_each(r.record, '$.values') AS v;
"""

_VALUED = (Stream.MEASUREMENT, Stream.PARAMETER)

_SCRIPT = (
    _TABLES
    + "".join(_STREAM.format(table=table(stream), stream=stream, mask=SEQ_MASK, bits=_SEQ_BITS) for stream in Stream)
    + "".join(_VALUES.format(stream=stream) for stream in _VALUED)
)

_NOTE = "Log of a station agent. Views: measurement, parameter, event, audit, measurement_value, parameter_value."


def prepare(db: Connection, path: Path, station: str, now_ms: int) -> None:
    """Make the tables in a new file, or see that it is a log of *station*, and bring it to the schema of this version.

    All of it or nothing, and what it holds stays as it was hashed. Raises ForeignLogError or DamagedError.
    """
    application, version = db.pragma("application_id"), db.pragma("user_version")
    new = db.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if not new and application != APPLICATION_ID:
        raise ForeignLogError(
            f"{path} is a database of another program, not a log",
            hint="Set store.path in station.toml to a file of its own",
        )
    if version > VERSION:
        raise ForeignLogError(
            f"{path} was written by a newer station-agent: its schema is {version}, this one knows {VERSION}",
            hint="Install the newer station-agent again, or set store.path to a new file",
        )
    with db:
        for step in () if new else STEPS[version - 1 :]:
            db.execute(step)
        db.execute(_SCRIPT)
        for name, column, declaration in MORE_COLUMNS:
            if not db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (name, column)).get:
                db.execute(f"ALTER TABLE {name} ADD COLUMN {column} {declaration}")
        if new:
            db.execute(insert("about"), (station, now_ms, _NOTE))
            db.pragma("application_id", APPLICATION_ID)
        if version != VERSION:
            db.pragma("user_version", VERSION)
        _insist_it_is_of(station, db, path)


def _insist_it_is_of(station: str, db: Connection, path: Path) -> None:
    names = [name for (name,) in db.execute("SELECT station FROM about")]
    if len(names) != 1 or not isinstance(found := names[0], str) or not found:
        raise DamagedError(path, "it has lost the name of its station")
    if found != station:
        raise ForeignLogError(
            f"{path} is the log of station {found}, not of {station}",
            hint="Set station.id back, or set store.path in station.toml to a file of its own",
        )
