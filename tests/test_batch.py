"""Batches and lanes: bytes that stay as they were stored, and an order in which nothing is left out."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.cursor import Cursor
from agent.store.record import Row, canonical, draft, genesis, next_head
from agent.store.store import Store
from agent.uplink.batch import Compressor, Envelope, Lane, packet_size, room, splice
from agent.uplink.lanes import Replay, Track, back_piece, live_pieces, replay_piece
from agent.uplink.packing import Order, Packed, pack
from drivers.reading import Stream
from tests.simulators.evidence import collect_records
from tests.simulators.mqtt_packets import Kind, Packet, publish

ENVELOPE = Envelope("T-1", "k3nab7q2wz4m", Stream.MEASUREMENT, Lane.LIVE)
ROOT = "station/v1"
START = genesis("T-1", ENVELOPE.epoch, ENVELOPE.stream)


def rows(count: int, first: int = 1, text: str = "x") -> list[Row]:
    """Records that follow each other, as the log keeps them."""
    found, head = [], START
    for seq in range(first, first + count):
        body = canonical({"device": "so2", "seq": seq, "values": {"so2": text}})
        head = next_head(head, body)
        found.append(Row(seq, 0, body, head))
    return found


class Told:
    """A message as the judge of the wire takes it."""

    def __init__(self, payload: bytes, envelope: Envelope = ENVELOPE) -> None:
        self.topic = envelope.topic(ROOT)
        self.payload = payload


def test_records_travel_byte_for_byte_and_prove_themselves() -> None:
    """What is hashed is what was stored; a batch that re-encoded it would break the chain."""
    some = rows(3, first=5, text='\u00e9 "1e-7" \\u0001')
    payload = splice(ENVELOPE, some, START)
    decoded = json.loads(payload)
    assert (decoded["v"], decoded["first"], decoded["last"], decoded["lane"]) == (1, 5, 7, "live")
    assert all(row.body in payload for row in some)
    assert "replay" not in decoded


def test_the_envelope_says_what_an_outsider_needs_to_check_it() -> None:
    """Prev and head tie a batch into the chain without the log."""
    found = collect_records([Told(splice(ENVELOPE, rows(5), START))])
    assert found.count == 5
    found.assert_complete()


def test_a_head_that_damage_took_is_null_and_not_invented() -> None:
    """Zeros would look like a chain that does not fit."""
    assert json.loads(splice(ENVELOPE, rows(1), None))["prev"] is None


@given(st.integers(0, 200), st.integers(1, 40))
def test_the_size_is_that_of_the_packet_on_the_wire(length: int, topic: int) -> None:
    """A byte too many and the broker ends the connection."""
    for payload in (bytes(length), bytes(length + 16_300), bytes(length + 2_097_000)):
        packet = Packet(Kind.PUBLISH, 0, topic="t" * topic, payload=payload)
        assert packet_size("t" * topic, payload) == len(publish(5, packet, 1))


@pytest.mark.parametrize("limit", [700, 1_500, 5_000])
def test_a_batch_is_as_large_as_fits_and_never_larger(limit: int) -> None:
    """Nearly empty packets would be as bad for a paid link as too large ones are for the broker."""
    longest = Envelope("T" * 32, "k3nab7q2wz4m", Stream.MEASUREMENT, Lane.REPLAY, "r" * 64)
    found = rows(200, first=10**15)
    fits = room(longest, ROOT, limit)
    count = fits // (len(found[0].body) + 1)
    payload = splice(longest, found[:count], bytes(32))
    assert limit - 250 < packet_size(longest.topic(ROOT), payload) <= limit


def test_compression_never_makes_it_longer() -> None:
    """One small record is shorter as it is; the first byte tells which it was."""
    compress = Compressor()
    small, large = splice(ENVELOPE, rows(1), bytes(32)), splice(ENVELOPE, rows(200), bytes(32))
    assert len(compress(small)) <= len(small)
    assert compress(large)[:4] == b"\x28\xb5\x2f\xfd"
    assert len(compress(large)) < len(large) / 3


def test_packing_stops_before_a_hole_and_says_what_is_gone(tmp_path: Path) -> None:
    """What retention freed meanwhile must neither be invented nor waited for."""
    store = Store.open(tmp_path / "s.db", station="T-1", machine="m", quota=1 << 26, now_ms=0)
    store.append([draft(Stream.MEASUREMENT, datetime.now(UTC), {"device": "a"}) for _ in range(30)])
    store.free(store.epoch, Stream.MEASUREMENT, 1, 5)
    store.free(store.epoch, Stream.MEASUREMENT, 11, 12)
    envelope = Envelope("T-1", store.epoch, Stream.MEASUREMENT, Lane.BACK)

    def packed(first: int, last: int, most: int = 100) -> Packed:
        return pack(store.log, Order(envelope, ROOT, first, last, most, 100_000))

    found = [packed(1, 30), packed(11, 30, 4), packed(11, 12)]
    told = Told(packed(13, 30).payload, envelope)
    store.close()
    assert [(one.first, one.last, one.gone) for one in found] == [
        (6, 10, (1, 5)),
        (13, 16, (11, 12)),
        (11, 12, (11, 12)),
    ]
    assert [one.count for one in found] == [5, 4, 0]
    assert not collect_records([told]).faults


def track(last: int, *acked: tuple[int, int], stream: Stream = Stream.MEASUREMENT, epoch: str = "e") -> Track:
    """A track at the beginning of a connection."""
    cursor = Cursor()
    for part in acked:
        cursor.ack(*part)
    made = Track(epoch, stream, cursor, last=last)
    made.restart(current=True)
    return made


def test_live_begins_after_what_was_there_and_back_serves_the_gaps() -> None:
    """The newest first, and nothing of the past forgotten."""
    one = track(100, (1, 40), (60, 70))
    one.grow(103)
    live = live_pieces([one])[0]
    back = back_piece([one])
    assert back is not None
    assert (live.lane, live.first, live.last) == (Lane.LIVE, 101, 103)
    assert (back.lane, back.first, back.last) == (Lane.BACK, 41, 59)
    assert one.waiting == [(41, 59), (71, 100)]


def test_few_and_telling_streams_go_before_many_and_old_epochs_before_new() -> None:
    """An alarm must not wait behind a week of lamp temperatures."""
    tracks = [
        track(9, stream=Stream.PARAMETER, epoch="old"),
        track(9, stream=Stream.MEASUREMENT, epoch="old"),
        track(9, stream=Stream.MEASUREMENT),
        track(9, stream=Stream.AUDIT),
        track(9, stream=Stream.EVENT),
    ]
    order = []
    while piece := back_piece(tracks):
        piece.track.claim(Lane.BACK, piece.first, piece.last)
        order.append((piece.track.stream, piece.track.epoch))
    assert order == [
        (Stream.EVENT, "e"),
        (Stream.AUDIT, "e"),
        (Stream.MEASUREMENT, "old"),
        (Stream.MEASUREMENT, "e"),
        (Stream.PARAMETER, "old"),
    ]


def test_a_replay_takes_its_ranges_in_turn() -> None:
    """And touches neither the cursor nor the other lanes."""
    one = track(50, (1, 50))
    replay = Replay("r", "c", one, [(5, 9), (20, 22)])
    piece = replay_piece([replay])
    assert piece is not None
    assert (piece.lane, piece.first, piece.last) == (Lane.REPLAY, 5, 9)
    replay.ranges.clear()
    assert replay_piece([replay]) is None


steps = st.lists(
    st.tuples(st.sampled_from(["grow", "live", "back", "ack", "again", "split", "restart", "end"]), st.integers(0, 9)),
    max_size=60,
)


@given(steps, st.integers(0, 30))
def test_every_record_is_acknowledged_or_on_its_way_or_waits(steps: list[tuple[str, int]], last: int) -> None:
    """Whatever comes in whatever order: no seq is lost between the lanes, and none is in two of them."""
    one = track(last)
    flying: list[tuple[int, int]] = []
    for step, number in steps:
        if step == "grow" and one.live is not None:
            one.grow(one.last + number)
        elif step in ("live", "back"):
            pieces = live_pieces([one]) if step == "live" else [piece] if (piece := back_piece([one])) else []
            for piece in pieces:
                end = min(piece.last, piece.first + number)
                one.claim(piece.lane, piece.first, end)
                flying.append((piece.first, end))
        elif step == "restart":
            flying.clear()
            one.restart(current=one.live is not None)
        elif step == "end":
            one.end()
        elif flying:
            first, end = flying.pop(number % len(flying))
            if step == "ack":
                one.acknowledge([(first, end)])
            elif step == "again" or one.sizes.split(first, end):
                one.release([(first, end)])
            else:
                one.park(first, end)
        beyond = [(one.live, one.last)] if one.live is not None else []
        acked = [(1, one.cursor.upto), *one.cursor.ranges]
        seqs = [
            seq for part in (acked, flying, one.waiting, one.parked, beyond) for a, b in part for seq in range(a, b + 1)
        ]
        assert sorted(seqs) == list(range(1, one.last + 1))


def test_splitting_ends_at_one_record() -> None:
    """Halves of halves: seven steps from a hundred records to the one that is wrong."""
    one = track(100)
    sizes = []
    first, last = 1, 100
    while one.sizes.split(first, last):
        one.release([(first, last)])
        first, last = one.sizes.cut(first, last)
        sizes.append(last - first + 1)
    assert sizes == [50, 25, 12, 6, 3, 1]
    assert one.sizes.cut(60, 100) == (60, 100)


def test_narrow_parts_do_not_hold_up_what_lies_before_or_behind() -> None:
    """Only the batch that was refused goes out smaller."""
    one = track(100)
    one.sizes.split(41, 60)
    assert one.sizes.cut(1, 100) == (1, 40)
    assert one.sizes.cut(41, 100) == (41, 50)
    assert one.sizes.cut(51, 100) == (51, 60)
    assert one.sizes.cut(61, 100) == (61, 100)
    one.acknowledge([(41, 60)])
    assert one.sizes.cut(1, 100) == (1, 100)


def test_a_backlog_in_a_thousand_pieces_costs_little() -> None:
    """A cursor full of holes comes from years of bad links; every batch looks at it."""
    one = track(100_000, *((n, n + 49) for n in range(1, 100_000, 100)))
    began = time.perf_counter()
    for _ in range(20):
        piece = back_piece([one])
        assert piece is not None
        one.claim(Lane.BACK, piece.first, piece.last)
        one.acknowledge([(piece.first, piece.last)])
    assert time.perf_counter() - began < 1.0
