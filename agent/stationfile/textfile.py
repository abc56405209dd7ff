"""From a file to TOML values: everything that can be wrong before a single word is looked at."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agent.stationfile.faults import ConfigError, Fault, shown_line
from agent.stationfile.syntax import LISTS_OF_TABLES, explained, is_toml
from agent.stationfile.tomlsource import TomlSource

LARGEST = 4_000_000
"""Bytes of a station file; a larger one is no station file."""

_MOST_SYNTAX_FAULTS = 20
_MISSING = "write one with: sudo station-agent init (or copy station.toml.example), or name another: --config FILE"
_PAIR = re.compile(r"\s*[A-Za-z0-9_\"'.-]+\s*=\s*(.*)")
_UNQUOTED = re.compile(r"[^\s\"'\[{#][^#]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as TOML, with what is wrong in ``faults``.

    Lines that could be mended stand in ``raw`` as they were probably meant, others are
    left out; ``whole`` says that there are none of these.
    """

    raw: dict[str, Any]
    source: TomlSource
    faults: tuple[Fault, ...] = ()
    whole: bool = True


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
        hint = f"save it as UTF-8; from GBK: iconv -f GBK -t UTF-8 -o NEW {path.name}"
        raise ConfigError(str(path), [Fault(path.name, line, "", found, "not UTF-8 text", hint)]) from None


def parse(text: str, name: str) -> Parsed:
    """Return *text* as TOML, with every mistake of syntax as far as they can be told apart."""
    text = text.removeprefix("\ufeff")
    source = TomlSource(text)
    if not text.strip():
        return Parsed({}, source, (Fault(name, 0, "", "", "the file is empty", "begin with [station] and its id"),))
    lines, whole = text.split("\n"), True
    faults: list[Fault] = []
    while True:
        try:
            return Parsed(tomllib.loads("\n".join(lines)), source, tuple(faults), whole)
        except RecursionError:
            return Parsed({}, source, (Fault(name, 0, "", "", "lists or tables stand too deep in each other"),))
        except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python reads
            slip = _slip(source, str(error), lines)
        faults.append(Fault(name, slip.line, "", slip.shown, slip.what, slip.hint, slip.better))
        if len(faults) == _MOST_SYNTAX_FAULTS or slip.meant is None or lines[slip.line - 1] == slip.meant:
            return Parsed({}, source, tuple(faults))
        whole = whole and not slip.is_left_out
        lines[slip.line - 1] = slip.meant


class _Slip(NamedTuple):
    """A mistake of syntax in a line.

    ``meant`` is what to read there instead; None where nothing after it is sure. ``better`` is how it may be shown.
    """

    line: int
    shown: str
    what: str
    hint: str
    meant: str | None
    better: str = ""
    is_left_out: bool = False


def _slip(source: TomlSource, message: str, lines: list[str]) -> _Slip:
    """What tomllib means by *message* about *lines*."""
    line = _line_of(message, lines)
    text = lines[line - 1]
    key = next((part for part in reversed(source.key_at(line)) if isinstance(part, str)), "")
    shown = shown_line(text, key)
    if _is_repeated(message):
        return _repeated(source, line, lines, shown)
    if is_toml(text):
        above = source.line(source.key_at(line - 1))
        return _Slip(
            line, shown, "not expected here", f"a text, list or table above has no end; look at line {above}", None
        )
    what, meant = explained(text)
    if meant:
        better = shown_line(meant, key)
        return _Slip(line, shown, what, "", meant, "" if "…" in better else better)
    what, hint = _in_plain_words(message, text)
    return _Slip(line, shown, what, hint, "" if _PAIR.match(text) else None, is_left_out=True)


def _repeated(source: TomlSource, line: int, lines: list[str], shown: str) -> _Slip:
    """A key or table that stands twice; one of a list of tables does when the first has single brackets."""
    before = source.first_line_of(line)
    single = re.fullmatch(r"\s*\[([A-Za-z0-9_.-]+)\]\s*(#.*)?", lines[before - 1]) if before else None
    if before and single and single[1].rpartition(".")[2] in LISTS_OF_TABLES:
        meant, what = f"[[{single[1]}]]", "a list of tables"
        return _Slip(before, shown_line(lines[before - 1]), what, f"write {meant}, with two brackets", meant)
    hint = f"first in line {before}" if before else "each key and table once"
    return _Slip(line, shown, "stands twice", hint, "" if _PAIR.match(lines[line - 1]) else None)


def _is_repeated(message: str) -> bool:
    return any(word in message for word in ("overwrite", "twice", "Duplicate"))


def _refused(path: Path, message: str, hint: str) -> ConfigError:
    return ConfigError(str(path), [Fault(str(path), 0, "", "", message, hint)])


def _unreadable(error: Exception) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "there is no such file", _MISSING
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


def _in_plain_words(message: str, text: str) -> tuple[str, str]:
    """What tomllib means by *message* about the line *text*, which could not be mended, and what to do."""
    pair = _PAIR.match(text)
    if "Exceeds the limit" in message:
        return "a number of too many digits", ""
    if pair and not pair[1]:
        return "a value is missing after =", ""
    if pair and re.search(r"\s[A-Za-z_]+\s*=", pair[1]):
        return "two keys in one line", "each key stands on a line of its own"
    if pair and _UNQUOTED.fullmatch(pair[1]):
        return "not a number, true or false", 'a text stands in quotes: "5s"'
    if text.strip().startswith("["):
        return "not a table header", "write [station] or [[device]], alone on its line"
    if not pair:
        return 'not of the form key = "value"', ""
    return f"not TOML: {message.partition(' (at ')[0]}", ""
