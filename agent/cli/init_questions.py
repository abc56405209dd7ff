"""What ``init`` asks: answers of the command line first, then of whoever sits there."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from getpass import getpass
from operator import attrgetter
from pathlib import Path
from typing import Any

from agent.cli.news import Screen
from agent.language import joined, say
from agent.newstation.answers import (
    AnswerError,
    device_name,
    instrument,
    matching,
    on_wire,
    parse_device,
    with_lines,
)
from agent.newstation.plan import BrokerPlan, Plan
from agent.newstation.ports import serial_ports
from agent.newstation.survey import Found, survey
from agent.settings import Settings
from drivers.catalog import load_profile
from drivers.errors import StationError

MOST_SHOWN = 12
FITS = 40
"""Of 100: what fits less is told, and not taken."""


def _is_encrypted(broker: BrokerPlan) -> bool:
    return broker.url.startswith("mqtts:")


CREDENTIALS: tuple[tuple[str, str, Callable[[BrokerPlan], object]], ...] = (
    ("ca_file", "  File of its authority (empty: those that this PC trusts)", _is_encrypted),
    ("cert_file", "  File of the station's own certificate (empty: none)", _is_encrypted),
    ("key_file", "  File of its key", attrgetter("cert_file")),
    ("username", "  User at the broker (empty: none)", lambda _: True),
    ("password_file", "  File for the password, beside the station file", attrgetter("username")),
)
"""What a broker may want, how it is asked for, and whether that makes sense."""


class Inquirer:
    """Makes the plan of a new station, for the station file *file*."""

    def __init__(self, file: Path, options: argparse.Namespace) -> None:
        self._file = file
        self._options = options
        self._folders = [file.absolute().parent / "profiles"]
        self.passwords: dict[str, str] = {}
        """What was typed, by the file beside the station file that is to hold it."""

    def plan(self) -> Plan:
        """The whole plan; raises StationError for an answer of the command line that cannot be meant."""
        options = self._options
        plan = self._answered("Station id; it stays for ever", options.id, _host_name(), Plan)
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

    def _ask(self, question: str, default: str = "", read: Callable[[str], str] = input) -> str:
        shown = f" [{default}]" if default else ""
        try:
            return read(f"{say(question)}{shown}: ").strip() or default
        except EOFError:
            hint = "Answer every question, or say --yes and the answers as options"
            raise AnswerError("there is nobody to answer", hint=hint) from None

    def _asked_wires(self, plan: Plan) -> Plan:
        """Look on wires for whoever answers, as long as one is named."""
        if ports := serial_ports():
            print(say(f"Serial ports here: {', '.join(ports)}"))
        while text := self._ask("Look for instruments on: /dev/…, host:port (empty: go on)"):
            try:
                with_wire, wire = on_wire(plan, text)
                plan = self._surveyed(self._checked(with_wire), wire)
            except StationError as error:
                _complain(error)
        return plan

    def _surveyed(self, plan: Plan, wire: str) -> Plan:
        """The plan with those who answer on *wire* and fit a profile; others are told."""
        taken = {one.address for one in plan.instruments if one.wire == wire}
        screen = Screen(_search, json=False)
        all_found = survey(plan, wire, self._file, screen.show, self._options.addresses)
        if not all_found:
            print(say(f"nobody answers on {wire}: check power, cable, baud rate; see: station-agent scan --help"))
        for found in all_found:
            if found.address is not None and found.address in taken:
                continue
            where = f"what answers on {wire}" if found.address is None else f"address {found.address} on {wire}"
            if found.score < FITS:
                print(say(f"{where} fits no profile well{_at_best(found)}; see: station-agent identify"))
            elif self._is_wanted(found, where):
                plan = self._with_found(plan, found, wire)
        return plan

    def _is_wanted(self, found: Found, where: str) -> bool:
        print(say(f"{where} fits {found.profile} ({found.score} of 100)"))
        if found.alike:
            print(f"  {say(f'as well as {_some(found.alike)}')}")
        if self._options.yes or self._options.scan:
            return True
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
                print(f"  {_some(found) or say('no profile fits; see: station-agent profiles')}")
                continue
            try:
                plan = self._asked_device(plan, found[0])
            except StationError as error:
                _complain(error)
        return plan

    def _asked_device(self, plan: Plan, profile_name: str) -> Plan:
        profile = load_profile(profile_name, self._folders)
        print(f"  {profile_name}: {profile.maker} {profile.model}, {say(profile.kind)}")
        wire_text = self._ask("  Its wire: /dev/…, host:port, or one of the links so far", next(iter(plan.wires), ""))
        plan, wire = on_wire(plan, wire_text, profile)
        usual = instrument("", profile_name, profile, wire, None).address
        address = self._ask("  Its address", "" if usual is None else str(usual))
        name = self._ask("  Its name", device_name(profile, [one.name for one in plan.instruments]))
        return self._checked(plan.with_instrument(instrument(name, profile_name, profile, wire, address)))

    def _with_broker(self, plan: Plan) -> Plan:
        """The plan with where its readings go, and as whom."""
        given = self._options.broker
        while True:
            text = given
            if text is None:
                text = "" if self._options.yes else self._ask("Broker: mqtts://host or mqtt://host (empty: none yet)")
            if not text:
                return plan
            try:
                return self._checked(plan.with_broker(self._with_credentials(self._broker(plan, text))))
            except StationError as error:
                if given is not None:
                    raise
                _complain(error)

    def _broker(self, plan: Plan, text: str) -> BrokerPlan:
        name, sign, url = text.partition("=")
        broker = BrokerPlan(name, url) if sign else BrokerPlan("city", text)
        self._checked(plan.with_broker(broker))
        return broker

    def _with_credentials(self, broker: BrokerPlan) -> BrokerPlan:
        """*broker*, and what it and the station know each other by; only what makes sense there is asked."""
        self.passwords.clear()  # of a broker that was refused
        for key, question, wanted in CREDENTIALS:
            value = getattr(self._options, key)
            if value is None and self._options.broker is None and wanted(broker):
                value = self._ask(question, f"{broker.name}-password" if key == "password_file" else "")
            broker = replace(broker, **{key: value or ""})
        if broker.password_file and self._options.broker is None:
            self._ask_password(broker.password_file)
        return broker

    def _ask_password(self, name: str) -> None:
        """Take the password itself for a file that is not there yet; it is not shown on a terminal."""
        if not (self._file.parent / name).exists() and not name.startswith("credential:"):
            read = getpass if sys.stdin.isatty() else input
            if password := self._ask("  The password, which goes there (empty: later)", read=read):
                self.passwords[name] = password


def _complain(error: StationError) -> None:
    faults = [f"{fault.found or fault.key}: {fault.message}" for fault in getattr(error, "faults", ())]
    for line in faults or [str(error), f"-> {say(error.hint)}"]:
        print(f"  {say(line)}", file=sys.stderr)


def _search(news: dict[str, Any]) -> str | None:
    """What there is to say of a search: before a wait how long it will be."""
    match news["event"]:
        case "plan":
            return say(f"looking on {news['endpoint']}, about {news['about_s']:g} s")
        case "progress":
            return say(f"{news['asked']} of {news['of']} asked, {news['found']} answered")
        case "done":
            return say(f"{news['found']} answered" if "found" in news else f"{news['fits']} profiles fit")
    return None


def _at_best(found: Found) -> str:
    return f", at best {found.profile} ({found.score} of 100)" if found.profile else ""


def _some(names: list[str] | tuple[str, ...]) -> str:
    """The first of *names*, and whether there are more."""
    return joined([*names[:MOST_SHOWN], "…" if len(names) > MOST_SHOWN else ""])


def _host_name() -> str:
    """The name of this PC as a station id."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname())[:32].strip("-") or "station-1"


def _zone() -> str:
    """The time zone of this PC, as its name."""
    place = Path("/etc/localtime").resolve()
    return str(place).partition("/zoneinfo/")[2] or "UTC"
