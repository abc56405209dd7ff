"""Checksums of text protocols against the bytes that the vendors print."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.checksum import ChecksumError, crc_hj212, crc_vaisala, seal, sum8, sum16, unseal, xor_of
from drivers.profile import Checksum

KINDS: list[Checksum] = [
    "nmea-xor",
    "gill-xor",
    "bayern-hessen",
    "vaisala-crc",
    "adam-sum",
    "clink-sum",
    "palas-xor",
    "hj212-crc",
]
HJ212 = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
HJ212_UPLOAD = (
    b"QN=20250101110003000;ST=22;CN=2061;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20250101100000;"
    b"a21026-Min=5.1,a21026-Avg=6.2,a21026-Max=7.9,a21026-Flag=N;a34004-Min=20,a34004-Avg=22,a34004-Max=25,"
    b"a34004-Flag=C&&"
)
GOOD_REPLIES: list[tuple[Checksum, bytes, bytes]] = [
    ("nmea-xor", b"$WIMWV,214.8,R,0.1,M,A*2E", b"$WIMWV,214.8,R,0.1,M,A"),
    ("gill-xor", b"\x02Q,229,002.74,M,00,\x0316", b"Q,229,002.74,M,00,"),
    ("bayern-hessen", b"\x02DA001\x0335", b"DA001"),
    ("vaisala-crc", b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG", b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1M"),
    ("adam-sum", b"!01400600AC", b"!01400600"),
    ("clink-sum", b"o3 32.4 ppb\nsum 02eb", b"o3 32.4 ppb"),
    ("palas-xor", b"<ok>06", b"<ok>"),
    ("hj212-crc", b"##0101" + HJ212 + b"1C80", HJ212),
]


@pytest.mark.parametrize(
    ("text", "printed"),
    [(b"DA", 0x04), (b"DA001", 0x35), (b"DA097", 0x3A), (b"ST001 N", 0x59), (b"ST843 K", 0x52)],
)
def test_bayern_hessen_block_checks_are_those_of_the_manuals(text: bytes, printed: int) -> None:
    """A wrong block check is answered with silence, which looks like a dead analyzer."""
    assert xor_of(b"\x02" + text + b"\x03") == printed
    assert seal("bayern-hessen", text) == b"\x02" + text + b"\x03%02X" % printed


def test_nmea_and_gill_take_the_xor_between_their_marks() -> None:
    """Both exclude the marks; one byte more gives another sum."""
    assert xor_of(b"WIMWV,214.8,R,0.1,M,A") == 0x2E
    assert xor_of(b"Q,229,002.74,M,00,") == 0x16
    assert seal("nmea-xor", b"$WIMWV,214.8,R,0.1,M,A") == b"$WIMWV,214.8,R,0.1,M,A*2E"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0r1", "Goe"),
        ("0r2", "Gje"),
        ("0r3", "Kid"),
        ("0r5", "Kcd"),
        ("0r", "BVT"),
        ("0r0", "Kld"),
        ("0tX,Use chksum Goe", "IU~"),
        ("0r1,Sn=0.1M,Sm=0.1M,Sx=0.1M", "GOG"),
    ],
)
def test_vaisala_crcs_are_those_printed_in_the_user_guide(text: str, printed: str) -> None:
    """A weather transmitter answers a wrong CRC with an error text, never with data."""
    assert crc_vaisala(text.encode()) == printed.encode()
    assert seal("vaisala-crc", text.encode()) == (text + printed).encode()


@pytest.mark.parametrize(("text", "printed"), [(b"#01", 0x84), (b"$012", 0xB7), (b"!01400600", 0xAC), (b"$452", 0xBF)])
def test_adam_modules_sum_the_characters(text: bytes, printed: int) -> None:
    """Modules with checksums enabled do not answer without one."""
    assert sum8(text) == printed
    assert seal("adam-sum", text) == text + b"%02X" % printed


def test_clink_replies_carry_a_plain_sum() -> None:
    """Requests carry none: the analyzer would not know the command."""
    assert sum16(b"o3 32.4 ppb") == 0x02EB
    assert seal("clink-sum", b"o3") == b"o3"


def test_a_clink_sum_is_checked_where_there_is_one() -> None:
    """Reply format 00, as the analyzers leave the factory, adds none; some units put 80 in the place of NL."""
    assert unseal("clink-sum-if-any", b"o3 32.4 ppb") == b"o3 32.4 ppb"
    assert unseal("clink-sum-if-any", b"o3 32.4 ppb\nsum 02eb") == b"o3 32.4 ppb"
    assert unseal("clink-sum-if-any", b"o3 32.4 ppb\x80sum 02EB") == b"o3 32.4 ppb"
    for damaged in (b"o3 72.4 ppb\nsum 02eb", b"o3 32.4 ppb\nsum 02ea", b"o3 32.4 ppb sum 02eb"):
        with pytest.raises(ChecksumError):
            unseal("clink-sum-if-any", damaged)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (b"<sendVal 60=1373.361084;61=0.083834;62=0.116399>", 0x7C),
        (b"<ok>", 0x06),
        (b"<fail>", 0x00),
    ],
)
def test_palas_takes_the_xor_with_the_angle_brackets(text: bytes, printed: int) -> None:
    """The brackets are part of it, unlike with NMEA."""
    assert xor_of(text) == printed
    assert unseal("palas-xor", text + b"%02X" % printed) == text


@pytest.mark.parametrize(("segment", "crc"), [(HJ212, 0x1C80), (HJ212_UPLOAD, 0x8701), (b"123456789", 0x2F80)])
def test_the_hj212_crc_is_not_the_modbus_crc(segment: bytes, crc: int) -> None:
    """The first vector is the standard's own; Modbus would give 0759 for it."""
    assert crc_hj212(segment) == crc
    assert seal("hj212-crc", segment) == b"##%04d" % len(segment) + segment + b"%04X" % crc


@pytest.mark.parametrize(("kind", "line", "text"), GOOD_REPLIES)
def test_a_good_reply_gives_its_text(kind: Checksum, line: bytes, text: bytes) -> None:
    """What is cut off is framing and checksum, nothing else."""
    assert unseal(kind, line).startswith(text)


@pytest.mark.parametrize(("kind", "line"), [(kind, line) for kind, line, _ in GOOD_REPLIES])
def test_any_single_flipped_bit_is_found(kind: Checksum, line: bytes) -> None:
    """One disturbed bit on the wire must never pass as a value."""
    digits = {"vaisala-crc": 0, "clink-sum": 4, "hj212-crc": 4}.get(kind, 2)
    for position in range(len(line)):
        for bit in range(8):
            damaged = line[:position] + bytes([line[position] ^ 1 << bit]) + line[position + 1 :]
            if position >= len(line) - digits and damaged.lower() == line.lower():
                continue  # another case of a hex digit is the same checksum
            with pytest.raises(ChecksumError):
                unseal(kind, damaged)


def test_without_a_checksum_nothing_is_touched() -> None:
    """Most instruments have none."""
    assert seal("none", b"\x1bQ") == b"\x1bQ"
    assert unseal("none", b"1.0,2.0") == b"1.0,2.0"


@settings(deadline=None)  # a busy machine is no defect
@given(kind=st.sampled_from(KINDS), line=st.binary(max_size=40))
def test_no_bytes_make_a_traceback(kind: Checksum, line: bytes) -> None:
    """Noise on the wire is a ChecksumError and nothing worse."""
    try:
        text = unseal(kind, line)
    except ChecksumError:
        return
    assert len(text) < len(line)


@settings(deadline=None)  # a busy machine is no defect
@given(kind=st.sampled_from(["bayern-hessen", "vaisala-crc", "adam-sum", "hj212-crc"]), text=st.binary())
def test_what_was_sealed_unseals(kind: Checksum, text: bytes) -> None:
    """Seal and unseal agree where both sides of a protocol carry the checksum."""
    text = text.replace(b"\x02", b"").replace(b"\x03", b"") or b"x"
    if len(text) < 10_000:
        assert unseal(kind, seal(kind, text)) == text
