"""How old records are when their own clock cannot be trusted.

A PC without a battery boots in the year 2000. What it records until it learns the
time looks decades old a minute later, and must not be deleted for it.
"""

from __future__ import annotations

from agent.store.reader import Reader
from drivers.reading import Stream

UNSYNCED = b'"clock":"unsynced"'
NOT_YET_MS = 1 << 50


def vouched_time(log: Reader, epoch: str, stream: Stream, seq: int) -> int:
    """When record *seq* was made at the latest, in ms.

    That is its own time, where the clock was synchronised; else that of a later
    record that says so, looked for at distances that double; else a time far ahead.
    """
    last, at, stride = log.tip(epoch, stream)[0], seq, 1
    while at <= last:
        rows = log.batch(epoch, stream, at, last, max_records=1)
        if not rows:
            break
        if UNSYNCED not in rows[0].body:
            return rows[0].time_ms
        at, stride = rows[0].seq + stride, stride * 2
    return NOT_YET_MS
