"""Consumers, and whoever else may publish at a broker, that say what is wrong: one story about one uplink."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

from tests.faults.bad_brokers import BASE, Site, Story, acknowledgement, well
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.evidence import Evidence
from tests.simulators.scripted_broker import ScriptedBroker

HUGE = 10_000_000
"""Bytes of a message that nobody should send."""

FAR = 2**53 - 1
TOPICS = (f"{BASE}/ack/judge", f"{BASE}/replay/judge", f"{BASE}/state")


async def ticks(length_s: float, every_s: float) -> AsyncIterator[int]:
    """Count up, so often, for so long."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + length_s
    for number in count():
        if loop.time() >= ends_s:
            return
        yield number
        await asyncio.sleep(every_s)


async def forging(site: Site, length_s: float) -> None:
    """The consumer that counts says nothing; others speak in its name and in their own."""
    site.confirms = False
    await site.first_reading()
    async for number in ticks(length_s, 0.01):
        forgeries = list(_forgeries(acknowledgement(site.evidence())))
        topic, payload = forgeries[number % len(forgeries)]
        site.injected += 1
        site.scripted.publish(topic, payload)
    site.confirms = True


def _forgeries(honest: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Topics and messages; *honest* is what the consumer that counts would say."""
    stream = honest["streams"]["measurement"]
    upto, counts, strangers = stream["upto"], f"{BASE}/ack/judge", f"{BASE}/ack/stranger"

    def with_stream(**words: Any) -> bytes:
        return json.dumps(honest | {"streams": {"measurement": stream | words}}).encode()

    yield counts, with_stream(head="0" * 64)
    yield counts, with_stream(upto=upto + 1000)
    yield counts, with_stream(upto=FAR)
    yield counts, with_stream(upto=2**70)
    yield counts, with_stream(upto=-1)
    yield counts, with_stream(upto=0, have=[[1, FAR]])
    yield counts, with_stream(have=[[5, 1]])
    yield counts, with_stream(have=[[seq, seq] for seq in range(1, 2000, 2)])
    yield counts, with_stream(head=None)
    yield counts, json.dumps(honest | {"epoch": "a" * 12}).encode()
    yield counts, json.dumps(honest | {"by": "stranger"}).encode()
    yield counts, json.dumps(honest | {"v": 2}).encode()
    yield strangers, json.dumps(honest).encode()
    yield strangers, json.dumps(honest | {"by": "stranger"}).encode()  # honest, and not the one that counts
    yield "station/v1/elsewhere/ack/judge", json.dumps(honest).encode()


async def storming(site: Site, length_s: float) -> None:
    """Fifty consumers ask for everything, for the impossible and for the same, two hundred times a second."""
    await site.first_reading()
    epoch = next(iter(site.evidence().records)).epoch
    absurd = cycle([[[1, FAR]], [[1, 10**6]] * 256, [[1, 5], [2, 900]], [[7, 3]], [[FAR, FAR]], [[1, 100]], []])
    async for number in ticks(length_s, 0.005):
        name, id_ = f"n{number % 50}", f"r{number // 2}"
        words = {"v": 1, "id": id_, "by": name, "epoch": epoch, "stream": "measurement", "ranges": next(absurd)}
        site.injected += 1
        site.scripted.publish(f"{BASE}/replay/{name}", json.dumps(words).encode())


async def babbling(site: Site, length_s: float) -> None:
    """Ten megabytes now and then, from a broker that ignores our limit, and what is no JSON at all in between."""
    await site.first_reading()
    dice = random.Random(1)
    words = cycle(
        [b"", b"{", b"[" * 60_000, b'{"session":1e999}', b'{"online":false,"session":1}', b"null", b"\xff" * 70_000]
    )
    async for number in ticks(length_s, 0.02):
        payload = next(words) if number % 2 else dice.randbytes(dice.randrange(200_000))
        site.injected += 1
        site.scripted.publish(TOPICS[number % 3], payload if number % 50 else bytes(HUGE))


async def shouting(site: Site, length_s: float) -> None:
    """Ten megabytes, retained, at a broker of MQTT 3.1.1, which cannot be asked to keep them from us."""
    await site.first_reading()
    assert site.consumer is not None
    async for number in ticks(length_s, 1.0):
        site.injected += 1
        await asyncio.to_thread(site.consumer.publish, TOPICS[number % 3], bytes(HUGE), retain=True)


async def lying(site: Site, length_s: float) -> None:
    """The consumer that counts confirms everything with the right heads, and has lost it."""
    site.confirms = False
    site.scripted.forget = lambda topic, _payload: "/data/" in topic and bool(site.inject())
    seen, known = 0, Evidence()
    async for _ in ticks(length_s, 0.3):
        for packet in site.scripted.publishes[seen:]:
            known.take(packet)
        seen = len(site.scripted.publishes)
        if known.records:
            await site.publish(f"{BASE}/ack/judge", acknowledgement(known), retain=True)
    site.confirms = True


def sites(folder: Path) -> list[Site]:
    """All of them."""

    def scripted(name: str, story: Story, *settings: str, **more: bool) -> Site:
        words = ['streams = ["measurement"]', *settings]
        return Site(name, story, ScriptedBroker(port=free_port()), None, "\n".join(words), **more)

    confirmed = 'confirm = "consumer:judge"'
    return [
        Site("well", well, Mosquitto(folder / "well")),
        scripted("forging", forging, confirmed),
        scripted("storming", storming),
        scripted("babbling", babbling),
        scripted("lying", lying, confirmed, replays=True),
        Site("shouting", shouting, Mosquitto(folder / "shouting"), None, 'protocol = "3.1.1"'),
    ]
