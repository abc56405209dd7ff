"""How a question is written, and what is found as its answer among everything else on the wire."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.checksum import seal, xor_of
from drivers.profile import Checksum, Dialogue
from drivers.query import Query
from drivers.question import Foreign


def query(
    send: str = "Q", address: int | str | None = None, *, dialogue: dict[str, Any] | None = None, **words: Any
) -> Query:
    ask = words.pop("ask", "")
    talk = Dialogue.model_validate({**(dialogue or {}), "request": [{"name": "q", "send": send, **words}]})
    return Query(talk.requests[0], talk, address, ask)


@pytest.mark.parametrize(
    ("send", "address", "sent"),
    [
        ("{address}R1", "0", b"0R1\r\n"),
        ("#{address:02X}", 17, b"#11\r\n"),
        ("DA{address:03}", "1", b"DA001\r\n"),
        ("DA{address+2:03}", 1, b"DA003\r\n"),
        ("\u0002{address}AREG K0 245", "4", b"\x024AREG K0 245\r\n"),
        ("{address+128:c}o3", 49, b"\xb1o3\r\n"),
        ("Q", None, b"Q\r\n"),
    ],
)
def test_a_request_names_its_address_as_the_protocol_writes_it(
    send: str, address: int | str | None, sent: bytes
) -> None:
    """A wrong form is mostly answered with silence."""
    assert query(send, address, dialogue={"encoding": "latin-1"}).sent == sent


@pytest.mark.parametrize(
    ("send", "address", "why"),
    [
        ("DA{address:03}", None, "needs an address"),
        ("{address+128:c}", "x", "a number is needed"),
        ("#{address:02X}", "x", "a number is needed"),
        ("{address+128:c}", 10**9, "cannot hold"),
        ("{address+128:c}", 49, "can't encode"),
        ("{address:>99999999}", 49, "no form"),
    ],
)
def test_an_address_that_cannot_be_written_is_refused(send: str, address: str | None, why: str) -> None:
    """The mistake is in the station file, and is found before anything is sent."""
    with pytest.raises(ValueError, match=why):
        query(send, address)


def test_one_request_asks_for_many_things() -> None:
    """Only what repeats the question is its answer: a late one to another question is passed over."""
    asked = query("T {address} {ask}", 100, ask="NO.2", expect=r"T \d{1,3}:\d\d:\d\d 0*{address} {ask}=.*")
    assert asked.sent == b"T 100 NO.2\r\n"
    found = asked.find(bytearray(b"T 194:11:29 0100 NO.2=12.5 PPB\r\n"))
    assert found is not None
    for line in (b"T 194:11:29 0100 NOX2=1 PPB\r\n", b"T 194:11:29 0200 NO.2=1 PPB\r\n"):
        with pytest.raises(Foreign):
            asked.find(bytearray(line))


FRAMED = {
    "begin": "\x02",
    "terminator": "\x03",
    "trailer": 2,
    "request_terminator": "",
    "checksum": "bayern-hessen",
}


def test_a_frame_has_its_check_characters_behind_its_end() -> None:
    """The printed block check of DA001, in the question and in an answer."""
    asked = query("DA{address:03}", 1, dialogue=FRAMED, expect="MD.*")
    answer = b"\x02MD01 001 +2578+01 03 04 0000000000 \x03"
    whole = answer + b"%02X" % xor_of(answer)
    assert asked.sent == b"\x02DA001\x0335"
    assert all(asked.find(bytearray(whole[:length])) is None for length in range(len(whole)))
    found = asked.find(bytearray(whole + b"rest"))
    assert found is not None
    assert (found.used, asked.text(found.frame)) == (len(whole), "MD01 001 +2578+01 03 04 0000000000 ")


@pytest.mark.parametrize("noise", [b"\xff", b"\x0345", b"+2578\x0304", b"\x02MD01 001 +25", b"\x02DA001\x0335"])
def test_what_lies_before_a_frame_is_passed_over(noise: bytes) -> None:
    """Echoes, rests of frames and noise cost nothing: the frame begins at the last begin."""
    asked = query("DA{address:03}", 1, dialogue=FRAMED, expect="MD.*")
    answer = b"\x02MD01 001 +2578+01 03 04 0000000000 \x03"
    buffer = bytearray(noise + answer + b"%02X" % xor_of(answer))
    while True:
        try:
            found = asked.find(buffer)
            break
        except Foreign as foreign:
            del buffer[: foreign.used]
    assert found is not None
    assert found.frame.startswith(answer)


def test_a_frame_without_a_checksum_loses_its_marks_only() -> None:
    """AK: what stands between STX and ETX is the answer; the line end behind it belongs to nothing."""
    ak = {"begin": "\x02", "terminator": "\x03"}
    asked = query("\x02{address}AREG K0 245", "4", dialogue=ak, expect=r"{address}AREG \d+ 245 \S+")
    found = asked.find(bytearray(b"\r\n\x024AREG 0 245 16.694\x03\r\n"))
    assert found is not None
    assert asked.text(found.frame) == "4AREG 0 245 16.694"
    with pytest.raises(Foreign):
        asked.find(bytearray(b"\x024AREG 0 SE\x03\r\n"))


def test_a_request_has_its_own_end_and_checksum() -> None:
    """Some instruments end a question otherwise than an answer."""
    assert query("\x1bQ", dialogue={"request_terminator": "\r"}).sent == b"\x1bQ\r"
    assert query("{address}r1", "0", dialogue={"checksum": "vaisala-crc"}).sent == b"0r1Goe\r\n"
    assert query("DA", dialogue={"checksum": "bayern-hessen", "terminator": "\r"}).sent == b"\x02DA\x0304\r"


def test_only_a_whole_line_is_found() -> None:
    """The end of a number may still be on its way."""
    asked = query()
    assert asked.find(bytearray(b"23.")) is None
    assert asked.find(bytearray(b"23.6\r")) is None
    found = asked.find(bytearray(b"\r\n23.6\r\n17"))
    assert found is not None
    assert (found.frame, found.used) == (b"23.6\r\n", 8)


def test_an_answer_may_have_several_lines() -> None:
    """RION instruments say first whether they understood."""
    asked = query("DOD?", lines=2, expect=r"R\+0000\n.*")
    assert asked.find(bytearray(b"R+0000\r\n")) is None
    found = asked.find(bytearray(b"R+0000\r\n51.2,50.8\r\n"))
    assert found is not None
    assert asked.text(found.frame) == "R+0000\n51.2,50.8"
    with pytest.raises(Foreign) as foreign:
        asked.find(bytearray(b"W 1 FLOW\r\nR+0000\r\n"))
    assert foreign.value.used == len(b"W 1 FLOW\r\n")


@pytest.mark.parametrize("line", [b"Q\r\n", b"\xff\xfe\r\n", b"1r1,Sm=3.0M\r\n"])
def test_echoes_noise_and_other_units_are_foreign(line: bytes) -> None:
    """Two-wire adapters hear themselves, and several units share one line."""
    with pytest.raises(Foreign) as foreign:
        query("Q", "0", expect="{address}r1,.*").find(bytearray(line))
    assert foreign.value.used == len(line)


KINDS: list[Checksum] = ["vaisala-crc", "adam-sum", "bayern-hessen", "hj212-crc"]


@settings(deadline=None)  # a busy machine is no defect
@given(kind=st.sampled_from(KINDS), noise=st.binary(max_size=30), text=st.text("abc=1.,", min_size=1, max_size=20))
@example(kind="adam-sum", noise=b"00", text="a")
@example(kind="vaisala-crc", noise=b"0r1,Sn=0.1M", text="a")
def test_a_sealed_line_is_found_behind_any_noise(kind: Checksum, noise: bytes, text: str) -> None:
    """Whatever else lies on the wire is passed over, and nothing of it is taken for an answer."""
    asked = query(dialogue={"checksum": kind, "encoding": "latin-1"}, expect="[abc=1.,]+")
    buffer = bytearray(noise.replace(b"\n", b"") + b"\r\n" + seal(kind, text.encode()) + b"\r\n")
    found = None
    while buffer and found is None:
        try:
            found = asked.find(buffer)
        except Foreign as foreign:
            del buffer[: foreign.used]
    assert found is not None
    assert asked.text(found.frame) == text


@settings(deadline=None)  # a busy machine is no defect
@given(data=st.binary(max_size=60))
def test_no_bytes_make_a_traceback(data: bytes) -> None:
    """Whatever comes is a line, a foreign line, or not yet a line."""
    for dialogue in ({}, {"terminator": "\r"}, {"encoding": "utf-8"}, {"encoding": "gb18030", "terminator": ";"}):
        asked = query(dialogue=dialogue, expect="[A-Z].*")
        with contextlib.suppress(Foreign):
            found = asked.find(bytearray(data))
            assert found is None or data[: found.used].endswith(asked.sent[1:])
