"""Where in a TOML text a key stands.

``tomllib`` gives values without positions. This scanner gives positions without
values: it follows tables, arrays of tables, dotted keys, inline tables, arrays and
all four kinds of string just closely enough to know the line of each key path. It
never raises: where the text is odd it goes on at the next line, and a path that was
not seen has the line of its nearest enclosing table.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections import defaultdict

Path = tuple[str | int, ...]
"""A key path as pydantic writes it: ``("device", 2, "every")``."""

_SPACE = re.compile(r"[ \t\r]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_TOKEN = re.compile(r"[^,\]}#\n]+")
_DEEPEST = 64


class _OddError(Exception):
    """The statement does not look like TOML; the scan goes on at the next line."""


class TomlSource:
    """The lines of the keys of one TOML text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, list[int]] = defaultdict(list)
        self._counts: dict[Path, int] = {}
        self._scan()

    def line(self, path: Path) -> int:
        """Return the line (from 1) of *path*, or of the nearest table around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines[path][0] if path else 1

    def first_line_of(self, again: int) -> int | None:
        """Return where the key or table that stands in line *again* stood before."""
        for lines in self._lines.values():
            if again in lines[1:]:
                return lines[0]
        return None

    def key_at(self, line: int) -> Path:
        """Return the last key path that begins in or before *line*."""
        last: tuple[int, Path] = (0, ())
        for path, lines in self._lines.items():
            for begin in lines:
                if last[0] <= begin <= line:
                    last = (begin, path)
        return last[1]

    def _scan(self) -> None:
        table: Path = ()
        at = 0
        while (at := self._skip(_GAP, at)) < len(self._text):
            try:
                if self._text[at] == "[":
                    table, at = self._header(at)
                else:
                    at = self._pair(at, table, depth=0)
            except _OddError:
                pass
            at = self._next_line(at)

    def _header(self, at: int) -> tuple[Path, int]:
        many = self._text.startswith("[[", at)
        parts, end = self._key(at + 1 + many)
        if not self._text.startswith("]]" if many else "]", end):
            raise _OddError
        path = (*self._resolve(parts[:-1]), parts[-1])
        if many:
            self._counts[path] = self._counts.get(path, 0) + 1
            self._note(path, at)
        path = self._resolve(parts)
        self._note(path, at)
        return path, end

    def _resolve(self, parts: list[str]) -> Path:
        """The path of a header: inside an array of tables it is the last element that is meant."""
        path: Path = ()
        for part in parts:
            path += (part,)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        return path

    def _pair(self, at: int, table: Path, depth: int) -> int:
        parts, end = self._key(at)
        if not self._text.startswith("=", end):
            raise _OddError
        path = table
        for part in parts:
            path += (part,)
            if len(path) < len(table) + len(parts):
                self._lines[path] = self._lines[path] or [self._line_at(at)]
        self._note(path, at)
        return self._value(self._skip(_SPACE, end + 1), path, depth)

    def _key(self, at: int) -> tuple[list[str], int]:
        """Read a dotted key; returns its parts and where what follows it stands."""
        parts = []
        while match := _PART.match(self._text, self._skip(_SPACE, at)):
            parts.append(_plain(match[0]))
            at = self._skip(_SPACE, match.end())
            if not self._text.startswith(".", at):
                return parts, at
            at += 1
        raise _OddError

    def _value(self, at: int, path: Path, depth: int) -> int:
        if depth > _DEEPEST:
            raise _OddError
        for quotes in ('"""', "'''"):
            if self._text.startswith(quotes, at):
                return self._long_string(at + 3, quotes)
        if self._text.startswith("[", at):
            return self._array(at + 1, path, depth + 1)
        if self._text.startswith("{", at):
            return self._inline_table(at + 1, path, depth + 1)
        match = _STRING.match(self._text, at) or _TOKEN.match(self._text, at)
        if match is None:
            raise _OddError
        return match.end()

    def _long_string(self, at: int, quotes: str) -> int:
        end = self._text.find(quotes, at)
        while end > 0 and quotes == '"""' and _is_escaped(self._text, end):
            end = self._text.find(quotes, end + 1)
        if end < 0:
            raise _OddError
        end += 3
        while self._text.startswith(quotes[0], end):  # up to two quotes may end the string itself
            end += 1
        return end

    def _array(self, at: int, path: Path, depth: int) -> int:
        index = 0
        while not self._text.startswith("]", at := self._skip(_GAP, at)):
            self._note((*path, index), at)
            at = self._skip(_GAP, self._value(at, (*path, index), depth))
            at = self._comma(at, "]")
            index += 1
        return at + 1

    def _inline_table(self, at: int, path: Path, depth: int) -> int:
        while not self._text.startswith("}", at := self._skip(_GAP, at)):
            at = self._skip(_GAP, self._pair(at, path, depth))
            at = self._comma(at, "}")
        return at + 1

    def _comma(self, at: int, end: str) -> int:
        if self._text.startswith(",", at):
            return at + 1
        if not self._text.startswith(end, at):
            raise _OddError
        return at

    def _note(self, path: Path, at: int) -> None:
        self._lines[path].append(self._line_at(at))

    def _line_at(self, at: int) -> int:
        return bisect_left(self._ends, at) + 1

    def _skip(self, pattern: re.Pattern[str], at: int) -> int:
        match = pattern.match(self._text, at)
        return match.end() if match else at

    def _next_line(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end + 1


def _plain(part: str) -> str:
    """A key part without its quotes and escapes."""
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"key = {part}")["key"])
    except ValueError:
        return part[1:-1]


def _is_escaped(text: str, at: int) -> bool:
    """Whether an odd number of backslashes stands before *at*."""
    begin = at
    while begin and text[begin - 1] == "\\":
        begin -= 1
    return (at - begin) % 2 == 1
