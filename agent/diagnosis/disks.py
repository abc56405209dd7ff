"""The log and the disk under it: what is refused, what is full, and when it will be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago, number, size
from agent.diagnosis.finding import CRITICAL, WARNING, Facts, Finding, Part

SOON_S = 14 * 86_400.0
"""A disk that is full earlier than this is worth a warning today."""

LEAST_AGE_S = 3600.0
"""What a younger log takes is mostly what every log begins with."""

LEAST_FREE = 0.02
"""Of a disk: with less, others on it fill it before we do."""

FULL = "the disk is full"
"""How the log says so."""

MOST_WAITING = 0.8
"""Of the quota: when what an uplink lacks takes more, the log will soon be full."""


def of_log(snapshot: Facts) -> Iterator[Finding]:
    """Whether records reach the disk."""
    store = snapshot["store"]
    if refused := store["refused"]:
        lost = sum(refused["lost"].values())
        part: Part = "disk" if FULL in refused["error"] else "log"
        what = FULL if part == "disk" else refused["error"]
        cause = f"{what}; {store['waiting']['records']} records wait in memory, {lost} are lost"
        yield Finding(CRITICAL, part, "", cause, refused["hint"])
    if store.get("volatile"):
        hint = "Repair the disk; what is in memory moves over"
        yield Finding(CRITICAL, "log", "", "records are kept in memory only", hint)


def of_disk(snapshot: Facts, now_s: float) -> Iterator[Finding]:
    """Whether there will be room next week too."""
    disk, room = snapshot.get("disk"), snapshot.get("room")
    if disk and not snapshot["store"]["refused"]:
        yield from _of_free_space(disk, room, now_s)
    if room:
        yield from _of_waiting(room, snapshot["uplinks"], now_s)


def days_to_full_s(disk: Facts, room: Facts, now_s: float) -> float | None:
    """Seconds until the log has filled the disk, at its pace so far.

    None when its quota is reached before that, or the log is too young to have a pace.
    """
    age_s = now_s - datetime.fromisoformat(room["since"]).timestamp()
    if age_s < LEAST_AGE_S or is_enough(disk, room):
        return None
    per_s: float = room["used"] / age_s
    free: int = disk["free"]
    return free / max(per_s, 1.0)


def is_enough(disk: Facts, room: Facts) -> bool:
    """Whether the log reaches its quota before the disk is full."""
    return bool(disk["free"] > room["quota"] - room["used"])


def _of_free_space(disk: Facts, room: Facts | None, now_s: float) -> Iterator[Finding]:
    hint = f"Free some space on the file system of {disk['folder']}, or lower store.quota"
    left_s = days_to_full_s(disk, room, now_s) if room else None
    if disk["free"] < LEAST_FREE * disk["total"]:
        cause = f"{size(disk['free'])} of {size(disk['total'])} are free in {disk['folder']}"
        yield Finding(WARNING, "disk", "", cause, hint)
    elif left_s is not None and left_s < SOON_S:
        yield Finding(WARNING, "disk", "", f"full in {ago(seconds=left_s)}: {size(disk['free'])} are free", hint)


def _of_waiting(room: Facts, uplinks: list[Facts], now_s: float) -> Iterator[Finding]:
    reach_s = max(now_s - datetime.fromisoformat(room["since"]).timestamp(), 60.0)
    for uplink in uplinks:
        if oldest := uplink["oldest_unsent"]:
            behind_s = now_s - datetime.fromisoformat(oldest).timestamp()
            share = room["used"] / max(room["quota"], 1) * min(behind_s / reach_s, 1.0)
            if share > MOST_WAITING:
                cause = f"what {uplink['name']} lacks fills {number(share * 100)} % of store.quota"
                yield Finding(WARNING, "log", "", cause, "Bring this uplink back, or raise store.quota")
