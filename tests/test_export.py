"""Export: a range of the log in the form that its reader wants, and nothing in it that was not recorded."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet
import pytest

from agent.accounts.sheets import Sheet, sheets
from agent.cli.moments import day, month
from agent.exporting.sheet import plain
from agent.store.archive import Archive
from agent.store.reader import Reader
from agent.store.record import Draft, draft, event, meta_id, to_ms
from agent.store.source import Source
from agent.store.verify import verify_files
from drivers.reading import Stream, Value
from tests.faults.mounts import Mounts
from tests.simulators.logbook import open_store
from tests.simulators.technician import Technician

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC) - timedelta(hours=8)
"""When November begins in Shanghai."""

STATION = '[station]\nid = "330100-A01"\ntimezone = "Asia/Shanghai"\n[store]\npath = "store.db"\n'
WORDS = {
    "device": "so2",
    "stream": "measurement",
    "channels": {"so2": {"unit": "ug/m3"}, "serial": {}, "on": {}, "note": {}},
}


def measured(at: datetime, values: dict[str, object], **fields: object) -> Draft:
    words = {"device": "so2", "meta": meta_id(WORDS), "values": values}
    return draft(Stream.MEASUREMENT, at, words | fields)


@pytest.fixture
def technician(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Technician:
    """Somebody at a station that kept a record a minute for an hour on either side of the end of October."""
    store = open_store(tmp_path / "store.db")
    at = MIDNIGHT - timedelta(hours=1)
    store.append(
        [
            draft(Stream.EVENT, at, {"event": "dictionary", "meta": meta_id(WORDS), "data": WORDS}),
            *[measured(at + timedelta(minutes=n), {"so2": n + 0.5}) for n in range(120)],
        ]
    )
    store.close()
    return Technician(tmp_path, capsys, STATION)


def exported(technician: Technician, *words: str) -> bytes:
    file = technician.config.parent / "exported"
    assert technician.types("export", *words, "--output", str(file)).code == 0
    return file.read_bytes()


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_date_means_midnight_at_the_station(technician: Technician) -> None:
    """Eight hours of somebody else's day in a report are eight hours too many."""
    found = rows(exported(technician, "--since", "2026-11-01", "--until", "2026-11-02", "--format", "csv"))
    times = [(row["time"], row["utc"]) for row in found]
    assert times[0] == ("2026-11-01 00:00:00", "2026-10-31T16:00:00.000Z")
    assert (len(found), times[-1][0]) == (60, "2026-11-01 00:59:00")


def test_the_zone_holds_also_beside_a_file_that_is_wrong(technician: Technician) -> None:
    """A typing error in a device must not move all times by eight hours."""
    technician.config.write_text(STATION + '[[device]]\nname = "so2"\nevery = 5s\n')
    found = rows(exported(technician, "--since", "2026-11-01", "--until", "2026-11-02", "--format", "csv"))
    assert found[0]["time"] == "2026-11-01 00:00:00"


def test_a_spreadsheet_reads_the_csv_as_what_it_is(technician: Technician) -> None:
    """Without the byte-order mark a Chinese one shows gibberish, with an offset every time is a text."""
    content = exported(technician, "--month", "2026-11", "--format", "csv", "--stream", "measurement")
    assert content.startswith(
        b"\xef\xbb\xbftime,utc,stream,seq,device,channel,value,unit,quality,reason,ticks,clock\r\n"
    )
    first = rows(content)[0]
    assert datetime.strptime(first["time"], "%Y-%m-%d %H:%M:%S").hour == 0  # noqa: DTZ007
    assert (first["value"], first["unit"], first["quality"]) == ("60.5", "µg/m³", "valid")


@pytest.mark.parametrize(
    "value", [None, 0, -1.5, "", "17", "-12.5", "S-17", "330100-A01", "no2", "decent", "二氧化硫", '{"a":1}']
)
def test_a_cell_says_what_the_value_is(value: Value) -> None:
    """Numbers stay numbers, and names what they are."""
    assert plain(value) == value
    assert plain(True) == "TRUE"


@pytest.mark.parametrize(
    "value",
    [
        *("=HYPERLINK(1)", "@x", "-SUM(A1)", "+86 571", "\t=1", " =1+1", "＝1+1"),  # would run in the office
        *("0012", "1.10", "1E5", "1.0E+2", "12345678901234567890", "1,5", "10%"),  # would lose digits
        *("1-2", "3/4", "2026-11-01", "10:30", "MAR1", "sept-2", "11月2日", "TRUE"),  # would become another thing
    ],
)
def test_a_text_that_a_spreadsheet_would_mistake_is_kept_as_text(value: str) -> None:
    """What an instrument sends must not run in the office, and a serial number keeps its zeros."""
    assert plain(value) == "'" + value


def test_where_people_write_commas_columns_are_parted_by_semicolons(technician: Technician) -> None:
    """A German program takes 1.234 for a thousand, and says nothing."""
    content = exported(technician, "--month", "2026-11", "--format", "csv", "--decimal", "comma")
    assert content.splitlines()[1].endswith("measurement;61;so2;so2;60,5;µg/m³;valid;;;".encode())


def test_what_a_poll_did_not_give_stands_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table without them would show a station that never failed."""
    store = open_store(tmp_path / "store.db")
    silent = {"device": "so2", "quality": {"*": "comm_fault"}, "reason": "no_reply", "ticks": 12}
    partly = measured(
        MIDNIGHT, {"so2": None, "serial": "17"}, quality={"so2": "comm_fault"}, reasons={"so2": "bad_reply"}
    )
    store.append([draft(Stream.MEASUREMENT, MIDNIGHT, silent), partly, event("device_lost", MIDNIGHT, data={"a": 1})])
    store.close()
    found = rows(exported(Technician(tmp_path, capsys, STATION), "--month", "2026-11", "--format", "csv"))
    assert [(row["channel"], row["value"], row["quality"], row["reason"], row["ticks"]) for row in found] == [
        ("*", "", "comm_fault", "no_reply", "12"),
        ("serial", "17", "valid", "", ""),
        ("so2", "", "comm_fault", "bad_reply", ""),
        ("device_lost", '{"a":1}', "", "", ""),
    ]


def test_a_time_that_nobody_vouches_for_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The PC had woken up without a battery: whoever averages by the hour must know."""
    store = open_store(tmp_path / "store.db")
    store.append([measured(MIDNIGHT, {"so2": 1.5}, clock="unsynced"), measured(MIDNIGHT, {"so2": 1.5})])
    store.close()
    found = rows(exported(Technician(tmp_path, capsys, STATION), "--month", "2026-11", "--format", "csv"))
    assert [row["clock"] for row in found] == ["unsynced", ""]


def test_the_unit_is_that_of_the_time_of_the_record(technician: Technician) -> None:
    """A profile that was changed since must not relabel the past."""
    store = open_store(technician.config.parent / "store.db")
    now = WORDS | {"channels": {"so2": {"unit": "[ppb]"}}}
    store.append(
        [
            draft(Stream.EVENT, MIDNIGHT, {"event": "dictionary", "meta": meta_id(now), "data": now}),
            measured(MIDNIGHT + timedelta(hours=2), {"so2": 7.0}, meta=meta_id(now)),
        ]
    )
    store.close()
    found = rows(exported(technician, "--month", "2026-11", "--format", "csv", "--stream", "measurement"))
    assert (found[0]["unit"], found[-1]["unit"]) == ("µg/m³", "ppb")


def test_json_lines_prove_themselves(technician: Technician, tmp_path: Path) -> None:
    """They are what an auditor gets."""
    exported(technician, "--month", "2026-11")
    (proof,) = verify_files([tmp_path / "exported"])
    assert (proof.first, proof.last, proof.broken) == (61, 120, None)


def test_parquet_has_typed_columns(technician: Technician) -> None:
    """Whoever computes with a year of values does not want to parse them."""
    store = open_store(technician.config.parent / "store.db")
    values = {"so2": None, "serial": "17", "on": True}
    store.append([measured(MIDNIGHT + timedelta(hours=2), values, quality={"so2": "no_value"})])
    store.close()
    exported(technician, "--month", "2026-11", "--format", "parquet")
    table = pyarrow.parquet.read_table(technician.config.parent / "exported")
    *_, flag, text, none = table.to_pylist()
    assert (len(table), table.schema.field("time").type.tz) == (63, "UTC")
    assert table.schema.metadata == {b"station": b"330100-A01", b"timezone": b"Asia/Shanghai"}
    assert table.to_pylist()[0]["time"] == MIDNIGHT
    assert [(row["value"], row["text"], row["quality"]) for row in (none, text, flag)] == [
        (None, None, "no_value"),
        (None, "17", "valid"),
        (1.0, None, "valid"),
    ]


def archived(technician: Technician, *, keep: int) -> Path:
    """Seal the days of the log into the archive, and free all but the last *keep* measurements."""
    store = open_store(technician.config.parent / "store.db")
    archive = Archive(technician.config.parent / "archive")
    while part := archive.next_slice(store.log, to_ms(MIDNIGHT + timedelta(days=3))):
        archive.seal(store.log, part)
    first = store.log.kept(store.epoch, Stream.MEASUREMENT)[0][0]
    store.free(store.epoch, Stream.MEASUREMENT, first, 120 - keep)
    store.close()
    return archive.folder


def test_what_the_log_has_freed_comes_from_the_archive(technician: Technician, tmp_path: Path) -> None:
    """Each record once, whichever has it, and the chain goes through."""
    before = exported(technician, "--since", "2026-10-31", "--until", "2026-11-02")
    archived(technician, keep=40)
    after = exported(technician, "--since", "2026-10-31", "--until", "2026-11-02")
    records = [line for line in after.splitlines() if line.startswith(b'{"head"')]
    assert records == [line for line in before.splitlines() if line.startswith(b'{"head"')]
    assert [proof.broken for proof in verify_files([tmp_path / "exported"])] == [None, None]


def test_the_archive_tells_the_units_of_what_it_holds(technician: Technician) -> None:
    """The dictionary was freed with the rest; without it a number is only a number."""
    folder = archived(technician, keep=40).parent
    store = open_store(folder / "store.db")
    store.free(store.epoch, Stream.EVENT, 1, 1)
    store.close()
    found = rows(exported(technician, "--month", "2026-11", "--format", "csv"))
    assert {row["unit"] for row in found} == {"µg/m³"}


def test_records_are_shown_from_the_archive_as_well(technician: Technician) -> None:
    """What was an hour ago is asked for in the same words as what was last year."""
    span = ("records", "--since", "2026-10-31 23:00", "--until", "2026-11-01 01:00", "--device", "so2")
    before = technician.asks(span).out
    archived(technician, keep=40)
    assert technician.asks(span).out == before
    assert technician.asks((*span, "--last", "100")).out.splitlines() == before.splitlines()[-100:]


def test_what_is_moved_to_the_archive_while_it_is_read_is_read_once(
    technician: Technician, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its quota a log frees its oldest day while somebody exports it; the daemon does not wait."""
    monkeypatch.setattr("agent.store.reader._CHUNK", 10)
    monkeypatch.setattr("agent.accounts.sheets._CHUNK", 10)
    folder = technician.config.parent
    span = to_ms(MIDNIGHT - timedelta(days=1)), to_ms(MIDNIGHT + timedelta(days=1))
    for keep in (60, 40):
        with Reader.open(folder / "store.db") as log:
            source = Source(log, folder / "archive")
            located, cut = source.located(Stream.MEASUREMENT, *span), beginnings(sheets(source, *span))
            read = [next(located).row.seq], [next(cut)]
            archived(technician, keep=keep)
            read[0].extend(one.row.seq for one in located)
            read[1].extend(cut)
        assert [sorted(seqs) for seqs in read] == [list(range(1, 121))] * 2


def beginnings(found: Iterable[Sheet]) -> Iterator[int]:
    """The seqs of sheets, each read as a report does."""
    for sheet in found:
        yield from (seq for seq, _, _ in sheet.beginnings(sheet.first, sheet.last))


def test_epochs_of_one_day_come_from_the_archive_in_their_order(tmp_path: Path) -> None:
    """Their names are dice: what happened first must still be told first."""
    store = open_store(tmp_path / "store.db")
    for number in range(5):
        store.append([event(f"e{number}", MIDNIGHT + timedelta(minutes=number))])
        store.begin_epoch("test")
    archive = Archive(tmp_path / "archive")
    while part := archive.next_slice(store.log, to_ms(MIDNIGHT + timedelta(days=3))):
        archive.seal(store.log, part)
        store.free(part.epoch, part.stream, part.first, part.last)
    source = Source(store.log, archive.folder)
    told = [one.row.body for one in source.located(Stream.EVENT, 0, to_ms(MIDNIGHT + timedelta(days=3)))]
    store.close()
    assert [json.loads(body)["event"] for body in told] == [f"e{number}" for number in range(5)]


def test_a_log_that_began_anew_still_has_its_archive(technician: Technician) -> None:
    """The old epochs are in no table of the new file."""
    archived(technician, keep=40)
    (technician.config.parent / "store.db").unlink()
    (technician.config.parent / "store.db.high").unlink()
    open_store(technician.config.parent / "store.db").close()
    found = rows(exported(technician, "--month", "2026-11", "--format", "csv"))
    assert (len(found), found[0]["value"]) == (60, "60.5")


def test_an_archive_that_cannot_be_read_is_named_and_not_passed_over(technician: Technician) -> None:
    """An export that leaves out a day in silence is worse than none."""
    (file,) = archived(technician, keep=40).glob("*measurement*")
    file.write_bytes(file.read_bytes()[:-200])
    output = technician.config.parent / "november.csv"
    said = technician.types("export", "--month", "2026-11", "--format", "csv", "--output", str(output))
    assert (said.code, f"{file} of the archive cannot be read" in said.err) == (3, True)
    assert not list(output.parent.glob("november.csv*"))
    assert technician.types("export", "--month", "2026-11", "--output", "/dev/null").code == 3


def test_without_pyarrow_it_is_said_what_to_install(technician: Technician, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: most stations do without."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = technician.types("export", "--month", "2026-11", "--format", "parquet", "--output", "x.parquet")
    assert said.code == 3
    assert "needs pyarrow" in said.err
    assert "pip install 'station-agent[parquet]'" in said.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--since", "yesterday-ish"], "is no time"),
        (["--month", "2026-13"], "is no month"),
        (["--month", "2026-11", "--since", "1h"], "names the whole range"),
        (["--since", "1h", "--seal", "box"], "only a whole month is sealed"),
        ([], "not said what to export"),
        (["--month", "2026-11", "--format", "parquet"], "no text for a terminal"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(technician: Technician, words: list[str], what: str) -> None:
    """No traceback, and one next step."""
    said = technician.types("export", *words)
    assert (said.code, what in said.err, "next:" in said.err) == (2, True, True)


def test_a_file_that_cannot_be_written_is_named(technician: Technician) -> None:
    """And nothing is left that looks like an export."""
    folder = technician.config.parent / "box"
    folder.mkdir()
    (folder / "november.csv").write_text("of last year")
    with Mounts() as mounts:
        mounts.tmpfs(folder, "4k")
        words = ["--month", "2026-11", "--format", "csv", "--output", str(folder / "november.csv")]
        command = [sys.executable, "-m", "agent", "--config", str(technician.config), "export", *words]
        said = subprocess.run([*mounts.inside, *command], capture_output=True, text=True, check=False)
        left = list(mounts.seen(folder).iterdir())
    assert (said.returncode, "november.csv cannot be written: No space left" in said.stderr, left) == (3, True, [])
    assert technician.types("export", "--month", "2026-11", "--output", "/dev/null/file").code == 3


def test_nothing_in_the_range_is_said_by_the_exit_code(technician: Technician) -> None:
    """A script that mails an empty file should know."""
    assert technician.types("export", "--month", "2025-01", "--output", str(technician.config.parent / "x")).code == 1


def test_records_are_shown_and_asked_for_in_the_zone_of_the_station(technician: Technician) -> None:
    """The technician's watch does not show UTC."""
    said = technician.types("records", "--since", "2026-11-01 00:10", "--until", "2026-11-01 00:12")
    assert [line[:29] for line in said.out.splitlines()] == [
        "2026-11-01T00:10:00.000+08:00",
        "2026-11-01T00:11:00.000+08:00",
    ]
    as_json = technician.asks(["records", "--since", "2026-11-01 00:10", "--until", "2026-11-01 00:12"])
    assert [news["time"] for news in as_json.news] == ["2026-10-31T16:10:00.000Z", "2026-10-31T16:11:00.000Z"]


def test_records_say_what_is_no_time(technician: Technician) -> None:
    """In a sentence."""
    said = technician.types("records", "--since", "noonish")
    assert (said.code, "is no time" in said.err) == (2, True)


def test_a_day_on_which_the_clock_was_changed_is_as_long_as_it_was() -> None:
    """A report of a day of 23 hours that expects 24 finds one hour lost, every spring."""
    berlin = ZoneInfo("Europe/Berlin")
    lengths = [(p.until_ms - p.since_ms) / 3_600_000 for p in (day("2026-03-29", berlin), day("2026-10-25", berlin))]
    assert lengths == [23, 25]
    assert (month("2026-12", berlin).until_ms - month("2026-12", berlin).since_ms) / 86_400_000 == 31
