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
    """Somebody who answered: where, and the profile that fits best, empty when none does; ``score`` is of 100.

    There is no ``address`` where each has its usual one. ``alike`` are profiles that fit as well: many models share a
    map, and only the label tells them apart.
    """

    address: int | str | None
    profile: str = ""
    score: int = 0
    alike: tuple[str, ...] = ()


def survey(plan: Plan, wire: str, config: Path, show: Show, addresses: str = "") -> list[Found]:
    """Ask *addresses*, or all that Modbus units can have, then each that answered for what it is.

    Where no Modbus unit answers, the one instrument that speaks otherwise is looked for: every other profile asks at
    its usual address, with the line set as it is. News of the search go to *show*. Raises StationError.
    """
    settings = Settings.from_text(plan.text(), config)
    return asyncio.run(_survey(Site(settings, {}), wire, show, addresses))


async def _survey(site: Site, wire: str, show: Show, addresses: str) -> list[Found]:
    modbus, others = _profiles([site.settings.folder / "profiles"])
    answering = await _news(site, "scan", {"link": wire, "addresses": addresses or None}, "found", show)
    found = []
    for one in answering:
        request = {"link": wire, "address": one["address"], "profiles": modbus}
        fits = await _news(site, "identify", request, "fit", show)
        found.append(_best(one["address"], fits))
    if not found:
        fits = await _news(site, "identify", {"link": wire, "profiles": others}, "fit", show)
        found = [_best(None, fits)] if fits else []
    return found


def _profiles(folders: list[Path]) -> tuple[list[str], list[str]]:
    """The profiles of Modbus units, and the others."""
    names = profile_names(folders)
    modbus = {name for name in names if load_profile(name, folders).protocol.startswith("modbus")}
    return [name for name in names if name in modbus], [name for name in names if name not in modbus]


def _best(address: int | str | None, fits: list[dict[str, Any]]) -> Found:
    """The first of *fits*, which come best first, if there is any."""
    if not fits:
        return Found(address)
    first, *others = fits
    alike = tuple(fit["profile"] for fit in others if fit["score"] == first["score"])
    return Found(address, first["profile"], first["score"], alike)


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
