"""The commands as data, taken from their parsers: so that nothing said about them can be out of date."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

NAMED = {
    "channel": "channel",
    "channels": "channel",
    "device": "device",
    "link": "link",
    "profile": "profile",
    "profiles": "profile",
    "target": "target",
}
"""What a word stands for, by the name that a parser gives it; ``target`` is a device or a link."""

FILES = frozenset({"DIR", "FILE", "FOLDER", "PATH"})


class Word(NamedTuple):
    """An option with its *flags*, or an argument without any.

    *kind* is what can stand there: ``device``, ``link``, ``channel``, ``profile``, ``target``, ``file``, words with
    ``|`` between them, or nothing that is known. A *switch* takes no value.
    """

    flags: tuple[str, ...]
    shown: str
    kind: str
    help: str
    switch: bool = False
    repeats: bool = False


class Command(NamedTuple):
    """One command, by the words that call it; *inner* are the commands below it."""

    path: tuple[str, ...]
    summary: str
    words: tuple[Word, ...]
    inner: tuple[str, ...]
    epilog: str


def commands_of(parser: argparse.ArgumentParser, path: tuple[str, ...] = (), summary: str = "") -> Iterator[Command]:
    """Yield what *parser* knows, and each command below it."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse tells it nowhere else
    words = tuple(_word(action, path) for action in parser._actions if action not in below)  # noqa: SLF001 - see above
    parsers: dict[str, argparse.ArgumentParser] = {}
    summaries: dict[str, str] = {}
    for action in below:
        parsers |= action.choices
        summaries |= {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001 - see above
    yield Command(path, summary, words, tuple(parsers), parser.epilog or "")
    for name, inner in parsers.items():
        yield from commands_of(inner, (*path, name), summaries.get(name, ""))


def _word(action: argparse.Action, path: tuple[str, ...]) -> Word:
    metavar = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar
    choices = "|".join(map(str, action.choices)) if action.choices else ""
    shown = metavar or choices or action.dest.upper()
    return Word(
        flags=tuple(action.option_strings),
        shown=shown,
        kind=choices or _kind(action, metavar, path),
        help=action.help or "",
        switch=action.nargs == 0,
        repeats=action.nargs in ("*", "+"),
    )


def _kind(action: argparse.Action, metavar: str | None, path: tuple[str, ...]) -> str:
    if metavar in FILES or action.dest == "files":
        return "file"
    if path == ("profiles",) and action.dest == "name":
        return "profile"
    return NAMED.get(action.dest, "")
