"""What the kernel tells everybody of a disk that is about to fail: files as they lie in /sys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.doctor import disk
from agent.doctor.result import Result

DEVICE = os.makedev(8, 1)


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk with one partition, which is the device 8:1, and an ext4 file system on it; the folder of the disk."""
    whole = tmp_path / "devices/block/sda"
    (whole / "device").mkdir(parents=True)
    (whole / "sda1").mkdir()
    (whole / "sda1/partition").write_text("1\n")
    (tmp_path / "dev/block").mkdir(parents=True)
    (tmp_path / "dev/block/8:1").symlink_to(whole / "sda1")
    (tmp_path / "fs/ext4/sda1").mkdir(parents=True)
    (tmp_path / "fs/ext4/sda1/errors_count").write_text("0\n")
    monkeypatch.setattr(disk, "SYS", tmp_path)
    return whole


def found(device: int = DEVICE) -> list[Result]:
    """What the doctor says of the medium."""
    return list(disk._medium(device))


def test_a_disk_without_counted_errors_is_good(whole: Path) -> None:
    """A few requests that a disk does not know are no fault of it."""
    (whole / "device/ioerr_cnt").write_text("0x2\n")
    (whole / "device/iorequest_cnt").write_text("0x1f4a2\n")
    (whole / "device/life_time").write_text("0x01 0x02\n")

    assert [(one.verdict, one.found) for one in found()] == [("good", "sda has no errors that the kernel counts")]


def test_errors_of_the_file_system_of_the_wire_and_of_the_cells_are_told_apart(tmp_path: Path, whole: Path) -> None:
    """The one needs a check, the other a cable, the third a new card."""
    (tmp_path / "fs/ext4/sda1/errors_count").write_text("7\n")
    (whole / "device/ioerr_cnt").write_text("0x400\n")
    (whole / "device/iorequest_cnt").write_text("0x1000\n")
    (whole / "device/life_time").write_text("0x01 0x0a\n")

    assert [(one.verdict, one.found) for one in found()] == [
        ("bad", "the file system on sda1 has found 7 errors in itself"),
        ("doubtful", "sda has failed 1024 of 4096 requests"),
        ("bad", "sda has used up more than 90 % of its life"),
    ]


def test_a_file_system_without_a_disk_is_not_judged(whole: Path) -> None:
    """Memory, network, overlay: there is nothing to look at."""
    assert [one.verdict for one in found(os.makedev(0, 99))] == ["unchecked"]
