"""The simulator: what it says it served is what the real drivers read, with every fault, for every profile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.simulation import instrument as instruments
from agent.simulation.faults import FaultError
from agent.simulation.values import SPAN, ZERO, gassed, is_flow
from drivers.catalog import load_profile, profile_names
from drivers.conditions import qualities
from drivers.profile import Profile
from drivers.reading import Quality, Reading
from tests.simulators.simulated import Bench, bench

PROFILES = {name: load_profile(name) for name in profile_names()}
TYPICAL = ["teledyne-t100", "generic-xy-md02", "vaisala-wxt536"]
"""Modbus TCP and RTU, and a text dialogue with a checksum."""

WORSE = (Quality.NO_VALUE, Quality.FAULT, Quality.STOPPED, Quality.MAINTENANCE)

TALKER = """
model = "Talker"
maker = "nobody"
kind = "wind sensor that talks by itself"
manual = "form of Gill WindSonic frames"
source = "this test"
confidence = "unverified"
protocol = "dialogue"
serial = "9600 8N1"
[dialogue]
checksum = "gill-xor"
[[dialogue.request]]
name = "wind"
expect = 'Q,.*'
separator = ","
[[channel]]
name = "wind_speed"
unit = "m/s"
request = "wind"
field = 2
[[example]]
readings = { wind_speed = 2.74 }
[[example.exchange]]
reply = "\\u0002Q,229,002.74,M,00,\\u000316"
"""


def is_quick(profile: Profile) -> bool:
    """Whether a poll of it takes no rests."""
    return profile.dialogue is None or profile.dialogue.settle < 0.1


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that talk by themselves do it often."""
    monkeypatch.setattr(instruments, "TALK_S", 0.05)


@pytest.mark.parametrize("name", PROFILES)
async def test_every_instrument_is_read_as_it_says_it_is(name: str, tmp_path: Path) -> None:
    """Two encodings that were written apart agree, so both follow the profile's words."""
    async with bench(PROFILES[name], tmp_path) as unit:
        readings = await unit.poll_well()

        assert any(reading.value is not None for reading in readings.values())
        judged = qualities(unit.profile, readings)
        assert {judged[name] for name in unit.simulation.instrument.serves} <= {Quality.VALID}


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if is_quick(profile)])
async def test_gas_alarms_and_a_blocked_line_are_read_as_such(name: str, tmp_path: Path) -> None:
    """What a trainer switches on has to be seen, with the class that the profile gives it, and to go away again."""
    async with bench(PROFILES[name], tmp_path) as unit:
        before = await unit.poll_well()
        for fault in unit.simulation.instrument.faults.possible:
            if fault in ("zero", "span", "alarm", "blocked"):
                await unit.simulation.tell(f"{fault} on")
                told_by_instrument(unit, fault, before, await unit.poll_well())
                await unit.simulation.tell("all off")
        after = await unit.poll_well()

    assert {name: reading.quality for name, reading in after.items()} == {
        name: reading.quality for name, reading in before.items()
    }


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("generic-xy-md02", "modbus-ascii"), ("teledyne-t100", "modbus-rtu"), ("teledyne-t100", "modbus-ascii")],
)
async def test_modbus_is_served_in_every_framing(name: str, protocol: str, tmp_path: Path) -> None:
    """A gateway may carry serial frames over the network, and old units still speak ASCII."""
    profile = PROFILES[name].model_copy(update={"protocol": protocol})
    async with bench(profile, tmp_path, address="17") as unit:
        await unit.poll_well()
        assert not await unit.values_under("address")
        await unit.simulation.tell("all off")

        await unit.until_well()


def told_by_instrument(unit: Bench, fault: str, before: dict[str, Reading], now: dict[str, Reading]) -> None:
    """Hold what is read while *fault* is on against what it means."""
    profile = unit.profile
    judged = qualities(profile, now)
    states = [one for one in profile.channels if one.name in now and (one.bits or one.states)]
    shown = {flag.quality for one in states for flag in (*one.bits.values(), *one.states.values())}
    for fault_name, classes in (("zero", ZERO), ("span", SPAN)):
        if fault == fault_name and shown & set(classes):
            assert {judged[name] for name in gassed(profile, classes) if name in now} <= {*classes, *WORSE}
    if fault == "blocked":
        flows = [one.name for one in profile.channels if is_flow(one) and one.name in now]
        assert all(abs(number(now[name])) <= 0.1 * abs(number(before[name])) for name in flows)


def number(reading: Reading) -> float:
    assert isinstance(reading.value, int | float)
    return float(reading.value)


@pytest.mark.parametrize("name", TYPICAL)
@pytest.mark.parametrize("fault", ["silent", "late 1s", "garbage", "address", "exception 4", "disconnect"])
async def test_a_fault_of_the_wire_never_becomes_a_value(name: str, fault: str, tmp_path: Path) -> None:
    """Nothing is read while it is on, and all is well when it is off."""
    async with bench(PROFILES[name], tmp_path) as unit:
        before = await unit.poll_well()
        if fault.split()[0] not in unit.simulation.instrument.faults.possible:
            with pytest.raises(FaultError, match="cannot have the fault"):
                await unit.simulation.tell(fault)
            return

        during = await unit.values_under(fault)
        assert all(reading.value is None for reading in during.values())
        await unit.simulation.tell(f"{fault} off")
        after = await unit.until_well()

    assert after.keys() == before.keys()


@pytest.mark.soak
@pytest.mark.parametrize("name", PROFILES)
async def test_no_fault_of_the_wire_becomes_a_value_for_any_profile(name: str, tmp_path: Path) -> None:
    """The same for every instrument that ships."""
    async with bench(PROFILES[name], tmp_path) as unit:
        await unit.poll_well()
        for fault in ("silent", "garbage", "address", "exception 6", "disconnect"):
            if fault.split()[0] in unit.simulation.instrument.faults.possible:
                await unit.values_under(fault)  # a line that talks by itself was heard before
                during = await unit.values_under(fault)
                assert all(reading.value is None for reading in during.values()), fault
                await unit.simulation.tell("all off")
                await unit.until_well()


def test_the_simulator_has_nothing_of_what_it_is_polled_by() -> None:
    """What shares the decoder shares its mistakes, and agreement would prove nothing."""
    script = """
import sys
import agent.simulation.simulation, agent.simulation.console
foreign = {"pymodbus", "drivers.decode", "drivers.lines", "drivers.checksum", "drivers.modbus", "drivers.dialogue"}
print(sorted(foreign & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout == "[]\n"


async def test_a_line_that_talks_by_itself_has_faults_too(tmp_path: Path) -> None:
    """A wind sensor is asked nothing; what it says late is still what it said."""
    (tmp_path / "talker.toml").write_text(TALKER)
    async with bench(load_profile("talker", [tmp_path]), tmp_path) as unit:
        assert number((await unit.poll_well())["wind_speed"]) == pytest.approx(2.74, rel=0.5)
        for fault in ("silent", "garbage"):
            await unit.values_under(fault)
            assert not (await unit.values_under(fault))
            await unit.simulation.tell("all off")
            await unit.until_well()


async def test_swapped_words_give_other_numbers_and_nothing_else(tmp_path: Path) -> None:
    """No master can see it on the wire: this is what a trainee has to learn to recognise."""
    async with bench(PROFILES["teledyne-t100"], tmp_path) as unit:
        await unit.simulation.tell("swapped on")
        readings, served = await unit.poll()
        assert "so2" not in served
        assert not 30 < number(readings["so2"]) < 60
        assert readings["status"].value == served["status"][-1]
        await unit.simulation.tell("swapped off")

        assert 30 < number((await unit.poll_well())["so2"]) < 60


async def test_each_alarm_is_the_state_that_the_profile_names(tmp_path: Path) -> None:
    """Twenty-one bits, each with a class: a bit that is off by one would name another fault."""
    async with bench(PROFILES["teledyne-t100"], tmp_path) as unit:
        status = unit.profile.channel("status")
        for place, flag in status.bits.items():
            if flag.name in unit.simulation.instrument.faults.alarms:
                await unit.simulation.tell(f"alarm {flag.name}")
                value = (await unit.poll_well())["status"].value
                assert value == 1 << int(place) | 1 << 19
                await unit.simulation.tell("alarm off")
