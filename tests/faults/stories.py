"""What can happen to the line between a station and a broker: each fault is a short story about one site."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.simulators.accounting import seconds
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import raw_elements
from tests.simulators.nameserver import FAILURE, SILENCE, Names
from tests.simulators.relay import Line, Lines

FRESH_S = 2.0
"""Data younger than this is fresh."""

TO_SHOW_S = 30.0
"""To connect takes some 17 s where each direction takes two."""

NAME = "broker.test"
"""The one broker that is found by a name."""


@dataclass
class Site:
    """One broker at the end of a line, and who listens there."""

    name: str
    line: Line
    second_line: Line
    broker: Mosquitto
    consumer: Consumer
    lines: Lines
    names: Names
    mended_s: float = 0.0  # monotonic, as the consumer's
    injected: int = 0

    @property
    def url(self) -> str:
        """Where the station looks for the broker."""
        return f"mqtt://{NAME if self.name == 'renamed' else self.line.host}:{self.broker.port}"

    def cut(self) -> None:
        """Let nothing pass, and tell nobody."""
        self.injected += 1
        self.line.up.cut = self.line.down.cut = True

    def mend(self) -> None:
        """Let everything pass."""
        self.line.up.mend()
        self.line.down.mend()

    async def tell(self, story: Story, length_s: float) -> None:
        """The story, and then the line is good again."""
        await story(self, length_s)
        self.mend()
        self.mended_s = time.monotonic()

    @property
    def recovered(self) -> bool:
        """Whether fresh data came after the end of the story."""
        return self.mended_s > 0 and self.recovery_s is not None

    @property
    def recovery_s(self) -> float | None:
        """How long after the end of the story the first fresh data came; None while it has not."""
        fresh = (at_s for at_s, made_s in self.arrivals(self.mended_s) if at_s - made_s < FRESH_S)
        first_s = next(fresh, None)
        return None if first_s is None else first_s - self.mended_s

    @property
    def stalest_s(self) -> float:
        """How old the newest reading at the broker was, at the worst."""
        newest_s, worst_s = float("inf"), 0.0
        for at_s, made_s in self.arrivals():
            worst_s = max(worst_s, at_s - newest_s)
            newest_s = made_s if newest_s == float("inf") else max(newest_s, made_s)
        return worst_s

    def arrivals(self, since_s: float = 0.0) -> Iterator[tuple[float, float]]:
        """When each batch of readings came, and when the last reading in it was made; both monotonic."""
        offset_s = time.time() - time.monotonic()
        for message in self.consumer.on("*/data/measurement/*"):
            if message.monotonic_s >= since_s:
                newest = json.loads(raw_elements(message.payload)[-1])
                yield message.monotonic_s, seconds(newest["time"]) - offset_s


Story = Callable[[Site, float], Awaitable[None]]


async def clean(_site: Site, length_s: float) -> None:
    """Nothing is wrong with this line; what happens to the others is none of its business."""
    await asyncio.sleep(length_s)


async def black_hole(site: Site, length_s: float) -> None:
    """No packet passes, and no RST says so."""
    site.cut()
    await asyncio.sleep(length_s)


async def half_open(site: Site, _length_s: float) -> None:
    """A gateway has restarted and knows the connection no more; both ends believe that it stands."""
    site.injected += 1
    site.line.forget()
    await asyncio.sleep(1.0)  # what had arrived before reaches the consumer, and is not the recovery


async def crashed(site: Site, length_s: float) -> None:
    """The broker's machine loses power: no FIN leaves it, and when it is back it answers with RST."""
    site.cut()
    await asyncio.sleep(0.2)
    site.broker.kill()
    await asyncio.sleep(length_s)
    with site.lines.at_brokers():
        site.broker.start()


async def one_way(site: Site, length_s: float) -> None:
    """What the station sends arrives, what comes back does not."""
    site.injected += 1
    site.line.down.cut = True
    await asyncio.sleep(length_s)


async def lossy(site: Site, length_s: float) -> None:
    """A fifth of all packets is lost in both directions, one in twenty comes twice, one in ten late."""
    for way in (site.line.up, site.line.down):
        way.loss, way.duplicates, way.reorder = 0.2, 0.05, 0.1
    await asyncio.sleep(max(length_s, TO_SHOW_S))
    site.injected += site.line.up.dropped + site.line.down.dropped


async def slow(site: Site, length_s: float) -> None:
    """Two seconds in each direction, as over a busy satellite."""
    for way in (site.line.up, site.line.down):
        way.delay_s, way.jitter_s = 2.0, 0.2
    site.injected += 1
    await asyncio.sleep(max(length_s, TO_SHOW_S))


async def thin(site: Site, length_s: float) -> None:
    """16 kbit/s in each direction."""
    for way in (site.line.up, site.line.down):
        way.rate = 2000.0
    site.injected += 1
    await asyncio.sleep(max(length_s, TO_SHOW_S))


async def flapping(site: Site, length_s: float) -> None:
    """Three seconds down, three seconds up, again and again."""
    for _ in range(int(length_s / 6)):
        site.cut()
        await asyncio.sleep(3.0)
        site.mend()
        await asyncio.sleep(3.0)
    site.cut()
    await asyncio.sleep(3.0)


async def renamed(site: Site, length_s: float) -> None:
    """The broker's name fails, is not answered, is found; then broker and name move and the old address falls dark."""
    site.injected += 3
    site.names.change({NAME: FAILURE})
    await asyncio.sleep(length_s / 4)
    site.names.change({NAME: SILENCE})
    await asyncio.sleep(length_s / 4)
    site.names.change({NAME: site.line.host})
    await asyncio.sleep(length_s / 2)
    site.broker.kill()
    await asyncio.sleep(0.2)
    site.cut()
    site.line = site.second_line
    site.names.change({NAME: site.line.host})
    with site.lines.at_brokers():
        site.broker.start()


EARLY: dict[str, Story] = {"lossy": lossy, "slow": slow, "thin": thin, "renamed": renamed}
"""Told from before the daemon starts: to connect must work on these lines too."""

LATE: dict[str, Story] = {
    "clean": clean,
    "black_hole": black_hole,
    "half_open": half_open,
    "crashed": crashed,
    "one_way": one_way,
    "flapping": flapping,
}
