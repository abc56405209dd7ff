"""The disk under the log: mounted to write, with room, without errors, not worn out.

SMART needs root and is left to ``smartctl``; what the kernel counts is open to everybody.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from agent.amounts import ago, number, size
from agent.diagnosis.disks import days_to_full_s, of_disk, of_log
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, told, unchecked

SYS = Path("/sys")
LEAST_BYTES = 50_000_000
LEAST_SHARE = 0.02
WORN = 9
"""Of a flash memory's own estimate of its life, in tenths (JESD84-B51, 7.4.93): 0x0A is 90 to 100 % used."""

FREE = "Free some space: sudo du -xh --max-depth=2 / | sort -h | tail"
SMART = "Save the data, then look closer: sudo smartctl -a /dev/{}"


def examine(case: Case) -> Iterator[Result]:
    """Look at the file system of the log, then at the medium below it, then at what the daemon says."""
    folder = case.paths.store.parent
    try:
        found, device = os.statvfs(folder), folder.stat().st_dev
    except PermissionError:
        yield unchecked(str(folder), "this user may not look there", "Call the doctor with sudo")
        return
    except FileNotFoundError:
        yield unchecked(str(folder), "it is not there yet", "Is it on a disk of its own? Look at: findmnt")
        return
    except OSError as error:
        means = "no reading is kept"
        yield bad(
            str(folder), f"it cannot be looked at: {error.strerror}", means, "Check that the disk is mounted: findmnt"
        )
        return
    yield from _mount(folder, found)
    yield _inodes(folder, found)
    yield from _medium(device)
    if case.turns:
        yield from map(told, of_log(case.snapshot))
        yield from map(told, of_disk(case.snapshot, time.time()))
        yield from _lasts(case)


def _mount(folder: Path, found: os.statvfs_result) -> Iterator[Result]:
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    if found.f_flag & os.ST_RDONLY:
        means = "no reading is kept; the kernel does so after errors of the medium"
        yield bad(
            str(folder), "the file system is mounted read-only", means, "Look at: sudo dmesg --level=err; findmnt"
        )
    if free < LEAST_BYTES:
        means = "records wait in memory, and are lost with the power"
        yield bad(str(folder), f"the disk is full: {size(free)} of {size(total)} are free", means, FREE)
    elif free < LEAST_SHARE * total:
        means = "records soon find no place"
        yield doubtful(str(folder), f"{size(free)} of {size(total)} are free", means, FREE)
    else:
        yield good(str(folder), f"{size(free)} of {size(total)} are free")


def _inodes(folder: Path, found: os.statvfs_result) -> Result:
    if found.f_files and found.f_favail < max(LEAST_SHARE * found.f_files, 1000):
        means = "no new file can be made, though there is room"
        hint = "Find the folder with very many small files: sudo du --inodes -x / | sort -n | tail"
        return doubtful(str(folder), f"only {number(found.f_favail)} files can still be made", means, hint)
    return good(str(folder), "there is room for more files")


def _medium(device: int) -> Iterator[Result]:
    """What the kernel has counted of the partition, and of the disk that it is on."""
    node = SYS / f"dev/block/{os.major(device)}:{os.minor(device)}"
    if not node.exists():
        yield unchecked("medium", "the file system of the log is on no disk of its own that could be looked at")
        return
    partition = node.resolve()
    whole = partition.parent if (partition / "partition").exists() else partition
    wrong = [*_file_system(partition.name), *_requests(whole), *_wear(whole)]
    yield from wrong or [good("medium", f"{whole.name} has no errors that the kernel counts")]


def _file_system(partition: str) -> Iterator[Result]:
    """Errors that ext4 found in itself (kernel: ABI/testing/sysfs-fs-ext4, errors_count)."""
    if errors := _count(SYS / f"fs/ext4/{partition}/errors_count"):
        means = "what is stored may be damaged"
        hint = "Save the data, then check it at the next start: sudo touch /forcefsck"
        yield bad("medium", f"the file system on {partition} has found {errors} errors in itself", means, hint)


def _requests(whole: Path) -> Iterator[Result]:
    """Requests that a SCSI or SATA disk failed (kernel: sysfs attribute ioerr_cnt, hexadecimal)."""
    errors, asked = _count(whole / "device/ioerr_cnt"), _count(whole / "device/iorequest_cnt")
    if errors > 100 and errors > asked / 1000:  # a few come of commands that a disk does not know
        means = "the disk, its cable or its power is failing"
        yield doubtful(
            "medium", f"{whole.name} has failed {errors} of {asked} requests", means, SMART.format(whole.name)
        )


def _wear(whole: Path) -> Iterator[Result]:
    """What an eMMC says of its own life (kernel: mmc-dev-attrs, life_time: two hexadecimal numbers)."""
    used = max((int(word, 16) for word in _text(whole / "device/life_time").split()), default=0)
    if used > WORN:
        means = "it may refuse to be written any day"
        yield bad("medium", f"{whole.name} has used up more than {(used - 1) * 10} % of its life", means, "Replace it")


def _lasts(case: Case) -> Iterator[Result]:
    """How long there is room at the pace so far."""
    room, disk = case.snapshot.get("room"), case.snapshot.get("disk")
    if not room:
        return
    left_s = days_to_full_s(disk, room, time.time()) if disk else None
    if left_s is not None:
        yield good("room", f"the disk is full in {ago(seconds=left_s)} at the pace so far, before the quota is reached")
    else:
        yield good(
            "room", f"the quota is reached in {ago(seconds=room['lasts_s'])} at the pace so far; then the oldest goes"
        )


def _count(file: Path) -> int:
    try:
        return int(_text(file) or "0", 0)
    except ValueError:
        return 0


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
