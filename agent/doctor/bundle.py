"""One archive to mail to somebody who knows more: what the doctor found and what it was found from, without secrets."""

from __future__ import annotations

import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from agent import __version__
from agent.doctor.case import Case
from agent.doctor.redact import Redactor, secrets_in
from agent.doctor.result import Result
from agent.doctor.unit import UNIT
from agent.store.errors import StoreError
from agent.store.reader import Reader
from drivers.errors import StationError
from drivers.reading import Stream

EVENTS = 1000
"""So many of the last events, and as many audit records."""

JOURNAL_LINES = 2000
ASK_S = 20.0
LARGEST_SECRET = 65_536
PACKAGES = ("apsw", "orjson", "paho-mqtt", "pydantic", "pymodbus", "pyserial", "structlog", "tenacity")

ABOUT = """Made by station-agent {version} at {time} for station {station}.

results.txt, results.json   what "station-agent doctor" found
status.json                 how the daemon saw the station, at its last word
station.toml, profiles/     the configuration, without secrets
events.jsonl                the last events and audit records of the log
journal.txt                 what the daemon said of late
versions.txt                of programs and packages

Removed because they are secrets, or look like one: {removed} places, marked REMOVED.
"""


class BundleError(StationError):
    """The archive cannot be written."""

    exit_code = 2


def write_bundle(file: Path, case: Case, results: Iterable[Result], page: str) -> int:
    """Write the archive, which only this user may read; returns how many secrets were removed.

    Raises BundleError, also for a file that is there already.
    """
    redactor = Redactor(_known(case))
    facts = [result.facts() for result in results]
    texts = {"results.txt": page, "results.json": json.dumps(facts, ensure_ascii=False, indent=1)}
    texts |= dict(_collected(case))
    cleaned = {name: redactor.clean(text) for name, text in texts.items()}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = ABOUT.format(version=__version__, time=now, station=case.paths.station, removed=redactor.removed)
    folder = file.name.removesuffix(".gz").removesuffix(".tgz").removesuffix(".tar")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, text in {"README.txt": about, **cleaned}.items():
                _add(archive, f"{folder}/{name}", text)
    except FileExistsError:
        raise BundleError(f"{file} is there already", hint="Give another name; nothing is overwritten") from None
    except OSError as error:
        raise BundleError(
            f"{file} cannot be written: {error.strerror}", hint="Name a file that you may write"
        ) from None
    return redactor.removed


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode(errors="replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), int(time.time())
    archive.addfile(entry, io.BytesIO(content))


def _collected(case: Case) -> Iterator[tuple[str, str]]:
    yield "status.json", json.dumps(case.snapshot, ensure_ascii=False, indent=1)
    folder = case.paths.config.absolute().parent
    for file in (case.paths.config, *sorted((folder / "profiles").glob("*.toml"))):
        yield str(file.absolute().relative_to(folder)), _text(file)
    yield "events.jsonl", "\n".join(_events(case.paths.store))
    yield "journal.txt", _said(("journalctl", "-u", UNIT, "-n", str(JOURNAL_LINES), "--no-pager", "-o", "short-iso"))
    yield "versions.txt", "\n".join(_versions())


def _known(case: Case) -> Iterator[str]:
    """The secrets of this station, as far as this user may read them."""
    yield from secrets_in(_text(case.paths.config))
    secrets = case.paths.config.absolute().parent / "secrets"
    uplinks = case.settings.uplinks if case.settings else ()
    named = [file for uplink in uplinks for file in (uplink.password_file, uplink.key_file)]
    files = [file for file in named if file is not None]
    if os.access(secrets, os.R_OK | os.X_OK):
        files += [file for file in secrets.iterdir() if file.is_file() and file.stat().st_size < LARGEST_SECRET]
    for file in files:
        content = _read(file) or ""
        yield from (line for line in content.splitlines() if not line.startswith("-----"))


def _events(store: Path) -> Iterator[str]:
    """The last records of both streams that tell what happened."""
    try:
        with Reader.open(store) as log:
            for series in log.series():
                if series.stream in (Stream.EVENT, Stream.AUDIT):
                    first = max(series.first, series.last - EVENTS + 1)
                    for row in log.walk(series.epoch, series.stream, first, series.last):
                        yield row.body.decode()
    except (StoreError, OSError) as error:
        yield json.dumps({"error": str(error)})


def _versions() -> Iterator[str]:
    yield f"station-agent {__version__}"
    yield f"Python {sys.version}"
    yield f"{platform.platform()}, {os.cpu_count()} processors"
    yield _read(Path("/etc/os-release")) or ""
    yield _said(("systemctl", "--version")).partition("\n")[0]
    for package in PACKAGES:
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            yield f"{package} is missing"


def _text(file: Path) -> str:
    content = _read(file)
    return f"{file} cannot be read by this user" if content is None else content


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _said(line: tuple[str, ...]) -> str:
    """What a program of the system says; why not, where it says nothing."""
    try:
        answer = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=ASK_S, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{line[0]}: {error}\n"
    return answer.stdout or answer.stderr
