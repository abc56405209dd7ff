"""``completion``: what a shell needs to complete commands and names, and the manual page; made from the parsers."""

from __future__ import annotations

import argparse

from agent.cli import whole_parser
from agent.completion.manual import page
from agent.completion.names import KINDS, names
from agent.completion.shell import script
from agent.completion.tree import commands_of
from agent.paths import default_config

EXAMPLES = """examples:
  source <(station-agent completion bash)                                 in this shell
  station-agent completion bash | sudo tee /usr/share/bash-completion/completions/station-agent
  station-agent completion zsh > ~/.zfunc/station-agent.zsh               to be sourced by ~/.zshrc
  station-agent completion man > station-agent.1; man -l station-agent.1  the manual page
  station-agent completion device                                         the names that it completes"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    what = "a script for bash or zsh, the manual page, or the names of this station"
    parser.add_argument("what", choices=("bash", "zsh", "man", *KINDS), help=what)
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print; names cost no more than reading the station file."""
    if options.what in KINDS:
        for name in names(options.what, options.config or default_config()):
            print(name)
        return 0
    commands = commands_of(whole_parser())
    print(page(commands) if options.what == "man" else script(commands, options.what), end="")
    return 0
