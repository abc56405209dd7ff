"""Has a job done by the daemon, which owns the wires while it runs, else here and now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.commission.jobs import JOBS
from agent.commission.site import Site
from agent.control.client import NoDaemonError, follow
from agent.paths import locate
from agent.settings import Settings

Show = Callable[[dict[str, Any]], None]


def carry_out(config: Path, job: str, request: Mapping[str, Any], show: Show) -> None:
    """Do *job* for the station of *config* and *show* its news as they come; raises StationError."""
    words = {key: value for key, value in request.items() if value is not None}
    try:
        for news in follow(locate(config).runtime / "control.sock", {"do": job, **words}):
            show(news)
    except NoDaemonError:
        asyncio.run(_here(Settings.load(config), job, words, show))


async def _here(settings: Settings, job: str, request: Mapping[str, Any], show: Show) -> None:
    async with aclosing(JOBS[job](Site(settings, {}), request)) as all_news:
        async for news in all_news:
            show(news)
