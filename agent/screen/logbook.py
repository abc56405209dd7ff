"""What the pages need of the log: read in a thread, and again only when there is something new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.screen.journal import newest
from agent.screen.trend import Trend, Wanted, read_trend
from drivers.errors import StationError
from drivers.reading import Stream

Mark = tuple[str, int]
"""How far a stream goes: the epoch, and the last seq of it."""


class Logbook:
    """The newest records of some streams and the trend of one channel; ``trouble`` says why there are none."""

    def __init__(self) -> None:
        self._records: dict[Stream, tuple[Mark, list[Mapping[str, Any]]]] = {}
        self._trend: Trend | None = None
        self.trouble: StationError | None = None

    def records(self, stream: Stream) -> list[Mapping[str, Any]] | None:
        """The newest of *stream*; None as long as they were not read."""
        return self._records[stream][1] if stream in self._records else None

    def trend(self, wanted: Wanted) -> Trend | None:
        """The trend that is *wanted*; None as long as it was not read."""
        return self._trend if self._trend and self._trend.wanted == wanted else None

    async def read_records(self, path: Path, stream: Stream, mark: Mark) -> bool:
        """Read *stream* unless it was read up to *mark*; whether anything is new."""
        if stream in self._records and self._records[stream][0] == mark:
            return False
        try:
            self._records[stream] = mark, await asyncio.to_thread(newest, path, stream)
        except StationError as error:
            return self._failed(error)
        self.trouble = None
        return True

    async def read_trend(self, path: Path, wanted: Wanted) -> bool:
        """Read the trend that is *wanted* unless it is fresh; whether anything is new."""
        if self._trend and self._trend.answers(wanted):
            return False
        try:
            self._trend = await asyncio.to_thread(read_trend, path, wanted)
        except StationError as error:
            return self._failed(error)
        self.trouble = None
        return True

    def _failed(self, error: StationError) -> bool:
        """Forget what was read, for it may not stand in the log any more; whether the error is another one."""
        self._records.clear()
        self._trend = None
        is_news = str(error) != str(self.trouble)
        self.trouble = error
        return is_news
