"""The command line: one file per command, imported only when that command is called.

``status`` must feel instant, so nothing heavy is imported here. Results go to
stdout, errors and hints to stderr, and no traceback for an error of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any

from agent import __version__
from agent.cli import console
from agent.cli.parser import Parser, WrongUseError, general, take_general
from agent.language import say
from drivers.errors import StationError

COMMANDS = {
    "demo": "a simulated station, a broker and the agent, with a live view of what arrives",
    "simulate": "an instrument of any profile that is not there, with faults that are switched while it runs",
    "run": "the daemon",
    "reload": "make the running daemon read its configuration again",
    "init": "ask a few questions and write a station file",
    "check": "validate configuration and profiles, show what would be asked on each link",
    "status": "one screen: station, devices, uplinks, log, and why something is not good",
    "watch": "the whole station on one screen that stays: devices, trends, uplinks, events",
    "alarms": "what is open and what became of others; acknowledge one, or close it with a reason",
    "maintenance": "say that somebody is at work on a device: its data are marked, and recorded as before",
    "note": "put a dated remark into the records: a visit, a filter, a bottle of gas",
    "doctor": "everything that can be wrong: what was found, what it means, what to do",
    "read": "poll one device once, now; with --raw the bytes on the wire",
    "scan": "find who answers on a link",
    "probe": "show a block of registers under every type and word order",
    "listen": "show what comes on a link by itself, raw and decoded",
    "identify": "find which profiles fit what answers on a link",
    "records": "print or follow the records of the log",
    "receive": "subscribe at a broker as a consumer would, and count",
    "verify": "walk the chain of the log, an archive, an export or a sealed month",
    "export": "write a time range as JSON Lines, CSV or Parquet, or seal a month",
    "plot": "draw what channels did over some hours, in the terminal or as a picture",
    "report": "the valid transmission rate of a day or month, and what each lost tick was lost to",
    "completion": "print what completes commands and names in bash or zsh, or the manual page",
    "profiles": "list the instruments it knows, or show one",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    console.settle()
    try:
        options = _understood(sys.argv[1:] if argv is None else argv)
        if note := console.note():
            print(note, file=sys.stderr)
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UnicodeEncodeError as error:
        return _refuse(console.EncodingError(error))
    except StationError as error:
        return _refuse(error)


def _refuse(error: StationError) -> int:
    """Say what failed and what to try; returns the exit code."""
    print(f"station-agent: {error.told(say)}", file=sys.stderr)
    for fault in getattr(error, "faults", ())[1:]:
        print(f"  {say('also')}: {_said(fault)}", file=sys.stderr)
    if error.hint:
        print(f"  {say('next')}: {say(error.hint)}", file=sys.stderr)
    return error.exit_code


def _said(fault: Any) -> str:
    """One of several mistakes, in the language that was chosen; what a daemon found comes as text."""
    return say(fault) if isinstance(fault, str) else str(fault.told(say))


def _understood(words: Sequence[str]) -> argparse.Namespace:
    """What *words* ask for, ready to be run; raises WrongUseError."""
    taken, others = take_general(words)
    command = next((word for word in others if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        raise WrongUseError(f"there is no command called {command}", hint=_meant(command))
    options = _parser(COMMANDS.keys() & {command}).parse_args(others)
    options.config = taken.config
    return options


def _meant(word: str) -> str:
    from agent.naming import near

    return f"Did you mean {' or '.join(found)}?" if (found := near(word, COMMANDS)) else "See: station-agent --help"


def whole_parser() -> Parser:
    """The parser with every command prepared, for who describes the command line."""
    return _parser(COMMANDS.keys())


def _parser(called: Collection[str]) -> Parser:
    """Know all commands, and all about those that are *called*."""
    parser = Parser(
        prog="station-agent",
        description=say("Acquires, keeps, proves and delivers the readings of a monitoring station."),
    )
    general(parser)
    parser.add_argument("--version", action="version", version=f"station-agent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=say(summary), description=_sentence(say(summary)))
        if name in called:
            import_module(f"agent.cli.{name}").prepare(command)
    return parser


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + ("." if summary.isascii() else "。")
