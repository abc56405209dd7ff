"""What is wrong with a station file, for people: file, line, key, what stands there, what is allowed.

No secret ever gets into one of these sentences. What stands under a key that
sounds like a secret is not shown, and of an address only what follows the user.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from agent.stationfile.syntax import LISTS_OF_TABLES
from agent.stationfile.tomlsource import Path, TomlSource
from drivers.errors import StationError

_SECRET = re.compile(r"pass|^pw|secret|token|pwd|credential|private|auth|^key$|api.?key", re.IGNORECASE)
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake. ``line`` counts from 1; 0 means the file as a whole.

    ``meant`` is the line as it was probably meant; it is shown in place of a hint, and in no language but the file's.
    """

    file: str
    line: int
    key: str
    found: str
    message: str
    hint: str = ""
    meant: str = ""

    def __str__(self) -> str:
        return self.told(str)

    def told(self, say: Callable[[str], str]) -> str:
        """Return it as one line; *say* translates what it says, not what stands in the file."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        what = f"{self.key} = {self.found}" if self.key and self.found else self.key or self.found
        hint = say("write: {}").format(self.meant) if self.meant else say(self.hint)
        return f"{where}: {f'{what}: ' if what else ''}{say(self.message)}{f' ({hint})' if hint else ''}"


class ConfigError(StationError):
    """A station file is refused as a whole; ``faults`` are all of its mistakes in the order of the lines."""

    exit_code = 2

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        own = file.rpartition("/")[2]
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file not in (file, own), fault.file, fault.line)))
        self._file = file
        hint = f"Correct the file, then run: station-agent --config {file} check"
        if self._is_about_the_file:
            hint = self.faults[0].hint[0].upper() + self.faults[0].hint[1:]
        super().__init__(self.told(str), hint=hint)

    def told(self, say: Callable[[str], str]) -> str:
        """Return how many mistakes there are, and the first of them."""
        if self._is_about_the_file:
            return f"{self._file}: {say(self.faults[0].message)}"
        count = len(self.faults)
        mistakes = say(f"{self._file} has one mistake" if count == 1 else f"{self._file} has {count} mistakes")
        return f"{mistakes}; {self.faults[0].told(say)}"

    @property
    def _is_about_the_file(self) -> bool:
        first = self.faults[0]
        return not first.line and bool(first.hint) and first.file in (self._file, self._file.rpartition("/")[2])

    @property
    def report(self) -> str:
        """Every mistake, one a line."""
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a check says about a key path; it becomes a :class:`Fault` once the line is known."""

    path: Path
    message: str
    hint: str = ""
    shows: bool = True  # False where what stands there may be a secret


@dataclass(frozen=True, slots=True)
class Locator:
    """Turns complaints about one file into faults: finds the line, names the place, shows what stands there."""

    file: str
    source: TomlSource
    raw: dict[str, Any]

    def fault(self, complaint: Complaint) -> Fault:
        """Return *complaint* with file, line, key and what stands there."""
        path = complaint.path
        value = value_at(self.raw, path) if complaint.shows else None
        return Fault(
            file=self.file,
            line=self.source.line(path),
            key=place(self.raw, path),
            found="" if value is None or _is_table(value) else shown(value, key=_last_key(path)),
            message=_one_line(complaint.message, 300),
            hint=_one_line(complaint.hint, 300),
        )

    def faults(self, complaints: Iterable[Complaint]) -> list[Fault]:
        """Return all of them, each only once."""
        return list(dict.fromkeys(self.fault(complaint) for complaint in complaints))


def value_at(raw: Any, path: Path) -> Any:
    """Return what stands at *path*, or None."""
    for key in path:
        is_there = key in raw if isinstance(raw, dict) else isinstance(raw, list) and key in range(len(raw))
        if not is_there:
            return None
        raw = raw[key]
    return raw


def place(raw: object, path: Path) -> str:
    """Say where *path* is, as people do: ``device "so2": channel "flow": register``."""
    said: list[str] = []
    for at, key in enumerate(path):
        if isinstance(key, int):
            if said and path[at - 1] in LISTS_OF_TABLES:
                said[-1] += f" {_called(value_at(raw, path[: at + 1]), key)}:"
        elif said and at > 1 and not said[-1].endswith(":"):
            said[-1] += f".{key}"
        else:
            said.append(key if at or len(path) == 1 or isinstance(path[1], int) else f"{key}:")
    return _one_line(" ".join(said)).removesuffix(":")


def _called(table: object, index: int) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return shown(name) if isinstance(name, str) and name else str(index + 1)


def shown(value: object, *, key: str = "") -> str:
    """Return *value* as it stands in the file, short, on one line and without secrets."""
    if _SECRET.search(key):
        return "…"
    if isinstance(value, str):
        text = json.dumps(without_user(value), ensure_ascii=False)
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = f"[{', '.join(shown(item) for item in value[:10])}]"
    elif _is_table(value):
        text = "a table"
    else:
        text = _as_text(value)
    return _one_line(text)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except ValueError:
        return "a number of thousands of digits"


def shown_line(text: str, key: str = "") -> str:
    """Return a line of the file as it may be shown: nothing of it when it might hold a secret."""
    if _SECRET.search(key) or _SECRET.search(text):
        name = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", text)
        return f"{name[1]} = …" if name else "…"
    return _one_line(without_user(text.strip()))


def without_user(text: str) -> str:
    """Return the begin of an address, without user and password wherever somebody may have put them."""
    _, user, rest = text.rpartition("@")
    text = f"…@{rest[:200]}" if user else text[:200]
    text = re.sub(r"(://[^/:\[\s]*):(?=[^/?]*[^/?\d])[^/?]*", r"\1:…", text)
    return re.sub(r"(?i)(pass\w*|pwd|secret|token)=[^&\s]*", r"\1=…", text)


def nearest(word: object, words: Iterable[str]) -> str:
    """Return ``did you mean "…"?``, or nothing when no word is near; case does not matter."""
    known = {right.lower(): right for right in words}
    near = get_close_matches(word.lower()[:64], known, n=1) if isinstance(word, str) else []
    return f'did you mean "{known[near[0]]}"?' if near else ""


def listed(words: Iterable[str]) -> str:
    """Return the words as a sentence has them: ``"a", "b" or "c"``."""
    *first, last = [f'"{word}"' for word in words]
    return f"{', '.join(first)} or {last}" if first else last


def _one_line(text: str, longest: int = _LONGEST) -> str:
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _last_key(path: Path) -> str:
    return next((key for key in reversed(path) if isinstance(key, str)), "")
