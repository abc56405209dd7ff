"""The medium under a file system: errors that the kernel has counted, wear that a flash memory admits.

All of it lies in /sys, open to everybody; what a disk says of itself is asked by
:mod:`agent.doctor.smart`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from agent.amounts import ago
from agent.doctor import smart
from agent.doctor.result import Result, bad, doubtful, good, unchecked

SYS = Path("/sys")
WORN = 9
"""Of a flash memory's own estimate of its life, in tenths (JESD84-B51, 7.4.93): 0x0A is 90 to 100 % used, 0x0B more."""

SPARE = {2: 80, 3: 90}
"""What share of a flash memory's reserve is used up, in percent (JESD84-B51, 7.4.92, PRE_EOL_INFO)."""

AT_WORK = ("", "running", "live")
"""What a disk that works says as its state: SCSI and SATA, NVMe; others say nothing."""

SMART = "Save the data, then look closer: sudo smartctl -a /dev/{}"
REPLACE = "Save the data and replace it"


def examine(device: int) -> Iterator[Result]:
    """What is known of the partition *device*, and of the disks that it is on."""
    node = SYS / f"dev/block/{os.major(device)}:{os.minor(device)}"
    if not node.exists():
        yield unchecked("medium", "the file system of the log is on no disk of its own that could be looked at")
        return
    partition = node.resolve()
    wrong = list(_file_system(partition.name))
    for whole in _disks(partition):
        wrong += [*_state(whole), *_requests(whole), *_wear(whole), *smart.examine(whole.name)]
    yield from wrong
    if all(result.verdict in ("good", "unchecked") for result in wrong):
        names = ", ".join(whole.name for whole in _disks(partition))
        yield good("medium", f"{names} has no errors that the kernel counts")


def _disks(node: Path) -> list[Path]:
    """The disks under *node*, also through encryption, RAID and volumes (kernel: sysfs-block, ``slaves``)."""
    below = sorted((node / "slaves").glob("*"))
    if below:
        return [disk for one in below for disk in _disks(one.resolve())]
    return [node.parent if (node / "partition").exists() else node]


def _file_system(partition: str) -> Iterator[Result]:
    """Errors that ext4 found in itself (kernel: ABI/testing/sysfs-fs-ext4)."""
    folder = SYS / f"fs/ext4/{partition}"
    if errors := _count(folder / "errors_count"):
        found = f"the file system on {partition} has found {errors} errors in itself"
        if last_s := _count(folder / "last_error_time"):
            found = f"{found}, the last {ago(seconds=max(time.time() - last_s, 0.0))} ago"
        hint = "Save the data, then check it at the next start: sudo touch /forcefsck"
        yield bad("medium", found, "what is stored may be damaged", hint)


def _state(whole: Path) -> Iterator[Result]:
    """Whether the kernel has given the disk up (kernel: scsi_device state, nvme state)."""
    state = _text(whole / "device/state")
    if state not in AT_WORK:
        means = "the kernel has given it up: nothing is read or written"
        yield bad("medium", f"{whole.name} is {state}", means, "Check its cable and its power; then: sudo reboot")


def _requests(whole: Path) -> Iterator[Result]:
    """Requests that a SCSI or SATA disk failed (kernel: sysfs attribute ioerr_cnt, hexadecimal)."""
    errors, asked = _count(whole / "device/ioerr_cnt"), _count(whole / "device/iorequest_cnt")
    if errors > 100 and errors > asked / 1000:  # a few come of commands that a disk does not know
        means = "the disk, its cable or its power is failing"
        found = f"{whole.name} has failed {errors} of {asked} requests"
        yield doubtful("medium", found, means, SMART.format(whole.name))


def _wear(whole: Path) -> Iterator[Result]:
    """What an eMMC says of its own life (kernel: mmc-dev-attrs, life_time: two hexadecimal numbers; pre_eol_info)."""
    used = max((int(word, 16) for word in _text(whole / "device/life_time").split()), default=0)
    if used > WORN:
        means = "it may refuse to be written any day"
        yield bad("medium", f"{whole.name} has used up more than {(used - 1) * 10} % of its life", means, REPLACE)
    if spare := SPARE.get(_count(whole / "device/pre_eol_info")):
        means = "when it is used up, nothing can be written any more"
        yield doubtful("medium", f"{whole.name} has used up {spare} % of its reserve", means, REPLACE)


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
