"""Verify: one changed byte anywhere is found, and the record is named."""

import contextlib
import gzip
import io
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.errors import AccessError, StoreError
from agent.store.lines import Heading, write
from agent.store.reader import Reader
from agent.store.record import next_head, to_ms
from agent.store.verify import Proof, verify_files, verify_log
from drivers.reading import Stream
from tests.simulators.logbook import NOON, open_store, reading

MEASUREMENT, EVENT = Stream.MEASUREMENT, Stream.EVENT
COUNT = 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed log of 40 measurements and some events, two records to a page."""
    path = tmp_path / "store.db"
    store = open_store(path)
    store.append([reading(n, size=1500) for n in range(COUNT)])
    store.append([reading(n, stream=EVENT) for n in range(3)])
    store.close()
    return path


def proofs(path: Path) -> list[Proof]:
    with Reader.open(path) as log:
        return list(verify_log(log))


def broken(path: Path, stream: Stream = MEASUREMENT) -> tuple[int, str] | None:
    (proof,) = [one for one in proofs(path) if one.stream is stream]
    return (proof.broken.seq, proof.broken.what) if proof.broken else None


def change(path: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(path)
    db.execute(statement, values)
    db.commit()
    db.close()


def test_a_whole_log_is_proven_to_its_last_head(path: Path) -> None:
    """What is printed is what a consumer can compare with the head it holds."""
    found = {one.stream: one for one in proofs(path)}
    assert [(one.first, one.last, one.broken) for one in found.values()] == [
        (1, 40, None), (1, 0, None), (1, 3, None), (1, 0, None)
    ]  # fmt: skip
    with Reader.open(path) as log:
        assert found[MEASUREMENT].head == log.series()[0].head


CHANGES = [
    ("UPDATE measurement_record SET body = replace(body, '1.7', '1.8')", 18, "its content was changed"),
    ("UPDATE measurement_record SET head = zeroblob(32) WHERE id & 255 = 18", 18, "its head was changed"),
    ("UPDATE measurement_record SET head = zeroblob(32) WHERE id & 255 = 40", 40, "content or its head was changed"),
    ("UPDATE measurement_record SET time = time + 1 WHERE id & 255 = 18", 18, "the time kept beside it"),
    ("UPDATE measurement_record SET time = 1 << 62 WHERE id & 255 = 18", 18, "ms after 1970"),
    ("DELETE FROM measurement_record WHERE id & 255 = 18", 18, "the next record there is number 19"),
    ("DELETE FROM measurement_record WHERE id & 255 = 1", 1, "it is missing"),
    ("DELETE FROM measurement_record WHERE id & 255 > 37", 38, "the log had come to number 40"),
    ("UPDATE measurement_record SET id = id + 100 WHERE id & 255 = 40", 40, "it is missing"),
]


@pytest.mark.parametrize(("statement", "seq", "what"), CHANGES)
def test_whatever_was_done_with_sql_is_named(path: Path, statement: str, seq: int, what: str) -> None:
    """Anyone with the file can edit it; nobody can do so unseen."""
    change(path, statement)
    assert broken(path) is not None
    found, why = broken(path) or (0, "")
    assert (found, what in why) == (seq, True)


def test_a_record_that_was_rehashed_breaks_the_next_one(path: Path) -> None:
    """A forger who recomputes one head must recompute all that follow, up to one that a consumer holds."""
    with Reader.open(path) as log:
        forged = reading(99).body(18)
        before = log.head_at(log.epochs()[0].epoch, MEASUREMENT, 17)
        assert before is not None
        head = next_head(before, forged)
        time_ms = to_ms(NOON) + 99 * 5000
    change(
        path,
        "UPDATE measurement_record SET body = ?, head = ?, time = ? WHERE id & 255 = 18",
        forged.decode(), head, time_ms,
    )  # fmt: skip
    assert broken(path) == (19, "its content was changed")


def test_one_flipped_byte_anywhere_in_a_record_is_found_and_named(path: Path, tmp_path: Path) -> None:
    """The medium lies more often than people do: SQLite itself notices nothing of this."""
    content = path.read_bytes()
    body = reading(17, size=1500).body(18)
    with Reader.open(path) as log:
        head = log.head_at(log.epochs()[0].epoch, MEASUREMENT, 18)
    assert head is not None
    start = content.index(body)
    assert content[start - len(head) : start] == head
    spots = [*range(start - len(head) - 20, start + 100), *random.Random(5).sample(range(start, start + len(body)), 60)]

    victim = tmp_path / "flipped.db"
    missed = []
    for spot in spots:
        victim.write_bytes(content[:spot] + bytes([content[spot] ^ (1 << spot % 8)]) + content[spot + 1 :])
        if (broken(victim) or (0, ""))[0] != 18:
            missed.append((spot - start, broken(victim)))
    assert missed == []


@pytest.mark.parametrize("seed", range(30))
def test_a_log_damaged_anywhere_is_reported_or_proven_never_a_crash(path: Path, tmp_path: Path, seed: int) -> None:
    """A technician verifies because something looks wrong; a traceback tells nothing."""
    rng = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 10, 4000])):
        content[rng.randrange(100, len(content))] = rng.randrange(256)
    victim = tmp_path / "damaged.db"
    victim.write_bytes(content)
    with contextlib.suppress(StoreError):
        assert all(str(proof) for proof in proofs(victim))


def test_what_is_known_to_be_gone_is_told_and_not_held_against_the_log(path: Path) -> None:
    """Deletion by the rules is no tampering."""
    store = open_store(path)
    store.free(store.epoch, MEASUREMENT, 1, 10)
    store.free(store.epoch, MEASUREMENT, 20, 21)
    store.close()
    (proof,) = [one for one in proofs(path) if one.stream is MEASUREMENT]
    assert (proof.first, proof.last, proof.gone, proof.broken) == (11, 40, ((1, 10), (20, 21)), None)


def test_a_change_right_behind_a_gap_is_found(path: Path) -> None:
    """The head before the first kept record is part of the proof."""
    store = open_store(path)
    store.free(store.epoch, MEASUREMENT, 1, 10)
    store.close()
    change(path, "UPDATE measurement_record SET body = replace(body, '\"so2\":1}', '\"so2\":2}') WHERE id & 255 = 11")
    assert broken(path) == (11, "its content was changed")


# The same for files.


@pytest.fixture
def export(path: Path, tmp_path: Path) -> Iterator[Path]:
    """Records 11 to 40 as a text file."""
    file = tmp_path / "export.jsonl"
    with Reader.open(path) as log, file.open("wb") as out:
        epoch = log.epochs()[0].epoch
        heading = Heading(log.station, epoch, MEASUREMENT, 11, log.head_at(epoch, MEASUREMENT, 10))
        write(out, heading, log.walk(epoch, MEASUREMENT, 11, 40))
    return file


def test_an_export_is_proven_by_itself(export: Path) -> None:
    """It is what an auditor gets."""
    (proof,) = verify_files([export])
    assert (proof.first, proof.last, proof.broken) == (11, 40, None)


def test_one_flipped_byte_in_an_export_is_found_and_named(export: Path, tmp_path: Path) -> None:
    """Every byte, heads and frame included."""
    lines = export.read_bytes().splitlines(keepends=True)
    line = lines[8]
    victim = tmp_path / "victim.jsonl"
    for spot in [*range(250), *range(len(line) - 80, len(line))]:
        flipped = line[:spot] + bytes([line[spot] ^ 1 << spot % 7]) + line[spot + 1 :]
        victim.write_bytes(b"".join([*lines[:8], flipped, *lines[9:]]))
        (first, *_) = verify_files([victim])
        assert first.broken is not None, spot
        assert first.broken.seq == 18, (spot, first.broken)


@pytest.mark.parametrize("drop", [1, 8, 30])
def test_a_line_that_was_dropped_from_an_export_is_named(export: Path, drop: int) -> None:
    """Cutting the bad hour out is the oldest trick."""
    lines = export.read_bytes().splitlines(keepends=True)
    del lines[drop]
    export.write_bytes(b"".join(lines))
    (proof,) = verify_files([export])
    assert (proof.broken is None, proof.last) == (drop == 30, 39 if drop == 30 else drop + 9)


def test_a_compressed_file_that_is_cut_short_is_named(export: Path) -> None:
    """A disk that was full while someone copied."""
    packed = gzip.compress(export.read_bytes())
    export.write_bytes(packed[: len(packed) * 3 // 4])
    (proof,) = verify_files([export])
    assert proof.broken is not None
    assert "compressed data is damaged" in proof.broken.what


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"head":"00"}\n', b"\x1f\x8bnonsense", b"{}\n"])
def test_a_file_of_another_kind_is_told_apart(tmp_path: Path, content: bytes) -> None:
    """A wrong path is the commonest mistake."""
    file = tmp_path / "other"
    file.write_bytes(content)
    (proof,) = verify_files([file])
    assert proof.broken is not None
    assert "no archive or export" in str(proof)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(AccessError, match="nowhere"):
        list(verify_files([tmp_path / "nowhere"]))


def test_a_file_replaced_by_another_one_of_the_same_length_does_not_fit(path: Path, tmp_path: Path) -> None:
    """Each file proves itself; only together do they prove that none was exchanged."""
    mine, forged = tmp_path / "mine", tmp_path / "forged"
    other = open_store(tmp_path / "other.db")
    other.append([reading(n + 1) for n in range(20)])
    with Reader.open(path) as log:
        epoch = log.epochs()[0].epoch
        for name, first in (("2026-11-22_m_x_1-10.jsonl.gz", 1), ("2026-11-23_m_x_11-20.jsonl.gz", 11)):
            mine.mkdir(exist_ok=True)
            _write(mine / name, log, epoch, epoch, first)
        shutil.copytree(mine, forged)
        _write(forged / name, other.log, other.epoch, epoch, 11)
    other.close()
    assert [one.broken for one in verify_files([mine])] == [None, None]
    assert [one.broken and one.broken.seq for one in verify_files([forged])] == [None, 11]


def _write(path: Path, log: Reader, epoch: str, claimed: str, first: int) -> None:
    out = io.BytesIO()
    heading = Heading(log.station, claimed, MEASUREMENT, first, log.head_at(epoch, MEASUREMENT, first - 1))
    write(out, heading, log.walk(epoch, MEASUREMENT, first, first + 9))
    path.write_bytes(gzip.compress(out.getvalue()))
