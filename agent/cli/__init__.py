"""The command line: one file per command, imported only when that command is called.

``status`` must feel instant, so nothing heavy is imported here. Results go to
stdout, errors and hints to stderr, and no traceback for an error of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from agent import __version__
from agent.columns import fold
from agent.language import LANGUAGES, choose, say
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
DEFAULT_CONFIG = "/etc/station-agent/station.toml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = _without_language(list(sys.argv[1:] if argv is None else argv))
    options = _parser(words).parse_args(words)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except StationError as error:
        print(f"station-agent: {error.told(say)}", file=sys.stderr)
        for fault in getattr(error, "faults", ())[1:]:
            print(f"  {say('also')}: {_said(fault)}", file=sys.stderr)
        if error.hint:
            print(f"  {say('next')}: {say(error.hint)}", file=sys.stderr)
        return error.exit_code


def _said(fault: Any) -> str:
    """One of several mistakes, in the language that was chosen; what a daemon found comes as text."""
    return say(fault) if isinstance(fault, str) else str(fault.told(say))


def _without_language(words: list[str]) -> list[str]:
    """Choose the language that *words* ask for, wherever they do it, or that of the locale; return the others."""
    language = argparse.ArgumentParser(prog="station-agent", add_help=False, allow_abbrev=False)
    language.add_argument("--lang", choices=LANGUAGES)
    options, others = language.parse_known_args(words)
    choose(options.lang)
    argparse._ = say  # type: ignore[attr-defined]  # its own words: usage, options, error
    return others


class Help(argparse.RawDescriptionHelpFormatter):
    """Says the help of each option in the language that was chosen; examples keep their lines."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and say(action.help)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return list(fold(" ".join(text.split()), width))

    def _format_text(self, text: str) -> str:
        return super()._format_text("\n".join(map(_example, text.split("\n"))))


def _example(line: str) -> str:
    """A line of examples: two blanks or more stand before what the command is for, which is translated."""
    command, blanks, purpose = line.rpartition("  ")
    return command + blanks + (say(purpose) if command.strip() or not blanks else purpose)


def whole_parser() -> argparse.ArgumentParser:
    """The parser with every command prepared, for who describes the command line."""
    return _parser(None)


def _parser(words: Sequence[str] | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="station-agent",
        formatter_class=Help,
        description=say("Acquires, keeps, proves and delivers the readings of a monitoring station."),
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("STATION_AGENT_CONFIG", DEFAULT_CONFIG)),
        metavar="FILE",
        help=f"the station file (default $STATION_AGENT_CONFIG or {DEFAULT_CONFIG})",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="the language to speak (default: that of the locale)")
    parser.add_argument("--version", action="version", version=f"station-agent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    called = {next((word for word in words if word in COMMANDS), None)} if words is not None else COMMANDS.keys()
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=say(summary), description=_sentence(say(summary)), formatter_class=Help
        )
        if name in called:
            import_module(f"agent.cli.{name}").prepare(command)
    return parser


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + ("." if summary.isascii() else "。")
