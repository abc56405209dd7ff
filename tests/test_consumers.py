"""What consumers say: believed when the log bears it out, answered when it is a request, harmless whatever it is."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.archive import Archive
from agent.store.reader import Reader
from agent.store.store import CHUNK
from agent.uplink import consumer as words
from agent.uplink import delivery, outcome, standing
from agent.uplink.consumer import InboundError, Request, answer, parse_ack, parse_request
from agent.uplink.uplink import Uplink
from drivers.reading import Stream
from tests.simulators.evidence import collect_records
from tests.simulators.scripted_broker import ScriptedBroker
from tests.simulators.sender import STATION, Sender, behind, sending

BASE = f"station/v1/{STATION}"
CONFIRMED = {"streams": ["measurement"], "confirm": "consumer:province"}


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    """A fresh log."""
    async with sending(tmp_path / "log") as fresh:
        yield fresh


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    """A broker through which a test speaks as any consumer."""
    async with ScriptedBroker() as scripted:
        yield scripted


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits."""
    monkeypatch.setattr("agent.uplink.retry.FIRST_S", 0.1)
    monkeypatch.setattr("agent.uplink.retry.EARLY_CAP_S", 0.2)
    monkeypatch.setattr(delivery, "SETTLE_S", 0.1)


async def head(sender: Sender, seq: int, stream: Stream = Stream.MEASUREMENT) -> str:
    """The chain value after record *seq*, as a consumer knows it."""
    found = await sender.recorder.read(lambda reader: reader.head_at(sender.recorder.epoch, stream, seq))
    assert found is not None
    return found.hex()


async def ack(sender: Sender, upto: int, *have: tuple[int, int], by: str = "province", **other: Any) -> bytes:
    """An acknowledgement of measurements."""
    stream = {"upto": upto, "have": have, "head": await head(sender, upto)}
    message = {"v": 1, "by": by, "epoch": sender.recorder.epoch, "streams": {"measurement": stream | other}}
    return json.dumps(message).encode()


def batches(broker: ScriptedBroker, lane: str = "") -> list[dict[str, Any]]:
    """The batches that a broker got, in order."""
    found = [json.loads(packet.payload) for packet in broker.publishes if "/data/" in packet.topic]
    return [batch for batch in found if lane in batch["lane"]]


def replies(broker: ScriptedBroker) -> list[dict[str, Any]]:
    """The answers that the station gave."""
    return [json.loads(packet.payload) for packet in broker.publishes if "/reply/" in packet.topic]


async def connected(sender: Sender, broker: ScriptedBroker, **settings: Any) -> Uplink:
    """An uplink whose state has been published."""
    sent = await sender.uplink(broker.url, **settings)
    await broker.until(lambda seen: any(packet.topic == f"{BASE}/state" for packet in seen.publishes))
    return sent


def request(sender: Sender, *ranges: tuple[int, int], id_: str = "r1", by: str = "province", **other: Any) -> bytes:
    """A request for measurements."""
    message = {"v": 1, "id": id_, "by": by, "epoch": sender.recorder.epoch, "stream": "measurement", "ranges": ranges}
    return json.dumps(message | other).encode()


async def test_the_cursor_waits_for_the_consumer_that_counts(sender: Sender, broker: ScriptedBroker) -> None:
    """A PUBACK says that the broker took it; this one has it on disk."""
    sent = await connected(sender, broker, **CONFIRMED)
    await sender.put(10)
    await sender.until(lambda: sent.snapshot()["unconfirmed"] == 10)
    assert behind(sent) == 10
    broker.publish(f"{BASE}/ack/somebody", await ack(sender, 10, by="somebody"), retain=True)
    broker.publish(f"{BASE}/ack/province", await ack(sender, 4, (7, 8)), retain=True)
    await sender.until(lambda: behind(sent) == 4)
    assert sent.snapshot()["unconfirmed"] == 4
    broker.publish(f"{BASE}/ack/province", await ack(sender, 10), retain=True)
    await sender.delivered(sent)
    assert [(batch["first"], batch["last"]) for batch in batches(broker)] == [(1, 10)]


async def test_what_was_not_confirmed_goes_out_again_after_a_reconnect(sender: Sender, broker: ScriptedBroker) -> None:
    """The broker may have acknowledged and then lost it; what the retained ack covers is not sent again."""
    sent = await connected(sender, broker, **CONFIRMED)
    await sender.put(10)
    await sender.until(lambda: sent.snapshot()["unconfirmed"] == 10)
    await sender.stop(sent)
    broker.publish(f"{BASE}/ack/province", await ack(sender, 6), retain=True)
    sent = await sender.uplink(broker.url, **CONFIRMED)
    await broker.until(lambda seen: len(batches(seen)) == 2)
    assert (batches(broker)[1]["first"], batches(broker)[1]["last"]) == (7, 10)


async def test_what_a_consumer_evidently_lacks_goes_out_again(
    sender: Sender, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has what came later, so the batch before was lost behind the broker."""
    monkeypatch.setattr(outcome, "GRACE_S", 0.0)
    sent = await connected(sender, broker, **CONFIRMED)
    for count in (5, 5, 5):
        await sender.put(count)
        await sender.until(lambda: sent.snapshot()["window"]["used"] == 0)
    await sender.until(lambda: sent.snapshot()["unconfirmed"] == 15)
    broker.publish(f"{BASE}/ack/province", await ack(sender, 5, (11, 15)))
    await broker.until(lambda seen: len(batches(seen, "back")) == 1)
    again = batches(broker, "back")[0]
    assert (again["first"], again["last"]) == (6, 10)


FORGERIES: dict[str, Any] = {
    "not JSON": b"\x00\xff",
    "no object": b"[1]",
    "too large": b'{"v":1,"by":"province","pad":"' + b"x" * 70_000 + b'"}',
    "another version": {"v": 2},
    "another name": {"by": "city"},
    "an unknown epoch": {"epoch": "abcdefghijkl"},
    "ahead of the log": {"upto": 12, "head": "0" * 64},
    "another head": {"head": "f" * 64},
    "no head": {"head": None},
    "ranges backwards": {"have": [[9, 7]]},
    "ranges ahead of the log": {"have": [[9, 900]]},
    "ranges of nothing": {"have": [[0, 0]]},
    "a text for a number": {"upto": "5"},
    "a huge number": {"upto": 2**70},
    "too many ranges": {"have": [[n, n] for n in range(1, 600, 2)]},
    "an unknown stream": {"streams": {"gossip": {"upto": 1, "head": "0" * 64}}},
}


@pytest.mark.parametrize("kind", FORGERIES)
async def test_an_ack_that_does_not_fit_moves_nothing_and_harms_nothing(
    sender: Sender, broker: ScriptedBroker, kind: str
) -> None:
    """Anyone with the right to publish could otherwise make the log forget."""
    sent = await connected(sender, broker, **CONFIRMED)
    await sender.put(10)
    await sender.until(lambda: sent.snapshot()["unconfirmed"] == 10)
    forgery = FORGERIES[kind]
    if isinstance(forgery, dict):
        honest = json.loads(await ack(sender, 5))
        inner = {key: forgery[key] for key in ("upto", "have", "head") if key in forgery}
        honest["streams"]["measurement"] |= inner
        forgery = json.dumps(honest | {key: forgery[key] for key in forgery if key not in inner}).encode()
    for _ in range(3):
        broker.publish(f"{BASE}/ack/province", forgery)
    broker.publish(f"{BASE}/ack/province", await ack(sender, 2))
    await sender.until(lambda: behind(sent) == 8)
    said = await sender.events("ack_ignored")
    assert len(said) == 1
    assert said[0]["consumer"] == "province"
    assert len(said[0]["reason"]) <= 300
    assert sender.forks == []


async def test_an_ack_from_the_future_before_the_first_publish_shows_a_restored_image(
    sender: Sender, broker: ScriptedBroker
) -> None:
    """The consumer has records of this epoch that the log has not: it must not give those seqs out again."""
    await sender.put(10)
    honest = json.loads(await ack(sender, 10))
    honest["streams"]["measurement"] |= {"upto": 12, "head": "0" * 64}
    broker.publish(f"{BASE}/ack/province", json.dumps(honest).encode(), retain=True)
    await connected(sender, broker)
    assert len(sender.forks) == 1
    assert "province" in sender.forks[0]


async def test_a_replay_is_answered_and_served_last(sender: Sender, broker: ScriptedBroker) -> None:
    """A consumer that lost something gets it back, without delaying what is new."""
    sent = await connected(sender, broker, streams=["measurement"], batch=10)
    await sender.put(100)
    await sender.delivered(sent)
    broker.publish(f"{BASE}/replay/province", request(sender, (11, 30), (41, 45)))
    await broker.until(lambda seen: len(batches(seen, "replay")) == 3)
    got = batches(broker, "replay")
    assert replies(broker) == [{"id": "r1", "status": "accepted", "gone": []}]
    assert [(batch["first"], batch["last"], batch["replay"]) for batch in got] == [
        (11, 20, "r1"),
        (21, 30, "r1"),
        (41, 45, "r1"),
    ]
    assert got[0]["prev"] == await head(sender, 10)
    await sender.until(lambda: sent._delivery and not sent._delivery._outcome.replays)
    assert behind(sent) == 0


async def test_a_replay_that_is_asked_for_twice_is_served_once(sender: Sender, broker: ScriptedBroker) -> None:
    """Messages may come twice; so may the impatience of a consumer."""
    sent = await connected(sender, broker, streams=["measurement"])
    await sender.put(20)
    await sender.delivered(sent)
    for _ in range(3):
        broker.publish(f"{BASE}/replay/province", request(sender, (1, 5)))
    await broker.until(lambda seen: len(replies(seen)) == 3)
    broker.publish(f"{BASE}/replay/province", request(sender, (6, 9), id_="r2"))
    await broker.until(lambda seen: len(batches(seen, "replay")) == 2)
    assert [batch["first"] for batch in batches(broker, "replay")] == [1, 6]
    assert {reply["status"] for reply in replies(broker)} == {"accepted"}


async def test_one_replay_per_consumer_at_a_time(sender: Sender, broker: ScriptedBroker) -> None:
    """The rest waits with the consumer, who knows what it wants most."""
    broker.puback = lambda topic, _payload: None if topic.endswith("/replay") else 0
    sent = await connected(sender, broker, streams=["measurement"])
    await sender.put(20)
    await sender.delivered(sent)
    broker.publish(f"{BASE}/replay/province", request(sender, (1, 5)))
    broker.publish(f"{BASE}/replay/province", request(sender, (6, 9), id_="r2"))
    broker.publish(f"{BASE}/replay/city", request(sender, (6, 9), id_="r2", by="city"))
    await broker.until(lambda seen: len(replies(seen)) == 3)
    assert [reply["status"] for reply in replies(broker)] == ["accepted", "refused", "accepted"]
    assert "ask again" in replies(broker)[1]["reason"]


async def test_what_is_gone_or_foreign_is_said(sender: Sender, broker: ScriptedBroker) -> None:
    """The consumer must learn that it need not ask again."""
    await sender.put(50)
    await sender.recorder.write(lambda store: store.free(store.epoch, Stream.MEASUREMENT, 1, 20))
    sent = await connected(sender, broker, streams=["measurement"])
    await sender.delivered(sent)
    for id_, ranges, other in (
        ("partial", [(11, 30)], {}),
        ("gone", [(1, 10)], {}),
        ("future", [(49, 60)], {}),
        ("stream", [(1, 1)], {"stream": "parameter"}),
        ("epoch", [(1, 1)], {"epoch": "abcdefghijkl"}),
    ):
        broker.publish(f"{BASE}/replay/province", request(sender, *ranges, id_=id_, **other))
        await broker.until(lambda seen, id_=id_: replies(seen) and replies(seen)[-1]["id"] == id_)
        await sender.until(lambda: sent._delivery and not sent._delivery._outcome.replays)
    said = {reply["id"]: (reply["status"], reply["gone"]) for reply in replies(broker)}
    assert said == {
        "partial": ("partial", [[11, 20]]),
        "gone": ("refused", [[1, 10]]),
        "future": ("partial", []),
        "stream": ("refused", []),
        "epoch": ("refused", [[1, 1]]),
    }
    assert [(batch["first"], batch["last"]) for batch in batches(broker, "replay")] == [(21, 30), (49, 50)]


async def archived(sender: Sender, count: int) -> str:
    """Fill an epoch with *count* measurements that only the archive has, and return its name."""
    await sender.put(count)
    epoch = sender.recorder.epoch
    tomorrow_ms = int(time.time() * 1000) + 48 * 3_600_000

    def seal(reader: Reader) -> None:
        archive = Archive(sender.archive)
        while part := archive.next_slice(reader, tomorrow_ms):
            archive.seal(reader, part)

    await sender.recorder.read(seal)
    for first in range(1, count + 1, CHUNK):
        last = min(first + CHUNK - 1, count)
        await sender.recorder.write(lambda store, a=first, b=last: store.free(epoch, Stream.MEASUREMENT, a, b))
    return epoch


async def test_what_only_the_archive_has_is_replayed_from_there(sender: Sender, broker: ScriptedBroker) -> None:
    """The log holds a year, the archive ten; the consumer need not know which of them answers."""
    epoch = await archived(sender, 2500)
    await sender.put(100)
    sent = await connected(sender, broker, streams=["measurement"])
    await sender.delivered(sent)
    broker.publish(f"{BASE}/replay/province", request(sender, (3, 3), (1900, 2550)))
    await broker.until(lambda seen: bool(batches(seen, "replay")) and batches(seen, "replay")[-1]["last"] == 2550)
    evidence = collect_records(packet for packet in broker.publishes if packet.topic.endswith("/replay"))
    (found,) = evidence.records.values()
    assert replies(broker) == [{"id": "r1", "status": "accepted", "gone": []}]
    assert sorted(found) == [3, *range(1900, 2551)]
    assert (evidence.faults, evidence.duplicates) == ([], 0)
    assert batches(broker, "replay")[-1]["epoch"] == epoch
    assert behind(sent) == 0


async def test_an_epoch_that_the_log_has_forgotten_is_replayed_too(sender: Sender, broker: ScriptedBroker) -> None:
    """Epochs end with restored images; what they held is proof all the same."""
    epoch = await archived(sender, 20)
    await sender.recorder.write(lambda store: store.begin_epoch("restored"))
    await connected(sender, broker, streams=["measurement"])
    broker.publish(f"{BASE}/replay/province", request(sender, (1, 30), epoch=epoch))
    await broker.until(lambda seen: len(batches(seen, "replay")) == 1)
    reply, batch = replies(broker)[0], batches(broker, "replay")[0]
    assert (reply["status"], reply["gone"]) == ("partial", [])
    assert (batch["epoch"], batch["first"], batch["last"]) == (epoch, 1, 20)


async def test_what_the_archive_does_not_give_back_is_said_in_a_second_reply(
    sender: Sender, broker: ScriptedBroker
) -> None:
    """A damaged day ends where the damage begins; no record of it goes out that breaks the chain."""
    await archived(sender, 50)
    (path,) = sender.archive.glob("*_measurement_*")
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    lines[31] = lines[31].replace(b"12.5", b"12.6")
    path.write_bytes(gzip.compress(b"".join(lines)))
    await connected(sender, broker, streams=["measurement"])
    broker.publish(f"{BASE}/replay/province", request(sender, (11, 40)))
    await broker.until(lambda seen: len(replies(seen)) == 2)
    assert [(batch["first"], batch["last"]) for batch in batches(broker, "replay")] == [(11, 30)]
    assert [(reply["status"], reply["gone"]) for reply in replies(broker)] == [
        ("accepted", []),
        ("partial", [[31, 40]]),
    ]


async def test_a_batch_of_a_replay_that_is_refused_for_good_does_not_go_round_for_ever(
    sender: Sender, broker: ScriptedBroker
) -> None:
    """New records move the cursor all the time; that must not let the refusal be forgotten."""
    sent = await connected(sender, broker, streams=["measurement"])
    await sender.put(40)
    await sender.delivered(sent)
    broker.puback = lambda topic, payload: 0x99 if topic.endswith("/replay") and b'"seq":7,' in payload else 0
    broker.publish(f"{BASE}/replay/province", request(sender, (1, 40)))
    while len(replies(broker)) < 2:
        await sender.put(1)
        assert len(batches(broker, "replay")) < 30
    assert replies(broker)[1]["gone"] == [[7, 7]]
    assert not sent.snapshot()["parked"]


async def test_requests_that_do_not_fit_are_ignored_with_one_event(sender: Sender, broker: ScriptedBroker) -> None:
    """Nobody may be answered whose name is not on the topic, and no request may be without bounds."""
    await connected(sender, broker, streams=["measurement"])
    await sender.put(5)
    for payload in (
        b"}",
        request(sender, (5, 1)),
        request(sender, (1, 2), by="city"),
        request(sender, (1, 2), id_='"},{"'),
        request(sender),
        request(sender, *[(n, n) for n in range(1, 300)]),
    ):
        broker.publish(f"{BASE}/replay/province", payload)
    broker.publish(f"{BASE}/replay/province", request(sender, (1, 2_000_000)))
    await broker.until(lambda seen: len(replies(seen)) == 1)
    assert replies(broker)[0]["status"] == "refused"
    assert len(await sender.events("replay_ignored")) == 1


async def test_a_flood_is_dropped_and_delivery_goes_on(
    sender: Sender, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer gone mad, or somebody else, must not cost a record."""
    monkeypatch.setattr(standing, "QUIET_S", 600.0)
    sent = await connected(sender, broker)
    for number in range(2000):
        broker.publish(f"{BASE}/ack/province", b'{"v":1,"n":%d}' % number)
    await sender.put(10)
    await sender.delivered(sent)
    assert len(await sender.events("ack_ignored")) == 1


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_no_bytes_make_anything_but_a_refusal(payload: bytes) -> None:
    """A traceback here would end the daemon at a stranger's word."""
    for parse in (parse_ack, parse_request):
        with pytest.raises(InboundError):
            parse("province", payload)


ranges = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


@given(ranges.filter(bool), ranges, st.integers(0, 80))
def test_an_answer_accounts_for_every_seq_that_was_asked_for(
    asked: list[tuple[int, int]], kept: list[tuple[int, int]], last: int
) -> None:
    """Sent, gone or not there yet: nothing is passed over in silence."""
    kept = [(a, min(b, last)) for a, b in kept if a <= last]
    wanted = Request(v=1, id="r", by="x", epoch="e", stream=Stream.MEASUREMENT, ranges=asked)
    decided = answer(wanted, kept, last)

    def seqs(parts: list[tuple[int, int]]) -> set[int]:
        return {seq for a, b in parts for seq in range(a, b + 1)}

    gone = seqs(decided.reply["gone"])
    assert seqs(decided.ranges) == seqs(asked) & seqs(kept)
    assert gone == {seq for seq in seqs(asked) if seq <= last} - seqs(kept)
    assert (decided.reply["status"] == "accepted") == (seqs(decided.ranges) == seqs(asked))
    assert ("reason" in decided.reply) == (decided.reply["status"] != "accepted")


def test_a_request_has_a_bound() -> None:
    """The whole log of a decade in one request would be a siege."""
    wanted = Request(v=1, id="r", by="x", epoch="e", stream=Stream.EVENT, ranges=[(1, words.MOST_RECORDS + 1)])
    assert answer(wanted, [(1, 10**9)], 10**9).ranges == []
