"""Room: what may be deleted, in which order, and what never."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.cursor import Cursor, Range
from agent.store.record import to_ms
from agent.store.retention import Claim, Retention, Terms
from agent.store.room import Holder, Shelf, Step, is_settled, next_step
from agent.store.store import Move, Store
from drivers.reading import Stream
from tests.simulators.logbook import DAY, NOON, open_store, reading

MEASUREMENT, EVENT = Stream.MEASUREMENT, Stream.EVENT
BOTH = frozenset({MEASUREMENT, EVENT})
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
EPOCH = "aaaaaaaaaaaa"


def shelf(*kept: Range, stream: Stream = MEASUREMENT) -> Shelf:
    return Shelf(EPOCH, stream, kept)


def holder(name: str, upto: int, *ranges: Range, stale: bool = False, streams: frozenset[Stream] = BOTH) -> Holder:
    return Holder(name, streams, {(EPOCH, MEASUREMENT): Cursor(upto, list(ranges))}, stale)


def time_of(epoch: str, stream: Stream, seq: int) -> int:
    """A record an hour, and events from noon on."""
    return seq * HOUR_MS if stream is MEASUREMENT else seq * HOUR_MS + 12 * HOUR_MS


def step(
    *holders: Holder, shelves: tuple[Shelf, ...] = (shelf((1, 100)),), cutoff_ms: int | None = None
) -> Step | None:
    return next_step(shelves, holders, time_of, pressure=cutoff_ms is None, cutoff_ms=cutoff_ms)


def test_what_every_uplink_has_goes_first() -> None:
    """The quota takes from the delivered before it takes from anyone."""
    found = step(holder("city", 50), holder("province", 30))
    assert found is not None
    assert (found.why, found.first, found.last, found.lacking) == ("delivered", 1, 30, ())


def test_delivered_records_behind_a_backlog_go_before_anything_undelivered() -> None:
    """Live records are delivered while the backlog waits: they are the ones that nobody lacks."""
    found = step(holder("city", 0, (61, 80)))
    assert found is not None
    assert (found.why, found.first, found.last) == ("delivered", 61, 80)


def test_then_goes_what_only_a_stale_uplink_lacks_and_it_is_named() -> None:
    """A broker that is gone for a month must not stop the station; whoever looks must see what it cost."""
    found = step(holder("city", 50), holder("province", 0, stale=True), shelves=(shelf((1, 20)),))
    assert found is not None
    assert (found.why, found.first, found.last, found.lacking) == ("stale", 1, 20, ("province",))


def test_a_range_that_different_uplinks_lack_is_told_apart() -> None:
    """The event names who loses what."""
    found = step(holder("city", 90), holder("a", 10, stale=True), holder("b", 0, stale=True), shelves=(shelf((1, 20)),))
    assert found is not None
    assert (found.first, found.last, found.lacking) == (1, 10, ("b",))


def test_what_no_uplink_has_is_never_freed() -> None:
    """Not even when all of them are stale: it exists nowhere else."""
    assert step(holder("city", 0, stale=True)) is None
    assert step(holder("city", 0, stale=True), holder("province", 0, stale=True)) is None


def test_what_a_living_uplink_lacks_is_never_freed() -> None:
    """It is waiting for a broker that answers, just not now."""
    assert step(holder("city", 100), holder("province", 0)) is None


def test_an_uplink_holds_only_the_streams_it_carries() -> None:
    """Events that nobody asked for need not wait for anybody."""
    events = shelf((1, 5), stream=EVENT)
    found = step(holder("city", 0, streams=frozenset({MEASUREMENT})), shelves=(events,))
    assert found is not None
    assert (found.stream, found.last) == (EVENT, 5)


def test_the_archive_gives_way_to_the_quota_but_not_to_age() -> None:
    """Unsealed records wait for their day to be over, unless there is no room at all."""
    archive = Holder("archive", frozenset(Stream), {}, stale=True, delivers=False)
    found = step(holder("city", 100), archive)
    assert found is not None
    assert (found.why, found.lacking) == ("stale", ("archive",))
    assert step(holder("city", 100), archive, cutoff_ms=50 * HOUR_MS) is None


def test_by_age_goes_only_what_everybody_has_and_is_old() -> None:
    """Keep is a wish of the operator, not a way to lose records."""
    found = step(holder("city", 80), cutoff_ms=50 * HOUR_MS)
    assert found is not None
    assert (found.why, found.first, found.until_ms) == ("aged", 1, 25 * HOUR_MS)
    assert step(holder("city", 80), cutoff_ms=HOUR_MS) is None
    assert step(holder("city", 0, stale=True), cutoff_ms=50 * HOUR_MS) is None


def test_the_oldest_records_of_all_streams_go_first() -> None:
    """Else the busiest stream would reach back a year and the events a week, or the other way round."""
    shelves = (shelf((20, 100)), shelf((1, 50), stream=EVENT))
    found = step(shelves=shelves)
    assert found is not None
    assert (found.stream, found.first, found.until_ms) == (EVENT, 1, 37 * HOUR_MS)


ranges = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=4
)


@given(st.lists(st.tuples(ranges, st.booleans()), max_size=3), ranges.filter(bool))
def test_whatever_the_cursors_freeing_ends_and_takes_nothing_it_may_not(
    acks: list[tuple[list[Range], bool]], kept: list[Range]
) -> None:
    """The rule of the whole page, for any state."""
    holders = []
    for number, (acked, stale) in enumerate(acks):
        cursor = Cursor()
        for first, last in acked:
            cursor.ack(first, last)
        holders.append(Holder(f"u{number}", BOTH, {(EPOCH, MEASUREMENT): cursor}, stale))
    left = {seq for first, last in kept for seq in range(first, last + 1)}
    everything = set(left)
    while found := step(*holders, shelves=(shelf(*_ranges(left)),)):
        freed = set(range(found.first, found.last + 1))
        assert freed <= left
        for one in holders:
            lacks = {seq for seq in freed if not one.cursors[EPOCH, MEASUREMENT].covers(seq)}
            assert not lacks or one.stale
            assert lacks in (set(), freed)
            assert (one.name in found.lacking) == bool(lacks)
        left -= freed
    for seq in everything - left:
        assert not holders or any(one.cursors[EPOCH, MEASUREMENT].covers(seq) for one in holders)
    for seq in left:
        assert any(not one.cursors[EPOCH, MEASUREMENT].covers(seq) for one in holders)


def _ranges(seqs: set[int]) -> list[Range]:
    cursor = Cursor()
    for seq in seqs:
        cursor.ack(seq + 1, seq + 1)  # one up, so that nothing is "upto"
    return [(first - 1, last - 1) for first, last in ([(1, cursor.upto)] if cursor.upto else []) + cursor.ranges]


@pytest.mark.parametrize(
    ("synchronised", "stepped_ms", "settled"),
    [(True, None, True), (False, None, False), (True, 100 * DAY_MS - 1, False), (True, 99 * DAY_MS, True)],
)
def test_age_rests_while_the_clock_cannot_be_trusted(synchronised: bool, stepped_ms: int | None, settled: bool) -> None:
    """A clock that jumps to 2036 would make everything old at once."""
    assert is_settled(100 * DAY_MS, synchronised=synchronised, stepped_ms=stepped_ms) is settled


NOW_MS = to_ms(NOON + 100 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "store.db", quota=2 << 20)
    yield store
    store.close()


def terms(**changes: Any) -> Terms:
    """One uplink that carries all, with a month's patience."""
    return replace(Terms({"city": Claim(frozenset(Stream), 30 * DAY_MS)}), **changes)


def fill(store: Store, count: int) -> None:
    """Readings of 1 kB each, an hour apart."""
    begin = store.last(MEASUREMENT)
    for start in range(begin, begin + count, 100):
        store.append([reading(start + n, every_s=3600, size=900) for n in range(100)])


def acked(store: Store, upto: int) -> None:
    store.append((), [Move("city", store.epoch, MEASUREMENT, Cursor(upto).to_json())])


def turns(store: Store, rules: Terms, now_ms: int = NOW_MS) -> int:
    retention = Retention(rest_s=0)
    count = 0
    while retention.turn(store, rules, now_ms):
        count += 1
    return count


def events(store: Store) -> list[dict[str, Any]]:
    rows = store.log.walk(store.epoch, EVENT, 1, 10**6)
    return [json.loads(row.body)["data"] for row in rows]


def test_under_the_quota_nothing_happens(store: Store) -> None:
    """Room is made when it is needed, not before."""
    fill(store, 100)
    acked(store, 100)
    assert turns(store, terms()) == 0


def test_at_the_quota_delivered_records_make_room_and_an_event_says_so(store: Store) -> None:
    """The log goes on for ever on a disk of any size."""
    store.set_uplinks({"city": "oldest"}, NOW_MS)
    for _ in range(10):
        fill(store, 300)
        acked(store, store.last(MEASUREMENT))
        turns(store, terms())
    assert store.last(MEASUREMENT) == 3000
    kept = store.log.kept(store.epoch, MEASUREMENT)
    assert kept[-1][1] == 3000
    assert 1900 < kept[0][0] < 2300
    told = [one for one in events(store) if one["stream"] == "measurement"]
    assert {one["why"] for one in told} == {"delivered"}
    assert sum(one["last"] - one["first"] + 1 for one in told) == kept[0][0] - 1


def test_undelivered_records_stay_and_the_log_fills_up(store: Store) -> None:
    """Better to stop with an alarm than to lose silently what was accepted."""
    store.set_uplinks({"city": "oldest"}, NOW_MS - 60 * DAY_MS)
    fill(store, 1200)
    assert turns(store, terms()) == 0
    assert store.log.kept(store.epoch, MEASUREMENT) == [(1, 1200)]


def test_what_a_stale_uplink_lacks_goes_with_an_event_that_names_it(store: Store) -> None:
    """A month of silence of one broker does not stop the other one's station."""
    store.set_uplinks({"city": "oldest", "province": "oldest"}, NOW_MS - 60 * DAY_MS)
    rules = terms(claims={name: Claim(frozenset(Stream), 30 * DAY_MS) for name in ("city", "province")})
    fill(store, 1200)
    acked(store, 1200)

    assert turns(store, replace(rules, settled=False), NOW_MS) == 0
    assert turns(store, rules, NOW_MS) > 0
    told = events(store)
    assert {(one["why"], tuple(one["uplinks"])) for one in told} == {("stale", ("province",))}
    assert told[0]["first"] == 1


def test_parked_records_stay_when_all_around_them_goes(store: Store) -> None:
    """They were never delivered, and someone still has to look at them."""
    fill(store, 1000)
    acked(store, 1000)
    store.park("city", store.epoch, MEASUREMENT, 40, 41, "payload_too_large")
    turns(store, terms(keep_ms=0))
    assert store.log.kept(store.epoch, MEASUREMENT)[0] == (40, 41)
    assert [row.seq for row in store.log.batch(store.epoch, MEASUREMENT, 40, 41)] == [40, 41]


def test_old_records_go_a_day_at_a_time(store: Store) -> None:
    """One event a day, not one a minute."""
    store.set_uplinks({"city": "oldest"}, NOW_MS)
    fill(store, 500)
    acked(store, 500)
    now_ms = to_ms(NOON + timedelta(hours=200))
    rules = terms(keep_ms=100 * HOUR_MS)
    assert turns(store, replace(rules, settled=False), now_ms) == 0
    assert turns(store, rules, now_ms) > 0
    assert store.log.kept(store.epoch, MEASUREMENT) == [(101, 500)]
    assert turns(store, rules, now_ms + 23 * HOUR_MS) == 0
    assert turns(store, rules, now_ms + 25 * HOUR_MS) > 0
    assert [(one["why"], one["first"], one["last"]) for one in events(store)] == [("aged", 1, 100), ("aged", 101, 125)]


def test_a_deletion_is_told_also_when_the_power_went_in_between(tmp_path: Path) -> None:
    """The event is owed from the first chunk on."""
    store = open_store(tmp_path / "store.db", quota=2 << 20)
    fill(store, 1200)
    acked(store, 1200)
    assert Retention(rest_s=0).turn(store, terms(), NOW_MS)
    freed_to = store.log.kept(store.epoch, MEASUREMENT)[0][0] - 1
    store.close()

    again = open_store(tmp_path / "store.db")
    turns(again, terms())
    assert [(one["first"], one["last"]) for one in events(again)] == [(1, freed_to)]
    again.close()


def test_freed_room_is_taken_again_and_the_file_does_not_grow(store: Store) -> None:
    """The quota is a promise to the rest of the disk."""
    store.set_uplinks({"city": "oldest"}, NOW_MS)
    for _ in range(10):
        fill(store, 300)
        acked(store, store.last(MEASUREMENT))
        turns(store, terms())
    assert store.path.stat().st_size <= 2 << 20
