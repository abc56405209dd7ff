"""An uplink against brokers that behave: everything arrives, what matters first, and nothing twice without need."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent.store.record import canonical, meta_id
from agent.uplink import announce, delivery, uplink
from drivers.reading import Stream
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.certificates import Authority
from tests.simulators.consumer import Consumer
from tests.simulators.mqtt_packets import Kind
from tests.simulators.proxy import Proxy
from tests.simulators.scripted_broker import Refusal, ScriptedBroker, limits
from tests.simulators.sender import DATA, STATION, Sender, behind, sending

STATE = f"station/v1/{STATION}/state"


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    """A fresh log."""
    async with sending(tmp_path / "log") as fresh:
        yield fresh


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long back-off: what is tested is what happens, not how long it may take."""
    monkeypatch.setattr("agent.uplink.retry.FIRST_S", 0.2)
    monkeypatch.setattr("agent.uplink.retry.EARLY_CAP_S", 0.4)
    monkeypatch.setattr(uplink, "FIRST_S", 0.2)


def batches(broker: ScriptedBroker) -> list[dict[str, Any]]:
    """The batches that a broker got, in order."""
    return [json.loads(packet.payload) for packet in broker.publishes if "/data/" in packet.topic]


async def test_every_record_arrives_and_proves_itself(sender: Sender, broker: Mosquitto) -> None:
    """The promise, seen from outside: complete, unchanged, chained."""
    with Consumer(broker.port) as consumer:
        await sender.put(700)
        sent = await sender.uplink(broker.url)
        await sender.put(30)
        await sender.put(3, Stream.PARAMETER)
        await sender.put(2, Stream.AUDIT, event="configuration_changed")
        await sender.delivered(sent)
        await consumer.until(lambda seen: seen.evidence().count >= 735)
        evidence = consumer.evidence()
    evidence.assert_complete()
    assert evidence.duplicates == 0
    assert len(evidence.of("measurement")) == 730
    assert evidence.of("event")[0]["event"] == "uplink_connected"


async def test_what_waits_goes_out_together_and_new_records_go_first(sender: Sender) -> None:
    """After an outage people want to see now what is; the past follows beside it, oldest first."""
    async with ScriptedBroker() as broker:
        broker.puback_delay_s = 0.05
        await sender.put(1000, Stream.PARAMETER)
        await sender.put(1000)
        await sender.put(1, Stream.AUDIT, event="door_opened")
        sent = await sender.uplink(broker.url, window=4, streams=["measurement", "parameter", "audit"])
        await broker.until(lambda seen: len(batches(seen)) >= 3)
        await sender.put(10)
        await sender.delivered(sent)
        got = batches(broker)
    live = [n for n, batch in enumerate(got) if batch["lane"] == "live" and batch["stream"] == "measurement"]
    back = [(batch["stream"], batch["first"], batch["last"]) for batch in got if batch["lane"] == "back"]
    assert [(got[n]["first"], got[n]["last"]) for n in live] == [(1001, 1010)]
    assert live[0] < 7
    assert back == [
        ("audit", 1, 1),
        *(("measurement", n, n + 199) for n in range(1, 1000, 200)),
        *(("parameter", n, n + 199) for n in range(1, 1000, 200)),
    ]


async def test_the_backlog_never_takes_more_than_half_of_the_window(sender: Sender) -> None:
    """Otherwise a new record would wait for a place behind days of old ones."""
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: None if "/data/" in topic else 0
        await sender.put(3000)
        await sender.uplink(broker.url, window=6, batch=100, streams=["measurement"])
        await broker.until(lambda seen: len(batches(seen)) >= 3)
        await asyncio.sleep(0.2)
        assert len(batches(broker)) == 3
        for _ in range(5):
            await sender.put(1)
        await broker.until(lambda seen: len(batches(seen)) >= 6)
        await asyncio.sleep(0.2)
        assert len(batches(broker)) == 6


async def test_the_brokers_receive_maximum_is_never_exceeded(sender: Sender) -> None:
    """Paho would send all it has, and a strict broker ends the connection for that."""
    async with ScriptedBroker() as broker:
        broker.properties = dict(limits(receive_maximum=3))
        broker.puback_delay_s = 0.01
        await sender.put(2000)
        sent = await sender.uplink(broker.url, batch=50)
        await sender.put(200)
        await sender.delivered(sent)
    assert broker.most_in_flight <= 3
    assert broker.connections == 1


@pytest.mark.parametrize("limit", [600, 5_000])
async def test_no_packet_is_larger_than_the_broker_allows(sender: Sender, limit: int) -> None:
    """Measured on the whole packet, since that is what ends the connection."""
    async with ScriptedBroker() as broker:
        broker.properties = dict(limits(packet_size=limit))
        await sender.put(300)
        sent = await sender.uplink(broker.url)
        await sender.delivered(sent)
        sizes = [packet.size for packet in broker.publishes if "/data/" in packet.topic]
        state = [packet for packet in broker.publishes if packet.topic == STATE]
    assert broker.connections == 1
    assert limit * 0.6 < max(sizes) <= limit
    assert bool(state) == (limit > 1000)  # too large itself, which is an event and no more


async def test_cursors_survive_a_restart_so_that_nothing_is_sent_twice(tmp_path: Path, broker: Mosquitto) -> None:
    """A restart costs the consumers nothing."""
    with Consumer(broker.port) as consumer:
        for _ in range(3):
            async with sending(tmp_path / "log") as sender:
                sent = await sender.uplink(broker.url)
                await sender.put(25)
                await sender.delivered(sent)
        await consumer.until(lambda seen: len(seen.evidence().of("measurement")) >= 75)
        evidence = consumer.evidence()
    evidence.assert_complete()
    assert evidence.duplicates == 0
    assert [json.loads(m.payload)["session"] for m in consumer.on(STATE) if b'"online":false' in m.payload] == [1, 2, 3]


@pytest.mark.usefixtures("impatient")
async def test_a_broker_that_is_killed_and_comes_back_gets_everything(sender: Sender, tmp_path: Path) -> None:
    """What it had not acknowledged is sent again; the consumer drops what it has."""
    with Mosquitto(tmp_path / "broker", persistence=True) as broker, Consumer(broker.port) as consumer:
        sent = await sender.uplink(broker.url)
        for _ in range(3):
            await sender.put(20)
            await asyncio.to_thread(broker.kill)
            await sender.put(20)
            await sender.until(lambda: sent.snapshot()["state"] == "backing_off")
            await asyncio.to_thread(broker.restart)
            await sender.until(lambda: sent.snapshot()["state"] == "connected")
        await sender.delivered(sent)
        await sender.until(lambda: len(consumer.evidence().of("measurement")) >= 120, 15)
        consumer.evidence().assert_complete()
        assert len(await sender.events("uplink_lost")) == 3


async def test_one_black_hole_leaves_the_other_uplink_alone(sender: Sender, broker: Mosquitto) -> None:
    """Two authorities, two brokers: the silence of one is no excuse towards the other."""
    async with Proxy(broker.port) as hole:
        hole.hole = True
        deaf = await sender.uplink(f"mqtt://127.0.0.1:{hole.port}", "deaf")
        well = await sender.uplink(broker.url)
        waits = []
        for _ in range(20):
            began = time.monotonic()
            await sender.put(1)
            await sender.delivered(well)
            waits.append(time.monotonic() - began)
        assert statistics.median(waits) < 0.1
        assert behind(deaf) >= 20
        assert deaf.snapshot()["state"] == "connecting"


@pytest.mark.usefixtures("impatient")
async def test_a_missing_puback_ends_the_connection(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP may look alive for minutes while the broker's other half is dead."""
    monkeypatch.setattr(delivery, "PUBACK_S", 0.3)
    async with ScriptedBroker() as broker:
        broker.puback = lambda topic, _payload: None if "/data/" in topic else 0
        await sender.put(5)
        sent = await sender.uplink(broker.url)
        await broker.until(lambda seen: seen.connections >= 2)
        broker.puback = lambda _topic, _payload: 0
        await sender.delivered(sent)
    assert "no acknowledgement" in (await sender.events("uplink_lost"))[0]["error"]


async def test_an_unreachable_broker_is_one_event_and_a_hint(sender: Sender) -> None:
    """A week without a broker must not fill the log with a week of complaints."""
    sent = await sender.uplink(f"mqtt://127.0.0.1:{free_port()}")
    await sender.until(lambda: sent.snapshot()["state"] == "backing_off")
    sent.retry_parked()
    await asyncio.sleep(0.3)
    shown = sent.snapshot()
    assert len(await sender.events("uplink_lost")) == 1
    assert "nothing listens" in shown["error"]["what"]
    assert shown["error"]["hint"]
    assert shown["next_attempt_s"] is None or shown["next_attempt_s"] <= 30


async def test_old_records_go_no_faster_than_the_rate(sender: Sender) -> None:
    """On a radio link the backlog would otherwise crowd out the present."""
    async with ScriptedBroker() as broker:
        await sender.put(400)
        began = time.monotonic()
        sent = await sender.uplink(broker.url, batch=20, rate="40kB/s")
        await broker.until(lambda seen: len(batches(seen)) >= 5)
        await sender.put(1)
        await broker.until(lambda seen: any(b["first"] == 401 for b in batches(seen)), 0.5)
        await sender.delivered(sent)
        took = time.monotonic() - began
        size = sum(packet.size for packet in broker.publishes if packet.topic.endswith("/back"))
    assert took > size / 40_000 - 0.3


async def test_linger_gathers_what_comes_within_it(sender: Sender) -> None:
    """Fewer, larger messages where each one costs money; later by no more than that."""
    async with ScriptedBroker() as broker:
        sent = await sender.uplink(broker.url, linger="400ms", streams=["measurement"])
        await sender.until(lambda: sent.snapshot()["state"] == "connected")
        await asyncio.sleep(0.4)
        for _ in range(5):
            await sender.put(1)
        await sender.delivered(sent)
        assert [(batch["lane"], batch["first"], batch["last"]) for batch in batches(broker)] == [("live", 1, 5)]


async def test_a_new_uplink_may_start_now(sender: Sender) -> None:
    """A second authority need not get last year."""
    async with ScriptedBroker() as broker:
        await sender.put(500)
        sent = await sender.uplink(broker.url, start="now", streams=["measurement"])
        await sender.until(lambda: sent.snapshot()["state"] == "connected")
        await sender.put(5)
        await sender.delivered(sent)
        assert [(batch["first"], batch["last"]) for batch in batches(broker)] == [(501, 505)]


async def test_ended_epochs_are_delivered_under_their_own_name(sender: Sender, broker: Mosquitto) -> None:
    """A new epoch is no reason to lose the end of the old one; nor is its beginning while we are connected."""
    await sender.put(50)
    await sender.recorder.write(lambda store: store.begin_epoch("test"))
    with Consumer(broker.port) as consumer:
        await sender.put(20)
        sent = await sender.uplink(broker.url)
        await sender.delivered(sent)
        await sender.put(3)
        await sender.recorder.write(lambda store: store.begin_epoch("test again"))
        await sender.put(7)
        await sender.delivered(sent)
        await consumer.until(lambda seen: len(seen.evidence().of("measurement")) >= 80)
        consumer.evidence().assert_complete()
        counts = [len(found) for chain, found in consumer.evidence().records.items() if chain.stream == "measurement"]
    assert counts == [50, 23, 7]


async def test_retained_state_and_dictionaries_meet_a_late_subscriber(sender: Sender, broker: Mosquitto) -> None:
    """Who comes later must understand the records, and see whether the station lives."""
    words = {"device": "so2", "stream": "measurement", "channels": {"so2": {"unit": "ug/m3"}}}
    name = meta_id(words)
    sender.recorder.dictionary(name, words)
    sent = await sender.uplink(broker.url)
    await sender.put(4)
    await sender.delivered(sent)
    with Consumer(broker.port) as late:
        await late.until(lambda seen: len(seen.messages) >= 2)
        state = json.loads(late.on(STATE)[0].payload)
        dictionary = late.on(f"station/v1/{STATION}/meta/{name}")[0]
    assert (state["online"], state["session"], state["version"]) == (True, 1, "1.0")
    assert state["epoch"] == sender.recorder.epoch
    assert (dictionary.payload, dictionary.retained) == (canonical(words), True)


async def test_the_state_follows_changes_but_not_too_fast(
    sender: Sender, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On change, at most so often, and now and then in any case."""
    monkeypatch.setattr(announce, "APART_S", 0.3)
    monkeypatch.setattr(announce, "EVERY_S", 1.2)
    monkeypatch.setattr(delivery, "TURN_S", 0.05)
    with Consumer(broker.port) as consumer:
        await sender.uplink(broker.url)
        await consumer.until(lambda seen: bool(seen.on(STATE)))
        for number in range(5):
            sender.facts["config"] = f"{number}"
            await asyncio.sleep(0.05)
        await consumer.until(lambda seen: b'"config":"4"' in seen.on(STATE)[-1].payload)
        count = len(consumer.on(STATE))
        await consumer.until(lambda seen: len(seen.on(STATE)) > count)
        times = [message.monotonic_s for message in consumer.on(STATE)]
    assert min(b - a for a, b in pairwise(times)) > 0.25
    assert count <= 4


async def test_a_stale_will_is_overwritten(sender: Sender, broker: Mosquitto) -> None:
    """The will of a connection that was lost may come after its successor has said that it is there."""
    with Consumer(broker.port) as consumer:
        sent = await sender.uplink(broker.url)
        await sender.until(lambda: sent.snapshot()["state"] == "connected")
        await consumer.until(lambda seen: bool(seen.on(STATE)))
        stale = json.dumps({"v": 1, "online": False, "session": 1, "station": STATION, "epoch": sender.recorder.epoch})
        consumer.publish(STATE, stale.encode(), retain=True)
        await consumer.until(lambda seen: b'"online":true' in seen.on(STATE)[-1].payload and len(seen.on(STATE)) >= 3)


async def test_the_will_and_the_farewell_carry_the_session(
    sender: Sender, broker: Mosquitto, authority: Authority
) -> None:
    """Consumers drop a farewell whose session is older than one that they saw."""
    with Consumer(broker.port, STATE) as consumer:
        sent = await sender.uplink(broker.url)
        await consumer.until(lambda seen: len(seen.messages) == 1)
        connection = sent._delivery
        assert connection is not None
        connection._session._shut()
        await consumer.until(lambda seen: len(seen.messages) >= 2)
        will = json.loads(consumer.messages[1].payload)
        await consumer.until(lambda seen: b'"session":2,' in seen.messages[-1].payload, 15)
        await sender.stop(sent)
        await consumer.until(lambda seen: b'"online":false' in seen.messages[-1].payload)
        farewell = json.loads(consumer.messages[-1].payload)
    assert (will["online"], will["session"]) == (False, 1)
    assert (farewell["online"], farewell["session"]) == (False, 2)


@pytest.mark.parametrize("manner", list(Refusal))
@pytest.mark.usefixtures("impatient")
async def test_a_broker_of_3_1_1_only_is_spoken_to_in_its_own_way(sender: Sender, manner: Refusal) -> None:
    """Old brokers are met by falling back; status says that their acknowledgement proves less."""
    async with ScriptedBroker() as broker:
        broker.refuse_v5 = manner
        await sender.put(5)
        sent = await sender.uplink(broker.url)
        await sender.until(lambda: sent.snapshot()["state"] == "connected", 15)
        await sender.delivered(sent)
        shown = sent.snapshot()
        tries = [packet.version for packet in broker.of(Kind.CONNECT)]
    assert (shown["broker"]["protocol"], shown["puback_proven"]) == ("3.1.1", False)
    assert tries == ([5, 5, 5, 4, 5, 4] if manner is Refusal.SILENCE else [5, 4, 5, 4])


@pytest.mark.usefixtures("impatient")
async def test_a_broker_that_once_spoke_5_is_never_asked_for_less(tmp_path: Path) -> None:
    """On 3.1.1 a refusal looks like success: whoever cuts connections must not bring us there."""
    async with ScriptedBroker() as broker:
        for round_ in range(2):
            async with sending(tmp_path / "log") as sender:
                sent = await sender.uplink(broker.url)
                if round_ == 0:
                    await sender.put(1)
                    await sender.delivered(sent)
                broker.refuse_v5 = Refusal.SILENCE
                broker.drop_clients()
                seen = broker.connections
                await broker.until(lambda now, seen=seen: now.connections >= seen + 5, 20)
        versions = {packet.version for packet in broker.of(Kind.CONNECT)}
    assert versions == {5}


async def test_compressed_batches_are_one_frame_and_much_smaller(sender: Sender, broker: Mosquitto) -> None:
    """For links that are paid by the byte."""
    with Consumer(broker.port) as consumer:
        await sender.put(400)
        sent = await sender.uplink(broker.url, compress=True)
        await sender.delivered(sent)
        await consumer.until(lambda seen: len(seen.evidence().of("measurement")) >= 400)
        consumer.evidence().assert_complete()
        frames = [message.payload for message in consumer.on(f"{DATA}/measurement/*")]
    assert all(frame.startswith(b"\x28\xb5\x2f\xfd") for frame in frames)
    assert sum(map(len, frames)) < 400 * 100 / 3


async def test_compress_without_the_library_says_what_to_install(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra: there is no wheel for every board."""
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    sent = await sender.uplink("mqtt://127.0.0.1:1", compress=True)
    await sender.until(lambda: sent.snapshot()["error"])
    assert "station-agent[zstd]" in sent.snapshot()["error"]["hint"]


@pytest.mark.usefixtures("impatient")
async def test_a_shared_client_id_ends_in_an_alarm_and_not_in_a_fight(sender: Sender) -> None:
    """Two stations with one identity would throw each other out once a second, for ever."""
    async with ScriptedBroker() as broker:
        broker.disconnect = lambda topic, _payload: 0x8E if topic == STATE else None
        sent = await sender.uplink(broker.url)
        await sender.until(lambda: sent.snapshot()["state"] == "paused", 15)
        assert sent.snapshot()["error"]["hint"].startswith("Another client uses the same client_id")
        assert broker.connections == 3
        assert len(await sender.events("identity_shared")) == 1


async def test_an_older_copy_of_the_log_begins_a_new_epoch(sender: Sender, broker: Mosquitto) -> None:
    """A restored disk image must not give out seqs a second time, with other records behind them."""
    await sender.put(10)
    head = sender.recorder.last_head(Stream.MEASUREMENT).hex()
    streams = {"measurement": {"first": 1, "last": 12, "head": head}}
    state = {"v": 1, "online": False, "session": 9, "epoch": sender.recorder.epoch, "streams": streams}
    before = sender.recorder.epoch
    with Consumer(broker.port, client_id="old-self") as consumer:
        consumer.publish(STATE, json.dumps(state).encode(), retain=True)
        sent = await sender.uplink(broker.url)
        await sender.until(lambda: sender.recorder.epoch != before)
        await sender.put(5)
        await sender.delivered(sent)
        await consumer.until(lambda seen: len(seen.evidence().of("measurement")) >= 15)
        consumer.evidence().assert_complete()
        epochs = [chain.epoch for chain in consumer.evidence().records if chain.stream == "measurement"]
    assert "12, and the log ends at 10" in sender.forks[0]
    assert set(epochs) == {before, sender.recorder.epoch}
    assert before != sender.recorder.epoch
    assert len(sender.forks) == 1


async def test_our_own_state_of_before_is_no_reason_for_a_new_epoch(tmp_path: Path, broker: Mosquitto) -> None:
    """Every ordinary restart finds one."""
    for _ in range(2):
        async with sending(tmp_path / "log") as sender:
            sent = await sender.uplink(broker.url)
            await sender.put(5)
            await sender.delivered(sent)
            assert sender.forks == []


async def test_a_broker_without_retained_messages_is_served_all_the_same(sender: Sender) -> None:
    """Some cloud brokers keep none, and end the connection of a client that asks for it."""
    async with ScriptedBroker() as broker:
        broker.properties = {0x25: 0}
        await sender.put(5)
        sent = await sender.uplink(broker.url)
        await sender.delivered(sent)
        assert not any(packet.retain for packet in broker.publishes)
        assert broker.connections == 1


async def test_a_password_file_that_is_missing_is_said_and_not_fatal(sender: Sender, tmp_path: Path) -> None:
    """It may be mounted later; the uplink tries again."""
    sent = await sender.uplink("mqtt://127.0.0.1:1", username="u", password_file=str(tmp_path / "absent"))
    await sender.until(lambda: sent.snapshot()["error"])
    assert "absent" in sent.snapshot()["error"]["what"]


async def test_an_uplink_shows_life_while_it_rests(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog asks for life, not for success."""
    monkeypatch.setattr(uplink, "BEAT_S", 0.05)
    sent = await sender.uplink(f"mqtt://127.0.0.1:{free_port()}")
    await sender.until(lambda: sent.snapshot()["state"] == "backing_off")
    seen = sent.turned_s
    await sender.until(lambda: sent.turned_s > seen)


async def test_an_uplink_shows_life_while_its_broker_owes_the_first_answer(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog waits as long as the broker may: a silent broker must not look like a dead task of ours."""
    monkeypatch.setattr(delivery, "TURN_S", 0.05)
    async with ScriptedBroker() as broker:
        broker.puback = lambda _topic, _payload: None
        sent = await sender.uplink(broker.url)
        await broker.until(lambda seen: bool(seen.publishes))
        for _ in range(3):
            seen = sent.turned_s
            await sender.until(lambda seen=seen: sent.turned_s > seen, 0.5)


async def test_on_3_1_1_a_state_that_does_not_come_back_is_said(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a refusal is acknowledged like a success; what we hear of ourselves is the only sign that it was none."""
    monkeypatch.setattr(delivery, "ECHO_S", 1.0)
    monkeypatch.setattr(delivery, "TURN_S", 0.05)
    with Mosquitto(tmp_path / "deaf", acl="topic read #\n") as deaf, Mosquitto(tmp_path / "well") as well:
        silent = await sender.uplink(deaf.url, "silent", protocol="3.1.1")
        loud = await sender.uplink(well.url, "loud", protocol="3.1.1")
        await sender.put(3)
        await sender.delivered(silent)  # so it says
        await sender.until(lambda: silent.snapshot()["may_refuse_silently"])
        await sender.delivered(loud)
        assert not loud.snapshot()["may_refuse_silently"]
        assert (silent.snapshot()["puback_proven"], loud.snapshot()["puback_proven"]) == (False, False)
    assert [event["topic"] for event in await sender.events("echo_missing")] == [STATE]


async def test_a_long_backlog_never_keeps_the_loop_from_turning(sender: Sender, broker: Mosquitto) -> None:
    """A fast broker always has room: new records, the watchdog and consumers must get their turn all the same."""
    for _ in range(10):
        await sender.put(4000)
    sent = await sender.uplink(broker.url, streams=["measurement"], batch=20)
    await sender.until(lambda: sent.snapshot()["rate"] > 0)
    seen = sent.turned_s
    with Consumer(broker.port, f"{DATA}/measurement/live") as consumer:
        await sender.put(1)
        await consumer.until(lambda seen: bool(seen.messages), 2.0)
    assert behind(sent) > 1000
    assert sent.turned_s > seen
