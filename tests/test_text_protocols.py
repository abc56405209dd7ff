"""The text protocols of the trade over real pseudo-terminals, against instruments written from their manuals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.api import Device, Link
from drivers.catalog import load_profile, profile_names
from drivers.conditions import qualities
from drivers.dialogue import DialogueDriver
from drivers.errors import BadReplyError, NoReplyError
from drivers.profile import Profile
from drivers.reading import Quality
from tests.simulators.adam_module import AdamModule
from tests.simulators.ak_monitor import AkMonitor
from tests.simulators.bayern_hessen import BayernHessen, Gas
from tests.simulators.clink_analyzer import ClinkAnalyzer
from tests.simulators.fidas import Fidas
from tests.simulators.pty_line import PtyLine
from tests.simulators.sound_meters import RionMeter, SvantekMeter, Xl2Meter
from tests.simulators.spoken import Spoken
from tests.simulators.talkers import Talker, grimm_mass, grimm_minute, mwv, windsonic, young
from tests.simulators.teledyne_text import TeledyneText

TEXT_PROFILES = {name: load_profile(name) for name in profile_names() if load_profile(name).dialogue}
OZONE = {
    "o3": "412E-1 ppb",
    "gas mode": "sample",
    "flags": "0C100000",
    "pres": "760.0 mm Hg, actual 753.4",
    "o3 bkg": "0.0 ppb",
    "o3 coef": "1.000",
}


@asynccontextmanager
async def driving(
    name: str, address: int | str | None, instrument: Spoken, tmp_path: Path, *, timeout_s: float = 0.5
) -> AsyncIterator[DialogueDriver]:
    """The driver of the profile *name* on a serial line with *instrument*; only the profile's pauses are left out."""
    async with PtyLine(tmp_path / "line", instrument.converse) as line:
        link = Link("line", f"serial://{line.path}", quiet_s=0.02)
        try:
            yield DialogueDriver(Device("unit", address, prompt(TEXT_PROFILES[name]), timeout_s=timeout_s), link)
        finally:
            await link.close()


def prompt(profile: Profile) -> Profile:
    """The profile without its pauses and long time-outs, for a simulator needs none."""
    assert profile.dialogue
    requests = tuple(request.model_copy(update={"timeout": None}) for request in profile.dialogue.requests)
    dialogue = profile.dialogue.model_copy(update={"settle": 0.0, "requests": requests})
    return profile.model_copy(update={"dialogue": dialogue})


async def read(driver: DialogueDriver, *channels: str) -> dict[str, Any]:
    """The values of *channels*, after one poll."""
    scan = await driver.poll(channels)
    return {name: scan.readings[name].value for name in channels}


async def judged(driver: DialogueDriver, *channels: str) -> dict[str, Quality]:
    """The quality of *channels* and what decides it, after one poll."""
    profile = driver.device.profile
    deciding = [channel.name for channel in profile.channels if channel.decides]
    scan = await driver.poll([*channels, *deciding])
    found = qualities(profile, dict(scan.readings))
    return {name: found[name] for name in channels}


async def test_a_bayern_hessen_answer_holds_several_gases(tmp_path: Path) -> None:
    """Each gas has the next address, and the answer for one of them brings all."""
    nox = BayernHessen({5: Gas("+2578+01", 3, 4), 6: Gas("+5681+00"), 7: Gas("-1175-02")})
    async with driving("thermo-42i-hessen", 5, nox, tmp_path) as driver:
        assert await read(driver, "no", "no2", "nox", "status") == {
            "no": 25.78,
            "no2": 5.681,
            "nox": -0.01175,
            "status": 3,
        }
    assert nox.asked == [b"\x02DA005\x0331"]
    assert nox.switched == []


async def test_a_wrong_bayern_hessen_address_is_silence(tmp_path: Path) -> None:
    """The instrument cannot be told from one that is off: only the time-out tells."""
    async with driving("thermo-42i-hessen", 9, BayernHessen({5: Gas("+2578+01")}), tmp_path) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["no"])


async def test_a_hessen_analyzer_on_span_gas_says_so(tmp_path: Path) -> None:
    """The state stands beside the number in the same answer, so that no poll can tear them apart."""
    ozone = BayernHessen({97: Gas("+4000-01", status=0x48, rest="001 00000000")})
    async with driving("acoem-serinus-10-hessen", 97, ozone, tmp_path) as driver:
        assert await judged(driver, "o3") == {"o3": Quality.SPAN_CHECK}
        ozone.gases[97] = Gas("+4120+01", status=0x40, rest="001 00000000")
        assert await judged(driver, "o3") == {"o3": Quality.VALID}
        ozone.gases[97] = Gas("+8240+01", status=0x00, rest="001 00000000")
        assert await judged(driver, "o3") == {"o3": Quality.NO_VALUE}


async def test_a_teledyne_status_word_is_that_of_its_table(tmp_path: Path) -> None:
    """0810 in the manual is the byte 68 (ppm, span gas) and the byte 10 (wheel temperature) on the wire."""
    co = BayernHessen({310: Gas("+4000+01", status=0x68, failure=0x10, rest="000 00000000")})
    async with driving("teledyne-t300-hessen", None, co, tmp_path) as driver:
        assert await read(driver, "co", "status") == {"co": 40, "status": 0x6810}
        assert await judged(driver, "co") == {"co": Quality.SPAN_CHECK}


async def test_an_ak_monitor_is_asked_register_by_register(tmp_path: Path) -> None:
    """The answer repeats the register, so that a late one is not taken for the next."""
    monitor = AkMonitor({245: "16.694", 329: "8.1", 354: "24.8"})
    async with driving("thermo-teom-1405df", "4", monitor, tmp_path) as driver:
        assert await read(driver, "pm10", "pm25", "pm_coarse", "conditions") == {
            "pm10": 24.8,
            "pm25": 16.694,
            "pm_coarse": 8.1,
            "conditions": 0,
        }
    assert len(monitor.asked) == 3


async def test_an_unknown_ak_register_is_a_bad_reply(tmp_path: Path) -> None:
    """SE stands where the register should: an old firmware has no value, and no zero either."""
    async with driving("thermo-teom-1405df", "4", AkMonitor({245: "16.694"}), tmp_path) as driver:
        scan = await driver.poll(["pm25", "pm10"])
        with pytest.raises(BadReplyError):
            await driver.poll(["pm10"])
    assert scan.readings["pm25"].value == 16.694
    assert scan.readings["pm10"].reason == "bad_reply"


@pytest.mark.parametrize(("odd_begin", "odd_end"), [(b"", b""), (b"\x80", b""), (b"\xff", b"*"), (b"", b"*")])
@pytest.mark.parametrize("reply_format", [0, 1])
async def test_clink_answers_come_in_all_their_forms(
    tmp_path: Path, odd_begin: bytes, odd_end: bytes, reply_format: int
) -> None:
    """With or without a sum, a strange first byte, a star: the number is the same."""
    analyzer = ClinkAnalyzer(OZONE, 49, reply_format=reply_format)
    analyzer.odd_begin, analyzer.odd_end = odd_begin, odd_end
    async with driving("thermo-49i-clink", 49, analyzer, tmp_path) as driver:
        assert await read(driver, "o3", "gas_mode", "flags", "pressure", "coefficient") == {
            "o3": 41.2,
            "gas_mode": "sample",
            "flags": 0x0C100000,
            "pressure": 753.4,
            "coefficient": 1,
        }
    assert {request[:1] for request in analyzer.asked} == {b"\xb1"}
    assert analyzer.set_commands == []


async def test_a_clink_sum_that_is_wrong_is_no_answer(tmp_path: Path) -> None:
    """One disturbed digit must not become ozone."""

    class Disturbed(ClinkAnalyzer):
        def answer(self, request: bytes) -> bytes | None:
            return (super().answer(request) or b"").replace(b"412E-1", b"472E-1")

    async with driving("thermo-49i-clink", 49, Disturbed(OZONE, 49, reply_format=1), tmp_path) as driver:
        with pytest.raises(BadReplyError, match="sum"):
            await driver.poll(["o3"])


async def test_another_clink_id_is_silence(tmp_path: Path) -> None:
    """Several analyzers share one line; each obeys its own first byte only."""
    async with driving("thermo-49i-clink", 50, ClinkAnalyzer(OZONE, 49), tmp_path) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["o3"])


async def test_a_clink_analyzer_on_zero_gas_says_so(tmp_path: Path) -> None:
    """The position of the valves is asked with the gas, in the same poll."""
    analyzer = ClinkAnalyzer(OZONE | {"gas mode": "zero", "o3": "-3E-1 ppb"}, 49)
    async with driving("thermo-49i-clink", 49, analyzer, tmp_path) as driver:
        assert await judged(driver, "o3") == {"o3": Quality.ZERO_CHECK}


async def test_what_an_old_clink_analyzer_does_not_know_is_not_fitted(tmp_path: Path) -> None:
    """It says bad cmd at once, which costs no time-out."""
    async with driving("thermo-49c-clink", 49, ClinkAnalyzer(OZONE, 49), tmp_path) as driver:
        scan = await driver.poll(["ozonator_flow"])
    assert scan.readings["ozonator_flow"].quality is Quality.NOT_FITTED


async def test_what_a_teledyne_says_by_itself_is_not_its_answer(tmp_path: Path) -> None:
    """Warnings, calibration messages and reports share the port with the answers."""
    analyzer = TeledyneText({"NO": "NO=12.5 PPB", "NOX": "NOX=32.8 PPB"})

    class Talkative(TeledyneText):
        def answer(self, request: bytes) -> bytes | None:
            chatter = self.line("W", "SAMPLE FLOW WARN") + self.line("C", "START ZERO CAL") + self.line("D", "NO=99.9")
            return chatter + analyzer.line("T", "NOX=11.1 PPB") + (analyzer.answer(request) or b"")

    talkative = Talkative({})
    async with driving("teledyne-t200-ascii", 100, talkative, tmp_path) as driver:
        assert await read(driver, "no") == {"no": 12.5}
        talkative.say(talkative.line("T", "NO=77.7 PPB"))
        assert await read(driver, "no") == {"no": 12.5}
    assert [one.strip() for one in talkative.asked] == [b"T 100 NO", b"T 100 NO"]
    assert analyzer.commands == []


async def test_a_teledyne_with_another_id_is_silence(tmp_path: Path) -> None:
    """Multidrop: the id in the question chooses, the id in the answer proves."""
    async with driving("teledyne-t400-ascii", 400, TeledyneText({"O3": "O3=41.2 PPB"}), tmp_path) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["o3"])


async def test_a_fidas_gives_micrograms(tmp_path: Path) -> None:
    """It counts in milligrams; the digits stay those that it printed."""
    values = {number: "0.5" for number in range(70)} | {61: "0.083834", 62: "0.116399", 0: "0.0"}
    monitor = Fidas(values)
    async with driving("palas-fidas200", None, monitor, tmp_path) as driver:
        assert await read(driver, "pm1", "pm25", "state_flow", "flow") == {
            "pm1": 83.834,
            "pm25": 116.399,
            "state_flow": 0,
            "flow": 0.5,
        }
    assert len(monitor.asked) == 3
    assert monitor.settings == []


@pytest.mark.parametrize(
    ("name", "line", "values"),
    [
        ("gill-windsonic", windsonic("Q", "229", "002.74"), {"wind_direction": 229, "wind_speed": 2.74}),
        ("gill-windsonic", windsonic("Q", "", "000.04"), {"wind_direction": None, "wind_speed": 0.04}),
        ("gill-windsonic", windsonic("Q", "229", "005.33", "N"), {"wind_direction": 229, "wind_speed": None}),
        ("nmea-wind", mwv("214.8", "R", "0.1"), {"wind_direction": 214.8, "wind_speed": 0.1}),
        ("nmea-wind", mwv("214.8", "R", "0.1", valid="V"), {"wind_direction": None, "wind_speed": None}),
        ("nmea-wind", mwv("214.8", "R", "0.1", "N"), {"wind_direction": 214.8, "wind_speed": None}),
        ("rmyoung-86000", young("a", "1.50", "57.0"), {"wind_direction": 57, "wind_speed": 1.5}),
        ("grimm-edm180", grimm_mass(3, 204, 151, 98), {"pm10": 20.4, "pm25": 15.1, "pm1": 9.8}),
        ("grimm-edm180", grimm_minute(32), {"errors": 32, "battery": 70, "pump": 40}),
    ],
)
async def test_lines_that_come_by_themselves_are_read(
    tmp_path: Path, name: str, line: bytes, values: dict[str, float | None]
) -> None:
    """The newest whole line counts; half a line before it, as when listening begins, does not."""
    talker = Talker()
    async with driving(name, TEXT_PROFILES[name].address, talker, tmp_path) as driver:
        reading = asyncio.create_task(read(driver, *values))
        while not reading.done():
            talker.say(line[3:] + line)
            await asyncio.sleep(0.01)
        assert reading.result() == values
    assert talker.asked == []


@pytest.mark.parametrize(("name", "with_sum"), [("advantech-adam4017", False), ("advantech-adam4017-sum", True)])
async def test_an_adam_module_gives_all_inputs_at_once(tmp_path: Path, name: str, with_sum: bool) -> None:
    """With checksums the module hears only questions that carry one."""
    module = AdamModule([7.2111, -0.5, 3.25, 0, 1, 2, 3, -9.9999], 0x1A, with_sum=with_sum)
    async with driving(name, 0x1A, module, tmp_path) as driver:
        assert await read(driver, "in0", "in1", "in7") == {"in0": 7.2111, "in1": -0.5, "in7": -9.9999}
    assert module.asked == [b"#1A95\r" if with_sum else b"#1A\r"]
    assert module.configured == []


async def test_a_svantek_meter_gives_its_period(tmp_path: Path) -> None:
    """Level and overload of one period come in one answer."""
    meter = SvantekMeter("v0,V0,T10,P79.97,M52.92,N38.50,S46.35,R43.91,U53.91,L(90)39.00")
    async with driving("svantek-97x", None, meter, tmp_path) as driver:
        assert await read(driver, "leq", "lmax", "l90", "overload") == {
            "leq": 43.91,
            "lmax": 52.92,
            "l90": 39,
            "overload": "no",
        }
        meter.results = "v0,V1,T3,P140.10,M?,N?,S?,R101.2"
        assert await judged(driver, "leq") == {"leq": Quality.OVER_RANGE}
        meter.results = ""
        assert await read(driver, "leq") == {"leq": None}
    assert meter.settings == []


async def test_a_rion_meter_answers_in_two_lines(tmp_path: Path) -> None:
    """The first line says whether it understood, and the fields after it are those of the display data."""
    meter = RionMeter(["51.2", "50.8", "68.1", "63.4", "44.9", *["50.0"] * 9, "0", "0"])
    async with driving("rion-nl43", None, meter, tmp_path) as driver:
        assert await read(driver, "lp", "leq", "lmax", "lmin", "over") == {
            "lp": 51.2,
            "leq": 50.8,
            "lmax": 63.4,
            "lmin": 44.9,
            "over": "no",
        }
        meter.main[14] = "1"
        assert await judged(driver, "lp") == {"lp": Quality.OVER_RANGE}
    assert meter.settings == []


async def test_an_xl2_is_read_from_one_frozen_set(tmp_path: Path) -> None:
    """Levels that belong together are of the same instant."""
    meter = Xl2Meter({"LAEQ": 53.8, "LAFMAX": 61.2, "LAFMIN": 41.0, "LCPKMAX": 83.4})
    async with driving("nti-xl2", None, meter, tmp_path) as driver:
        assert await read(driver, "laeq", "lafmax", "lafmin", "lcpkmax") == {
            "laeq": 53.8,
            "lafmax": 61.2,
            "lafmin": 41,
            "lcpkmax": 83.4,
        }
    assert meter.asked[0] == b"MEAS:INIT\r\n"
    assert meter.settings == []
