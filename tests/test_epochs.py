"""Epochs: a log that cannot prove that it continues must not number new records like old ones."""

import json
import os
import shutil
from pathlib import Path

import pytest

from agent.store.cursor import Cursor
from agent.store.highwater import HighWater, Mark
from agent.store.reader import Reader
from agent.store.renumber import CHUNK
from agent.store.store import Move, Store
from agent.store.verify import verify_log
from drivers.reading import Stream
from tests.simulators.logbook import open_store, reading

MEASUREMENT = Stream.MEASUREMENT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def filled(path: Path, count: int, **terms: str) -> str:
    """Append *count* readings and close; the epoch they went to."""
    store = open_store(path, **terms)
    store.append([reading(n) for n in range(count)])
    store.close()
    return store.epoch


def reopened(path: Path, **terms: str) -> tuple[str, str | None]:
    store = open_store(path, **terms)
    store.close()
    return store.epoch, store.reason


def test_a_new_log_begins_an_epoch_of_its_own(path: Path, tmp_path: Path) -> None:
    """Two logs of one station must never share the identity of a record."""
    first, reason = reopened(path)
    second, _ = reopened(tmp_path / "other.db")
    assert (reason, len(first), first.isalnum(), first != second) == ("created", 12, True, True)


def test_a_log_that_continues_keeps_its_epoch(path: Path) -> None:
    """A restart is no break, however often."""
    epoch = filled(path, 3)
    assert reopened(path) == (epoch, None)
    assert reopened(path) == (epoch, None)


def test_a_log_put_back_from_an_older_copy_begins_a_new_epoch(path: Path, tmp_path: Path) -> None:
    """Its next records would carry the numbers of ones that were delivered already."""
    old = filled(path, 3)
    shutil.copy(path, tmp_path / "image")
    filled(path, 3)
    shutil.copy(tmp_path / "image", path)

    new, reason = reopened(path)
    assert (new != old, reason) == (True, "behind_high_water")
    assert reopened(path) == (new, None)


def test_a_copy_from_before_the_present_epoch_begins_a_new_one(path: Path, tmp_path: Path) -> None:
    """The mark names an epoch that this copy has never heard of."""
    filled(path, 3)
    shutil.copy(path, tmp_path / "image")
    filled(path, 3, machine="pc-2")
    shutil.copy(tmp_path / "image", path)
    assert reopened(path, machine="pc-2")[1] == "machine_changed"
    shutil.copy(tmp_path / "image", path)
    assert reopened(path)[1] == "behind_high_water"


def test_a_log_that_went_another_way_than_its_mark_begins_a_new_epoch(path: Path) -> None:
    """As many records, but other ones: a copy that was written to elsewhere and came back."""
    epoch = filled(path, 3)
    high = HighWater(path)
    assert high.mark is not None
    high.write(Mark(epoch, {**high.mark.last, MEASUREMENT: (3, bytes(32))}))
    high.close()
    assert reopened(path)[1] == "beside_high_water"


def test_a_log_on_another_machine_begins_a_new_epoch(path: Path) -> None:
    """A cloned PC would otherwise continue the numbers of the first one, beside it."""
    epoch = filled(path, 3)
    new, reason = reopened(path, machine="pc-2")
    assert (new != epoch, reason) == (True, "machine_changed")


def test_a_missing_mark_is_no_reason(path: Path) -> None:
    """Someone tidied up; the log itself has lost nothing."""
    epoch = filled(path, 3)
    path.with_name("store.db.high").unlink()
    assert reopened(path) == (epoch, None)


@pytest.mark.parametrize("cut", [0, 1, 300, 511, 512, 700, 1023])
def test_a_torn_mark_leaves_the_one_before(path: Path, cut: int) -> None:
    """It is written without a sync of its own, so a power cut may tear it."""
    epoch = filled(path, 3)
    mark = path.with_name("store.db.high")
    content = mark.read_bytes()
    assert len(content) == 1024
    mark.write_bytes(content[:cut] + os.urandom(1) + content[cut + 1 :])
    assert HighWater(path).mark is not None
    assert reopened(path) == (epoch, None)


def test_the_mark_is_never_ahead_of_the_log(path: Path) -> None:
    """A mark ahead would break the sequence of a log that lost nothing."""
    store = open_store(path)
    with Reader.open(path) as reader:
        for n in range(20):
            store.append([reading(n)])
            mark = HighWater(path).mark
            assert mark is not None
            assert mark.last[MEASUREMENT] == reader.tip(store.epoch, MEASUREMENT)
    store.close()


def test_an_uplink_may_begin_an_epoch_and_the_old_records_stay(path: Path) -> None:
    """A restored image whose mark came with it is found out by what a broker remembers."""
    store = open_store(path)
    old = store.epoch
    store.append([reading(n) for n in range(3)])

    new = store.begin_epoch("restored_image")
    assert (store.epoch, store.reason, store.last(MEASUREMENT)) == (new, "restored_image", 0)
    assert store.append([reading(9)])[0].seq == 1

    series = [(one.epoch, one.first, one.last) for one in store.log.series() if one.stream is MEASUREMENT]
    assert series == [(old, 1, 3), (new, 1, 1)]
    assert [row.seq for row in store.log.batch(old, MEASUREMENT, 1, 3)] == [1, 2, 3]
    store.close()
    assert reopened(path) == (new, None)


def acknowledged(path: Path) -> str:
    """A log of three readings, the first of which a broker has acknowledged; its epoch."""
    epoch = filled(path, 3)
    store = open_store(path)
    store.set_uplinks({"city": "oldest"})
    store.append([], [Move("city", epoch, MEASUREMENT, Cursor(1).to_json())])
    store.close()
    return epoch


def bodies(log: Reader, epoch: str, stream: Stream = MEASUREMENT) -> list[bytes]:
    """What the records of a series say, but for their number."""
    rows = log.batch(epoch, stream, 1, 1000)
    return [row.body.replace(b'"seq":%d' % row.seq, b'"seq":', 1) for row in rows]


def drafted(*numbers: int) -> list[bytes]:
    return [one.head + one.tail for one in map(reading, numbers)]


def test_what_an_older_copy_numbered_gets_new_numbers(path: Path) -> None:
    """Other records have these numbers at the consumers; the readings must reach them all the same."""
    old = acknowledged(path)
    store = open_store(path)
    store.append([reading(n) for n in range(10, 14)])

    new = store.fork("restored_image")
    assert store.log.kept(old, MEASUREMENT) == [(1, 3)]
    assert store.append([reading(20)])[0].seq == 1
    while store.renumber():
        pass
    assert bodies(store.log, old) == drafted(0, 1, 2)
    assert bodies(store.log, new) == drafted(20, 10, 11, 12, 13)
    assert [(gap.first, gap.last, gap.reason) for gap in store.log.gone(old, MEASUREMENT)] == [(4, 7, "moved")]
    assert [proof for proof in verify_log(store.log) if proof.broken] == []
    (told,) = [json.loads(row.body) for row in store.log.batch(new, Stream.EVENT, 1, 9)]
    assert told["data"] == {"epoch": old, "first": 4, "last": 7, "lost": 0, "stream": "measurement", "to": new}
    store.close()


def test_numbers_are_doubted_back_to_the_last_word_of_a_broker(path: Path) -> None:
    """Offline an older copy may be started many times before it learns what it is; acknowledged numbers are proven."""
    old = acknowledged(path)
    filled(path, 2)
    filled(path, 2)
    store = open_store(path)
    store.fork("restored_image")
    assert store.log.kept(old, MEASUREMENT) == [(1, 3)]
    store.close()


def test_renumbering_goes_on_after_a_restart(path: Path) -> None:
    """A chunk at a time: between two of them the power may go."""
    acknowledged(path)
    store = open_store(path)
    store.append([reading(n) for n in range(10, 10 + 2 * CHUNK)])
    new = store.fork("restored_image")
    assert store.renumber()
    store.close()
    store = open_store(path)
    while store.renumber():
        pass
    assert (store.epoch, store.last(MEASUREMENT)) == (new, 2 * CHUNK)
    assert [proof for proof in verify_log(store.log) if proof.broken] == []
    store.close()


def test_records_of_all_epochs_are_found_by_time(path: Path) -> None:
    """To the technician who looks for yesterday an epoch is no border."""
    filled(path, 3)
    filled(path, 3, machine="pc-2")
    with Reader.open(path) as reader:
        assert [row.seq for _, row in reader.located(MEASUREMENT, 0, 1 << 50)] == [1, 2, 3, 1, 2, 3]
        assert len({epoch for epoch, _ in reader.located(MEASUREMENT, 0, 1 << 50)}) == 2


def test_epochs_tell_when_and_why_they_began(path: Path) -> None:
    """An auditor asks for every break in the sequence."""
    filled(path, 1)
    filled(path, 1, machine="pc-2")
    with Reader.open(path) as reader:
        assert [epoch.reason for epoch in reader.epochs()] == ["created", "machine_changed"]
        assert [epoch.number for epoch in reader.epochs()] == [1, 2]


def test_the_first_head_of_an_epoch_is_its_genesis(path: Path) -> None:
    """Nothing can be put before the first record."""
    store: Store = open_store(path)
    genesis = store.head(MEASUREMENT)
    store.append([reading(0)])
    assert store.log.head_at(store.epoch, MEASUREMENT, 0) == genesis
    store.close()
