"""The log in memory comes home: each of its records once, whatever fails on the way.

A disk that refuses at one operation refuses at all that follow, as real ones do, and
what a failed sync should have made certain is gone for good, as on Linux.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import apsw
import pytest

from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.store.store import Store
from agent.store.verify import verify_log
from agent.store.writer import Writer
from drivers.reading import Stream
from tests.simulators.disk import Disk
from tests.simulators.logbook import open_store, reading

UNSYNCED = ("sync", apsw.SQLITE_IOERR_FSYNC)
FAULTS = {
    "EIO": {"write": apsw.SQLITE_IOERR_WRITE, "sync": apsw.SQLITE_IOERR_FSYNC, "truncate": apsw.SQLITE_IOERR_TRUNCATE},
    "ENOSPC": {"write": apsw.SQLITE_FULL},
    "EIO on sync": {"sync": apsw.SQLITE_IOERR_FSYNC},
}
MOST = 1000


class Dying(Disk):
    """From operation *dies_at* on it fails with *errors*, by the kind of operation; :meth:`heal` ends that."""

    def __init__(self, errors: dict[str, int]) -> None:
        super().__init__("dying", random.Random(1))
        self.forgets = True
        self._errors = errors
        self.dies_at: float = float("inf")

    def step(self, operation: str, path: str) -> None:
        super().step(operation, path)
        if self.operations >= self.dies_at and operation in self._errors:
            raise apsw.exception_for(self._errors[operation])

    def heal(self) -> None:
        """Be well for good."""
        self.fault, self.dies_at = None, float("inf")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place in memory: nothing here waits for a real disk."""
    with TemporaryDirectory(dir="/dev/shm") as place:
        yield Path(place)


def writer(folder: Path) -> Writer:
    """Over a log on the dying disk, with one in memory beside it."""

    def home() -> Store:
        return open_store(folder / "store.db", vfs="dying")

    def refuge() -> Store:
        return open_store(folder / "volatile.db")

    return Writer(home, refuge, folder / "volatile.db")


def append(to: Writer, *numbers: int) -> None:
    to.append([reading(number) for number in numbers], (), {})


def numbers(path: Path) -> list[int]:
    """What the log at *path* holds of all epochs, its chains being whole."""
    with Reader.open(path) as log:
        assert [proof for proof in verify_log(log) if proof.broken] == []
        series = [one for one in log.series() if one.stream is Stream.MEASUREMENT]
        bodies = [json.loads(row.body) for s in series for row in log.walk(s.epoch, s.stream, s.first, s.last)]
    return sorted(round(10 * value) for body in bodies for value in body["values"].values())


def went_home(folder: Path, disk: Dying, at: int, *, killed: bool, cannot_cut: bool) -> bool:
    """A commit fails, records go to memory and home again; there the disk dies at operation *at*, or does not: True.

    Then the process is killed, or lives on, and the disk is well again.
    """
    sick = patch("os.truncate", side_effect=OSError(5, "EIO")) if cannot_cut else nullcontext()
    one = writer(folder)
    one.begin()
    append(one, 0, 1)
    disk.fault = UNSYNCED
    with sick:
        with pytest.raises(StoreError):
            append(one, 2, 3)
        one.take_refuge("the disk is sick")
        disk.heal()
        append(one, 2, 3, 4)
        disk.dies_at = disk.operations + at
        try:
            one.go_home()
        except StoreError:
            append(one, 5)
    is_home = not one.is_volatile
    if killed:
        for store in filter(None, (one._home, one._refuge)):
            store.abandon()
    disk.heal()
    if killed:
        one = writer(folder)
        one.begin()
    elif not is_home:
        one.go_home()
    append(one, *([5, 6] if is_home else [6]))
    one.close()
    return is_home


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("killed", "cannot_cut"),
    [
        pytest.param(True, True, id="killed, and the failed commit stays"),
        pytest.param(False, True, id="the failed commit stays"),
        pytest.param(True, False, id="killed", marks=pytest.mark.soak),
        pytest.param(False, False, id="lives on", marks=pytest.mark.soak),
    ],
)
def test_whatever_fails_on_the_way_home_each_record_is_there_once(
    folder: Path, fault: str, *, killed: bool, cannot_cut: bool
) -> None:
    """A reading that is stored twice is an invented one; one that stays behind is lost with the power."""
    for at in range(1, MOST):
        (folder / str(at)).mkdir()
        with Dying(FAULTS[fault]) as disk:
            is_home = went_home(folder / str(at), disk, at, killed=killed, cannot_cut=cannot_cut)
        assert numbers(folder / str(at) / "store.db") == list(range(7)), f"it died at operation {at}"
        assert not (folder / str(at) / "volatile.db").exists()
        if is_home:
            break
        shutil.rmtree(folder / str(at))
    assert 2 < at < MOST
