"""An uplink against brokers that refuse: every code has its consequence, and none of them is an endless loop."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.uplink import delivery, standing, uplink
from agent.uplink.codes import MEANINGS, Verdict, verdict
from drivers.reading import Stream
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.scripted_broker import ScriptedBroker
from tests.simulators.sender import DATA, STATION, Sender, behind, sending

MEASUREMENT = {"streams": ["measurement"]}


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    """A fresh log."""
    async with sending(tmp_path / "log") as fresh:
        yield fresh


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short rests: what is tested is that they come and end."""
    monkeypatch.setattr("agent.uplink.retry.FIRST_S", 0.1)
    monkeypatch.setattr("agent.uplink.retry.EARLY_CAP_S", 0.2)
    monkeypatch.setattr(uplink, "FIRST_S", 0.1)
    monkeypatch.setattr(delivery, "TURN_S", 0.02)
    monkeypatch.setattr(delivery, "SETTLE_S", 0.05)


def is_data(topic: str) -> bool:
    return "/data/" in topic


def ranges(broker: ScriptedBroker) -> list[tuple[int, int]]:
    """First and last of the batches that a broker got, in order."""
    found = [json.loads(packet.payload) for packet in broker.publishes if is_data(packet.topic)]
    return [(batch["first"], batch["last"]) for batch in found]


def holds(payload: bytes, seq: int) -> bool:
    """Whether a message is a batch with record *seq*."""
    return b'"records":' in payload and b'"seq":%d,' % seq in payload


def test_every_code_has_a_verdict() -> None:
    """Only success moves a cursor; what nobody has heard of never does."""
    taken = [code for code in range(0x80, 0x100) if verdict(code) is Verdict.TAKEN]
    assert taken == []
    assert verdict(0x00) is verdict(0x10) is Verdict.TAKEN
    assert all(MEANINGS.values())


async def test_nobody_listening_is_delivered_and_said_once(sender: Sender) -> None:
    """The broker has it; that nobody wants it is for people to know, once per change."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: 0x10 if is_data(topic) else 0
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "connected")
        for _ in range(5):
            await sender.put(3)
            await sender.delivered(sent)
        assert sent.snapshot()["no_subscriber"] == [f"{DATA}/measurement/live"]
        broker.puback = lambda _topic, _payload: 0
        await sender.put(1)
        await sender.delivered(sent)
        assert sent.snapshot()["no_subscriber"] == []
    assert len(await sender.events("no_subscriber")) == 1
    assert len(await sender.events("subscriber_found")) == 1


@pytest.mark.parametrize("code", [0x87, 0x97])
async def test_not_authorised_and_quota_pause_the_uplink_with_an_alarm(
    sender: Sender, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every batch would fare the same: wait, say so, and probe with one batch now and then."""
    monkeypatch.setattr(standing, "PAUSE_S", 0.4)
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: code if is_data(topic) else 0
        await sender.put(500)
        sent = await sender.uplink(broker.url, batch=50, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "paused" and not sent.snapshot()["window"]["used"])
        refused = len(ranges(broker))
        await sender.until(lambda: len(ranges(broker)) >= refused + 2)
        probes = ranges(broker)[refused:]
        assert behind(sent) == 500
        assert sent.snapshot()["pause"]["hint"]
        broker.puback = lambda _topic, _payload: 0
        await sender.delivered(sent)
        assert sent.snapshot()["state"] == "connected"
    assert set(probes) == {probes[0]}
    assert len(await sender.events("uplink_paused")) == 1
    assert len(await sender.events("uplink_resumed")) == 1
    assert broker.connections == 1


async def test_nothing_goes_out_behind_a_refusal(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was being read from the log when the broker said no would only be refused as well."""
    honest = sender.recorder.read

    async def slowly(question: Any) -> Any:
        answer = await honest(question)
        await asyncio.sleep(0.1)
        return answer

    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: 0x87 if is_data(topic) else 0
        await sender.put(500)
        monkeypatch.setattr(sender.recorder, "read", slowly)
        sent = await sender.uplink(broker.url, batch=50, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "paused")
        await asyncio.sleep(0.3)
        assert ranges(broker) == [(1, 50)]
        assert behind(sent) == 500


async def test_a_real_acl_is_met_as_not_authorised(sender: Sender, tmp_path: Path) -> None:
    """With MQTT 3.1.1 mosquitto would have said "success" and dropped it."""
    acl = f"topic write station/v1/{STATION}/state\ntopic read #\n"
    with Mosquitto(tmp_path / "broker", acl=acl) as broker:
        await sender.put(5)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "paused")
    assert behind(sent) == 5
    assert "not authorized" in sent.snapshot()["pause"]["reason"]


async def test_a_pause_ends_at_once_on_demand(sender: Sender) -> None:
    """After the operator granted the right, nobody wants to wait ten minutes."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: 0x87 if is_data(topic) else 0
        await sender.put(5)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "paused")
        broker.puback = lambda _topic, _payload: 0
        sent.retry_parked()
        await sender.delivered(sent)


async def test_a_record_that_is_refused_as_malformed_is_found_and_parked(sender: Sender) -> None:
    """One record must not hold up those around it, nor get lost."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda _topic, payload: 0x99 if holds(payload, 37) else 0
        await sender.put(64)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["parked"])
        await sender.until(lambda: behind(sent) == 1)
        tries = [found for found in ranges(broker) if found[0] <= 37 <= found[1]]
        shown = sent.snapshot()["parked"][0]
    assert [last - first + 1 for first, last in tries] == [64, 32, 16, 8, 4, 2, 1]
    assert (shown["first"], shown["last"], shown["stream"]) == (37, 37, "measurement")
    assert "payload format invalid" in shown["reason"]
    assert len(await sender.events("range_parked")) == 1
    assert broker.connections == 1


async def test_what_was_parked_while_nothing_was_taken_goes_out_once_something_is(sender: Sender) -> None:
    """A broker that refuses everything for a minute must not cost one record a day."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: 0x99 if is_data(topic) else 0
        await sender.put(1)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["parked"])
        broker.puback = lambda _topic, _payload: 0
        await sender.put(1)
        await sender.delivered(sent)
        assert sent.snapshot()["parked"] == []


async def test_a_parked_record_survives_a_restart_and_goes_out_when_it_is_wanted(tmp_path: Path) -> None:
    """Parked is neither acknowledged nor deleted; a reload tries it again."""
    async with ScriptedBroker() as broker:
        async with sending(tmp_path / "log") as sender:
            broker.puback = lambda _topic, payload: 0x99 if holds(payload, 3) else 0
            await sender.put(5)
            sent = await sender.uplink(broker.url, **MEASUREMENT)
            await sender.until(lambda: sent.snapshot()["parked"] and behind(sent) == 1)
        seen = len(ranges(broker))
        async with sending(tmp_path / "log") as sender:
            sent = await sender.uplink(broker.url, **MEASUREMENT)
            await sender.put(1)
            await sender.until(lambda: sent._progress.tracks and behind(sent) == 1)
            assert [(part["first"], part["last"]) for part in sent.snapshot()["parked"]] == [(3, 3)]
            assert ranges(broker)[seen:] == [(6, 6)]
            broker.puback = lambda _topic, _payload: 0
            sent.retry_parked()
            await sender.delivered(sent)
            assert ranges(broker)[-1] == (3, 3)
            assert sent.snapshot()["parked"] == []


@pytest.mark.parametrize("code", [0x80, 0x83, 0x90, 0x91])
async def test_refusals_that_explain_nothing_are_retried_then_narrowed_then_parked(
    sender: Sender, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded, whatever the broker means: four tries for each size, down to the one record."""
    monkeypatch.setattr(standing.Standing, "refused", _impatiently(standing.Standing.refused))
    async with ScriptedBroker() as broker:
        broker.puback = lambda _topic, payload: code if holds(payload, 2) else 0
        await sender.put(4)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["parked"])
        await sender.until(lambda: behind(sent) == 1)
        tries = Counter(found for found in ranges(broker) if found[0] <= 2 <= found[1])
    assert tries == {(1, 4): 4, (1, 2): 4, (2, 2): 4}


def _impatiently(refused: Any) -> Any:
    def instead(self: standing.Standing, *key: Any) -> bool:
        answer: bool = refused(self, *key)
        self.rest_until_s = 0.0
        return answer

    return instead


async def test_a_broker_that_refuses_every_record_gets_a_pause_and_not_the_whole_log(sender: Sender) -> None:
    """Parking record after record would take the log apart for somebody else's mistake."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: 0x99 if is_data(topic) else 0
        await sender.put(200)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["state"] == "paused")
        await asyncio.sleep(0.2)
        assert len(sent.snapshot()["parked"]) == standing.PARKS
        assert behind(sent) == 200
        assert "in a row" in sent.snapshot()["pause"]["reason"]


async def test_a_packet_that_the_broker_calls_too_large_is_sent_smaller(sender: Sender) -> None:
    """A limit that was not announced is found, and kept to."""
    async with ScriptedBroker() as broker:
        limit = 4_000

        def judge(topic: str, payload: bytes) -> int | None:
            return 0x95 if is_data(topic) and len(payload) > limit else None

        broker.disconnect = judge
        await sender.put(300)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.delivered(sent, 20)
        sizes = [len(packet.payload) for packet in broker.publishes if is_data(packet.topic)]
    assert sent.snapshot()["parked"] == []
    assert sum(size > limit for size in sizes) <= 12
    assert broker.connections <= 8


async def test_a_record_that_is_too_large_by_itself_is_parked_without_being_sent(sender: Sender) -> None:
    """It would end the connection each time."""
    async with ScriptedBroker() as broker:
        await sender.put(2)
        await sender.put(1, values={"spectrum": "9" * 5000})
        await sender.put(2)
        sent = await sender.uplink(broker.url, max_packet="2KiB", **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["parked"])
        await sender.until(lambda: behind(sent) == 1)
        assert ranges(broker) == [(1, 2), (4, 5)]
        assert broker.connections == 1


@pytest.mark.parametrize("breach", ["max_packet_size", "message_size_limit"])
async def test_both_limits_of_mosquitto_are_lived_with(sender: Sender, tmp_path: Path, breach: str) -> None:
    """One is announced; the other ends the connection without a word, again and again."""
    limits: dict[str, Any] = {breach: 6_000}
    with Mosquitto(tmp_path / "broker", **limits) as broker, Consumer(broker.port) as consumer:
        await sender.put(400)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.delivered(sent, 30)
        await consumer.until(lambda seen: len(seen.evidence().of("measurement")) >= 400)
        consumer.evidence().assert_complete()
    assert sent.snapshot()["parked"] == []


async def test_a_batch_that_kills_the_connection_is_found_and_parked(sender: Sender) -> None:
    """A bridge that crashes on one record would otherwise keep the station off for ever."""
    async with ScriptedBroker() as broker:
        broker.disconnect = lambda _topic, payload: 0x82 if holds(payload, 6) else None
        await sender.put(8)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.until(lambda: sent.snapshot()["parked"], 30)
        await sender.until(lambda: behind(sent) == 1)
        tries = Counter(found for found in ranges(broker) if found[0] <= 6 <= found[1])
    assert sent.snapshot()["parked"][0]["first"] == 6
    assert set(tries) == {(1, 8), (5, 8), (5, 6), (6, 6)}
    assert max(tries.values()) <= 4  # two, and more where the answer to the batch before was lost with the connection


async def test_a_broker_that_goes_away_twice_blames_no_batch(sender: Sender) -> None:
    """Shutting down, being busy or moving says nothing against what was on its way."""
    async with ScriptedBroker() as broker:
        await sender.put(8)
        codes = iter([0x8B, 0x89, 0x9D, 0x8B])
        broker.disconnect = lambda topic, _payload: next(codes, None) if is_data(topic) else None
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.delivered(sent, 20)
        assert set(ranges(broker)) == {(1, 8)}


async def test_a_connection_that_answers_nothing_blames_no_batch(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is dead behind its port would have the whole log parked by the weekend."""
    monkeypatch.setattr(delivery, "PUBACK_S", 0.2)
    async with ScriptedBroker() as broker:
        broker.puback = lambda _topic, _payload: None
        await sender.put(8)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await broker.until(lambda seen: seen.connections >= 4, 20)
        broker.puback = lambda _topic, _payload: 0
        await sender.delivered(sent, 20)
        assert set(ranges(broker)) == {(1, 8)}


async def test_too_many_messages_on_their_way_halve_the_window(sender: Sender) -> None:
    """A broker may count otherwise than it announces."""
    async with ScriptedBroker() as broker:
        flying = 0

        def judge(topic: str, _payload: bytes) -> int | None:
            nonlocal flying
            flying = sum(len(client._in_flight) for client in broker.clients.values())
            return 0x93 if flying > 6 else None

        broker.disconnect = judge
        broker.puback_delay_s = 0.02
        await sender.put(400)
        sent = await sender.uplink(broker.url, batch=10, **MEASUREMENT)
        await sender.delivered(sent, 20)
        assert broker.connections <= 3


async def test_refused_subscriptions_and_states_are_said_and_not_fatal(sender: Sender, tmp_path: Path) -> None:
    """Records are what counts; but a station that cannot be asked for replay should be known."""
    acl = f"topic write {DATA}/#\n"
    with Mosquitto(tmp_path / "broker", acl=acl) as broker:
        await sender.put(5)
        sent = await sender.uplink(broker.url, **MEASUREMENT)
        await sender.delivered(sent)
        await sender.until(lambda: sender.recorder.last(Stream.EVENT) >= 2)
    assert (await sender.events("message_refused"))[0]["topic"].endswith("/state")
