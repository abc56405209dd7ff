"""The jobs by their names, as the control socket and the command line know them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from agent.commission.identify import identify
from agent.commission.listen import listen
from agent.commission.probe import probe
from agent.commission.raw import raw
from agent.commission.scan import scan
from agent.commission.site import Site

News = AsyncGenerator[dict[str, Any]]
Job = Callable[[Site, Mapping[str, Any]], News]

JOBS: dict[str, Job] = {"scan": scan, "probe": probe, "raw": raw, "listen": listen, "identify": identify}
