"""Brokers that are wrong, each in a way of its own: one story about one broker.

A broker is a scripted one, or mosquitto where only a real one can do it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulators.accounting import seconds
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence, missing, raw_elements
from tests.simulators.mqtt_packets import Kind
from tests.simulators.scripted_broker import Refusal, ScriptedBroker, limits

BASE = "station/v1/ledger"
SMALL_PACKET = 2000
SMALL_WINDOW = 2

FRESH_S = 2.0
"""Data younger than this is fresh."""

PUBACKS = (0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99, 0xC3)
"""All that MQTT 5 knows but success, and one that it does not."""

DISCONNECTS = (
    *(0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95),
    *(0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2, 0xC3),
)


@dataclass
class Site:
    """One broker, and what came to it."""

    name: str
    story: Story
    broker: ScriptedBroker | Mosquitto
    consumer: Consumer | None = None
    settings: str = ""
    lasting: bool = False  # the broker stays as it is; the others are mended when their story ends
    replays: bool = False  # whoever listens there asks for what it lacks in the end
    confirms: bool = True  # whoever confirms there does so now
    injected: int = 0
    began_s: float = float("inf")  # monotonic, when the daemon began
    mended_s: float = 0.0
    shown: dict[str, Any] = field(default_factory=dict)  # of `status`, before the end of the story
    _evidence: Evidence = field(default_factory=Evidence)
    _examined: int = 0
    _arrivals: list[tuple[float, float]] = field(default_factory=list)
    _asked: int = 0

    @property
    def scripted(self) -> ScriptedBroker:
        """The broker, which is a scripted one."""
        assert isinstance(self.broker, ScriptedBroker)
        return self.broker

    @property
    def mosquitto(self) -> Mosquitto:
        """The broker, which is a real one."""
        assert isinstance(self.broker, Mosquitto)
        return self.broker

    def inject(self, code: int = 1) -> int:
        """Count a fault whose code this is."""
        self.injected += 1
        return code

    def look(self) -> None:
        """Examine what has come since; often, for it takes its time."""
        messages = self.consumer.messages if self.consumer else self.scripted.accepted
        fresh = messages[self._examined :]
        self._examined += len(fresh)
        offset_s = time.time() - time.monotonic()
        for message in fresh:
            self._evidence.take(message)
            if "/data/measurement/" in message.topic:
                newest = json.loads(raw_elements(message.payload)[-1])
                self._arrivals.append((message.monotonic_s, seconds(newest["time"]) - offset_s))

    def evidence(self) -> Evidence:
        """What arrived for good."""
        self.look()
        return self._evidence

    @property
    def arrivals(self) -> list[tuple[float, float]]:
        """When each batch of readings came, and when the last reading in it was made; both monotonic."""
        self.look()
        return self._arrivals

    @property
    def recovery_s(self) -> float | None:
        """How long after the end of the story the first fresh reading came; None while it has not."""
        fresh = (at_s - self.mended_s for at_s, made_s in self.arrivals if at_s - made_s < FRESH_S)
        return next((after_s for after_s in fresh if after_s >= 0), None)

    @property
    def stalest_s(self) -> float:
        """How old the newest reading at the broker was, at the worst."""
        newest, worst_s = self.began_s, 0.0
        for at_s, made_s in self.arrivals:
            worst_s = max(worst_s, at_s - newest)
            newest = max(newest, made_s)
        return worst_s

    async def first_reading(self) -> None:
        """Wait until the daemon works."""
        async with asyncio.timeout(30):
            while not self.arrivals:  # noqa: ASYNC110 - two kinds of brokers
                await asyncio.sleep(0.05)

    async def tell(self, length_s: float) -> None:
        """The story, and then the broker is as brokers should be."""
        await self.story(self, length_s)
        if isinstance(self.broker, ScriptedBroker) and not self.lasting:
            honest = ScriptedBroker()
            for name in ("puback", "disconnect", "forget", "hole", "refuse_v5"):
                setattr(self.broker, name, getattr(honest, name))
        self.mended_s = time.monotonic()

    async def publish(self, topic: str, words: dict[str, Any], *, retain: bool = False) -> None:
        """Say something as a consumer does."""
        payload = json.dumps(words).encode()
        if self.consumer:
            await asyncio.to_thread(self.consumer.publish, topic, payload, retain=retain)
        else:
            self.scripted.publish(topic, payload, retain=retain)

    async def ask(self, epoch: str, stream: str, ranges: list[tuple[int, int]]) -> None:
        """Request a replay."""
        self._asked += 1
        words = {"v": 1, "id": f"r{self._asked}", "by": "judge", "epoch": epoch, "stream": stream, "ranges": ranges}
        await self.publish(f"{BASE}/replay/judge", words)

    async def confirm(self) -> None:
        """Acknowledge, as the consumer that counts, what arrived for good, until cancelled."""
        while True:
            await asyncio.sleep(0.3)
            if self.confirms and self.evidence().records:
                await self.publish(f"{BASE}/ack/judge", acknowledgement(self.evidence()), retain=True)


def acknowledgement(evidence: Evidence, by: str = "judge") -> dict[str, Any]:
    """What *by* says who has all that *evidence* is made of; it is of one epoch."""
    streams = {}
    for chain, records in evidence.records.items():
        gaps = missing(records)
        upto = gaps[0][0] - 1 if gaps else max(records)
        ends = [*(first - 1 for first, _ in gaps[1:]), max(records)] if gaps else []
        have = [(gap[1] + 1, end) for gap, end in zip(gaps, ends, strict=True)]
        streams[chain.stream] = {"upto": upto, "have": have, "head": evidence.heads[chain][upto].hex()}
    return {"v": 1, "by": by, "epoch": next(iter(evidence.records)).epoch, "streams": streams}


Story = Callable[[Site, float], Awaitable[None]]


async def well(_site: Site, length_s: float) -> None:
    """Nothing is wrong here."""
    await asyncio.sleep(length_s)


async def absent(site: Site, length_s: float) -> None:
    """Nobody listens when the station starts."""
    await site.scripted.stop()
    await asyncio.sleep(length_s)
    site.injected = 1
    await site.scripted.start()


async def mute(site: Site, length_s: float) -> None:
    """It accepts TCP and never answers."""
    site.scripted.hole = True
    await asyncio.sleep(length_s)
    site.injected = site.scripted.connections


async def forgetful_of_all(site: Site, length_s: float) -> None:
    """It lets us in, and then acknowledges nothing at all, not even our state."""
    site.scripted.puback = lambda _topic, _payload: None
    await asyncio.sleep(length_s)
    site.injected = site.scripted.connections


async def without_puback(site: Site, length_s: float) -> None:
    """From some moment on it acknowledges no batch any more."""
    await site.first_reading()
    site.scripted.puback = lambda topic, _payload: None if "/data/" in topic else 0
    await asyncio.sleep(length_s)
    site.injected = site.scripted.connections


def refusing(code: int) -> Story:
    """It answers every batch with this PUBACK code."""

    async def story(site: Site, length_s: float) -> None:
        await site.first_reading()
        site.scripted.puback = lambda topic, _payload: site.inject(code) if "/data/" in topic else 0
        await asyncio.sleep(length_s)

    return story


def leaving(code: int) -> Story:
    """It answers every batch by leaving with this DISCONNECT code."""

    async def story(site: Site, length_s: float) -> None:
        await site.first_reading()
        site.scripted.disconnect = lambda topic, _payload: site.inject(code) if "/data/" in topic else None
        await asyncio.sleep(length_s)

    return story


async def small(site: Site, length_s: float) -> None:
    """It announces a Receive Maximum and a Maximum Packet Size that are small, and ends what goes beyond."""
    site.scripted.properties = dict(limits(receive_maximum=SMALL_WINDOW, packet_size=SMALL_PACKET))
    site.injected = 1
    await asyncio.sleep(length_s)


async def choking(site: Site, length_s: float) -> None:
    """It announces nothing, and closes without a word on what is too large; a backlog makes large batches."""
    site.scripted.close_above = SMALL_PACKET
    site.scripted.hole = True
    await asyncio.sleep(length_s / 3)
    site.scripted.hole = False
    site.scripted.drop_clients()
    await asyncio.sleep(length_s * 2 / 3)
    site.injected = sum(packet.size > SMALL_PACKET for packet in site.scripted.received)


def knowing_no_5(manner: Refusal) -> Story:
    """It knows MQTT 3.1.1 only."""

    async def story(site: Site, length_s: float) -> None:
        site.scripted.refuse_v5 = manner
        await asyncio.sleep(length_s)
        site.injected = sum(packet.version == 5 for packet in site.scripted.of(Kind.CONNECT))

    return story


def starting(manner: Refusal, attempts: int) -> Story:
    """It refuses MQTT 5 so often while it starts, takes 3.1.1 once, and speaks 5 from then on."""

    async def story(site: Site, length_s: float) -> None:
        site.scripted.refuse_v5 = manner
        while len(site.scripted.of(Kind.CONNECT)) < attempts:  # noqa: ASYNC110 - the daemon decides when
            await asyncio.sleep(0.001)
        site.injected, site.scripted.refuse_v5 = attempts, None
        await asyncio.sleep(length_s / 2)

    return story


async def down_dragging(site: Site, length_s: float) -> None:
    """It has spoken 5, and refuses it from then on: by restarting, or because somebody cuts connections."""
    await site.first_reading()
    site.scripted.refuse_v5 = Refusal.SILENCE
    site.scripted.drop_clients()
    await asyncio.sleep(length_s)
    site.injected = site.scripted.connections


async def losing(site: Site, length_s: float) -> None:
    """It acknowledges every third batch and loses it."""
    count = 0

    def forget(topic: str, _payload: bytes) -> bool:
        nonlocal count
        count += "/data/" in topic
        return "/data/" in topic and count % 3 == 0 and bool(site.inject())

    site.scripted.forget = forget
    await asyncio.sleep(length_s)


async def killed(site: Site, length_s: float) -> None:
    """It is killed and restarted, again and again."""
    await site.first_reading()
    for _ in range(3):
        await asyncio.sleep(length_s / 4)
        site.injected += 1
        await asyncio.to_thread(site.mosquitto.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(site.mosquitto.start)


async def taken_over(site: Site, length_s: float) -> None:
    """Another client has our client id, and comes back as often as we do."""
    await site.first_reading()
    rogue = Consumer(site.mosquitto.port, "none", client_id=f"ledger-{site.name}")
    await asyncio.to_thread(rogue.__enter__)
    await asyncio.sleep(length_s)
    await asyncio.to_thread(rogue.__exit__, None, None, None)
    site.injected = site.mosquitto.log.count("already connected")


def sites(folder: Path) -> list[Site]:
    """All of them."""

    def scripted(name: str, story: Story, settings: str = 'streams = ["measurement"]', **more: bool) -> Site:
        return Site(name, story, ScriptedBroker(port=free_port()), None, settings, **more)

    def real(name: str, story: Story, **more: bool) -> Site:
        persistence = name == "killed-persistent"
        broker = Mosquitto(folder / name, persistence=persistence, settings=["max_queued_messages 0"])
        return Site(name, story, broker, replays=True, **more)

    return [
        scripted("well", well, ""),
        scripted("absent", absent, ""),
        scripted("mute", mute, ""),
        scripted("forgetful-of-all", forgetful_of_all, ""),
        scripted("without-puback", without_puback, ""),
        scripted("small", small, "", lasting=True),
        scripted("choking", choking, "", lasting=True),
        scripted("old-by-code", knowing_no_5(Refusal.NEW_CONNACK), lasting=True),
        scripted("old-in-silence", knowing_no_5(Refusal.SILENCE), lasting=True),
        scripted("starting-by-code", starting(Refusal.OLD_CONNACK, 1)),
        scripted("starting-in-silence", starting(Refusal.SILENCE, 3)),
        scripted("down-dragging", down_dragging),
        scripted("losing-confirmed", losing, 'streams = ["measurement"]\nconfirm = "consumer:judge"'),
        scripted("losing-replayed", losing, replays=True),
        real("killed-persistent", killed),
        real("killed-forgetful", killed),
        real("taken-over", taken_over),
        *(scripted(f"puback-{code:02x}", refusing(code)) for code in PUBACKS),
        *(scripted(f"disconnect-{code:02x}", leaving(code)) for code in DISCONNECTS),
    ]
