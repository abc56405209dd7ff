"""argparse in the words of this program: wrong use is one sentence and one next step, in either language."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from agent.cli import console
from agent.columns import fold
from agent.language import LANGUAGES, choose, say
from drivers.errors import StationError

DEFAULT_CONFIG = "/etc/station-agent/station.toml"


class WrongUseError(StationError):
    """A command was called in a way that it does not know."""

    exit_code = 2


class Help(argparse.RawDescriptionHelpFormatter):
    """Says the help of each option in the language that was chosen; examples keep their lines."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and say(action.help)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return list(fold(" ".join(text.split()), width))

    def _format_text(self, text: str) -> str:
        return super()._format_text("\n".join(map(_example, text.split("\n"))))


class Parser(argparse.ArgumentParser):
    """A parser of this program, of one command, or of one that is inside a command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": Help, **settings})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse all of *args*: what is left over is wrong use of this very command."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Raise WrongUseError; *message* is argparse's own, and translated already."""
        raise WrongUseError(message, hint=f"See: {self.prog} --help")

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0].partition("=")[0], self._option_string_actions, n=1, cutoff=0.7)
        hint = f"Did you mean {near[0]}?" if near else f"See: {self.prog} --help"
        raise WrongUseError(f"{self.prog} does not know: {' '.join(unknown)}", hint=hint)


def general(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command takes, before its name or behind it."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("STATION_AGENT_CONFIG", DEFAULT_CONFIG)),
        metavar="FILE",
        help=f"the station file (default $STATION_AGENT_CONFIG or {DEFAULT_CONFIG})",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="the language to speak (default: that of the locale)")


def take_general(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Take the general options out of *words*, wherever they stand, and choose the language; return the others too."""
    taker = argparse.ArgumentParser(prog="station-agent", add_help=False, allow_abbrev=False, exit_on_error=False)
    general(taker)
    choose(console.language())
    argparse._ = say  # type: ignore[attr-defined]  # its own words: usage, options
    try:
        taken, others = taker.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise WrongUseError(str(error), hint="See: station-agent --help") from None
    choose(taken.lang or console.language())
    return taken, others


def _example(line: str) -> str:
    """A line of examples: two blanks or more stand before what the command is for, which is translated."""
    command, blanks, purpose = line.rpartition("  ")
    return command + blanks + (say(purpose) if command.strip() or not blanks else purpose)
