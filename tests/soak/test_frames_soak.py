"""Binary replies damaged, cut, doubled and mixed with those to other questions, for as long as one likes."""

from __future__ import annotations

import os
import random
import time

import pytest

from drivers.api import Inquiry, InquiryDriver
from drivers.duration import parse_duration
from tests.test_frames import CASES, read

pytestmark = pytest.mark.soak

SEED = 20261122


def damaged(dice: random.Random, reply: bytes) -> bytes:
    """*reply* as a bad contact leaves it: whole, one byte changed or lost, or cut."""
    place = dice.randrange(len(reply))
    return dice.choice(
        (
            reply,
            reply[:place] + bytes([reply[place] ^ dice.randrange(1, 256)]) + reply[place + 1 :],
            reply[:place] + reply[place + 1 :],
            reply[:place],
            reply[place:],
        )
    )


def told_apart(at: int, other: InquiryDriver, asked: Inquiry) -> bool:
    """Whether a reply to what *other* asked cannot be one to the question of case number *at*."""
    driver, inquiry, _ = CASES[at]
    ours, theirs = driver.device.profile, other.device.profile
    same_kind = ours.model == theirs.model or ours.protocol != "horiba-ap370" or theirs.protocol != "horiba-ap370"
    return asked.sent != inquiry.sent and same_kind


def test_no_damage_makes_another_reading() -> None:
    """Before a reply that may be damaged come others that answer something else, damaged or whole, and echoes.

    Two things are left out, for nothing in the bytes would tell: a second reply to the same question, which is why the
    link lets the line fall quiet before it asks again; and an AP-370 of another kind, each of which has its own address
    on the network.
    """
    dice, ends_s = random.Random(SEED), time.monotonic() + parse_duration(os.environ.get("FOR") or "60s")
    expected = [read(*case) for case in CASES]
    tried = right = 0
    while time.monotonic() < ends_s:
        at = dice.randrange(len(CASES))
        driver, inquiry, reply = CASES[at]
        others = [damaged(dice, one) for other, asked, one in dice.sample(CASES, 2) if told_apart(at, other, asked)]
        echo = inquiry.sent if dice.random() < 0.2 else b""
        found = read(driver, inquiry, b"".join(others) + echo + damaged(dice, reply))
        assert found in (None, expected[at]), (inquiry.text, tried)
        tried, right = tried + 1, right + (found is not None)
    print(f"\n{tried:,} streams of binary replies, {right:,} gave the right reading, the others none")
    assert right > tried / 10
