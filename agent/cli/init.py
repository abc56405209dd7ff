"""``init``: a few questions, a look at the buses if wanted, and a commented station file that passes ``check``."""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.language import say
from agent.newstation.answers import (
    AnswerError,
    device_name,
    instrument,
    matching,
    on_wire,
    parse_device,
    serial_ports,
    with_lines,
)
from agent.newstation.plan import BrokerPlan, Plan
from agent.newstation.survey import Found, survey
from agent.paths import default_config
from agent.settings import Settings
from drivers.catalog import load_profile
from drivers.errors import StationError

EXAMPLES = """examples:
  station-agent init                             asks, line by line
  station-agent init --yes --id 330100-A01 --timezone Asia/Shanghai \\
      --device so2=teledyne-t100@192.0.2.10:502#1 \\
      --device manifold=sms-d-h@/dev/analyzer/rack#7 \\
      --broker city=mqtts://broker.example.org   asks nothing
  station-agent --config new.toml init           writes it elsewhere

A device is NAME=PROFILE@WIRE#ADDRESS; WIRE is /dev/…, host:port, or the name of a --link.
Nothing is overwritten."""

MOST_SHOWN = 12
FITS = 40
"""Of 100: what fits less is told, and not taken."""


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
    parser.add_argument(
        "--scan", action="store_true", help="look on each link for instruments, and take those that fit"
    )
    parser.add_argument("--addresses", default="", metavar="LIST", help="where to look: 1-32, 1,2,7 (default: 1-247)")
    parser.add_argument("--yes", action="store_true", help="ask nothing: what is not said here has its default")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, write, and say what comes next; the exit code is that of ``check``."""
    file = options.config or default_config()
    if os.path.lexists(file):
        hint = "Move it away, or name another: station-agent --config FILE init"
        raise AnswerError(f"{file} is there already, and nothing is overwritten", hint=hint)
    plan = Inquirer(file, options).plan()
    settings = Settings.from_text(plan.text(), file)
    _write(file, plan.text())
    print(say(f"{file} is written"))
    for warning in settings.warnings:
        print(f"  {say('warning')}: {say(str(warning))}")
    print(say(f"Look at it, then run: station-agent --config {file} check"))
    return int(bool(settings.warnings))


def _write(file: Path, text: str) -> None:
    """Make the file, which no other user may read: it will name the ways to secrets."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w", encoding="utf-8") as out:
            out.write(text)
            folder = file.absolute().parent.stat()
            if os.geteuid() == 0:
                os.fchown(out.fileno(), -1, folder.st_gid)  # who may enter the folder may read the file
    except OSError as error:
        raise AnswerError(f"{file} cannot be written: {error.strerror}", hint="Call init with sudo") from None


class Inquirer:
    """Takes answers from the command line first, then from whoever sits there."""

    def __init__(self, file: Path, options: argparse.Namespace) -> None:
        self._file = file
        self._options = options
        self._folders = [file.absolute().parent / "profiles"]

    def plan(self) -> Plan:
        """The whole plan; raises StationError for an answer of the command line that cannot be meant."""
        options = self._options
        plan = self._answered("Station id", options.id, _host_name(), Plan)
        plan = self._answered(
            "Name of the station, for people", options.name, "", lambda name: replace(plan, name=name)
        )
        plan = self._answered("Time zone", options.timezone, _zone(), lambda zone: replace(plan, timezone=zone))
        for link in options.link:
            name, _, url = link.partition("=")
            plan = self._checked(plan.with_wire(name, url))
        for text in options.device:
            with_wire, device = parse_device(text, plan, self._folders)
            plan = self._checked(with_wire.with_instrument(device))
        if options.scan:
            for wire in list(plan.wires):
                plan = self._surveyed(plan, wire)
        if not (options.yes or options.device or options.scan):
            plan = self._asked_instruments(self._asked_wires(plan))
        return self._checked(with_lines(self._with_broker(plan), self._folders))

    def _checked(self, plan: Plan) -> Plan:
        """*plan*, when its file would be accepted; raises ConfigError."""
        Settings.from_text(plan.text(), self._file)
        return plan

    def _answered(self, question: str, given: str | None, default: str, make: Callable[[str], Plan]) -> Plan:
        """The plan that the answer makes; one that is refused is asked for again, where somebody is asked."""
        if given is not None or self._options.yes:
            return self._checked(make(default if given is None else given))
        while True:
            answer = self._ask(question, default)
            try:
                return self._checked(make(answer))
            except StationError as error:
                _complain(error)

    def _ask(self, question: str, default: str = "") -> str:
        shown = f" [{default}]" if default else ""
        try:
            return input(f"{say(question)}{shown}: ").strip() or default
        except EOFError:
            hint = "Answer every question, or say --yes and the answers as options"
            raise AnswerError("there is nobody to answer", hint=hint) from None

    def _asked_wires(self, plan: Plan) -> Plan:
        """Look on wires for whoever answers, as long as one is named."""
        if ports := serial_ports():
            print(say(f"Serial ports here: {', '.join(ports)}"))
        while text := self._ask("Look for instruments on: /dev/…, host:port (empty: go on)"):
            try:
                plan, wire = on_wire(plan, text)
                plan = self._surveyed(self._checked(plan), wire)
            except StationError as error:
                _complain(error)
        return plan

    def _surveyed(self, plan: Plan, wire: str) -> Plan:
        """The plan with those who answer on *wire* and fit a profile; others are told."""
        taken = {one.address for one in plan.instruments if one.wire == wire}
        for found in survey(plan, wire, self._file, _show, self._options.addresses):
            if found.address in taken:
                continue
            if not found.profile or found.score < FITS:
                print(
                    say(f"address {found.address} on {wire} answers, but fits no profile; see: station-agent identify")
                )
            elif self._is_wanted(found, wire):
                plan = self._with_found(plan, found, wire)
        return plan

    def _is_wanted(self, found: Found, wire: str) -> bool:
        told = say(f"address {found.address} on {wire} fits {found.profile} ({found.score} of 100)")
        if self._options.yes or self._options.scan:
            print(told)
            return True
        print(told)
        return self._ask("Take it? y or n", "y").lower().startswith(("y", "是"))

    def _with_found(self, plan: Plan, found: Found, wire: str) -> Plan:
        profile = load_profile(found.profile, self._folders)
        name = device_name(profile, [one.name for one in plan.instruments])
        address = None if found.address is None else str(found.address)
        return self._checked(plan.with_instrument(instrument(name, found.profile, profile, wire, address)))

    def _asked_instruments(self, plan: Plan) -> Plan:
        """One instrument after the other, until none is named."""
        while words := self._ask("Instrument: maker, model or profile (empty: no more)"):
            found = matching(words, self._folders)
            if len(found) != 1:
                print(f"  {', '.join(found[:MOST_SHOWN]) or say('no profile fits; see: station-agent profiles')}")
                continue
            try:
                plan = self._asked_device(plan, found[0])
            except StationError as error:
                _complain(error)
        return plan

    def _asked_device(self, plan: Plan, profile_name: str) -> Plan:
        profile = load_profile(profile_name, self._folders)
        print(f"  {profile_name}: {profile.maker} {profile.model}, {profile.kind}")
        wire_text = self._ask("  Its wire: /dev/…, host:port, or one of the links so far", next(iter(plan.wires), ""))
        plan, wire = on_wire(plan, wire_text, profile)
        usual = instrument("", profile_name, profile, wire, None).address
        address = self._ask("  Its address", "" if usual is None else str(usual))
        name = self._ask("  Its name", device_name(profile, [one.name for one in plan.instruments]))
        return self._checked(plan.with_instrument(instrument(name, profile_name, profile, wire, address)))

    def _with_broker(self, plan: Plan) -> Plan:
        options = self._options
        given = options.broker
        if given is None and not options.yes:
            given = self._ask("Broker: mqtts://host or mqtt://host (empty: none yet)")
        if not given:
            return plan
        name, sign, url = given.partition("=")
        broker = BrokerPlan(name if sign else "city", url if sign else given)
        keys = {
            "username": "User at the broker",
            "password_file": "File with its password",
            "ca_file": "File of its authority",
        }
        asks = options.broker is None
        answers = {key: getattr(options, key) or (self._ask(f"  {say(keys[key])}") if asks else "") for key in keys}
        return self._checked(plan.with_broker(replace(broker, **answers)))


def _complain(error: StationError) -> None:
    faults = [f"{fault.found or fault.key}: {fault.message}" for fault in getattr(error, "faults", ())]
    for line in faults or [str(error), f"-> {say(error.hint)}"]:
        print(f"  {say(line)}", file=sys.stderr)


def _show(news: dict[str, Any]) -> None:
    """Say before a wait how long it will be."""
    if news["event"] == "plan":
        print(say(f"looking on {news['endpoint']}, at most {news['about_s']:g} s"), file=sys.stderr)


def _host_name() -> str:
    """The name of this PC as a station id."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname())[:32].strip("-") or "station-1"


def _zone() -> str:
    """The time zone of this PC, as its name."""
    place = Path("/etc/localtime").resolve()
    return str(place).partition("/zoneinfo/")[2] or "UTC"
