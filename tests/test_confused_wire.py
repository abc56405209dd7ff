"""Late, doubled and interleaved replies of one unit never become values of another.

Every value proves itself: a register holds its unit and its address, one of each block counts the
reads of its unit, so that a value that was read elsewhere or before is known for certain. The wire is
:class:`ConfusedBus`; link and drivers are the real ones, with the time-outs of a station, in virtual
time. The same worlds run a million exchanges in `make soak`.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field

import pytest

from drivers.api import Device, Driver, DriverError, Link, Profile
from drivers.catalog import make_driver
from tests.simulators import virtual_time
from tests.simulators.confused_bus import LATE_S, ConfusedBus, Reply
from tests.simulators.invented import ABOUT
from tests.simulators.modbus_server import Rtu, Unit, crc16

UNITS = (1, 2, 3, 4)
EVERY_S = 0.5
ALL_KINDS = {
    "honest": 40,
    "late": 8,
    "silent": 4,
    "twice": 8,
    "before": 5,
    "instead": 5,
    "interleaved": 6,
    "inside": 5,
    "pieces": 5,
    "torn": 4,
    "headless": 3,
    "noisy": 4,
    "echoed": 4,
    "damaged": 5,
}
LONGEST_STALE_S = 10.0
"""A reply to the same question, repeated, can be told from its answer by nobody; it is at most this old."""
BLOCKS = {0: 4, 40: 4, 80: 4, 120: 3, 160: 2}
"""Start and length of the blocks that are read; three of them have the same shape."""


@dataclass
class Account:
    """What became of all polls; ``stale`` are right values of an earlier poll, by how many seconds."""

    polls: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    values: int = 0
    wrong: list[str] = field(default_factory=list)
    stale: list[float] = field(default_factory=list)


def mark(unit: int, register: int) -> int:
    """What a register says of itself."""
    return 10_000 * unit + register


class World(ABC):
    """Units that say with each value whose it is, and when it was read."""

    profile: Profile

    def __init__(self) -> None:
        self.read_at: dict[int, list[float]] = {unit: [] for unit in UNITS}

    def note_read(self, unit: int) -> int:
        """Write down that *unit* is read now; returns the serial number of this read, from 1."""
        self.read_at[unit].append(asyncio.get_running_loop().time())
        return len(self.read_at[unit])

    def serial(self, unit: int, low: int) -> int:
        """The whole serial number of a recent read of *unit*, of which a register holds the *low* 16 bits."""
        reads = len(self.read_at[unit])
        return reads - (reads - low) % 0x10000

    @abstractmethod
    def answer(self, request: bytes) -> Reply:
        """The honest reply to *request*, as the protocol's paper writes it."""

    @abstractmethod
    def forged(self, sent: bytes, frame: bytes) -> bool:
        """See Instruments."""

    @abstractmethod
    def truth(self, unit: int, channel: str) -> int | None:
        """What *channel* of *unit* always holds; None for one that holds the serial number of its read."""


class RtuWorld(World):
    """Registers that hold their marks; the second one of a block holds the serial number."""

    def __init__(self) -> None:
        super().__init__()
        cells = [start + n for start, count in BLOCKS.items() for n in range(count)]
        self._units = {unit: Unit(holding={at: mark(unit, at) for at in cells}) for unit in UNITS}
        channels = [{"name": f"r{at}", "unit": "1", "register": at} for at in cells]
        self.profile = Profile.model_validate(ABOUT | {"protocol": "modbus", "channel": channels})

    def answer(self, request: bytes) -> Reply:
        number = request[0]
        serial = self.note_read(number) & 0xFFFF
        self._units[number].holding.update({start + 1: serial for start in BLOCKS})
        return Reply(number, Rtu().wrap(request, self._units[number].answer(request[1:-2])))

    def forged(self, sent: bytes, frame: bytes) -> bool:
        size, head = len(frame), frame[:3]
        places = [at for at in range(len(sent) - size + 1) if sent.startswith(head, at)]
        found = [sent[at : at + size] for at in places]
        return any(one != frame and crc16(one[:-2]) == one[-2:] for one in found)

    def truth(self, unit: int, channel: str) -> int | None:
        register = int(channel[1:])
        return None if register - 1 in BLOCKS else mark(unit, register)


class TextWorld(World):
    """A line for each of three questions: address, question, serial number, mark, CRC."""

    def __init__(self) -> None:
        super().__init__()
        expect = r"{address}%s,\d+,\d+"
        requests = [{"name": q, "send": f"{{address}}{q}", "expect": expect % q, "separator": ","} for q in "abc"]
        channels = [{"name": f"{q}{at}", "unit": "1", "request": q, "field": at} for q in "abc" for at in (1, 2)]
        dialogue = {"checksum": "vaisala-crc", "request": requests}
        words = {"protocol": "dialogue", "dialogue": dialogue, "channel": channels}
        self.profile = Profile.model_validate(ABOUT | words)

    def answer(self, request: bytes) -> Reply:
        unit, question = int(request[:1]), chr(request[1])
        line = f"{unit}{question},{self.note_read(unit)},{mark(unit, ord(question))}".encode()
        return Reply(unit, line + text_crc(line) + b"\r\n")

    def forged(self, sent: bytes, frame: bytes) -> bool:
        found = [one for one in sent.split(b"\r\n") if one.startswith(frame[:3])]
        return any(one + b"\r\n" != frame and text_crc(one[:-3]) == one[-3:] for one in found)

    def truth(self, unit: int, channel: str) -> int | None:
        return None if channel.endswith("1") else mark(unit, ord(channel[0]))


class PlainWorld(World):
    """One line to one question, alike for all units: nothing in a reply says whose it is."""

    def __init__(self) -> None:
        super().__init__()
        dialogue = {"request": [{"name": "q", "send": "{address}?", "expect": r"\d+,\d+", "separator": ","}]}
        channels = [{"name": f"q{at}", "unit": "1", "request": "q", "field": at} for at in (0, 1)]
        words = {"protocol": "dialogue", "dialogue": dialogue, "channel": channels}
        self.profile = Profile.model_validate(ABOUT | words)

    def answer(self, request: bytes) -> Reply:
        unit = int(request[:1])
        return Reply(unit, b"%d,%d\r\n" % (self.note_read(unit), mark(unit, 0)))

    def forged(self, sent: bytes, frame: bytes) -> bool:  # noqa: ARG002 - nothing here could be forged
        return False

    def truth(self, unit: int, channel: str) -> int | None:
        return None if channel == "q0" else mark(unit, 0)


def text_crc(line: bytes) -> bytes:
    """The CRC of Vaisala's ASCII and of SDI-12, bit by bit, as three printable characters."""
    crc = 0
    for byte in line:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return bytes([0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F])


async def confuse(
    world: World, kinds: dict[str, int], *, seed: int, exchanges: int, late_s: tuple[float, float] = LATE_S
) -> tuple[Account, ConfusedBus]:
    """Poll the units of *world* in turn until *exchanges* replies were mistreated; in the end all must be well."""
    link = Link("rack", "serial:///dev/rack?baud=19200")
    bus = ConfusedBus(link, world, random.Random(seed), kinds=kinds)
    bus.late_s = late_s
    drivers = {unit: make_driver(Device(f"u{unit}", unit, world.profile), link) for unit in UNITS}
    account = Account()
    while bus.told.total() < exchanges:
        for unit, driver in drivers.items():
            await poll(world, unit, driver, account)
        await asyncio.sleep(EVERY_S)
    bus.kinds = {"honest": 1}
    await asyncio.sleep(LATE_S[1] * len(BLOCKS))
    before = account.errors.total()
    for unit, driver in drivers.items():
        await poll(world, unit, driver, account)
    assert account.errors.total() == before, "a unit gives nothing though the wire is in order"
    return account, bus


async def poll(world: World, unit: int, driver: Driver, account: Account) -> None:
    """Poll *unit* once and enter what came of it."""
    account.polls += 1
    before, began_s = len(world.read_at[unit]), asyncio.get_running_loop().time()
    try:
        scan = await driver.poll([channel.name for channel in world.profile.channels])
    except DriverError as error:
        account.errors[error.reason] += 1
        return
    for name, reading in scan.readings.items():
        if reading.value is None:
            continue
        account.values += 1
        truth = world.truth(unit, name)
        if truth is None:
            assert isinstance(reading.value, int)
            serial = world.serial(unit, reading.value)
            if serial <= before:
                account.stale.append(began_s - world.read_at[unit][serial - 1])
        elif reading.value != truth:
            account.wrong.append(f"{name} of unit {unit} is {reading.value} instead of {truth}")


def told(account: Account, bus: ConfusedBus) -> str:
    """The account in words."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in bus.told.most_common())
    worst = f", at most {max(account.stale):.1f} s old" if account.stale else ""
    return (
        f"{bus.told.total()} exchanges ({kinds}): {account.polls} polls, {account.values} values, "
        f"{len(account.wrong)} wrong, {len(account.stale)} of an earlier read{worst}; {dict(account.errors)}; "
        f"{bus.forged} times a checksum would have been right by chance"
    )


WORLDS = {"rtu": RtuWorld, "text": TextWorld}
KINDS = {
    "all at once": ALL_KINDS,
    "a copy of each sixth": {"honest": 5, "twice": 1},
    "a rare copy": {"honest": 200, "twice": 1},
    "late and lost": {"honest": 10, "late": 3, "silent": 1},
}


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("world", WORLDS)
def test_no_confusion_makes_a_wrong_value(world: str, kinds: str) -> None:
    """A plausible number under the wrong name is worse than none: nobody will ever notice it."""
    account, bus = virtual_time.run(confuse(WORLDS[world](), KINDS[kinds], seed=7, exchanges=4000))

    print(told(account, bus))
    assert account.wrong == []
    assert max(account.stale, default=0.0) < LONGEST_STALE_S
    assert account.values > 2000


def test_lines_that_do_not_say_whose_they_are_are_safe_until_the_wire_has_fallen_quiet() -> None:
    """No receiver can know them; what bounds it is that nobody is asked within time-out (1 s) and quiet (0.3 s)."""
    kinds = {"honest": 5, "late": 3, "silent": 1, "torn": 1, "pieces": 1}
    work = confuse(PlainWorld(), kinds, seed=7, exchanges=4000, late_s=(0.1, 1.29))
    account, bus = virtual_time.run(work)

    print(told(account, bus))
    assert account.wrong == account.stale == []
