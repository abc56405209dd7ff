"""Plot: a curve shows what was measured, no more, and where nothing was it shows nothing."""

from __future__ import annotations

import math
import struct
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib as mpl
import pytest
from matplotlib import font_manager

from agent.columns import width
from agent.curves import image
from agent.curves.axis import times
from agent.curves.points import Curve, Point, broken, read_curve, thinned
from agent.store.archive import Archive
from agent.store.reader import Reader
from agent.store.record import draft, meta_id, to_ms
from agent.store.source import Source
from drivers.reading import Stream
from tests.simulators.logbook import open_store
from tests.simulators.technician import Technician

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 11, 21, tzinfo=ZONE)
STATION = """
[station]
id = "330100-A01"
timezone = "Asia/Shanghai"
[store]
path = "store.db"
[[device]]
name = "so2"
url = "tcp://192.0.2.1:502"
address = 1
every = "60s"
[[device.channel]]
name = "so2"
title = "二氧化硫"
unit = "ug/m3"
register = 0
[[device.channel]]
name = "flow"
unit = "L/min"
register = 2
"""
WORDS = {
    "device": "so2",
    "stream": "measurement",
    "channels": {"so2": {"title": "二氧化硫", "unit": "ug/m3"}, "flow": {"unit": "L/min"}},
}
DAY = ("--since", "2026-11-21", "--until", "2026-11-22")


@pytest.fixture
def technician(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Technician:
    """Somebody at a station that measured a day: a wave with one peak, a gap, a silence, and an hour of span gas."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "30")
    store = open_store(tmp_path / "store.db")
    drafts = [draft(Stream.EVENT, BEGIN, {"event": "dictionary", "meta": meta_id(WORDS), "data": WORDS})]
    for minute in range(24 * 60):
        at = BEGIN + timedelta(minutes=minute)
        fields: dict[str, object] = {"device": "so2", "meta": meta_id(WORDS)}
        value = 500.0 if minute == 777 else round(20 + 10 * math.sin(minute / 100), 3)
        fields["values"] = {"so2": value, "flow": 0.6}
        if 300 <= minute < 360:
            fields["quality"] = {"so2": "span_check"}
        if 480 <= minute < 600:  # the agent did not run
            continue
        if 900 <= minute < 960:
            fields = {"device": "so2", "quality": {"*": "comm_fault"}, "reason": "no_reply", "ticks": 1}
        drafts.append(draft(Stream.MEASUREMENT, at, fields))
    store.append(drafts)
    store.close()
    return Technician(tmp_path, capsys, STATION)


def curve(technician: Technician, width: int = 160) -> Curve:
    since_ms = to_ms(BEGIN)
    with Reader.open(technician.config.parent / "store.db") as log:
        return read_curve(log, Stream.MEASUREMENT, "so2", "so2", since_ms, since_ms + 86_400_000, width=width)


def test_the_highest_and_the_lowest_value_survive_any_thinning(technician: Technician) -> None:
    """A peak of one minute is why somebody looks at a month."""
    for columns in (1, 7, 40, 160, 3000):
        found = curve(technician, columns)
        values = [point.value for point in found.points if point.value is not None and point.quality == "valid"]
        assert (max(values), min(values)) == (500.0, pytest.approx(10.0, abs=0.01))
        assert len(found.points) <= 5 * columns + 5
    assert found.read == 24 * 60 - 120 - 60


def test_a_gap_is_a_gap_and_a_silence_too(technician: Technician) -> None:
    """A straight line through two hours without data is an invention."""
    found = curve(technician, 1440)
    empty = {(point.time_ms - to_ms(BEGIN)) // 60_000 for point in found.points if point.value is None}
    assert 479 in empty
    assert set(range(900, 960)) <= empty


def test_values_that_are_not_valid_are_kept_apart(technician: Technician) -> None:
    """Span gas must not look like a bad day."""
    found = curve(technician, 1440)
    assert list(found.marked) == ["span_check"]
    assert len(found.marked["span_check"]) == 60
    between = [point.value for point in found.valid if 300 <= (point.time_ms - to_ms(BEGIN)) / 60_000 < 360]
    assert set(between) == {None}


def test_the_screen_shows_the_curve_in_local_time(technician: Technician) -> None:
    """At 80 columns, in characters that any terminal has."""
    said = technician.types("plot", "so2.so2", *DAY)
    lines = said.out.splitlines()
    assert said.code == 0
    assert max(map(width, lines)) <= 80
    assert lines[:2] == ["2026-11-21 00:00 to 2026-11-22 00:00", "so2.so2  二氧化硫  [µg/m³]"]
    assert [label in lines[-2] for label in ("00:00", "06:00", "18:00")] == [True] * 3
    assert lines[-1] == "  x span_check"
    assert sum("x" in line for line in lines) >= 2
    assert "\x1b" not in said.out


def test_several_channels_stand_below_each_other(technician: Technician) -> None:
    """On one time axis: the flow explains the gas."""
    said = technician.types("plot", "so2.so2", "flow", *DAY)
    assert [line for line in said.out.splitlines() if line.startswith("so2.")] == [
        "so2.so2  二氧化硫  [µg/m³]",
        "so2.flow  [L/min]",
    ]


def test_a_time_without_values_is_said_to_be_empty(technician: Technician) -> None:
    """Not an error, and no axis of nothing."""
    said = technician.types("plot", "flow", "--since", "2026-11-19", "--until", "2026-11-20")
    assert (said.code, "no value in this time" in said.out) == (1, True)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["so3"], "Did you mean so2"),
        (["zzz"], "There are: so2.flow, so2.so2"),
        (["so2.so2", "--last", "1h", "--since", "1h"], "--last and --since both"),
        (["so2.so2", "--since", "2026-11-22", "--until", "2026-11-21"], "ends before it begins"),
        (["so2.so2", "--png", "/nowhere/x.png"], "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_could(technician: Technician, words: list[str], what: str) -> None:
    """Nobody remembers how channels are spelled."""
    said = technician.types("plot", *words)
    assert (said.code, what in said.err) == (2, True)


def test_a_channel_that_two_devices_have_is_asked_back(technician: Technician) -> None:
    """And which they are is said."""
    technician.config.write_text(
        STATION
        + STATION[STATION.index("[[device]]") :]
        .replace('name = "so2"\nurl', 'name = "b"\nurl')
        .replace("192.0.2.1", "192.0.2.2")
    )
    said = technician.types("plot", "flow")
    assert (said.code, "Say which: b.flow, so2.flow" in said.err) == (2, True)


def test_channels_of_former_times_are_found_beside_a_wrong_file(technician: Technician) -> None:
    """The log knows what it holds."""
    technician.config.write_text(STATION.replace("60s", "60 parsecs"))
    assert technician.types("plot", "flow", *DAY).code == 0


def test_a_picture_is_a_png_of_all_channels(technician: Technician, tmp_path: Path) -> None:
    """For the report, where a terminal is not at hand."""
    said = technician.types("plot", "so2.so2", "flow", *DAY, "--png", str(tmp_path / "x.png"))
    content = (tmp_path / "x.png").read_bytes()
    assert said.code == 0
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1200, 624)


def test_without_a_chinese_font_the_picture_speaks_english_and_it_is_said(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes in place of characters are no report; matplotlib's warning about them would fail here."""
    monkeypatch.setattr(image, "CHINESE_FONTS", ())
    said = technician.types("plot", "so2.so2", *DAY, "--png", str(tmp_path / "x.png"))
    assert (said.code, "no font for Chinese" in said.out) == (0, True)


def test_a_font_that_was_installed_since_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib keeps a list of fonts from its first run here: who follows the advice would be told the same again."""
    manager = font_manager.fontManager
    path = str(Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSerif.ttf")
    monkeypatch.setattr(manager, "ttflist", [font for font in manager.ttflist if font.name != "DejaVu Serif"])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [path, "/nowhere/at-all.ttf"])
    monkeypatch.setattr(image, "CHINESE_FONTS", ("No Such Font", "DejaVu Serif"))

    assert image.chinese_font() == "DejaVu Serif"


def test_a_chinese_font_of_the_system_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the usual ones is there."""
    monkeypatch.setattr(image, "CHINESE_FONTS", ("No Such Font", "DejaVu Sans"))
    assert image.chinese_font() == "DejaVu Sans"


@pytest.mark.parametrize(
    ("module", "words", "extra"), [("plotext", [], "tui"), ("matplotlib", ["--png", "x.png"], "plot")]
)
def test_without_its_library_it_is_said_what_to_install(
    technician: Technician, monkeypatch: pytest.MonkeyPatch, module: str, words: list[str], extra: str
) -> None:
    """Both are extras."""
    monkeypatch.setitem(sys.modules, module, None)
    said = technician.types("plot", "so2.so2", *DAY, *words)
    assert said.code == 3
    assert f"needs {module}, which is not installed" in said.err
    assert f"pip install 'station-agent[{extra}]'" in said.err


def test_what_only_the_archive_has_is_drawn_too(technician: Technician, tmp_path: Path) -> None:
    """The log of a busy station reaches back for weeks, and the question is of last spring."""
    store, archive = open_store(tmp_path / "store.db"), Archive(tmp_path / "archive")
    whole = curve(technician)
    while part := archive.next_slice(store.log, to_ms(BEGIN + timedelta(days=3))):
        archive.seal(store.log, part)
    store.free(store.epoch, Stream.MEASUREMENT, 1, 600)
    store.free(store.epoch, Stream.EVENT, 1, 1)
    store.close()

    with Reader.open(tmp_path / "store.db") as log:
        source = Source(log, tmp_path / "archive")
        since_ms = to_ms(BEGIN)
        found = read_curve(source, Stream.MEASUREMENT, "so2", "so2", since_ms, since_ms + 86_400_000, width=160)

    assert (found.points, found.title, found.unit) == (whole.points, "二氧化硫", "µg/m³")


def test_a_longer_interval_is_no_row_of_gaps() -> None:
    """Somebody sets ``every`` from 5 s to a minute in the middle of a month."""
    moments = [*range(0, 100_000, 5000), *range(100_000, 2_000_000, 60_000)]

    gaps = [point.time_ms for point in broken(Point(at, 1.0) for at in moments) if point.value is None]

    assert all(100_000 <= at <= 460_001 for at in gaps)


def test_two_gaps_in_a_row_are_two() -> None:
    """A value between two failures of the power stands alone."""
    moments = [*range(0, 100_000, 5000), 7_200_000, *range(14_400_000, 14_500_000, 5000)]

    assert [point.time_ms for point in broken(Point(at, 1.0) for at in moments) if point.value is None] == [
        95_001,
        7_200_001,
    ]


@pytest.mark.parametrize("channel", ["constant", "tiny", "huge", "below", "alone", "on", "never"])
@pytest.mark.parametrize("png", [False, True])
def test_whatever_the_values_are_it_draws(technician: Technician, tmp_path: Path, channel: str, png: bool) -> None:
    """A constant has no span, one value no line, and 1e-9 no digits before its exponent."""
    store = open_store(tmp_path / "store.db")
    for minute in range(60):
        values = {"constant": 1013.25, "tiny": minute * 1e-9, "huge": minute * 1e9, "below": -minute, "on": minute > 9}
        values |= {"alone": 3.3} if minute == 30 else {}
        fields = {"device": "odd", "values": values | {"never": None}, "quality": {"never": "no_value"}}
        store.append([draft(Stream.MEASUREMENT, BEGIN + timedelta(minutes=minute), fields)])
    store.close()
    head = STATION[: STATION.index("[[device.channel]]")].replace('"so2"', '"odd"')
    channel_of = '[[device.channel]]\nname = "{}"\nregister = 0\n'.format
    technician.config.write_text(head + "".join(map(channel_of, [*values, "alone", "never"])))

    said = technician.types("plot", channel, *DAY, *(["--png", str(tmp_path / "x.png")] if png else []))

    assert (said.code, said.err) == (int(channel == "never"), "")


def test_a_wind_that_turns_through_north_draws_no_line_across() -> None:
    """From 359 to 1 is two degrees; a temperature that falls by 358 fell."""
    values = [350.0, 359.0, 1.0, 10.0]
    points = [Point(at, value) for at, value in enumerate(values)]
    wind = Curve("mast", "direction", 0, 4, unit="°", points=points)
    heat = Curve("oven", "temperature", 0, 4, unit="°C", points=points)

    assert [point.value for point in wind.valid] == [350.0, 359.0, None, 1.0, 10.0]
    assert heat.valid == points


def test_one_late_record_is_no_gap() -> None:
    """A tick that came a little late must not cut the curve."""
    points = [Point(at, 1.0) for at in (0, 5000, 10_000, 22_000, 27_000, 60_000)]
    assert [point.time_ms for point in broken(points) if point.value is None] == [27_001]


def test_a_point_of_each_quality_is_left_in_a_column() -> None:
    """One bad value among thousands of good ones is still seen."""
    points = [Point(at, float(at), "suspect" if at == 500 else "valid") for at in range(1000)]
    assert list(thinned(points, 0, 1000)) == [points[0], points[500], points[999]]


def test_the_axis_is_labelled_at_round_times_of_the_station() -> None:
    """09:36 is no label."""
    since_ms = to_ms(datetime(2026, 11, 21, 1, 17, tzinfo=UTC))
    day = Curve("so2", "so2", since_ms, since_ms + 86_400_000)
    assert [label for _, label in times(day, ZONE, 5)] == ["12:00", "18:00", "00:00", "06:00"]
    minute = Curve("so2", "so2", since_ms, since_ms + 60_000)
    assert times(minute, ZONE, 5)[1][1] == "09:17:15"
