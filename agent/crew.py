"""Tasks with names: each can be stopped alone, and one that fails ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Crew:
    """Named tasks of one task group."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Begin *work*; the name must be free."""
        assert name not in self._tasks, name
        task = self._group.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def stop(self, *names: str) -> None:
        """End these tasks and wait until they have put everything away."""
        ending = [self._tasks[name] for name in names if name in self._tasks]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)

    def dismiss(self) -> None:
        """End all of them; the task group waits until they are done."""
        for task in list(self._tasks.values()):
            task.cancel()
