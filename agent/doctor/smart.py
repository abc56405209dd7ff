"""What a disk says of its own health (SMART), as smartctl of smartmontools passes it on; only root may ask."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from agent.doctor.result import Result, bad, doubtful, good, unchecked
from agent.doctor.system import ask

ASK_S = 10.0
DISKS = ("sd", "nvme")
"""How disks are called that know SMART; flash cards and disks of virtual machines know none."""

SECTORS = {5: "replaced", 197: "unreadable", 198: "uncorrectable"}
"""Attributes of ATA disks that count bad sectors, by number: Reallocated, Current Pending, Offline Uncorrectable."""

WORN = 90
"""Percent of an NVMe disk's life, as it estimates it (NVM Express Base Specification, SMART / Health Information)."""

REPLACE = "Save the data and replace it: sudo smartctl -a /dev/{}"


def examine(disk: str) -> Iterator[Result]:
    """Ask *disk*, such as ``sda``, when this user may and the program is there."""
    if not disk.startswith(DISKS):
        return
    if os.geteuid():
        yield unchecked("SMART", f"only root may ask {disk} for its own health", "Run: sudo station-agent doctor")
        return
    answer = ask(("smartctl", "--json", "-H", "-A", f"/dev/{disk}"), ASK_S)
    if answer is None:
        hint = f"When there is a network: sudo apt-get install smartmontools; sudo smartctl -a /dev/{disk}"
        yield unchecked("SMART", f"smartctl is missing, so {disk} was not asked for its own health", hint)
        return
    try:
        said = json.loads(answer.stdout)
    except ValueError:
        said = {}
    yield from judged(disk, said)


def judged(disk: str, said: dict[str, Any]) -> Iterator[Result]:
    """What the JSON of smartctl *said* means."""
    passed = said.get("smart_status", {}).get("passed")
    if passed is None:
        yield unchecked("SMART", f"{disk} does not say how it does", f"Look at: sudo smartctl -a /dev/{disk}")
        return
    if not passed:
        yield bad("SMART", f"{disk} says that it will fail", "it may stop any day", REPLACE.format(disk))
    doubts = [*_sectors(disk, said), *_wear(disk, said)]
    yield from doubts
    if passed and not doubts:
        yield good("SMART", f"{disk} says that it is well")


def _sectors(disk: str, said: dict[str, Any]) -> Iterator[Result]:
    table = said.get("ata_smart_attributes", {}).get("table", ())
    counts = {SECTORS[row["id"]]: row["raw"]["value"] for row in table if row.get("id") in SECTORS}
    if told := ", ".join(f"{what} {count}" for what, count in counts.items() if count):
        means = "its surface or cells are failing"
        yield doubtful("SMART", f"{disk} counts bad sectors: {told}", means, REPLACE.format(disk))


def _wear(disk: str, said: dict[str, Any]) -> Iterator[Result]:
    log = said.get("nvme_smart_health_information_log", {})
    if (used := log.get("percentage_used", 0)) >= WORN:
        means = "it may refuse to be written any day"
        yield doubtful("SMART", f"{disk} has used up {used} % of its life", means, REPLACE.format(disk))
    if errors := log.get("media_errors", 0):
        yield doubtful("SMART", f"{disk} counts {errors} errors of its cells", "it is failing", REPLACE.format(disk))
