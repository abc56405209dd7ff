"""Records that the log no longer has, out of the archive for a consumer that asked for them.

A day of the archive is one compressed file that has to be read from its
beginning, which may take seconds: a thread of its own does that, a chunk ahead
of what is sent, so that neither the event loop nor the log's reader waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from agent.store.archive import recall, stretches
from agent.store.cursor import Range
from agent.store.record import Row
from agent.uplink.lanes import Key

CHUNK = 1000
"""Records that are kept in memory."""

Linked = tuple[bytes | None, Row]
"""A record, and the head before it if that is known."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What the archive has of ``key`` from ``first`` to ``last``."""

    key: Key
    first: int
    last: int
    rows: list[Linked]


class Retrieval:
    """Reads the archive in *folder* (None: there is none) for one connection; *ready* is called when a chunk came."""

    def __init__(self, folder: Path | None, ready: Callable[[], None]) -> None:
        self._folder = folder
        self._ready = ready
        self._thread = ThreadPoolExecutor(1, "replay")
        self._stop = threading.Event()
        self._chunk: Chunk | None = None
        self._reading: asyncio.Future[Chunk] | None = None
        self._source: Generator[Linked] | None = None  # the thread's, as is where it stands:
        self._next: tuple[Key, int, int] | None = None

    async def stretches(self, key: Key) -> list[Range]:
        """The seqs that the archive may have of a series. Raises OSError when it cannot be read."""
        if self._folder is None:
            return []
        return await asyncio.get_running_loop().run_in_executor(self._thread, stretches, self._folder, *key)

    def rows(self, key: Key, first: int, last: int) -> list[Linked] | None:
        """Some of the records *first* to *last*, from the lowest that there is; none if there are none.

        None while they are still being read.
        """
        chunk = self._chunk
        if chunk and chunk.key == key and chunk.first <= first <= chunk.last:
            return [linked for linked in chunk.rows if linked[1].seq >= first]
        if self._reading is None and self._folder is not None:
            loop = asyncio.get_running_loop()
            self._reading = loop.run_in_executor(self._thread, self._read, self._folder, key, first, last)
            self._reading.add_done_callback(self._came)
        return None

    def close(self) -> None:
        """End what is being read."""
        self._stop.set()
        if self._reading is not None or self._source is not None:
            self._thread.submit(self._leave)
        self._thread.shutdown(wait=False)

    def _came(self, reading: asyncio.Future[Chunk]) -> None:
        self._reading = None
        if not reading.cancelled():
            self._chunk = reading.result()
            self._ready()

    # In the thread.

    def _read(self, folder: Path, key: Key, first: int, last: int) -> Chunk:
        if self._source is None or self._next != (key, first, last):
            self._leave()
            self._source = recall(folder, *key, first, last, self._stop)
        rows: list[Linked] = []
        with suppress(OSError):  # the folder is gone, and with it what was asked for
            rows.extend(islice(self._source, CHUNK))
        upto = rows[-1][1].seq if len(rows) == CHUNK else last
        self._next = key, upto + 1, last
        return Chunk(key, first, upto, rows)

    def _leave(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()
