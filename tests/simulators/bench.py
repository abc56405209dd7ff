"""Simulated instruments that serve in a thread of their own, so that a test may wait and look.

In a test::

    with Bench() as bench:
        line = bench.serve(ModbusLine({1: unit}, tmp_path / "bus"))
        bench.call(line.unplug)
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
TIMEOUT_S = 10.0


class Bench:
    """An event loop in a thread, and what was put to work there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bench")
        self._stack = AsyncExitStack()

    def serve(self, simulator: AbstractAsyncContextManager[T]) -> T:
        """Start *simulator*; it serves until the bench is left."""
        return self._run(self._stack.enter_async_context(simulator))

    def call(self, action: Callable[[], T | Coroutine[Any, Any, T]]) -> T:
        """Do something with a simulator where it lives, and return what came of it."""

        async def act() -> T:
            result = action()
            return await result if isinstance(result, Coroutine) else result

        return self._run(act())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._stack.aclose())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(TIMEOUT_S)
            self._loop.close()
