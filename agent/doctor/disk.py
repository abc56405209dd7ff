"""The disk under the log: mounted to write, with room for more, and a medium that is well."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from agent.amounts import ago, number, size
from agent.diagnosis.disks import SOON_S, days_to_full_s, is_enough, of_disk, of_log
from agent.doctor import medium
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, told, unchecked

MOUNTS = Path("/proc/self/mountinfo")
LEAST_BYTES = 50_000_000
LEAST_SHARE = 0.02
FREE = "Free some space: sudo du -xh --max-depth=2 / | sort -h | tail"


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
    yield from _read_only(folder, found)
    yield from _careless(folder, device)
    yield from _free(case, folder, found)
    yield _inodes(folder, found)
    yield from medium.examine(device)
    if case.turns:
        is_short = found.f_bavail < max(LEAST_BYTES / found.f_frsize, LEAST_SHARE * found.f_blocks)
        by_daemon = [*of_log(case.snapshot), *of_disk(case.snapshot, time.time())]
        yield from (told(one) for one in by_daemon if not (is_short and one.part == "disk"))
        yield from _lasts(case)


def _read_only(folder: Path, found: os.statvfs_result) -> Iterator[Result]:
    if found.f_flag & os.ST_RDONLY:
        means = "no reading is kept; the kernel does so after errors of the medium"
        step = "Look at: sudo dmesg --level=err; findmnt"
        yield bad(str(folder), "the file system is mounted read-only", means, step)


def _careless(folder: Path, device: int) -> Iterator[Result]:
    """Whether errors of the file system are passed over (ext4(5), errors=; proc(5), mountinfo)."""
    place = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text(errors="replace").splitlines():
        fields = line.split()
        if fields[2] == place and "errors=continue" in fields[-1].split(","):
            means = "what is damaged is damaged further, and nobody is told"
            hint = f"Run: sudo mount -o remount,errors=remount-ro {fields[4]}; and change /etc/fstab"
            yield doubtful(str(folder), "errors of the file system are passed over", means, hint)
            return


def _free(case: Case, folder: Path, found: os.statvfs_result) -> Iterator[Result]:
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    if free < LEAST_BYTES:
        waiting = case.snapshot["store"]["waiting"]["records"] if case.turns else 0
        means = f"{number(waiting)} records wait in memory, and are lost with the power"
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


def _lasts(case: Case) -> Iterator[Result]:
    """How long there is room at the pace so far."""
    room, disk = case.snapshot.get("room"), case.snapshot.get("disk")
    if not room:
        return
    left_s = days_to_full_s(disk, room, time.time()) if disk else None
    if left_s is not None and left_s < SOON_S:
        return  # told as a warning
    if left_s is not None:
        yield good("room", f"the disk is full in {ago(seconds=left_s)} at the pace so far, before the quota is reached")
    elif not disk or is_enough(disk, room):
        yield good(
            "room", f"the quota is reached in {ago(seconds=room['lasts_s'])} at the pace so far; then the oldest goes"
        )
