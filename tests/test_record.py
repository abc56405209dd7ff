"""Records: canonical bytes that anyone can rebuild, and the chain over them."""

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agent.store.record import canonical, draft, event, genesis, meta_id, next_head, time_text, to_ms
from drivers.reading import Quality, Stream

NOON = datetime(2026, 11, 22, 4, 30, 5, 137_999, tzinfo=UTC)
EXACT = 2**53 - 1

numbers = st.integers(-EXACT, EXACT) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@given(values)
def test_every_json_value_is_written_as_rfc_8785_demands(value: object) -> None:
    """A consumer in another language must come to the same bytes, or it cannot prove anything."""
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (1e20, b"100000000000000000000"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (9007199254740992.0, b"9007199254740992"),
        (12.0, b"12"),
        (12.30, b"12.3"),
        ("µg/m³", '"µg/m³"'.encode()),
        ("\x7f\x1f\b", b'"\x7f\\u001f\\b"'),
        ({"\ue000": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ue000":1}'.encode()),
        ((1, [2.0, None, True]), b"[1,[2,null,true]]"),
        ({"quality": Quality.VALID}, b'{"quality":"valid"}'),
    ],
)
def test_known_values_are_written_like_this(value: object, written: bytes) -> None:
    """The odd corners of RFC 8785 by hand, so that nobody has to trust the library we compare with."""
    assert canonical(value) == written


@given(st.integers(min_value=EXACT + 1) | st.integers(max_value=-EXACT - 1))
def test_an_integer_that_a_double_cannot_hold_travels_as_text(number: int) -> None:
    """A totalizer of 64 bits would lose its last digits in every JSON parser."""
    assert canonical([number]) == b'["%d"]' % number


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\ud800"])
def test_what_json_cannot_carry_is_refused(value: object) -> None:
    """The encoder alone would write null for NaN: a value would silently become none."""
    with pytest.raises(ValueError, match=r".+"):
        canonical({"a": [value]})


@pytest.mark.parametrize("value", [NOON, b"bytes", {1: 2}, {1, 2}, object()])
def test_what_is_no_json_value_is_refused(value: object) -> None:
    """Nothing is turned into text by accident."""
    with pytest.raises(TypeError):
        canonical({"a": value})


def test_keys_that_are_members_of_an_enumeration_are_plain_words() -> None:
    """The streams name their own columns in state messages."""

    class Word(StrEnum):
        B = "b"
        A = "a"

    assert canonical({Word.B: 1, Word.A: 2}) == b'{"a":2,"b":1}'


fields = st.dictionaries(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8).filter(
        lambda key: key not in {"seq", "time"}
    ),
    values,
    max_size=6,
)


@given(fields, st.integers(1, 2**40 - 1))
def test_a_record_split_around_its_seq_is_canonical_as_a_whole(fields: dict[str, object], seq: int) -> None:
    """It is encoded before its seq is known, and must come out as if it had been encoded after."""
    body = draft(Stream.PARAMETER, NOON, fields).body(seq)
    assert body == rfc8785.dumps({**fields, "seq": seq, "time": "2026-11-22T04:30:05.137Z"})  # type: ignore[dict-item]


@pytest.mark.parametrize("fields", [{"seq": 1}, {"time": "now"}, {"größe": 1}])
def test_a_record_cannot_bring_its_own_seq_or_time_or_odd_keys(fields: dict[str, object]) -> None:
    """Seq and time have one source each."""
    with pytest.raises(ValueError, match="brings neither"):
        draft(Stream.EVENT, NOON, fields)


def test_a_record_of_the_design_reads_as_printed() -> None:
    """The example that the documentation shows is what the code makes."""
    made = draft(
        Stream.MEASUREMENT,
        NOON,
        {"device": "so2", "meta": "3fa09c1e", "quality": {"so2": Quality.SPAN_CHECK}, "values": {"so2": 182.4}},
    )
    assert made.body(120001) == (
        b'{"device":"so2","meta":"3fa09c1e","quality":{"so2":"span_check"},"seq":120001,'
        b'"time":"2026-11-22T04:30:05.137Z","values":{"so2":182.4}}'
    )


def test_an_event_carries_only_what_fits() -> None:
    """An absent device is absent, not null."""
    words = json.loads(event("link_lost", NOON, uplink="city", data={"after_s": 3.0}).body(1))
    assert words == {
        "event": "link_lost",
        "uplink": "city",
        "data": {"after_s": 3},
        "seq": 1,
        "time": "2026-11-22T04:30:05.137Z",
    }
    assert event("clock_set", NOON, stream=Stream.AUDIT).stream is Stream.AUDIT


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # the zone is given beside
def test_the_number_and_the_text_of_a_time_agree(time: datetime) -> None:
    """The column beside a record is compared with the text inside it."""
    text = time_text(to_ms(time))
    assert datetime.fromisoformat(text) == time.replace(microsecond=time.microsecond // 1000 * 1000)


def test_times_of_other_zones_become_utc_and_naive_ones_are_refused() -> None:
    """A local time that is taken for UTC would be eight hours off, and look right."""
    china = timezone(timedelta(hours=8))
    assert time_text(to_ms(NOON.astimezone(china))) == "2026-11-22T04:30:05.137Z"
    with pytest.raises(ValueError, match="no time zone"):
        to_ms(NOON.replace(tzinfo=None))


def test_the_chain_is_what_the_documentation_says_it_is() -> None:
    """Computed here by hand: an outsider has nothing but that sentence."""
    start = hashlib.sha256(b"station-agent/genesis/1\x00330100-A01/k3nab7q2wz4m/event").digest()
    assert genesis("330100-A01", "k3nab7q2wz4m", Stream.EVENT) == start
    inner = hashlib.sha256(b"{}").digest()
    assert next_head(start, b"{}") == hashlib.sha256(b"station-agent/record/1\x00" + start + inner).digest()


def test_a_dictionary_is_named_by_its_content_not_by_its_order() -> None:
    """The same channels after a restart must not make a new dictionary."""
    name = meta_id({"a": 1, "b": {"unit": "µg/m³"}})
    assert name == meta_id({"b": {"unit": "µg/m³"}, "a": 1})
    assert name == hashlib.sha256('{"a":1,"b":{"unit":"µg/m³"}}'.encode()).hexdigest()[:8]
