"""How many pages the log may have, and for whom.

Records stop short of the quota, so that cursors can still move and freeing finds the
pages it needs when nothing else does: on a full disk even DELETE fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from agent.store.errors import LogFullError
from agent.store.sqlite import PAGE, Connection

_RESERVED_PAGES = 256
_LEAST_PAGES = 64
_PAGES_EVER = 0xFFFFFFFE


class Quota:
    """The quota of *size* bytes for the log that *db* writes at *path*; in force as soon as it is made."""

    def __init__(self, db: Connection, path: Path, size: int) -> None:
        self.size = size
        self._db = db
        self._path = path
        self._pages = max(size // PAGE, _LEAST_PAGES)
        self.limit = (self._pages - min(_RESERVED_PAGES, self._pages // 8)) * PAGE
        """Bytes that records may take; the rest is there for freeing."""
        self._allow(self.limit // PAGE)

    @contextlib.contextmanager
    def reserve(self) -> Iterator[None]:
        """Let small things take the pages that records may not."""
        with self._allowing(self._pages):
            yield

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """Let in what must be let in; freeing brings the log back to its quota."""
        with self._allowing(_PAGES_EVER):
            yield

    def error(self, wanted: int) -> LogFullError:
        """What it means that there was no room for *wanted* bytes: the quota is used up, or the disk is full."""
        pages, free, most = (self._db.pragma(name) for name in ("page_count", "freelist_count", "max_page_count"))
        limit = "quota" if (most - pages + free) * PAGE < 2 * wanted + 64 * PAGE else "disk"
        return LogFullError(self._path, limit, self.size)

    @contextlib.contextmanager
    def _allowing(self, pages: int) -> Iterator[None]:
        self._allow(pages)
        try:
            yield
        finally:
            self._allow(self.limit // PAGE)

    def _allow(self, pages: int) -> None:
        self._db.pragma("max_page_count", pages)
