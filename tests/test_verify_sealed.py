"""A sealed month: what lies in the cupboard for years is proven, file by file and record by record."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.cli.moments import month
from agent.exporting.seal import rendered, seal_of
from agent.store.archive import Archive
from agent.store.record import draft
from drivers.reading import Stream
from tests.faults.mounts import Mounts
from tests.simulators.logbook import open_store
from tests.simulators.technician import Technician

STATION = '[station]\nid = "330100-A01"\n[store]\npath = "store.db"\n'
OCTOBER = datetime(2025, 10, 31, 23, tzinfo=UTC)


@pytest.fixture
def technician(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Technician:
    """Somebody at a station whose log goes over two ends of months, with a record out of its order at the second."""
    store = open_store(tmp_path / "store.db")
    times = [OCTOBER + timedelta(minutes=10 * n) for n in range(24 * 6 * 32)]
    times[-144], times[-143] = times[-143], times[-144]
    store.append([draft(Stream.MEASUREMENT, at, {"device": "so2", "values": {"so2": n}}) for n, at in enumerate(times)])
    store.append([draft(Stream.EVENT, OCTOBER, {"event": "agent_started"})])
    store.close()
    return Technician(tmp_path, capsys, STATION)


@pytest.fixture
def cupboard(technician: Technician, tmp_path: Path) -> Path:
    """Where November 2025 is sealed."""
    folder = tmp_path / "cupboard"
    assert technician.types("export", "--month", "2025-11", "--seal", str(folder)).code == 0
    return folder


def test_a_month_is_sealed_with_a_file_per_stream_and_a_manifest(cupboard: Path) -> None:
    """The manifest tells an outsider what is there, without our program."""
    manifest = json.loads((cupboard / "2025-11_330100-A01.manifest.json").read_bytes())
    assert sorted(path.name for path in cupboard.iterdir()) == sorted(
        [file["file"] for file in manifest["files"]] + ["2025-11_330100-A01.manifest.json"]
    )
    for file in manifest["files"]:
        content = (cupboard / file["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        headings = sum(b'"first":' in line for line in gzip.decompress(content).splitlines())
        assert len(gzip.decompress(content).splitlines()) == file["records"] + headings
    (measurement,) = manifest["files"]
    assert (measurement["records"], measurement["segments"][0]["first"]) == (30 * 144, 7)


def test_what_was_sealed_is_proven_as_a_whole(technician: Technician, cupboard: Path) -> None:
    """The seal is shown, to be compared with the label."""
    said = technician.types("verify", str(cupboard))
    manifest = json.loads((cupboard / "2025-11_330100-A01.manifest.json").read_bytes())
    assert said.code == 0
    assert f"seal {manifest['seal']}" in said.out
    assert said.out.count("as it was sealed") == 2
    assert technician.types("verify", str(cupboard / "2025-11_330100-A01.manifest.json")).code == 0


def test_one_flipped_byte_anywhere_is_found_and_its_file_named(technician: Technician, cupboard: Path) -> None:
    """Discs rot, and somebody may wish that November had been better."""
    for path in sorted(cupboard.iterdir()):
        whole = path.read_bytes()
        for spot in {0, 9, len(whole) // 2, len(whole) - 2}:  # 9: the operating system in the head of gzip
            path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :])
            said = technician.asks(["verify", str(cupboard)])
            assert said.code == 1, (path, spot)
            assert [one["source"] for one in said.news if one.get("fault")] == [str(path)], (path, spot)
        path.write_bytes(whole)


def test_the_record_that_was_changed_is_named_as_well(technician: Technician, cupboard: Path) -> None:
    """Not only that the disc is bad: which reading."""
    path = cupboard / "2025-11_330100-A01_measurement.jsonl.gz"
    lines = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(lines.replace(b'"so2":1000}', b'"so2":1001}')))
    said = technician.types("verify", str(cupboard))
    assert said.code == 1
    assert "record 1001 breaks the chain: its content was changed" in said.out


def test_a_manifest_made_to_fit_a_forged_file_has_another_seal(technician: Technician, cupboard: Path) -> None:
    """Who can write both can forge both; the label on the disc, and the chain, tell."""
    manifest = cupboard / "2025-11_330100-A01.manifest.json"
    words = json.loads(manifest.read_bytes())
    label = words["seal"]
    path = cupboard / words["files"][0]["file"]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"so2":1000}', b'"so2":1001}')))
    words["files"][0] |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    words["seal"] = seal_of(words)
    manifest.write_bytes(rendered(words))
    said = technician.types("verify", str(cupboard))
    assert (said.code, label in said.out) == (1, False)
    assert "record 1001 breaks the chain" in said.out


def test_a_file_that_is_missing_is_named(technician: Technician, cupboard: Path) -> None:
    """An empty place in the cupboard proves nothing."""
    (cupboard / "2025-11_330100-A01_measurement.jsonl.gz").unlink()
    said = technician.types("verify", str(cupboard))
    assert said.code == 1
    assert "_measurement.jsonl.gz: it cannot be read: No such file" in said.out


def test_months_that_follow_each_other_are_proven_to(technician: Technician, cupboard: Path) -> None:
    """Each month proves itself; only together do they prove that nothing lies between."""
    technician.types("export", "--month", "2025-10", "--seal", str(cupboard))
    proofs = [one for one in technician.asks(["verify", str(cupboard)]).news if one.get("stream") == "measurement"]
    assert [(one["first"], one["last"], one["gone"]) for one in proofs] == [(1, 6, []), (7, 7 + 30 * 144 - 1, [])]


def test_a_month_that_is_no_longer_whole_says_so(technician: Technician, tmp_path: Path) -> None:
    """A cupboard with holes in it that nobody knows of is worse than an empty one."""
    store = open_store(tmp_path / "store.db")
    store.free(store.epoch, Stream.MEASUREMENT, 1, 1000)
    store.close()
    folder = tmp_path / "cupboard"
    said = technician.types("export", "--month", "2025-11", "--seal", str(folder))
    (file,) = json.loads((folder / "2025-11_330100-A01.manifest.json").read_bytes())["files"]
    assert said.code == 1
    assert f"measurement 1 to 1000 of epoch {store.epoch} are in neither log nor archive" in said.out
    assert file["lost"] == [{"epoch": store.epoch, "first": 1, "last": 1000}]


def test_a_stick_that_is_too_small_keeps_nothing_that_looks_whole(technician: Technician, tmp_path: Path) -> None:
    """The first stream fits, the second does not: what is left must not pass for what was sealed."""
    store = open_store(tmp_path / "store.db")
    at = OCTOBER + timedelta(days=3)
    store.append(
        [draft(Stream.EVENT, at, {"event": "note", "data": {"text": os.urandom(200).hex()}}) for _ in range(999)]
    )
    store.close()
    stick = tmp_path / "stick"
    with Mounts() as mounts:
        mounts.tmpfs(stick, "256k")
        command = [sys.executable, "-m", "agent", "--config", str(technician.config), "export"]
        seal = subprocess.run(
            [*mounts.inside, *command, "--month", "2025-11", "--seal", str(stick)],
            capture_output=True,
            text=True,
            check=False,
        )
        left = list(mounts.seen(stick).iterdir())
    assert (seal.returncode, "No space left on device" in seal.stderr, "Traceback" in seal.stderr) == (3, True, False)
    assert left == []


def test_a_stick_that_is_pulled_out_is_said_to_be_gone(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing on it can be removed either; what lies there has no name yet that would make it look whole."""

    def gone(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("agent.exporting.seal.os.fsync", gone)
    monkeypatch.setattr(Path, "unlink", gone)
    said = technician.types("export", "--month", "2025-11", "--seal", str(tmp_path / "stick"))
    assert (said.code, "Input/output error" in said.err) == (3, True)
    assert [path.suffix for path in (tmp_path / "stick").iterdir()] == [".part"]


def test_what_is_sealed_is_not_written_over(technician: Technician, cupboard: Path) -> None:
    """And a month that still goes on is not sealed."""
    again = technician.types("export", "--month", "2025-11", "--seal", str(cupboard))
    assert (again.code, "is sealed in" in again.err) == (1, True)
    empty = technician.types("export", "--month", "2025-08", "--seal", str(cupboard))
    assert (empty.code, "holds no record of 2025-08" in empty.err) == (1, True)
    running = f"{datetime.now(UTC):%Y-%m}"
    assert month(running, UTC).until_ms > datetime.now(UTC).timestamp() * 1000
    assert "is not over" in technician.types("export", "--month", running, "--seal", str(cupboard)).err


def test_a_cupboard_that_cannot_be_written_is_named(technician: Technician, tmp_path: Path) -> None:
    """A stick that is write-protected."""
    (tmp_path / "file").write_text("")
    said = technician.types("export", "--month", "2025-11", "--seal", str(tmp_path / "file"))
    assert (said.code, "cannot be written" in said.err) == (3, True)


def test_a_month_without_its_manifest_and_a_file_that_was_added_are_named(
    technician: Technician, cupboard: Path
) -> None:
    """The chain of a file holds by itself; that it is the sealed one only the manifest tells."""
    measurement = cupboard / "2025-11_330100-A01_measurement.jsonl.gz"
    added = cupboard / "2025-11_330100-A01_event.jsonl.gz"
    added.write_bytes(measurement.read_bytes())
    said = technician.types("verify", str(cupboard))
    assert (said.code, f"{added}: no manifest names it" in said.out) == (1, True)
    added.unlink()
    (cupboard / "2025-11_330100-A01.manifest.json").unlink()
    said = technician.types("verify", str(cupboard))
    assert (said.code, f"{measurement}: no manifest names it" in said.out) == (1, True)


def test_a_month_under_the_name_of_another_is_named(technician: Technician, cupboard: Path) -> None:
    """Whoever wants a good December has a good November at hand."""
    (cupboard / "2025-11_330100-A01.manifest.json").rename(cupboard / "2025-12_330100-A01.manifest.json")
    said = technician.types("verify", str(cupboard))
    assert (said.code, "it was sealed as 2025-11_330100-A01.manifest.json" in said.out) == (1, True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda lines: lines[:99] + lines[100:], "record 105 breaks the chain: it is missing"),
        (lambda lines: [lines[0], *lines[145:289], *lines[1:145], *lines[289:]], "record 7 breaks the chain"),
        (lambda lines: lines[:-1], "it was changed: it has"),
        (lambda lines: lines, "it was changed"),  # packed anew, by another program
    ],
    ids=["a line dropped", "two days swapped", "the last line dropped", "packed anew"],
)
def test_what_was_done_to_the_lines_of_a_month_is_found(
    technician: Technician, cupboard: Path, change: Callable[[list[bytes]], list[bytes]], what: str
) -> None:
    """Each of them with the first thing that is wrong."""
    path = cupboard / "2025-11_330100-A01_measurement.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(change(lines)), compresslevel=1))
    said = technician.types("verify", str(cupboard))
    assert (said.code, what in said.out, f"{path}: it was changed" in said.out) == (1, True, True), said.out


def test_days_of_the_archive_that_changed_places_are_named(technician: Technician, tmp_path: Path) -> None:
    """Each proves itself, and an export finds neither."""
    first, second, *_ = archived(tmp_path)
    aside = first.rename(tmp_path / "aside")
    second.rename(first)
    aside.rename(second)
    said = technician.types("verify", str(tmp_path / "archive"))
    assert said.code == 1
    assert f"{first}: it does not hold what its name says, but measurement 7 to 150 of" in said.out


def test_a_day_that_was_moved_to_the_archive_and_is_gone_is_named(technician: Technician, tmp_path: Path) -> None:
    """The log knows what it has freed; the oldest days may go, one between others may not."""
    files = archived(tmp_path)
    assert technician.types("verify").code == 0
    files[0].unlink()
    assert technician.types("verify").code == 0
    files[2].unlink()
    said = technician.types("verify")
    assert (said.code, f"{tmp_path / 'archive'}: measurement 151 to 294 of" in said.out) == (1, True)


def archived(folder: Path) -> list[Path]:
    """Seal the days of the log, free them, and return the files of the measurements."""
    store = open_store(folder / "store.db")
    archive = Archive(folder / "archive")
    while part := archive.next_slice(store.log, round((OCTOBER + timedelta(days=40)).timestamp() * 1000)):
        archive.seal(store.log, part)
    store.free(store.epoch, Stream.MEASUREMENT, 1, 1000)
    store.close()
    return [file.path for file in archive.files() if file.stream is Stream.MEASUREMENT]
