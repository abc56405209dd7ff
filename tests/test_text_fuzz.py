"""Every printed answer of every text profile, disturbed: never another value, a traceback or a stuck search."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import lines
from drivers.catalog import load_profile, profile_names
from drivers.dialogue import addressed, queries
from drivers.profile import Channel, Example, Profile
from drivers.query import Query
from drivers.question import Foreign
from drivers.reading import Value

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PROFILES = {name: profile for name in profile_names() if (profile := load_profile(name)).dialogue}
CHECKED = [
    name for name, one in PROFILES.items() if one.dialogue and not one.dialogue.checksum.startswith(("none", "clink"))
]
GARBAGE = [byte for byte in range(256) if byte not in b"\r\n\x02\x03;<>" and not 0x20 <= byte < 0x7F]
TRIED = 30


class Answer(NamedTuple):
    """One printed answer as it travels, the question to it, and the channels that it serves."""

    query: Query
    channels: list[Channel]
    frame: bytes
    values: dict[str, Value]


@cache
def answers(name: str) -> list[Answer]:
    return [answer for example in PROFILES[name].examples for answer in _answers(PROFILES[name], example)]


def _answers(profile: Profile, example: Example) -> Iterator[Answer]:
    assert profile.dialogue
    address = profile.address if example.address is None else example.address
    query_of = queries(profile, profile.dialogue, address)
    for exchange in example.exchanges:
        frame = travelling(profile, exchange.reply, exchange.reply_hex)
        for query in dict.fromkeys(query_of.values()):
            served = [addressed(profile.channel(name), address) for name, one in query_of.items() if one is query]
            if (values := understood(query, served, frame)) is not None:
                yield Answer(query, served, frame, values)


def travelling(profile: Profile, reply: str, reply_hex: str) -> bytes:
    assert profile.dialogue
    if reply_hex:
        return bytes.fromhex(reply_hex)
    if profile.dialogue.trailer:
        return reply.encode("latin-1")
    return "".join(line + profile.dialogue.terminator for line in reply.split("\n")).encode("latin-1")


def understood(query: Query, channels: list[Channel], data: bytes) -> dict[str, Value] | None:
    """What the driver would read from *data*; None when it would go on waiting."""
    buffer = bytearray(data)
    while buffer:
        try:
            found = query.find(buffer)
        except Foreign as foreign:
            del buffer[: foreign.used]
            continue
        if found is None:
            return None
        text = query.text(found.frame)
        readings = (lines.read(one, text, query.request.separator, timezone=UTC, now=NOW) for one in channels)
        return {reading.channel: reading.value for reading in readings}
    return None


def assert_honest(answer: Answer, disturbed: bytes) -> None:
    found = understood(answer.query, answer.channels, disturbed)
    for name, value in (found or {}).items():
        assert value is None or value == answer.values[name], (name, value, disturbed)


@pytest.mark.parametrize("name", PROFILES)
def test_half_an_answer_is_no_answer(name: str) -> None:
    """Whatever was cut off might have been the rest of a number."""
    for answer in answers(name):
        for length in range(len(answer.frame)):
            assert_honest(answer, answer.frame[:length])


@pytest.mark.parametrize("name", PROFILES)
def test_late_answers_and_lines_to_others_change_nothing(name: str) -> None:
    """Each printed answer of the profile before each other one, whole and without its begin."""
    all_of_it = answers(name)
    for answer in all_of_it:
        for other in all_of_it:
            if other.query is not answer.query and understood(answer.query, answer.channels, other.frame) is None:
                assert understood(answer.query, answer.channels, other.frame + answer.frame) is not None
                assert_honest(answer, other.frame + answer.frame)
                assert_honest(answer, other.frame[3:] + answer.frame)


@pytest.mark.parametrize("name", CHECKED)
@settings(max_examples=TRIED, deadline=None)
@given(
    place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), kind=st.sampled_from(["change", "drop", "add"])
)
def test_a_checksum_finds_any_one_disturbed_byte(name: str, place: float, byte: int, kind: str) -> None:
    """Changed, lost or added: there is the printed value, or there is none."""
    for answer in answers(name):
        assert_honest(answer, disturbed(answer.frame, place, byte, kind))


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=TRIED, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.sampled_from(GARBAGE))
def test_garbage_in_an_answer_makes_no_other_value(name: str, place: float, byte: int) -> None:
    """Without a checksum a wrong digit cannot be known; a byte that no answer has can."""
    for answer in answers(name):
        assert_honest(answer, disturbed(answer.frame, place, byte, "change"))


@pytest.mark.parametrize("name", PROFILES)
@settings(max_examples=TRIED, deadline=None)
@given(noise=st.binary(max_size=60))
def test_noise_is_no_answer(name: str, noise: bytes) -> None:
    """Nothing on the wire ends in a traceback, and nothing of it is a number."""
    for answer in answers(name)[:3]:
        assert not any((understood(answer.query, answer.channels, noise) or {}).values())


def disturbed(frame: bytes, place: float, byte: int, kind: str) -> bytes:
    at = int(place * len(frame))
    middle = {"change": bytes([byte]), "drop": b"", "add": bytes([byte]) + frame[at : at + 1]}[kind]
    return frame[:at] + middle + frame[at + 1 :]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_byte_of_every_answer_is_disturbed_in_every_way() -> None:
    """Over a million answers that a wire could have made of the printed ones."""
    tried = 0
    for name in PROFILES:
        for answer in answers(name):
            for spoilt in every_disturbance(answer.frame, checked=name in CHECKED):
                assert_honest(answer, spoilt)
                tried += 1
    print(f"{tried} disturbed answers, none of them believed")
    assert tried > 1_000_000


def every_disturbance(frame: bytes, *, checked: bool) -> Iterator[bytes]:
    for at in range(len(frame)):
        for byte in range(256) if checked else GARBAGE:
            yield frame[:at] + bytes([byte]) + frame[at + 1 :]
            if checked:
                yield frame[:at] + bytes([byte]) + frame[at:]
        if checked:
            yield frame[:at] + frame[at + 1 :]
