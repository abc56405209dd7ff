"""From a file to TOML values: everything that can be wrong before a single word is looked at."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.stationfile.faults import ConfigError, Fault, shown_line
from agent.stationfile.tomlsource import TomlSource

LARGEST = 4_000_000
"""Bytes of a station file; a larger one is no station file."""

_MOST_SYNTAX_FAULTS = 20
_PAIR = re.compile(r"\s*[A-Za-z0-9_\"'.-]+\s*=\s*(.*)")
_UNQUOTED = re.compile(r"[^\s\"'\[{#][^#]*")
_TYPOGRAPHIC = re.compile("[“”„‘’＂]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as TOML. Lines that could not be read are left out of ``raw`` and stand in ``faults``."""

    raw: dict[str, Any]
    source: TomlSource
    faults: tuple[Fault, ...] = ()


def read_text(path: Path) -> str:
    """Return the text of a station file; raises ConfigError when it cannot be read as UTF-8 text."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise _refused(path, *_unreadable(error)) from None
    if len(content) > LARGEST:
        raise _refused(path, f"larger than {LARGEST // 10**6} MB", "is this the right file?")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(path, "the file is UTF-16 text", "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x}"
        hint = "save it as UTF-8; Chinese text was perhaps saved as GBK"
        raise ConfigError(str(path), [Fault(path.name, line, "", found, "not UTF-8 text", hint)]) from None


def parse(text: str, name: str) -> Parsed:
    """Return *text* as TOML, with every mistake of syntax as far as they can be told apart."""
    text = text.removeprefix("\ufeff")
    source = TomlSource(text)
    if not text.strip():
        return Parsed({}, source, (Fault(name, 0, "", "", "the file is empty", "begin with [station] and its id"),))
    lines = text.split("\n")
    faults: list[Fault] = []
    while True:
        try:
            return Parsed(tomllib.loads("\n".join(lines)), source, tuple(faults))
        except RecursionError:
            return Parsed({}, source, (Fault(name, 0, "", "", "lists or tables stand too deep in each other"),))
        except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python reads
            line = _line_of(str(error), lines)
            faults.append(_syntax_fault(name, source, str(error), line, lines[line - 1]))
            if len(faults) == _MOST_SYNTAX_FAULTS or not _stands_alone(lines[line - 1], str(error)):
                return Parsed({}, source, tuple(faults))
            lines[line - 1] = ""


def _stands_alone(line: str, message: str) -> bool:
    """Whether the mistake is in this line only, so that the rest of the text can be read without it."""
    return bool(_PAIR.match(line)) and (_is_repeated(message) or not _is_toml(line))


def _is_repeated(message: str) -> bool:
    return any(word in message for word in ("overwrite", "twice", "Duplicate"))


def _is_toml(line: str) -> bool:
    try:
        tomllib.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _refused(path: Path, message: str, hint: str) -> ConfigError:
    return ConfigError(str(path), [Fault(str(path), 0, "", "", message, hint)])


def _unreadable(error: Exception) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "there is no such file", "name it with --config FILE or in $STATION_AGENT_CONFIG"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file", "name the station.toml inside it"
    if isinstance(error, PermissionError):
        return "this user may not read it", "join the group that may: usermod -aG station-agent USER"
    return f"cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}", "check the name and the disk"


def _line_of(message: str, lines: list[str]) -> int:
    """The line that a message of tomllib speaks of, the last written one for the end of the document."""
    if match := re.search(r"at line (\d+)", message):
        return min(int(match[1]), len(lines))
    if "at end of document" in message:
        return max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    return next((number for number, line in enumerate(lines, 1) if re.search(r"\d{4000}", line)), 1)


def _syntax_fault(name: str, source: TomlSource, message: str, line: int, text: str) -> Fault:
    path = source.key_at(line)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if _is_repeated(message):
        before = source.first_line_of(line)
        what, hint = "stands twice", f"first in line {before}" if before else "each key and table once"
    elif _is_toml(text):
        above = source.line(source.key_at(line - 1))
        what, hint = "not expected here", f"a text, list or table above has no end; look at line {above}"
    else:
        what, hint = _explained(re.sub(r" \(at [^)]*\)$", "", message), text)
    return Fault(name, line, "", shown_line(text, key), what, hint)


def _explained(reason: str, text: str) -> tuple[str, str]:
    """Say in plain words what tomllib means by *reason*."""
    pair = _PAIR.match(text)
    if "Exceeds the limit" in reason:
        return "a number of too many digits", ""
    if _TYPOGRAPHIC.search(text):
        return "these are not plain quotes", 'write "…" with the straight quote'
    if pair and not pair[1]:
        return "a value is missing after =", ""
    if pair and _UNQUOTED.fullmatch(pair[1]):
        return "not a number, true or false", 'a text stands in quotes: "5s"'
    if pair and re.fullmatch("[\"'][^\"']*", pair[1]):
        return "the text has no closing quote", ""
    if text.strip().startswith("["):
        return "not a table header", "write [station] or [[device]], alone on its line"
    if not pair:
        return 'not of the form key = "value"', ""
    return f"not TOML: {reason}", ""
