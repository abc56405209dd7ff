"""Channels become the fewest requests that an instrument will answer."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.plan import Block, Span, halves, plan, prefixes, span_of
from drivers.profile import Channel, ModbusHabits

HABITS = ModbusHabits()


def channel(name: str, register: int | None, **words: Any) -> Channel:
    return Channel.model_validate({"name": name, "register": register, **words})


def spans(blocks: tuple[Block, ...]) -> list[tuple[int, int, int]]:
    return [(block.function, block.start, block.count) for block in blocks]


def test_neighbours_are_asked_for_together() -> None:
    """At 9600 Bd two requests cost twice the time of one."""
    channels = [channel("b", 2, type="float32"), channel("a", 0, type="float32"), channel("c", 8)]

    (block,) = plan(channels, HABITS)

    assert (block.function, block.start, block.count) == (3, 0, 9)
    assert [one.name for one in block.channels] == ["a", "b", "c"]


def test_a_gap_is_bridged_up_to_its_limit() -> None:
    """Registers nobody asked for cost two bytes each; a request costs thirteen and two silences."""
    near, far = channel("near", 5), channel("far", 6)

    assert spans(plan([channel("a", 0), near], ModbusHabits(gap=4))) == [(3, 0, 6)]
    assert spans(plan([channel("a", 0), far], ModbusHabits(gap=4))) == [(3, 0, 1), (3, 6, 1)]
    assert spans(plan([channel("a", 0), channel("b", 1)], ModbusHabits(gap=0))) == [(3, 0, 2)]


def test_a_block_ends_at_its_limit_and_splits_no_channel() -> None:
    """Half a float is no value, and some instruments refuse to give it."""
    channels = [channel(f"c{n}", 2 * n, type="float32") for n in range(6)]

    assert spans(plan(channels, ModbusHabits(block=5))) == [(3, 0, 4), (3, 4, 4), (3, 8, 4)]


def test_each_table_has_requests_of_its_own() -> None:
    """A request reads one of the four tables; bits have a limit of their own."""
    channels = [
        channel("h", 0),
        channel("i", 0, table="input"),
        channel("c", 0, table="coil"),
        channel("d", 0, table="discrete", count=16),
        channel("e", 200, table="discrete"),
    ]

    blocks = plan(channels, ModbusHabits(table="input", gap=124, bit_block=100))

    assert spans(blocks) == [(1, 0, 1), (2, 0, 16), (2, 200, 1), (4, 0, 1)]


def test_channels_of_one_register_share_it() -> None:
    """Eight status bits are one register, read once."""
    channels = [channel(f"bit{n}", 7, bit=n) for n in range(8)] + [channel("wide", 6, type="uint32")]

    assert spans(plan(channels, HABITS)) == [(3, 6, 2)]


def test_a_refused_span_is_never_held_again() -> None:
    """A block that runs over a hole is refused as a whole, with all that is good in it."""
    channels = [channel(f"c{n}", 3 * n) for n in range(4)]

    assert spans(plan(channels, HABITS)) == [(3, 0, 10)]
    assert spans(plan(channels, HABITS, [Span(3, 3, 4)])) == [(3, 0, 4), (3, 6, 4)]
    assert spans(plan(channels, HABITS, [Span(4, 3, 4)])) == [(3, 0, 10)]


def test_a_channel_without_a_register_is_no_modbus_channel() -> None:
    """Said when the driver is made, not when it is polled."""
    with pytest.raises(ValueError, match="channel a names no register"):
        span_of(channel("a", None), HABITS)


def test_a_refused_block_is_split_at_its_widest_gap() -> None:
    """What nobody defined is most often what nobody asked for."""
    channels = [channel("a", 0), channel("b", 1), channel("c", 2), channel("d", 9)]
    (block,) = plan(channels, HABITS)

    assert spans(halves(block, HABITS)) == [(3, 0, 3), (3, 9, 1)]


def test_a_block_without_gaps_is_split_in_the_middle() -> None:
    """Few requests find one bad register among many."""
    (block,) = plan([channel(f"c{n}", n) for n in range(8)], HABITS)

    assert spans(halves(block, HABITS)) == [(3, 0, 4), (3, 4, 4)]


def test_what_lies_in_one_register_is_not_split() -> None:
    """The bits of a refused register are all missing."""
    (block,) = plan([channel("a", 7, bit=0), channel("b", 7, bit=1)], HABITS)

    assert halves(block, HABITS) == (block,)


def test_prefixes_cut_no_channel() -> None:
    """They are small requests that are sure to be allowed."""
    (block,) = plan([channel("a", 0, type="float32"), channel("b", 2), channel("c", 4, type="float32")], HABITS)

    assert [span.count for span in prefixes(block, HABITS)] == [2, 3, 6]


CHANNELS = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from(["uint16", "float32", "uint64"]), st.sampled_from(["holding", "input"])
    ),
    max_size=12,
).map(lambda places: [channel(f"c{n}", at, type=kind, table=table) for n, (at, kind, table) in enumerate(places)])
REFUSED = st.lists(st.builds(Span, st.sampled_from([3, 4]), st.integers(0, 60), st.integers(1, 6)), max_size=4)


@given(channels=CHANNELS, refused=REFUSED, gap=st.integers(0, 10), longest=st.integers(4, 30))
def test_a_plan_reads_every_channel_once_within_all_limits(
    channels: list[Channel], refused: list[Span], gap: int, longest: int
) -> None:
    """Nothing is left out, nothing is asked for twice, nothing refused is asked for with others."""
    habits = ModbusHabits(gap=gap, block=longest)
    blocks = plan(channels, habits, refused)

    assert sorted(one.name for block in blocks for one in block.channels) == sorted(one.name for one in channels)
    for block in blocks:
        inside = [span_of(one, habits) for one in block.channels]
        assert all(block.span.holds(span) for span in inside)
        if len(set(inside)) > 1:
            assert block.count <= longest
            between = [hole for hole in refused if not any(span.holds(hole) for span in inside)]
            assert not any(block.span.holds(hole) for hole in between)


@given(channels=CHANNELS, refused=REFUSED, gap=st.integers(0, 10))
def test_no_two_neighbouring_blocks_could_be_one(channels: list[Channel], refused: list[Span], gap: int) -> None:
    """The fewest requests: each further one costs time on the wire in every poll."""
    habits = ModbusHabits(gap=gap, block=125)
    for block, after in itertools.pairwise(plan(channels, habits, refused)):
        if block.function == after.function:
            first = span_of(after.channels[0], habits)
            joined = Span(block.function, block.start, max(block.span.end, first.end) - block.start)
            assert first.start - block.span.end > gap or any(joined.holds(hole) for hole in refused)
