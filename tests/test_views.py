"""What registers may mean: every view is there, and the right one is among those that are marked."""

from __future__ import annotations

import struct

import pytest

from agent.commission.views import View, plausible, views
from drivers.profile import Channel

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


def words(data: bytes) -> list[int | None]:
    """*data* as registers."""
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def arranged(value: float, order: str) -> bytes:
    """A float32 as an instrument of that word order sends it; written by hand, not by our decoder."""
    letters = dict(zip("ABCD", struct.pack(">f", value), strict=True))
    return bytes(letters[letter] for letter in order)


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_a_measured_value_is_marked_in_the_order_in_which_it_is_sent(order: str) -> None:
    """The technician should not have to know that CDAB exists."""
    (found,) = plausible(words(arranged(17.2, order)), 22)

    assert (found.register, found.type, found.order, found.value) == (22, "float32", order, 17.2)
    assert "only 3 digits" in found.why


def test_a_block_of_floats_is_read_from_its_first_register_on() -> None:
    """Between two floats lies half of each: read the other way about it often looks like a value, too."""
    values = [17.253407, 1013.25183, 22.61834, 0.5120391]
    found = plausible(words(b"".join(arranged(value, "ABCD") for value in values)), 22)

    assert [(view.register, view.order) for view in found] == [(22, "ABCD"), (24, "ABCD"), (26, "ABCD"), (28, "ABCD")]


def test_two_floats_are_not_taken_for_one_of_twice_the_width() -> None:
    """The upper half of any float64 of sane size is a sane float32; of two floats, the lower half is one too."""
    two = words(2 * arranged(2.5583208, "ABCD"))
    one = words(struct.pack(">d", 23.571234567))

    assert [(view.register, view.type) for view in plausible(two, 22)] == [(22, "float32"), (24, "float32")]
    assert [(view.register, view.type) for view in plausible(one, 22)] == [(22, "float64")]


def test_every_type_and_order_is_shown_of_every_place() -> None:
    """A guess may be wrong: the other views must be at hand."""
    shown = {(view.type, view.order) for view in views(words(bytes(range(8))), 0) if view.register == 0}

    fours = {(kind, order) for kind in ("float32", "uint32", "int32", "float64", "uint64", "int64") for order in ORDERS}
    assert shown == fours | {(kind, order) for kind in ("uint16", "int16", "bcd") for order in ("ABCD", "BADC")}


@pytest.mark.parametrize(("swapped", "order"), [(False, "ABCD"), (True, "BADC")])
def test_a_text_is_found_whole(swapped: bool, order: str) -> None:
    """A serial number among the registers tells which instrument this is."""
    data = b"T100-4711" + b"\0"
    if swapped:
        data = bytes(data[at ^ 1] for at in range(len(data)))
    (found,) = plausible([5, 0, *words(data)], 100)[1:]

    assert (found.register, found.type, found.order, found.value, found.count) == (102, "string", order, "T100-4711", 5)


def test_what_stands_for_no_value_is_not_marked() -> None:
    """NaN, zero and all ones are what an instrument sends where it has nothing."""
    assert plausible(words(struct.pack(">f", float("nan")) + b"\0\0\0\0\xff\xff\x80\x00\x7f\xff"), 0) == []


def test_a_register_that_is_refused_hides_nothing_else() -> None:
    """The hole stays a hole, and what lies beside it is shown."""
    found = plausible([None, *words(arranged(45.5, "ABCD")), None], 0)

    assert [(view.register, view.value) for view in found] == [(1, 45.5)]


def test_seconds_since_1970_are_named_as_the_time_they_are() -> None:
    """A clock among the registers is recognised at sight."""
    found = plausible(words(struct.pack(">I", 1_795_326_605)), 0)

    assert ("uint32", "as seconds since 1970: 2026-11-22 05:50:05") in [(view.type, view.why) for view in found]


def test_what_is_to_be_pasted_is_a_channel() -> None:
    """A line to copy that the station file then refuses would be worse than none."""
    pasted = View(22, "float32", "CDAB", 17.2, 2).toml("input").splitlines()
    pairs = dict(line.split(" = ") for line in pasted[1:])

    assert pasted[0] == "[[device.channel]]"
    channel = Channel.model_validate({key: int(v) if v.isdigit() else v.strip('"') for key, v in pairs.items()})
    assert (channel.start, channel.table, channel.type, channel.order) == (22, "input", "float32", "CDAB")
