"""Salvage: a damaged log is set aside, what can be read is saved, and what is lost is named."""

import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.store import salvage
from agent.store.cursor import Cursor
from agent.store.errors import DamagedError, ForeignLogError, LockedError, UnreadableError
from agent.store.reader import Reader
from agent.store.record import to_ms
from agent.store.rescue import turn, write_off
from agent.store.salvage import open_log
from agent.store.store import Move, Store, condemn
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.simulators.logbook import NOON, open_store, reading

MEASUREMENT, EVENT = Stream.MEASUREMENT, Stream.EVENT
COUNT = 3000
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed log of 3,000 records in some 400 pages; one uplink has the first 2,000."""
    path = tmp_path / "store.db"
    store = open_store(path)
    store.set_uplinks({"city": "oldest"})
    store.append([reading(n, size=400) for n in range(COUNT)])
    move = Move("city", store.epoch, MEASUREMENT, Cursor(2000).to_json())
    store.append([reading(n, stream=EVENT) for n in range(3)], [move], {"config": "good"})
    store.park("city", store.epoch, MEASUREMENT, 7, 7, "payload_too_large")
    store.close()
    return path


def opened(path: Path, *, patience_s: float = 60, quota: int = 1 << 30) -> Store:
    return open_log(path, station="330100-A01", machine="pc-1", quota=quota, now_ms=to_ms(NOON), patience_s=patience_s)


def spoil(path: Path, *pages: int, start: int = 0) -> None:
    """Overwrite whole pages with noise."""
    content = bytearray(path.read_bytes())
    for page in pages:
        content[page * PAGE + start : (page + 1) * PAGE] = random.Random(page).randbytes(PAGE - start)
    path.write_bytes(content)


def page_of(path: Path, body: bytes) -> int:
    return path.read_bytes().index(body) // PAGE


def kept(store: Store, epoch: str) -> int:
    return sum(last - first + 1 for first, last in store.log.kept(epoch, MEASUREMENT))


def told(store: Store) -> dict[str, dict[str, Any]]:
    rows = (json.loads(row.body) for row in store.log.walk(store.epoch, EVENT, 1, 100))
    return {words["event"]: words["data"] for words in rows}


def asides(path: Path) -> list[Path]:
    return list(path.parent.glob("store.db.damaged-*Z"))


def test_a_whole_log_is_opened_as_it_is(path: Path) -> None:
    """Salvage is for what cannot be opened, not for what looks odd."""
    store = opened(path)
    assert (store.reason, store.last(MEASUREMENT), asides(path)) == (None, COUNT, [])
    store.close()


def test_a_log_without_its_header_is_set_aside_and_its_losses_named(path: Path) -> None:
    """Nothing of it can be read; the mark beside it still knows how much that was."""
    with Reader.open(path) as log:
        old = log.epochs()[0].epoch
    before = path.read_bytes()
    spoil(path, 0)
    store = opened(path)
    assert (store.reason, store.epoch != old) == ("salvaged", True)
    assert store.append([reading(0)])[0].seq == 1
    (aside,) = asides(path)
    assert aside.read_bytes()[PAGE:] == before[PAGE:]
    assert told(store)["log_set_aside"]["aside"] == aside.name
    lost = {(one["epoch"], one["stream"]): (one["first"], one["last"]) for one in told(store)["log_salvaged"]["lost"]}
    assert lost == {(old, "measurement"): (1, COUNT), (old, "event"): (1, 3)}
    store.close()


def test_a_log_that_was_cut_short_is_saved_up_to_the_cut(path: Path) -> None:
    """The file system lost the end of the file: SQLite then refuses every statement."""
    with Reader.open(path) as log:
        old = log.epochs()[0].epoch
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10])
    with pytest.raises(DamagedError):
        open_store(path)
    store = opened(path)
    assert 0.6 * COUNT < kept(store, old) < COUNT
    lost = [one for one in told(store)["log_salvaged"]["lost"] if one["stream"] == "measurement"]
    assert sum(one["last"] - one["first"] + 1 for one in lost) == COUNT - kept(store, old)
    assert [one.broken for one in verify_log(store.log) if one.broken] == []
    store.close()


def test_a_damaged_log_that_could_still_be_opened_is_salvaged_once_writing_failed(path: Path) -> None:
    """Damage inside the tables shows when they are used; who met it condemns the log, and the next start acts."""
    old = Reader.open(path)
    epoch = old.epochs()[0].epoch
    old.close()
    victim = page_of(path, reading(1499, size=400).body(1500))
    spoil(path, victim, victim + 1)
    condemn(path, "database disk image is malformed")

    store = opened(path)
    gone = {(gap.first, gap.last, gap.reason) for gap in store.log.gone(epoch, MEASUREMENT)}
    assert len(gone) <= 2
    assert {reason for _, _, reason in gone} == {"damaged"}
    assert any(first <= 1500 <= last for first, last, _ in gone)
    assert COUNT - 40 < kept(store, epoch) < COUNT
    assert [one.broken for one in verify_log(store.log) if one.broken] == []
    store.close()
    again = opened(path)
    assert (again.reason, len(asides(path))) == (None, 1)
    again.close()


def test_a_log_that_fails_when_it_is_written_is_set_aside_at_the_next_start(path: Path) -> None:
    """It opens without complaint: without a word left behind, the agent would start and fail for ever."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    db = sqlite3.connect(path)
    (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'minute'").fetchone()
    db.close()
    spoil(path, root - 1)
    store = opened(path)
    assert store.reason is None
    with pytest.raises(DamagedError):
        store.append([reading(n) for n in range(100)])
    store.close()
    again = opened(path)
    assert (again.reason, len(asides(path))) == ("salvaged", 1)
    assert kept(again, epoch) == COUNT
    again.append([reading(n) for n in range(100)])
    again.close()


def test_what_was_not_delivered_still_goes_out_under_its_own_epoch(path: Path) -> None:
    """The promise outlives the file: cursors, parked ranges and facts come along."""
    with Reader.open(path) as log:
        epoch, head = log.epochs()[0].epoch, log.series()[0].head
    condemn(path, "malformed")
    store = opened(path)
    assert store.log.cursors()["city", epoch, MEASUREMENT] == Cursor(2000)
    assert (store.fact("config"), store.log.parked()[0].first) == ("good", 7)
    assert store.log.batch(epoch, MEASUREMENT, 2001, 2001)[0].body == reading(2000, size=400).body(2001)
    assert store.log.tip(epoch, MEASUREMENT) == (COUNT, head)
    assert kept(store, epoch) == COUNT
    assert [one.epoch for one in store.log.series()][-1] == store.epoch
    since = to_ms(NOON) + 100 * 5000
    assert [row.seq for _, row in store.log.located(MEASUREMENT, since, since + 15_000)] == [101, 102, 103]
    store.close()


def test_the_undelivered_come_first_and_the_rest_while_the_agent_runs(path: Path) -> None:
    """Twenty gigabytes of history must not keep a station from measuring."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    condemn(path, "malformed")
    store = opened(path, patience_s=0)
    assert store.log.kept(epoch, MEASUREMENT) == [(2001, COUNT)]
    assert "log_salvaged" not in told(store)
    store.append([reading(0)])

    while turn(store):
        assert [one.broken for one in verify_log(store.log) if one.broken] == []
    assert store.log.kept(epoch, MEASUREMENT) == [(1, COUNT)]
    assert told(store)["log_salvaged"]["lost"] == []
    assert store.log.gone(epoch, MEASUREMENT) == []
    store.close()


def test_salvage_goes_on_after_a_restart(path: Path) -> None:
    """A power cut in the middle of it finds a log that knows what is left."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    condemn(path, "malformed")
    opened(path, patience_s=0).close()
    store = opened(path)
    assert kept(store, epoch) == COUNT
    assert store.reason is None
    store.close()


def test_a_log_that_is_damaged_again_in_the_middle_of_it_loses_nothing(path: Path) -> None:
    """What the second one had not yet got is still in the first: both are read."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    for _ in range(2):
        condemn(path, "malformed")
        opened(path, patience_s=0).close()
    store = opened(path)
    assert len(asides(path)) == 2, "although no time has passed by the clock"
    assert kept(store, epoch) == COUNT
    assert told(store)["log_salvaged"]["lost"] == []
    assert [one.broken for one in verify_log(store.log) if one.broken] == []
    store.close()


def test_uplinks_that_the_damage_made_forgotten_get_everything(path: Path) -> None:
    """To a log that knows no uplink a new one would begin now, and what it had not got would never go out."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    db = sqlite3.connect(path)
    roots = db.execute("SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('uplink', 'cursor')").fetchall()
    db.close()
    spoil(path, *(root - 1 for (root,) in roots))
    condemn(path, "malformed")
    store = opened(path)
    assert kept(store, epoch) == COUNT
    store.set_uplinks({"city": "now"})
    assert store.log.cursors().get(("city", epoch, MEASUREMENT), Cursor()) == Cursor()
    store.set_uplinks({"city": "now", "province": "now"})
    assert store.log.cursors()["province", epoch, MEASUREMENT] == Cursor(COUNT)
    store.close()


def test_a_word_left_behind_about_a_log_that_is_gone_is_nothing(path: Path) -> None:
    """Who deleted the damaged log by hand wants a new one."""
    condemn(path, "malformed")
    path.unlink()
    store = opened(path)
    assert (store.last(MEASUREMENT), asides(path)) == (0, [])
    store.close()
    assert opened_again_is_whole(path)


def opened_again_is_whole(path: Path) -> bool:
    store = opened(path)
    store.close()
    return asides(path) == []


def test_what_finds_no_room_stays_in_the_file_that_was_set_aside(path: Path) -> None:
    """The quota holds; what nobody lacks may stay behind, and is named."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    condemn(path, "malformed")
    store = opened(path, quota=2 << 20)
    assert store.log.kept(epoch, MEASUREMENT)[-1][0] >= 2001 or kept(store, epoch) < COUNT
    left = told(store)["log_salvaged"]["left"]
    assert sum(one["last"] - one["first"] + 1 for one in left if one["stream"] == "measurement") == COUNT - kept(
        store, epoch
    )
    assert {gap.reason for gap in store.log.gone(epoch, MEASUREMENT)} == {"set_aside"}
    assert store.append([reading(0)])
    store.close()


class PowerCut(BaseException):
    """Ends the process, as far as the files can tell."""


@pytest.mark.parametrize("after", range(12))
def test_a_power_cut_while_it_is_set_aside_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Between any two steps the next start must find either the old log or the new one, never half of each."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    shutil.copy(path, path.with_name("store.db-wal.keep"))
    path.with_name("store.db-wal").write_bytes(b"")
    condemn(path, "malformed")
    steps = 0

    def stepped(real: Any) -> Any:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            if steps == after:
                raise PowerCut
            steps += 1
            return real(*args, **kwargs)

        return step

    for name in ("rename", "unlink"):
        monkeypatch.setattr(Path, name, stepped(getattr(Path, name)))
    monkeypatch.setattr(salvage, "sync_folder", stepped(salvage.sync_folder))
    try:
        opened(path).close()
    except PowerCut:
        monkeypatch.undo()
    store = opened(path)
    assert kept(store, epoch) == COUNT
    assert [one.broken for one in verify_log(store.log) if one.broken] == []
    assert [found.name for found in path.parent.glob("store.db.new*")] == []
    store.close()


def test_a_file_that_was_never_a_log_is_not_moved_away(tmp_path: Path) -> None:
    """The path is wrong, not the disk."""
    path = tmp_path / "thesis.odt"
    path.write_bytes(b"PK" + bytes(10_000))
    with pytest.raises(ForeignLogError, match="no log of a station"):
        opened(path)
    assert path.read_bytes()[:2] == b"PK"


@pytest.mark.parametrize("content", [b"", bytes(PAGE), b"SQLite format 3\0" + bytes(PAGE - 16)])
def test_what_an_interrupted_first_start_left_is_no_stranger(tmp_path: Path, content: bytes) -> None:
    """It has no table yet, nor a mark beside it; to refuse it would stop the station for good."""
    path = tmp_path / "store.db"
    path.write_bytes(content)
    condemn(path, "malformed")
    store = opened(path)
    assert store.append([reading(0)])[0].seq == 1
    store.close()


def test_a_journal_beside_the_damaged_log_is_not_rolled_back_into_the_new_one(path: Path) -> None:
    """SQLite looks for it by name; it may be years old."""
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
    hot = path.parent / "hot.db"
    db = sqlite3.connect(hot)
    db.executescript("PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (zeroblob(100000));")
    shutil.copy(hot.with_name("hot.db-journal"), path.with_name("store.db-journal"))
    db.close()
    condemn(path, "malformed")
    store = opened(path)
    assert kept(store, epoch) == COUNT
    assert path.with_name(f"{asides(path)[0].name}.journal").exists()
    store.close()


def test_a_damaged_log_is_locked_like_any_other(path: Path) -> None:
    """Two starts at once must not both set it aside."""
    store = opened(path)
    condemn(path, "malformed")
    with pytest.raises(LockedError):
        opened(path)
    store.close()


def test_records_that_cannot_be_read_are_written_off_and_the_log_goes_on(path: Path) -> None:
    """A bad page in the middle of a log that still takes records must not stop delivery in front of it for ever."""
    victim = page_of(path, reading(2499, size=400).body(2500))
    spoil(path, victim)
    store = opened(path)
    with pytest.raises(UnreadableError) as found:
        list(store.log.walk(store.epoch, MEASUREMENT, 2000, COUNT))
    assert 2480 < found.value.seq <= 2500
    (lost,) = write_off(store, store.epoch, MEASUREMENT, found.value.seq, COUNT)
    assert lost[0] == found.value.seq
    assert lost[0] <= 2500 <= lost[1]
    assert lost[1] - lost[0] < 20
    seqs = [row.seq for row in store.log.walk(store.epoch, MEASUREMENT, 2001, COUNT)]
    assert seqs == [seq for seq in range(2001, COUNT + 1) if not lost[0] <= seq <= lost[1]]
    assert store.append([reading(0)])[0].seq == COUNT + 1
    store.close()


@pytest.mark.parametrize("seed", range(25))
def test_a_log_damaged_at_random_always_ends_in_one_that_works(path: Path, seed: int) -> None:
    """Whatever the medium did: the station records again, and nothing saved is wrong without being named."""
    rng = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 3, 30])):
        at = rng.randrange(0, len(content) - PAGE)
        content[at : at + rng.choice([1, 100, PAGE])] = rng.randbytes(rng.choice([1, 100, PAGE]))
    path.write_bytes(content[: rng.choice([len(content), len(content) * 2 // 3])])
    condemn(path, "found by the test")
    store = opened(path)
    assert store.append([reading(0)])[0].seq == 1
    assert list(verify_log(store.log))
    store.close()
