"""What the kernel tells everybody of a disk that is about to fail: files as they lie in /sys."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from agent.doctor import disk, medium, smart, system
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
    monkeypatch.setattr(medium, "SYS", tmp_path)
    return whole


def found(device: int = DEVICE) -> list[Result]:
    """What the doctor says of the medium."""
    return [one for one in medium.examine(device) if one.subject == "medium"]


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


def test_a_disk_that_the_kernel_gave_up_and_a_reserve_that_ends_are_told(whole: Path, tmp_path: Path) -> None:
    """Both come without a word in any program until the next write."""
    (tmp_path / "fs/ext4/sda1/errors_count").write_text("1\n")
    (tmp_path / "fs/ext4/sda1/last_error_time").write_text(f"{int(time.time()) - 7200}\n")
    (whole / "device/state").write_text("offline\n")
    (whole / "device/pre_eol_info").write_text("0x02\n")

    assert [(one.verdict, one.found) for one in found()] == [
        ("bad", "the file system on sda1 has found 1 errors in itself, the last 2 h ago"),
        ("bad", "sda is offline"),
        ("doubtful", "sda has used up 80 % of its reserve"),
    ]


def test_the_disks_under_a_volume_are_found(whole: Path, tmp_path: Path) -> None:
    """The log lies on an encrypted volume: the disk below it is what fails."""
    volume = tmp_path / "devices/virtual/block/dm-0"
    (volume / "slaves").mkdir(parents=True)
    (volume / "slaves/sda1").symlink_to(whole / "sda1")
    (tmp_path / "dev/block/253:0").symlink_to(volume)
    (whole / "device/state").write_text("offline\n")

    assert [one.found for one in found(os.makedev(253, 0))] == ["sda is offline"]


def test_a_file_system_that_passes_over_its_errors_is_doubtful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel finds damage, writes a line nobody reads, and goes on writing."""
    lines = (
        "22 1 8:1 / / rw - ext4 /dev/a rw,errors=remount-ro",
        "23 1 8:2 / /data rw - ext4 /dev/b rw,errors=continue",
    )
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(disk, "MOUNTS", tmp_path / "mountinfo")
    (told,) = disk._careless(Path("/data/log"), os.makedev(8, 2))

    assert (told.verdict, told.found) == ("doubtful", "errors of the file system are passed over")
    assert told.hint.startswith("Run: sudo mount -o remount,errors=remount-ro /data;")
    assert list(disk._careless(Path("/log"), DEVICE)) == []


HEALTH = {
    "well": ({"smart_status": {"passed": True}}, [("good", "sda says that it is well")]),
    "failing": ({"smart_status": {"passed": False}}, [("bad", "sda says that it will fail")]),
    "bad sectors": (
        {
            "smart_status": {"passed": True},
            "ata_smart_attributes": {"table": [{"id": 5, "raw": {"value": 8}}, {"id": 197, "raw": {"value": 0}}]},
        },
        [("doubtful", "sda counts bad sectors: replaced 8")],
    ),
    "worn": (
        {
            "smart_status": {"passed": True},
            "nvme_smart_health_information_log": {"percentage_used": 97, "media_errors": 2},
        },
        [("doubtful", "sda has used up 97 % of its life"), ("doubtful", "sda counts 2 errors of its cells")],
    ),
    "a disk without SMART": ({}, [("unchecked", "sda does not say how it does")]),
}


@pytest.mark.parametrize(("said", "told"), HEALTH.values(), ids=HEALTH.keys())
def test_what_a_disk_says_of_itself_is_passed_on(said: dict[str, Any], told: list[tuple[str, str]]) -> None:
    """As smartctl --json of smartmontools 7 gives it; its own verdict comes late, bad sectors come early."""
    assert [(one.verdict, one.found) for one in smart.judged("sda", said)] == told


@pytest.mark.parametrize(
    ("user", "answer", "said"),
    [
        (1000, "", "only root may ask sda for its own health"),
        (0, "", "smartctl is missing, so sda was not asked for its own health"),
        (0, "echo nonsense", "sda does not say how it does"),
        (0, """echo '{"smart_status": {"passed": true}}'""", "sda says that it is well"),
    ],
    ids=["somebody", "without smartctl", "nonsense", "root"],
)
def test_a_disk_is_asked_where_that_is_possible_and_else_it_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, answer: str, said: str
) -> None:
    """A disk that was not asked is not a disk that is well."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(system, "SEARCH", ())
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if answer else str(tmp_path))
    if answer:
        (tmp_path / "smartctl").write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / "smartctl").chmod(0o755)
    (told,) = smart.examine("sda")

    assert told.found == said
    assert told.hint or told.verdict == "good"
    assert list(smart.examine("mmcblk0")) == [], "a card knows no SMART"


def test_a_file_system_without_a_disk_is_not_judged(whole: Path) -> None:
    """Memory, network, overlay: there is nothing to look at."""
    assert [one.verdict for one in found(os.makedev(0, 99))] == ["unchecked"]
