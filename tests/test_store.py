"""The log: what is acknowledged is there, what failed left nothing, and one process writes."""

import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from agent.store import lock, schema
from agent.store.cursor import Cursor
from agent.store.errors import (
    AccessError,
    DamagedError,
    ForeignLogError,
    HeldError,
    LockedError,
    LogFullError,
    LogWriteError,
)
from agent.store.reader import Reader
from agent.store.record import draft, event, genesis, next_head, to_ms
from agent.store.sqlite import WAL_LIMIT, translate
from agent.store.store import Move, Store
from drivers.reading import Stream
from tests.simulators.disk import Disk, reading_only
from tests.simulators.logbook import NOON, open_store, reading

MEASUREMENT, EVENT = Stream.MEASUREMENT, Stream.EVENT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may look into; those of pytest are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = open_store(path)
    yield store
    store.close()


def fill(store: Store) -> None:
    while True:
        store.append([reading(n, size=400) for n in range(100)])


def seqs(store: Store, first: int = 1, last: int = 10**6) -> list[int]:
    return [row.seq for row in store.log.walk(store.epoch, MEASUREMENT, first, last)]


def test_records_are_numbered_from_one_without_holes_and_chained(store: Store) -> None:
    """Seq and head are what consumers prove completeness with."""
    stamps = store.append([reading(0), reading(1, stream=EVENT), reading(2)])

    assert [(stamp.stream, stamp.seq) for stamp in stamps] == [(MEASUREMENT, 1), (EVENT, 1), (MEASUREMENT, 2)]
    first = next_head(genesis("330100-A01", store.epoch, MEASUREMENT), reading(0).body(1))
    second = next_head(first, reading(2).body(2))
    assert [stamp.head for stamp in stamps if stamp.stream is MEASUREMENT] == [first, second]
    assert (store.last(MEASUREMENT), store.head(MEASUREMENT)) == (2, second)


def test_the_stored_bytes_are_the_hashed_bytes(store: Store) -> None:
    """A batch splices them in as they are; a second encoding could differ."""
    store.append([reading(7)])
    (row,) = store.log.batch(store.epoch, MEASUREMENT, 1, 1)
    assert row.body == reading(7).body(1)
    assert row.time_ms == to_ms(NOON + timedelta(seconds=35))


def test_what_is_stored_is_there_after_a_restart_and_the_numbers_go_on(path: Path) -> None:
    """The same epoch continues: nobody sees a restart in the sequence."""
    store = open_store(path)
    store.append([reading(0), reading(1)])
    epoch, head = store.epoch, store.head(MEASUREMENT)
    store.close()

    again = open_store(path)
    assert (again.epoch, again.head(MEASUREMENT), again.fresh, again.forks) == (epoch, head, False, {})
    assert again.append([reading(2)])[0].seq == 3
    again.close()


def test_cursors_facts_and_records_share_one_transaction(store: Store) -> None:
    """A cursor costs no commit of its own, and never runs ahead of the records."""
    cursor = Cursor(1)
    store.append([reading(0)], [Move("city", store.epoch, MEASUREMENT, cursor.to_json())], {"config": "a"})
    assert store.log.cursors() == {("city", store.epoch, MEASUREMENT): cursor}
    assert store.fact("config") == "a"
    assert store.fact("never set") is None


def test_sessions_count_up_over_restarts(path: Path) -> None:
    """Consumers tell a restart by it."""
    for expected in (1, 2, 3):
        store = open_store(path)
        assert store.next_session() == expected
        store.close()


def test_a_full_quota_refuses_and_leaves_nothing_behind(path: Path) -> None:
    """Half a group stored would be sent twice, once under each number."""
    store = open_store(path, quota=1 << 20)
    with pytest.raises(LogFullError) as failed:
        fill(store)
    assert (failed.value.limit, "quota of 1 MB" in str(failed.value)) == ("quota", True)
    last, head = store.last(MEASUREMENT), store.head(MEASUREMENT)
    assert seqs(store) == list(range(1, last + 1))

    store.free(store.epoch, MEASUREMENT, 1, 500)
    assert store.append([reading(0)])[0].seq == last + 1
    assert next_head(head, reading(0).body(last + 1)) == store.head(MEASUREMENT)
    store.close()


def test_a_full_log_still_learns_what_was_delivered(path: Path) -> None:
    """Only that can make room again: a cursor that waits for a record to fit would wait for ever."""
    store = open_store(path, quota=1 << 20)
    with pytest.raises(LogFullError):
        fill(store)
    moves = [Move(f"uplink-{n}", store.epoch, MEASUREMENT, Cursor(n + 1).to_json()) for n in range(200)]
    with pytest.raises(LogFullError):
        store.append([reading(n, size=400) for n in range(100)], moves)
    assert len(store.log.cursors()) == 200
    store.set_uplinks({"city": "now"})
    store.park("city", store.epoch, MEASUREMENT, 1, 1, "payload_too_large")
    store.close()

    again = open_store(path, quota=1 << 20, machine="pc-2")
    assert (again.reason, again.next_session()) == ("machine_changed", 1)
    again.close()


def test_a_full_disk_says_so_and_the_log_goes_on_when_there_is_room(path: Path) -> None:
    """The technician must free space, not raise a quota; and nothing may be needed but that."""
    with Disk("full", random.Random(1)) as disk:
        store = open_store(path, vfs=disk.name)
        store.append([reading(0)])
        head = store.head(MEASUREMENT)
        disk.fault = ("write", apsw.SQLITE_FULL)
        with pytest.raises(LogFullError, match="the disk is full") as failed:
            store.append([reading(1)], facts={"not": "kept"})
        assert (failed.value.limit, store.last(MEASUREMENT), store.head(MEASUREMENT)) == ("disk", 1, head)
        disk.fault = None
        assert store.fact("not") is None
        assert store.append([reading(2)])[0].seq == 2
        store.close()


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_failing_disk_stores_nothing_and_says_so(path: Path, operation: str) -> None:
    """What the disk did not confirm keeps waiting, and gets its number when it is stored."""
    with Disk("failing", random.Random(1)) as disk:
        store = open_store(path, vfs=disk.name)
        store.append([reading(0)])
        disk.fault = (operation, apsw.SQLITE_IOERR)
        with pytest.raises(LogWriteError, match="cannot be written"):
            store.append([reading(1)])
        disk.fault = None
        assert store.last(MEASUREMENT) == 1
        assert store.append([reading(2)])[0].seq == 2
        assert seqs(store) == [1, 2]
        store.close()


def test_a_second_writer_is_refused_and_told_who_the_first_is(store: Store, path: Path) -> None:
    """Two writers would give the same seq to two records."""
    with pytest.raises(LockedError, match=f"process {os.getpid()}") as refused:
        open_store(path)
    assert refused.value.pid == os.getpid()
    assert str(os.getpid()) in refused.value.hint


def test_the_lock_dies_with_its_process(path: Path) -> None:
    """After SIGKILL the next start must not need a technician who removes a lock file."""
    code = (
        "import os, signal, sys; from pathlib import Path; from agent.store.store import Store;"
        f"s = Store.open(Path({str(path)!r}), station='330100-A01', machine='pc-1', quota=1 << 30, now_ms=0);"
        "s.set_fact('left', 'behind'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    store = open_store(path)
    assert (store.fact("left"), store.fresh) == ("behind", False)
    store.close()


def test_a_log_of_another_station_is_refused_and_not_touched(path: Path) -> None:
    """A disk that was moved to another PC must not be written on, nor be set aside as damaged."""
    open_store(path).close()
    before = path.read_bytes()
    with pytest.raises(ForeignLogError, match="of station 330100-A01, not of 330100-B02"):
        open_store(path, station="330100-B02")
    assert path.read_bytes() == before


def test_a_log_of_a_newer_schema_is_refused(path: Path) -> None:
    """An older agent after a failed upgrade would write what the newer one cannot read."""
    open_store(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(ForeignLogError, match="its schema is 2, this one knows 1"):
        open_store(path)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    """A wrong store.path must not end in tables among someone else's."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    with pytest.raises(ForeignLogError, match="another program"):
        open_store(path)


def test_a_file_that_is_no_database_is_reported_as_damaged(path: Path) -> None:
    """Whether it is to be set aside is decided by who knows how; here it is only recognised."""
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(DamagedError, match="damaged"):
        open_store(path)


def test_the_wrong_user_is_refused_with_the_right_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that root makes beside the log would lock the daemon out of it."""
    open_store(path).close()
    stranger = os.geteuid() + 1
    monkeypatch.setattr(lock.os, "geteuid", lambda: stranger)
    with pytest.raises(AccessError, match=f"this is user {stranger}") as refused:
        open_store(path)
    assert "sudo -u station-agent" in refused.value.hint


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The commonest mistake in store.path."""
    with pytest.raises(AccessError, match="does not exist"):
        open_store(tmp_path / "nowhere" / "store.db")


def test_the_log_is_written_by_one_thread_only(store: Store) -> None:
    """Two threads would interleave their transactions."""
    store.append([reading(0)])
    raised: list[BaseException] = []

    def intrude() -> None:
        try:
            store.append([reading(1)])
        except AssertionError as error:
            raised.append(error)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert "one thread only" in str(raised[0])


def test_a_batch_keeps_to_its_limits_but_always_moves(store: Store) -> None:
    """A limit smaller than one record must not stop delivery for ever."""
    store.append([reading(n) for n in range(10)])
    size = sum(len(reading(n).body(n + 1)) for n in (2, 3))

    def batch(**limits: int) -> list[int]:
        return [row.seq for row in store.log.batch(store.epoch, MEASUREMENT, 3, 9, **limits)]

    assert batch() == [3, 4, 5, 6, 7, 8, 9]
    assert batch(max_records=2) == [3, 4]
    assert batch(max_bytes=size) == [3, 4]
    assert batch(max_bytes=1) == [3]


def test_a_batch_never_spans_a_gap(store: Store) -> None:
    """Its records must follow from each other, or its two heads prove nothing."""
    store.append([reading(n) for n in range(20)])
    store.free(store.epoch, MEASUREMENT, 5, 9)
    store.free(store.epoch, MEASUREMENT, 15, 16)

    def batch(first: int, last: int) -> list[int]:
        return [row.seq for row in store.log.batch(store.epoch, MEASUREMENT, first, last)]

    assert batch(1, 20) == [1, 2, 3, 4]
    assert batch(5, 20) == [10, 11, 12, 13, 14]
    assert batch(5, 9) == []
    assert seqs(store) == [1, 2, 3, 4, 10, 11, 12, 13, 14, 17, 18, 19, 20]


def test_the_chain_can_be_entered_behind_what_was_freed(store: Store) -> None:
    """The head before the first kept record is kept, or that record could not be proven."""
    stamps = store.append([reading(n) for n in range(10)])
    store.free(store.epoch, MEASUREMENT, 1, 4)
    store.free(store.epoch, MEASUREMENT, 5, 6)

    assert store.log.head_at(store.epoch, MEASUREMENT, 6) == stamps[5].head
    assert store.log.head_at(store.epoch, MEASUREMENT, 4) is None
    assert store.log.kept(store.epoch, MEASUREMENT) == [(7, 10)]
    assert (store.log.extent(store.epoch, MEASUREMENT).first, store.log.extent(store.epoch, MEASUREMENT).last) == (
        7,
        10,
    )


def test_a_series_that_was_freed_whole_goes_on_where_it_was(path: Path) -> None:
    """Its numbers may not begin again."""
    store = open_store(path)
    head = store.append([reading(n) for n in range(5)])[-1].head
    store.free(store.epoch, MEASUREMENT, 1, 5)
    store.close()

    store = open_store(path)
    assert (store.last(MEASUREMENT), store.head(MEASUREMENT), store.fresh) == (5, head, False)
    assert store.append([reading(5)])[0].seq == 6
    assert [row.seq for _, row in store.log.located(MEASUREMENT, 0, 1 << 50)] == [6]
    store.close()


def test_records_are_found_by_time(store: Store) -> None:
    """A technician asks for an hour; a full scan of a year takes minutes."""
    store.append([reading(n, device=("so2", "ozone")[n % 2]) for n in range(100)])
    since, until = to_ms(NOON) + 60_000, to_ms(NOON) + 130_000
    assert [row.seq for _, row in store.log.located(MEASUREMENT, since, until)] == list(range(13, 27))
    assert list(store.log.located(MEASUREMENT, until + 10**7, until + 10**8)) == []


def test_records_are_found_by_time_also_when_the_clock_went_back(store: Store) -> None:
    """After a step the order of storing is not the order of time."""
    times = [*range(50, 100), *range(20, 70), *range(500, 520), *range(60, 110)]
    store.append([reading(n) for n in times])
    store.free(store.epoch, MEASUREMENT, 3, 30)
    for low, high in [(0, 30), (20, 21), (55, 65), (60, 600), (505, 506), (0, 10**6)]:
        since, until = to_ms(NOON) + low * 5000, to_ms(NOON) + high * 5000
        wanted = [seq for seq, n in enumerate(times, 1) if low <= n < high and not 3 <= seq <= 30]
        assert [row.seq for _, row in store.log.located(MEASUREMENT, since, until)] == wanted


def test_a_tail_that_was_tampered_with_is_reported_and_the_log_goes_on(path: Path) -> None:
    """A broken chain is a fact to tell, not a reason to stop recording."""
    store = open_store(path)
    store.append([reading(n) for n in range(20)])
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE measurement_record SET body = replace(body, '1.5', '1.6')")
    db.close()

    store = open_store(path)
    assert (store.forks[MEASUREMENT].seq, store.forks[MEASUREMENT].what) == (16, "its content was changed")
    assert store.append([reading(20)])[0].seq == 21
    store.close()


def test_a_file_system_without_shared_memory_is_refused(path: Path) -> None:
    """A pragma that is not obeyed raises nothing: the log would silently run without its write-ahead file."""
    with pytest.raises(LogWriteError, match="does not support journal_mode = wal"):
        open_store(path, vfs="unix-none")


def test_any_sqlite_tool_reads_the_log_through_its_views(path: Path) -> None:
    """In twenty years this program may be gone; the readings must not be."""
    store = open_store(path)
    store.append(
        [draft(MEASUREMENT, NOON, {"device": "so2", "quality": {"so2": "span_check"}, "values": {"so2": 1.5, "t": 20}})]
    )
    store.append([draft(MEASUREMENT, NOON, {"device": "so2", "quality": {"*": "comm_fault"}, "reason": "no_reply"})])
    head = store.head(MEASUREMENT).hex()
    epoch = store.epoch
    store.close()

    db = sqlite3.connect(path)
    assert db.execute("SELECT epoch, seq, time, head FROM measurement ORDER BY id DESC").fetchone() == (
        epoch, 2, "2026-11-22T04:30:00.000Z", head,
    )  # fmt: skip
    assert db.execute("SELECT seq, device, channel, value, quality FROM measurement_value").fetchall() == [
        (1, "so2", "so2", 1.5, "span_check"),
        (1, "so2", "t", 20, "valid"),
    ]
    assert db.execute("SELECT station FROM about").fetchone() == ("330100-A01",)
    db.close()


def test_a_reader_sees_what_is_committed_and_never_blocks(store: Store, path: Path) -> None:
    """Status and uplinks read while the daemon writes."""
    store.append([reading(0)])
    with Reader.open(path) as reader:
        assert reader.series()[0].last == 1
        rows = reader.walk(store.epoch, MEASUREMENT, 1, 10)
        next(rows)
        store.append([reading(1)])
        assert reader.extent(store.epoch, MEASUREMENT).last == 2
        assert reader.station == "330100-A01"


def test_a_reader_of_an_epoch_that_is_not_known_finds_nothing(store: Store) -> None:
    """A consumer may ask for anything."""
    store.append([reading(0)])
    assert store.log.extent("aaaaaaaaaaaa", MEASUREMENT).last == 0
    assert store.log.batch("aaaaaaaaaaaa", MEASUREMENT, 1, 5) == []


def test_a_log_that_is_not_there_is_named_to_the_reader(path: Path) -> None:
    """A look with the wrong path must not make an empty log there."""
    with pytest.raises(AccessError, match="there is no log"):
        Reader.open(path)
    assert not path.exists()


def test_another_user_reads_a_log_whose_agent_stopped(open_folder: Path) -> None:
    """Cleanly closed, SQLite's helper files are gone, and a reader of the group may not make them."""
    path = open_folder / "store.db"
    store = open_store(path)
    store.append([reading(0)])
    store.close()
    with reading_only(path.parent), Reader.open(path) as reader:
        assert (reader.immutable, reader.series()[0].last) == (True, 1)


def test_another_user_reads_a_log_whose_agent_runs(open_folder: Path) -> None:
    """The same user, while the daemon writes, must see the newest record."""
    path = open_folder / "store.db"
    store = open_store(path)
    store.append([reading(0)])
    with reading_only(path.parent), Reader.open(path) as reader:
        store.append([reading(1)])
        assert (reader.immutable, reader.series()[0].last) == (False, 2)
    store.close()


def test_who_reads_for_long_is_told_that_the_write_ahead_file_grows(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten query in another tool would fill the disk behind the back of the quota."""
    monkeypatch.setattr("agent.store.store._LONG_WAL", 1 << 18)
    store.append([reading(0, size=600)])
    with contextlib.closing(sqlite3.connect(path)) as tool:
        tool.execute("BEGIN")
        tool.execute("SELECT count(*) FROM measurement_record").fetchall()
        store.append([reading(number, size=600) for number in range(1000)])
        with pytest.raises(HeldError, match="another program has been reading the log for long"):
            store.insist_on_short_wal()
    store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    store.insist_on_short_wal()


def test_our_own_readers_let_the_write_ahead_file_be_emptied(store: Store, path: Path) -> None:
    """An export of a month goes on for minutes while 20 instruments write."""
    store.append([reading(number, size=600) for number in range(2000)])
    with Reader.open(path) as ours:
        for row in ours.walk(store.epoch, Stream.MEASUREMENT, 1, 2000):
            store.append([reading(row.seq, size=600)])
    assert path.with_name("store.db-wal").stat().st_size <= WAL_LIMIT


def test_a_log_in_a_closed_folder_is_refused_with_a_hint(open_folder: Path) -> None:
    """Someone outside of the reading group gets a sentence, not a traceback."""
    path = open_folder / "private" / "store.db"
    path.parent.mkdir(mode=0o000)
    with reading_only(open_folder), pytest.raises(AccessError, match="Permission denied"):
        Reader.open(path)


def test_parked_ranges_are_listed_until_they_are_taken_back(store: Store) -> None:
    """What a broker refused for good stays visible."""
    store.append([reading(0)])
    store.park("city", store.epoch, MEASUREMENT, 1, 1, "payload_too_large")
    (parked,) = store.log.parked("city")
    assert (parked.first, parked.last, parked.reason, parked.stream) == (1, 1, "payload_too_large", MEASUREMENT)
    assert store.log.parked("other") == []
    store.unpark("city", store.epoch, MEASUREMENT, 1, 1)
    assert store.log.parked() == []


def test_a_new_uplink_starts_now_or_with_the_oldest(store: Store) -> None:
    """A second broker may want the history, or only what comes."""
    store.append([reading(n) for n in range(5)])
    store.set_uplinks({"city": "now", "province": "oldest"})
    assert store.log.cursors() == {("city", store.epoch, MEASUREMENT): Cursor(5)}
    store.set_uplinks({"city": "oldest", "province": "now"})
    assert store.log.cursors() == {("city", store.epoch, MEASUREMENT): Cursor(5)}


def test_an_uplink_that_comes_back_goes_on_where_it_was(store: Store) -> None:
    """Commented out for an afternoon, it must not lose that afternoon."""
    store.append([reading(n) for n in range(5)])
    store.set_uplinks({"city": "now"})
    store.set_uplinks({})
    assert store.log.uplinks()["city"].removed_ms is not None
    store.append([reading(n) for n in range(5)])
    store.set_uplinks({"city": "now"})
    assert store.log.uplinks()["city"].removed_ms is None
    assert store.log.cursors()["city", store.epoch, MEASUREMENT] == Cursor(5)


FORMAT = (Path(schema.__file__).parent / "LOG-FORMAT.md").read_text()


def test_the_page_on_the_format_shows_queries_that_work(path: Path) -> None:
    """A stranger pastes them; the tables must be the ones it describes."""
    store = open_store(path)
    store.append([reading(n) for n in range(1000)])
    store.append([event("dictionary", NOON, data={"so2": "ug/m3"})])
    store.close()
    db = sqlite3.connect(path)
    queries = [query for block in re.findall("```sql\n(.*?)```", FORMAT, re.DOTALL) for query in block.split(";\n")]
    answers = [db.execute(query).fetchall() for query in queries if query.strip()]
    assert len(answers) == 8
    assert [len(answer) for answer in answers[:3]] == [10, 360, 2]
    for name, kind in db.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"):
        assert f"`{name}`" in FORMAT, f"{kind} {name}"
        if kind == "table" and not name.endswith("_record"):
            row = next(
                line for line in FORMAT.partition("## Tables")[2].splitlines() if line.startswith(f"| `{name}` |")
            )
            for column in db.execute(f"PRAGMA table_info({name})"):
                assert f"`{column[1]}`" in row, (name, column[1])
    db.close()


def test_the_page_on_the_format_shows_a_proof_that_works(path: Path, tmp_path: Path) -> None:
    """Nobody should have to trust our own verify."""
    store = open_store(path)
    store.append([reading(n) for n in range(50)])
    store.free(store.epoch, MEASUREMENT, 1, 20)
    head = store.head(MEASUREMENT).hex()
    store.close()
    (code,) = re.findall("```python\n(.*?)```", FORMAT, re.DOTALL)
    (tmp_path / "check.py").write_text(code)

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "check.py"), str(path), "measurement"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run().stdout == f"(50, '{head}')\n"
    db = sqlite3.connect(path)
    db.execute("UPDATE measurement_record SET body = replace(body, '3.7', '3.8')")
    db.commit()
    db.close()
    assert "record 38 breaks the chain" in run().stderr


def test_an_open_that_sqlite_alone_is_refused_is_the_disks(path: Path) -> None:
    """It has one error for a sick disk, a missing right and a wrong path; it is no use to wait for the last two."""
    open_store(path).close()

    assert isinstance(translate(apsw.CantOpenError("unable to open"), path), LogWriteError)
    assert isinstance(translate(apsw.CantOpenError("unable to open"), path.parent), AccessError)
