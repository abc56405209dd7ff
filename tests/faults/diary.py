"""Lives of a log in a process of its own, which tells after each act what it was told is stored.

`python -m tests.faults.diary FOLDER SEED ACTS` does what the lives of :mod:`tests.faults.cuts`
do, on a real file system and with nothing between the log and the system. Every line of its
output is what is new in its books, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from unittest.mock import patch

from agent.store.errors import LogFullError
from agent.store.salvage import condemn
from agent.store.store import Store
from drivers.reading import Stream
from tests.faults.cuts import CONDEMNED, Books, Lives, let_go


class Diarist(Lives):
    """Lives until it has done *acts*, and says after each what it may rely on."""

    def live_for(self, acts: int) -> None:
        self._left = acts
        while self._left > 0:
            if not self._restored and self._rng.random() < CONDEMNED and self._path.exists():
                condemn(self._path, "found by the test")
            store = self._open(machine=self._rng.choice(["a", "a", "b"]))
            store.connection.pragma("wal_autocheckpoint", 8)
            store.connection.pragma("synchronous", self._synchronous)
            try:
                self._work(store)
                store.close()
            except LogFullError:
                let_go(store)

    def _append(self, store: Store) -> None:
        before = set(self._books.told)
        super()._append(store)
        books = self._books
        self._left -= 1
        told = [
            [*name, head.hex(), books.contents[name].hex()] for name, head in books.told.items() if name not in before
        ]
        upto = [[*series, seq] for series, seq in books.acknowledged.items()]
        print(json.dumps({"told": told, "upto": upto, "fact": books.fact, "sealed": books.sealed}), flush=True)


def books_of(diary: bytes) -> Books:
    """The books as they stood when *diary* ended; a line that is not whole was not told."""
    books = Books()
    for line in diary.split(b"\n")[:-1]:
        words = json.loads(line)
        for epoch, stream, seq, head, content in words["told"]:
            name = epoch, Stream(stream), seq
            books.told[name], books.contents[name] = bytes.fromhex(head), bytes.fromhex(content)
        books.acknowledged = {(epoch, Stream(stream)): seq for epoch, stream, seq in words["upto"]}
        books.fact, books.sealed = words["fact"], words["sealed"]
    books.names.note(books.told)
    return books


if __name__ == "__main__":
    dice = random.Random(int(sys.argv[2]))
    with patch("agent.store.highwater._SYNC_EVERY_S", dice.choice([0.0, 1e9])):
        Diarist.found(Path(sys.argv[1]), dice, synchronous=os.environ.get("SYNCHRONOUS", "FULL")).live_for(
            int(sys.argv[3])
        )
