"""Whether a log can prove that it continues, or must begin a new epoch. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping

from agent.store.highwater import Mark
from agent.store.reader import Epoch
from drivers.reading import Stream

CREATED = "created"
SALVAGED = "salvaged"
UNTOLD = "untold"
"""A commit had failed, and what it left was there all the same: that was taken away, with its numbers."""
ELSEWHERE = "another_file_system"
TORN = "torn_wal"
"""The last transaction of the write-ahead file is incomplete: the power went, or the medium lost what it had synced."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_name() -> str:
    """The name of a new epoch: 12 random base32 characters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def why_new(
    epochs: Collection[Epoch],
    machine: str,
    mark: Mark | None,
    last: Mapping[Stream, int],
    head_at: Callable[[Stream, int], bytes | None],
    *,
    torn: bool = False,
) -> str | None:
    """Why the newest of *epochs* cannot go on, or None when it can.

    *last* and *head_at* tell of the newest epoch, *mark* is the high-water mark found beside the log, *torn*
    says that the log may lack its last transaction.
    """
    if not epochs:
        return CREATED if mark is None else "behind_high_water"
    newest = max(epochs, key=lambda epoch: epoch.number)
    if newest.machine != machine:
        return "machine_changed"
    if mark is None or mark.epoch != newest.epoch:
        known = mark is None or any(epoch.epoch == mark.epoch for epoch in epochs)
        return (TORN if torn else None) if known else "behind_high_water"
    if any(last[stream] < seq for stream, (seq, _) in mark.last.items()):
        return "behind_high_water"
    if any(head_at(stream, seq) not in {None, head} for stream, (seq, head) in mark.last.items()):
        return "beside_high_water"
    return TORN if torn else None
