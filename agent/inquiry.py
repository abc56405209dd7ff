"""Questions to the log: one thread, one connection.

While records go to memory because the disk refuses them, the log on disk is asked
too, as long as it can be read: it holds what some broker still lacks. It is opened
for each question anew, so that the disk can be unmounted and mended meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from agent.store.behind import Layered
from agent.store.errors import DamagedError, StoreError
from agent.store.reader import Reader
from agent.store.store import Store

T = TypeVar("T")

APART_S = 30.0
"""A log on disk that could not be read is left alone for so long."""


class Place(NamedTuple):
    """Where records are: at ``path``, which ``store`` writes, and in the log ``behind`` it that cannot be written."""

    store: Store | None
    path: Path
    behind: Path | None
    can_be_read: bool  # the log behind, as far as is known


class Inquiry:
    """The thread that reads."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "log-reader")
        self._reader: Layered | None = None
        self._store: Store | None = None  # that the connection was opened for
        self._shut_until_s = float("-inf")  # monotonic

    async def put(self, question: Callable[[Reader], T], place: Place) -> T:
        """Ask the log at *place*; raises StoreError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question, place)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget)
        self._thread.shutdown()

    # From here on: in the thread.

    def _ask(self, question: Callable[[Reader], T], place: Place) -> T:
        """Ask with the connection that there is; damage is believed only from a new one."""
        try:
            return self._ask_once(question, place)
        except DamagedError:
            self._forget()
            return self._ask_once(question, place)

    def _ask_once(self, question: Callable[[Reader], T], place: Place) -> T:
        reader = self._open(place.store, place.path)
        reader.behind, reader.hidden = None, place.behind
        if place.behind is None or not place.can_be_read or time.monotonic() < self._shut_until_s:
            return question(reader)
        try:
            with Reader.open(place.behind) as reader.behind:
                return question(reader)
        except StoreError:
            self._shut_until_s = time.monotonic() + APART_S
            reader.behind = None
            return question(reader)

    def _open(self, store: Store | None, path: Path) -> Layered:
        if self._store is not store:
            self._forget()
        if self._reader is None:
            self._store, self._reader = store, Layered.open(path)
        return self._reader

    def _forget(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
