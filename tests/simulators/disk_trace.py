"""What a program did to a disk, call by call, and what the disk may show when the power goes between two of them.

The calls are those that ``disk_calls.c`` wrote down. A change is certain once it was
synced: what is in a file by fsync of that file, names by fsync of their folder. Of all
that is not, anything may survive: any sectors of 512 bytes of any writes, in any order;
a file may have its new length and not what was written there, zeros or the remains of
another file instead; of new, renamed and deleted names the first few or any. This
model has nothing in common with :mod:`tests.simulators.platter`, so that neither
can hide what the other one forgot.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_HEAD = struct.Struct("<cqqq")
_TRUNCATES, _CREATES = 2, 1


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``what`` is a letter of ``disk_calls.c``, the numbers and the data mean what they do there."""

    what: str
    first: int
    second: int
    data: bytes


def calls(trace: Path) -> list[Call]:
    """All calls in their order; the last one may be cut off where the program was killed."""
    content, at, found = trace.read_bytes(), 0, []
    while at + _HEAD.size <= len(content):
        what, first, second, size = _HEAD.unpack_from(content, at)
        at += _HEAD.size + size
        if at > len(content):
            break
        found.append(Call(what.decode(), first, second, content[at - size : at]))
    return found


@dataclass(eq=False, slots=True)
class _File:
    """What is certain of a file, and what was written or cut off (data None) since."""

    certain: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)


_Names = dict[str, _File | None]
"""What paths name after a change; None for nothing."""


class TracedDisk:
    """Follows the calls one by one; :meth:`survivors` is what may be left if the power goes now."""

    def __init__(self, found: Mapping[str, bytes], *, lies: bool = False) -> None:
        """*found* is what lay there before, by path; a disk that *lies* says that it has synced, and has not."""
        self._lies = lies
        self.sent: list[tuple[int, bytes]] = []
        """What the program told others so far: by file descriptor, 1 being its standard output."""
        self._now = {path: _File(bytearray(content)) for path, content in found.items()}
        self._certain = dict(self._now)
        self._changes: list[_Names] = []  # of names, since their folder was synced
        self._open: dict[int, tuple[str, _File | None]] = {}

    def follow(self, call: Call) -> None:
        """Take note of one call."""
        path = call.data.decode(errors="replace") if call.what in "oud" else ""
        match call.what:
            case "o":
                self._opened(call.first, path, call.second)
            case "c":
                self._open.pop(call.first, None)
            case "w":
                self._file(call.first).pending.append((call.second, call.data))
            case "t":
                self._file(call.first).pending.append((call.second, None))
            case "s":
                self._synced(call.first)
            case "r":
                old, new = call.data.decode().split("\0")
                self._change({new: self._now[old], old: None})
            case "u":
                self._change({path: None})
            case "n":
                self.sent.append((call.first, call.data))

    def _opened(self, handle: int, path: str, how: int) -> None:
        if how & _CREATES:
            self._change({path: _File()})
        file = self._now.get(path)  # None for a folder
        if file and how & _TRUNCATES:
            file.pending.append((0, None))
        self._open[handle] = path, file

    def _file(self, handle: int) -> _File:
        file = self._open[handle][1]
        assert file is not None
        return file

    def _change(self, names: _Names) -> None:
        _apply(names, self._now)
        self._changes.append(names)

    def _synced(self, handle: int) -> None:
        path, file = self._open[handle]
        if self._lies:
            return
        if file:
            file.certain, file.pending = _play(file.certain, file.pending), []
            return
        for names in self._changes:
            if _is_in(path, names):
                _apply(names, self._certain)
        self._changes = [names for names in self._changes if not _is_in(path, names)]

    def survivors(self, rng: random.Random) -> dict[str, bytes]:
        """What may be there after a power cut, by path."""
        names = dict(self._certain)
        for change in self._lucky(rng):
            _apply(change, names)
        return {path: rng.choice((_none, _all, _some, _some, _torn))(file, rng) for path, file in names.items()}

    def _lucky(self, rng: random.Random) -> list[_Names]:
        """The changes of names that survive: the first few, as with a journal, or any."""
        if rng.random() < 0.5:
            return self._changes[: rng.randrange(len(self._changes) + 1)]
        return [change for change in self._changes if rng.random() < 0.5]


def _is_in(folder: str, names: _Names) -> bool:
    return any(path.rpartition("/")[0] == folder for path in names)


def _apply(names: _Names, to: dict[str, _File]) -> None:
    for path, file in names.items():
        if file is None:
            to.pop(path, None)
        else:
            to[path] = file


def _play(content: bytearray, writes: list[tuple[int, bytes | None]]) -> bytearray:
    played = bytearray(content)
    for offset, data in writes:
        if data is None:
            del played[offset:]
        played.extend(bytes(max(0, offset - len(played))))
        if data:
            played[offset : offset + len(data)] = data
    return played


def _none(file: _File, _: random.Random) -> bytes:
    return bytes(file.certain)


def _all(file: _File, _: random.Random) -> bytes:
    return bytes(_play(file.certain, file.pending))


def _torn(file: _File, rng: random.Random) -> bytes:
    """The first few writes, and the beginning of the next one."""
    kept = file.pending[: rng.randrange(len(file.pending) + 1)]
    if kept and (last := kept[-1])[1]:
        kept[-1] = last[0], last[1][: rng.randrange(0, len(last[1]), SECTOR) or None]
    return bytes(_play(file.certain, kept))


def _some(file: _File, rng: random.Random) -> bytes:
    """The length of some moment, and any of the sectors that were written."""
    until = rng.randrange(len(file.pending) + 1)
    size = len(_play(file.certain, file.pending[:until]))
    content = bytearray(file.certain[:size])
    remains = rng.randbytes if rng.random() < 0.5 else bytes
    content.extend(remains(size - len(content)))
    chance = rng.choice((0.1, 0.5, 0.9))
    for offset, data in _sectors(file.pending):
        if offset + len(data) <= size and rng.random() < chance:
            content[offset : offset + len(data)] = data
    return bytes(content)


def _sectors(writes: list[tuple[int, bytes | None]]) -> Iterator[tuple[int, bytes]]:
    for offset, data in writes:
        at = 0
        while data and at < len(data):
            step = SECTOR - (offset + at) % SECTOR
            yield offset + at, data[at : at + step]
            at += step
