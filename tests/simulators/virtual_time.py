"""An event loop whose time passes only when nothing is left to do, and then at once.

Time-outs, pauses and quiet lines keep their real lengths and cost nothing: an hour
on a wire takes seconds, and comes out the same each time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Never waits: tells how long it should have waited instead."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that cannot happen: the link is stuck")
        self.waited_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. Nothing outside of it can wake it: no sockets, no threads."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.waited_s


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* in virtual time; RuntimeError when it can never end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
