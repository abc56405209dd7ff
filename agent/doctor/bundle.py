"""One archive to mail to somebody who knows more: what the doctor found and what it was found from, without secrets.

Small enough for a mail however large the log is, and readable with ``tar`` and a
text editor, from the page README.txt on.
"""

from __future__ import annotations

import io
import json
import os
import platform
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
from agent.doctor.system import heard
from agent.doctor.unit import UNIT
from agent.store.errors import StoreError
from agent.store.reader import Reader
from drivers.errors import StationError
from drivers.reading import Stream

EVENTS = 1000
"""So many of the last events, and as many audit records."""

MOST = 1_000_000
"""Characters of one file: of a longer one its end is taken, for what happened last stands there."""

LARGEST_SECRET = 65_536
PACKAGES = ("apsw", "orjson", "paho-mqtt", "pydantic", "pymodbus", "pyserial", "structlog", "tenacity")
RULES = Path("/etc/udev/rules.d/99-station-agent.rules")

SYSTEM: dict[str, tuple[str, ...]] = {
    "journal.txt": ("journalctl", "-u", UNIT, "-n", "2000", "--no-pager", "-o", "short-iso"),
    "kernel.txt": ("journalctl", "-k", "-p", "warning", "-n", "300", "--no-pager", "-o", "short-iso"),
    "unit.txt": ("systemctl", "cat", UNIT, "--no-pager"),
    "network.txt": ("ip", "address"),
    "routes.txt": ("ip", "route"),
    "disks.txt": ("df", "-hT"),
}
"""What programs of the system say, by file."""

ABOUT = """Made by station-agent {version} at {time} for station {station}.

{worst}

results.txt, results.json   all that "station-agent doctor" found
status.json                 how the daemon saw the station, at its last word
station.toml, profiles/     the configuration, without secrets
events.jsonl                the last events and audit records of the log
journal.txt, kernel.txt     what the daemon and the kernel said of late
unit.txt, udev.txt          how the service is run, and how serial ports are named
network.txt, routes.txt     addresses of this PC, and its ways out
disks.txt, versions.txt     file systems; programs and packages

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
    texts |= {name: _end(text) for name, text in _collected(case)}
    cleaned = {name: redactor.clean(text) for name, text in texts.items()}
    about = ABOUT.format(
        version=__version__,
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        station=case.paths.station,
        worst=redactor.clean("\n\n".join(page.split("\n\n")[:2])),
        removed=redactor.removed,
    )
    _write(file, {"README.txt": about, **cleaned})
    return redactor.removed


def _end(text: str) -> str:
    """The last whole lines of *text*: half a line could hold half a secret."""
    return text if len(text) <= MOST else text[-MOST:].partition("\n")[2]


def _write(file: Path, texts: dict[str, str]) -> None:
    folder = file.name.removesuffix(".gz").removesuffix(".tgz").removesuffix(".tar")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, text in texts.items():
                _add(archive, f"{folder}/{name}", text)
    except FileExistsError:
        raise BundleError(f"{file} is there already", hint="Give another name; nothing is overwritten") from None
    except OSError as error:
        hint = "Name a file that you may write"
        raise BundleError(f"{file} cannot be written: {error.strerror}", hint=hint) from None


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode(errors="replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), int(time.time())
    archive.addfile(entry, io.BytesIO(content))


def _collected(case: Case) -> Iterator[tuple[str, str]]:
    yield "status.json", json.dumps(case.snapshot, ensure_ascii=False, indent=1)
    folder = case.paths.config.absolute().parent
    for file in _configuration(case):
        yield str(file.absolute().relative_to(folder)), _text(file)
    yield "events.jsonl", "\n".join(_events(case.paths.store))
    for name, line in SYSTEM.items():
        yield name, heard(line)
    yield "udev.txt", _text(RULES)
    yield "versions.txt", "\n".join(_versions())


def _configuration(case: Case) -> list[Path]:
    return [case.paths.config, *sorted((case.paths.config.absolute().parent / "profiles").glob("*.toml"))]


def _known(case: Case) -> Iterator[str]:
    """The secrets of this station, as far as this user may read them, and the names that it logs in with."""
    for file in _configuration(case):
        yield from secrets_in(_text(file))
    for file in _secret_files(case):
        content = _read(file) or ""
        yield from (line for line in content.splitlines() if not line.startswith("-----"))
    uplinks = case.settings.uplinks if case.settings else ()
    spoken_of = {case.paths.station, *(uplink.name for uplink in uplinks)}
    yield from (uplink.username for uplink in uplinks if uplink.username and uplink.username not in spoken_of)


def _secret_files(case: Case) -> Iterator[Path]:
    secrets = case.paths.config.absolute().parent / "secrets"
    if os.access(secrets, os.R_OK | os.X_OK):
        yield from (file for file in secrets.iterdir() if file.is_file() and file.stat().st_size < LARGEST_SECRET)
    if case.settings is None:
        return
    for uplink in case.settings.uplinks:
        yield from (file for file in (uplink.password_file, uplink.key_file) if file is not None)
    for wire in case.settings.wires:
        if key := wire.endpoint.options.get("key"):
            yield Path(key)


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
    yield heard(("systemctl", "--version")).partition("\n")[0]
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
