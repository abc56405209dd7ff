"""The manual page, in the language of man(7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent import __version__
from agent.completion.tree import Command, Word
from agent.language import say

NAME = "station-agent"
SUMMARY = "acquires, keeps, proves and delivers the readings of a monitoring station"
ABOUT = (
    "One daemon polls the instruments of a station, keeps every reading in a log, and delivers it to one or several "
    "brokers. The other commands show, test and prove what it does, also when it does not run."
)
EXIT = (
    ("0", "all is well"),
    ("1", "something needs attention"),
    ("2", "wrong use, or a wrong configuration; of status: critical"),
    ("3", "something that is needed cannot be reached; of status: it cannot be told"),
)
FILES = (
    ("/etc/station-agent/station.toml", "the station; profiles/ beside it holds its own instruments"),
    ("/var/lib/station-agent/", "the log and its archive"),
    ("/run/station-agent/", "control socket and last status"),
    ("/etc/udev/rules.d/99-station-agent.rules", "stable names of serial ports"),
)
ENVIRONMENT = (
    ("STATION_AGENT_CONFIG", "the station file, where --config does not name it"),
    ("LC_ALL", "the language, where --lang does not name it; else LC_MESSAGES, else LANG"),
)
SEE = ("systemctl(1)", "journalctl(1)", "udevadm(8)", "timedatectl(1)")


def page(commands: Iterable[Command]) -> str:
    """The whole page as roff."""
    whole, *rest = commands
    return "\n".join([*_head(whole), *(line for command in rest for line in _command(command)), *_tail()]) + "\n"


def _head(whole: Command) -> Iterator[str]:
    yield f'.TH {NAME.upper()} 1 "" "{NAME} {__version__}"'
    yield from (".SH " + say("NAME"), rf"{NAME} \- {_escaped(say(SUMMARY))}")
    yield from (
        ".SH " + say("SYNOPSIS"),
        f".B {NAME}",
        f"[{_italic('OPTION')} ...] {_italic('COMMAND')} [{_italic('ARGUMENT')} ...]",
    )
    yield from (".SH " + say("DESCRIPTION"), _escaped(say(ABOUT)))
    yield ".SH " + say("OPTIONS")
    yield from _options(whole.words)
    yield ".SH " + say("COMMANDS")


def _command(command: Command) -> Iterator[str]:
    words = [_bold(" ".join(command.path)), *(_usage(word) for word in command.words if "--help" not in word.flags)]
    yield f".SS {_escaped(' '.join(command.path))}"
    if command.summary:
        yield _escaped(say(command.summary))
    yield from (".PP", " ".join(words))
    yield from _options([word for word in command.words if "--help" not in word.flags])
    if command.epilog:
        yield from (".PP", ".nf", *(_escaped(line) for line in command.epilog.splitlines()), ".fi")


def _usage(word: Word) -> str:
    value = "" if word.switch else f" {_italic(word.shown)}"
    if not word.flags:
        return _italic(word.shown) + (" ..." if word.repeats else "")
    return f"[{_bold(word.flags[-1])}{value}]"


def _options(words: Iterable[Word]) -> Iterator[str]:
    for word in words:
        value = "" if word.switch or not word.flags else f" {_italic(word.shown)}"
        shown = ", ".join(map(_bold, word.flags)) if word.flags else _italic(word.shown)
        if word.help and word.help != "==SUPPRESS==":
            yield from (".TP", shown + value, _escaped(say(word.help.replace("%%", "%"))))


def _tail() -> Iterator[str]:
    for heading, pairs in (("EXIT STATUS", EXIT), ("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT)):
        yield ".SH " + say(heading)
        for name, meaning in pairs:
            yield from (".TP", _bold(name), _escaped(say(meaning)))
    yield from (".SH " + say("SEE ALSO"), _escaped(", ".join(SEE)))


def _bold(text: str) -> str:
    return rf"\fB{_escaped(text)}\fR"


def _italic(text: str) -> str:
    return rf"\fI{_escaped(text)}\fR"


def _escaped(text: str) -> str:
    """*text* as roff takes it for itself: no escapes, no requests at the beginning of a line."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text
