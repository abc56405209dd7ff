"""The archive: days sealed once, whole or not at all, and nothing twice."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.store import archive as archive_module
from agent.store.archive import Archive
from agent.store.cursor import Cursor
from agent.store.errors import AccessError, LogFullError
from agent.store.record import to_ms
from agent.store.store import Store
from agent.store.verify import Proof, verify_files
from drivers.reading import Stream
from tests.simulators.disk import reading_only
from tests.simulators.logbook import DAY, NOON, open_store, reading

MEASUREMENT, EVENT = Stream.MEASUREMENT, Stream.EVENT
HOUR_S = 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "store.db")
    yield store
    store.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def fill(store: Store, hours: int, start: int = 0, stream: Stream = MEASUREMENT) -> None:
    """One record an hour, from 04:30 on the first day."""
    store.append([reading(start + n, every_s=HOUR_S, stream=stream) for n in range(hours)])


def seal_all(archive: Archive, store: Store, days: float) -> list[str]:
    """Seal what there is to seal so many days after the first record."""
    names = []
    while part := archive.next_slice(store.log, to_ms(NOON + days * DAY)):
        names.append(archive.seal(store.log, part).name)
    return names


def proofs(archive: Archive) -> list[Proof]:
    return list(verify_files([archive.folder]))


def test_a_day_is_sealed_once_it_is_over_one_file_per_stream(archive: Archive, store: Store) -> None:
    """A file that is still growing proves nothing."""
    fill(store, 60)
    fill(store, 3, stream=EVENT)
    epoch = store.epoch
    assert seal_all(archive, store, 0.8) == []
    assert sorted(seal_all(archive, store, 2.4)) == [
        f"2026-11-22_event_{epoch}_1-3.jsonl.gz",
        f"2026-11-22_measurement_{epoch}_1-20.jsonl.gz",
        f"2026-11-23_measurement_{epoch}_21-44.jsonl.gz",
    ]
    assert seal_all(archive, store, 2.4) == []


def test_a_day_waits_a_little_for_late_records(archive: Archive, store: Store) -> None:
    """A record made a second before midnight may be committed a second after."""
    fill(store, 20)
    midnight = timedelta(hours=19, minutes=30)
    assert archive.next_slice(store.log, to_ms(NOON + midnight + timedelta(minutes=9))) is None
    assert archive.next_slice(store.log, to_ms(NOON + midnight + timedelta(minutes=11))) is not None


def test_a_file_says_what_it_holds_and_holds_the_hashed_bytes(archive: Archive, store: Store) -> None:
    """In ten years it must be readable without the log it came from."""
    fill(store, 3)
    head = store.head(MEASUREMENT).hex()
    (name,) = seal_all(archive, store, 5)
    heading, *lines = gzip.decompress((archive.folder / name).read_bytes()).splitlines()
    assert json.loads(heading) == {
        "v": 1,
        "station": "330100-A01",
        "epoch": store.epoch,
        "stream": "measurement",
        "first": 1,
        "prev": store.log.head_at(store.epoch, MEASUREMENT, 0).hex(),  # type: ignore[union-attr]
    }
    assert lines[2] == b'{"head":"%b","record":%b}' % (head.encode(), reading(2, every_s=HOUR_S).body(3))


def test_the_archive_proves_itself_over_all_its_files(archive: Archive, store: Store) -> None:
    """Each file is a link of one chain."""
    fill(store, 100)
    seal_all(archive, store, 10)
    found = proofs(archive)
    assert [(one.first, one.last, one.gone, one.broken) for one in found] == [
        (1, 20, (), None),
        (21, 44, (), None),
        (45, 68, (), None),
        (69, 92, (), None),
        (93, 100, (), None),
    ]
    assert found[-1].head == store.head(MEASUREMENT)


def test_what_was_freed_before_it_was_sealed_is_a_known_gap(archive: Archive, store: Store) -> None:
    """The archive of a log that was full tells what it never got."""
    fill(store, 30)
    store.free(store.epoch, MEASUREMENT, 5, 8)
    seal_all(archive, store, 10)
    assert [(one.first, one.last, one.gone, one.broken) for one in proofs(archive)] == [
        (1, 4, (), None),
        (9, 20, ((5, 8),), None),
        (21, 30, (), None),
    ]


def test_a_clock_that_was_ahead_does_not_block_the_archive(archive: Archive, store: Store) -> None:
    """Records of the year 2030 must not wait until 2030 with all that came after them."""
    fill(store, 10)
    fill(store, 5, start=40_000)
    fill(store, 30, start=10)
    names = seal_all(archive, store, 2.4)
    epoch = store.epoch
    assert names == [
        f"2026-11-22_measurement_{epoch}_1-25.jsonl.gz",
        f"2026-11-23_measurement_{epoch}_26-45.jsonl.gz",
    ]
    assert [one.broken for one in proofs(archive)] == [None, None]


def test_a_clock_that_went_back_makes_a_second_file_of_the_day_not_an_overlap(archive: Archive, store: Store) -> None:
    """What was sealed stays sealed."""
    fill(store, 30)
    assert len(seal_all(archive, store, 5)) == 2
    fill(store, 4, start=2)
    epoch = store.epoch
    assert seal_all(archive, store, 5) == [f"2026-11-22_measurement_{epoch}_31-34.jsonl.gz"]
    assert {(one.first, one.last, one.broken) for one in proofs(archive)} == {
        (1, 20, None),
        (21, 30, None),
        (31, 34, None),
    }


def test_an_epoch_has_files_of_its_own(tmp_path: Path, archive: Archive) -> None:
    """Its chain begins anew."""
    store = open_store(tmp_path / "store.db")
    fill(store, 3)
    store.begin_epoch("restored_image")
    fill(store, 4)
    assert len(seal_all(archive, store, 5)) == 2
    assert [one.broken for one in proofs(archive)] == [None, None]
    store.close()


def test_the_medium_that_refuses_leaves_no_half_file(
    archive: Archive, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated file under its final name would look like a crime."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    fill(store, 3)
    monkeypatch.setattr(archive_module.os, "fsync", refuse)
    with pytest.raises(LogFullError, match="the disk is full"):
        seal_all(archive, store, 5)
    assert list(archive.folder.iterdir()) == []
    monkeypatch.undo()
    assert len(seal_all(archive, store, 5)) == 1


def test_what_a_power_cut_left_half_written_is_removed_and_written_again(archive: Archive, store: Store) -> None:
    """Sealing twice gives the same bytes, so it does not matter how often it is interrupted."""
    fill(store, 3)
    (name,) = seal_all(archive, store, 5)
    content = (archive.folder / name).read_bytes()
    (archive.folder / name).rename(archive.folder / name.replace(".jsonl.gz", ".jsonl.gz.part"))

    again = Archive(archive.folder)
    assert list(again.folder.iterdir()) == []
    assert seal_all(again, store, 5) == [name]
    assert (again.folder / name).read_bytes() == content


def test_it_knows_how_far_it_has_come_by_its_names(archive: Archive, store: Store) -> None:
    """Nothing beside the files themselves could say it wrongly."""
    fill(store, 30)
    seal_all(archive, store, 5)
    (archive.folder / "notes.txt").write_text("of the technician")
    assert Archive(archive.folder).sealed() == {(store.epoch, MEASUREMENT): Cursor(30)}


def test_it_has_an_age_and_a_quota_of_its_own(archive: Archive, store: Store) -> None:
    """Law asks for years, the disk for an end; and what was pruned is not sealed again."""
    fill(store, 24 * 10)
    seal_all(archive, store, 20)
    days = [file.day for file in archive.files()]
    assert len(days) == 11

    now_ms = to_ms(NOON + 12 * DAY)
    assert archive.prune(now_ms, keep_ms=None, quota=None) == []
    aged = archive.prune(now_ms, keep_ms=10 * 86_400_000, quota=None)
    assert [file.day for file in aged] == days[:2]
    size = sum(file.path.stat().st_size for file in archive.files())
    assert [file.day for file in archive.prune(now_ms, keep_ms=None, quota=size - 10)] == [days[2]]
    assert len(archive.prune(now_ms, keep_ms=None, quota=0)) == 7
    assert [file.day for file in archive.files()] == days[-1:]
    assert seal_all(archive, store, 20) == []


def test_an_archive_that_cannot_be_written_is_refused_with_a_hint(tmp_path: Path) -> None:
    """At start, not a day later."""
    with reading_only(tmp_path), pytest.raises(AccessError, match="cannot be written") as refused:
        Archive(tmp_path / "archive")
    assert "chown" in refused.value.hint
