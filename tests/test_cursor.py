"""Cursors: what is acknowledged, whatever the order in which acknowledgements come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.cursor import Cursor, intersect, merge, subtract

ranges = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def seqs(parts: list[tuple[int, int]]) -> set[int]:
    return {seq for first, last in parts for seq in range(first, last + 1)}


def moved(acks: list[tuple[int, int]]) -> Cursor:
    cursor = Cursor()
    for first, last in acks:
        cursor.ack(first, last)
    return cursor


@given(ranges)
def test_a_cursor_is_the_set_of_what_was_acknowledged(acks: list[tuple[int, int]]) -> None:
    """A record counted as delivered that was not is lost; the other way round it is sent twice."""
    cursor = moved(acks)
    known = seqs(acks)
    assert {seq for seq in range(1, 90) if cursor.covers(seq)} == known
    assert seqs(cursor.gaps(1, 89)) == set(range(1, 90)) - known
    assert cursor.missing(89) == len(set(range(1, 90)) - known)


@given(ranges)
def test_a_cursor_is_as_short_as_it_can_be(acks: list[tuple[int, int]]) -> None:
    """It is stored with every commit: ranges that touch are one, and what touches the beginning is upto."""
    cursor = moved(acks)
    assert all(later[0] > earlier[1] + 1 for earlier, later in zip(cursor.ranges, cursor.ranges[1:], strict=False))
    assert not cursor.ranges or cursor.ranges[0][0] > cursor.upto + 1


@given(ranges)
def test_a_cursor_comes_back_from_its_text(acks: list[tuple[int, int]]) -> None:
    """It has to survive a restart."""
    assert Cursor.from_json(moved(acks).to_json()) == moved(acks)


def test_the_text_of_a_cursor_has_the_words_of_an_acknowledgement() -> None:
    """One notation for the same thing on disk and on the wire."""
    assert json.loads(moved([(1, 7), (9, 12)]).to_json()) == {"upto": 7, "have": [[9, 12]]}


@pytest.mark.parametrize(("first", "last"), [(0, 3), (5, 4), (-2, -1)])
def test_a_range_that_is_none_is_refused(first: int, last: int) -> None:
    """Seqs begin at 1; anything else is a defect of the caller."""
    with pytest.raises(ValueError, match="no range"):
        Cursor().ack(first, last)


@given(ranges, ranges)
def test_ranges_behave_like_sets(mine: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    """Room and replay compute with them."""
    assert seqs(merge(mine)) == seqs(mine)
    assert seqs(subtract(mine, others)) == seqs(mine) - seqs(others)
    assert seqs(intersect(mine, others)) == seqs(mine) & seqs(others)
