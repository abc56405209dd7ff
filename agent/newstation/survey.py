"""Looks who answers on a wire of a station that is only planned yet: scan, then identify. It only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

from agent.commission.jobs import JOBS
from agent.commission.site import Site
from agent.newstation.plan import Plan
from agent.settings import Settings
from drivers.catalog import load_profile, profile_names

Show = Callable[[dict[str, Any]], None]


class Found(NamedTuple):
    """Somebody who answered: where, and the profile that fits best, empty when none does; ``score`` is of 100."""

    address: int | str | None
    profile: str
    score: int


def survey(plan: Plan, wire: str, config: Path, show: Show, addresses: str = "") -> list[Found]:
    """Ask *addresses*, or all that Modbus units can have, then each that answered for what it is.

    Instruments that speak otherwise are not found: each of their protocols would need a scan of its own. News of
    the scan and of the identification go to *show*. Raises StationError.
    """
    settings = Settings.from_text(plan.text(), config)
    return asyncio.run(_survey(Site(settings, {}), wire, show, addresses))


def _modbus_profiles(folders: list[Path]) -> list[str]:
    return [name for name in profile_names(folders) if load_profile(name, folders).protocol.startswith("modbus")]


async def _survey(site: Site, wire: str, show: Show, addresses: str) -> list[Found]:
    answering = await _news(site, "scan", {"link": wire, "addresses": addresses or None}, "found", show)
    profiles = _modbus_profiles([site.settings.folder / "profiles"])
    found = []
    for one in answering:
        request = {"link": wire, "address": one["address"], "profiles": profiles}
        fits = await _news(site, "identify", request, "fit", show)
        profile, score = (fits[0]["profile"], fits[0]["score"]) if fits else ("", 0)
        found.append(Found(one["address"], profile, score))
    return found


async def _news(site: Site, job: str, request: dict[str, Any], wanted: str, show: Show) -> list[dict[str, Any]]:
    """Do *job* and return its news of the *wanted* kind."""
    kept = []
    words = {key: value for key, value in request.items() if value is not None}
    async with aclosing(JOBS[job](site, words)) as all_news:
        async for news in all_news:
            show(news)
            if news["event"] == wanted:
                kept.append(news)
    return kept
