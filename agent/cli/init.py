"""``init``: a few questions, a look at the buses if wanted, and a commented station file that passes ``check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent.cli.init_questions import Inquirer
from agent.language import say
from agent.newstation.place import insist_on_place, put
from agent.paths import CONFIG
from agent.settings import Settings

EXAMPLES = """examples:
  sudo station-agent init                        asks, line by line
  sudo station-agent init --yes --id 330100-A01 --timezone Asia/Shanghai \\
      --device so2=teledyne-t100@192.0.2.10:502#1 \\
      --device manifold=sms-d-h@/dev/analyzer/rack#7 \\
      --broker city=mqtts://broker.example.org   asks nothing
  station-agent --config new.toml init           writes it elsewhere

A device is NAME=PROFILE@WIRE#ADDRESS; WIRE is /dev/…, host:port, or the name of a --link.
It looks for Modbus units, else for one instrument of another protocol at its usual address.
Nothing is overwritten."""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--id", help="of the station: letters, digits, - and _, at most 32")
    parser.add_argument("--name", help="of the station, for people")
    parser.add_argument(
        "--timezone", metavar="ZONE", help="for displays, such as Asia/Shanghai (default: that of this PC)"
    )
    link = "one wire, such as rack=serial:///dev/analyzer/rack?baud=9600; may be repeated"
    parser.add_argument("--link", action="append", default=[], metavar="NAME=URL", help=link)
    device = "NAME=PROFILE@WIRE#ADDRESS, see below; may be repeated"
    parser.add_argument("--device", action="append", default=[], metavar="DEVICE", help=device)
    parser.add_argument("--broker", metavar="NAME=URL", help="where readings go: mqtts://host or mqtt://host")
    parser.add_argument("--username", help="of the station at the broker")
    parser.add_argument("--password-file", metavar="FILE", help="the file with its password, or credential:NAME")
    parser.add_argument("--ca-file", metavar="FILE", help="the authority of the broker's certificate")
    parser.add_argument("--cert-file", metavar="FILE", help="the station's own certificate, for the broker")
    parser.add_argument("--key-file", metavar="FILE", help="the key of that certificate, or credential:NAME")
    parser.add_argument(
        "--scan", action="store_true", help="look on each link for instruments, and take those that fit"
    )
    parser.add_argument("--addresses", default="", metavar="LIST", help="where to look: 1-32, 1,2,7 (default: 1-247)")
    parser.add_argument("--yes", action="store_true", help="ask nothing: what is not said here has its default")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, write, and say what comes next; the exit code is 1 where ``check`` would warn."""
    file: Path = options.config
    insist_on_place(file)
    inquirer = Inquirer(file, options)
    try:
        text = inquirer.plan().text()
    except KeyboardInterrupt:
        print(f"\n{say('nothing was written')}", file=sys.stderr)
        raise
    for name, password in inquirer.passwords.items():
        put(file.parent / name, f"{password}\n")
    put(file, text)
    settings = Settings.from_text(text, file)
    print(say(f"{file} is written"))
    for warning in settings.warnings:
        print(f"  {say('warning')}: {warning.told(say)}")
    print(say(f"next: {_next_step(file)}"))
    return int(bool(settings.warnings))


def _next_step(file: Path) -> str:
    if file == CONFIG:
        return "sudo station-agent check, then: sudo systemctl enable --now station-agent"
    return f"station-agent --config {file} check"
