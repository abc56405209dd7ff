"""From what people type to parts of a plan: wires, names, addresses, and which profile is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agent.newstation.plan import Instrument, Plan
from agent.newstation.ports import lasting
from agent.stationfile.targets import speaks_of_line
from drivers.catalog import load_profile, profile_names
from drivers.errors import StationError
from drivers.profile import Profile
from drivers.reading import Stream

SERIAL = re.compile(r"(\d+) ([78])([NEOMS])([12])")
USUAL_S = (5, 10, 20, 30, 60)
"""How often instruments are asked; each fits into a minute."""


class AnswerError(StationError):
    """What was answered cannot be meant."""

    exit_code = 2


def matching(words: str, folders: Iterable[Path] = ()) -> list[str]:
    """The profiles whose name, maker, model or kind has every one of *words*."""
    folders = list(folders)
    names = profile_names(folders)
    if words in names:
        return [words]
    wanted = words.lower().split()
    described = {name: load_profile(name, folders) for name in names}
    return [
        name
        for name, one in described.items()
        if all(word in f"{name} {one.maker} {one.model} {one.kind}".lower() for word in wanted)
    ]


def wire_url(text: str, profile: Profile | None = None) -> str:
    """The URL that *text* means: one already, a device file, or host:port.

    A serial line gets the settings that stand behind a ``?``, else those that *profile* leaves the factory with.
    Raises AnswerError.
    """
    if "://" in text:
        return text
    if text.startswith("/dev/"):
        port, _, settings = text.partition("?")
        return f"serial://{lasting(Path(port))}?{settings or _settings(profile)}"
    if re.fullmatch(r"\[?[A-Za-z0-9.:_-]+\]?:\d{1,5}", text):
        return f"tcp://{text}"
    raise AnswerError(f"{text} is no wire", hint="Write /dev/…, host:port, or the name of a link that is there already")


def wire_name(url: str, taken: Iterable[str]) -> str:
    """A name for a wire: of its device file or its host."""
    place = url.split("://", 1)[1].split("?")[0]
    word = Path(place).name if url.startswith("serial:") else f"net-{place.rpartition(':')[0]}"
    return unique(_named(word, "line"), taken)


def device_name(profile: Profile, taken: Iterable[str]) -> str:
    """A name for a device: what it measures, when that is one thing, else what kind of instrument it is."""
    measured = [channel.name for channel in profile.channels if channel.stream is Stream.MEASUREMENT]
    return unique(_named(measured[0] if len(measured) == 1 else profile.model, "device"), taken)


def unique(name: str, taken: Iterable[str]) -> str:
    """*name*, or with a number where it is taken."""
    taken = set(taken)
    return next(one for one in [name, *(f"{name}-{number}" for number in range(2, 999))] if one not in taken)


def with_lines(plan: Plan, folders: Iterable[Path] = ()) -> Plan:
    """The plan in which each sampling line affects every other instrument that measures something."""
    folders = list(folders)
    profiles = {one.name: load_profile(one.profile, folders) for one in plan.instruments}
    lines = {name for name, profile in profiles.items() if speaks_of_line(profile)}
    measuring = [name for name, profile in profiles.items() if name not in lines and _measures(profile)]
    affects = {name: tuple(measuring) for name in lines}
    return replace(plan, instruments=tuple(replace(one, affects=affects.get(one.name, ())) for one in plan.instruments))


def parse_device(text: str, plan: Plan, folders: Iterable[Path] = ()) -> tuple[Plan, Instrument]:
    """Take ``NAME=PROFILE@WIRE#ADDRESS`` apart, NAME= and #ADDRESS perhaps missing; the plan has its wire then.

    Raises AnswerError.
    """
    match = re.fullmatch(r"(?:([a-z][a-z0-9_-]*)=)?([^@=]+)@([^#]+)(?:#(.+))?", text)
    if match is None:
        raise AnswerError(f"{text} is no device", hint="Example: so2=teledyne-t100@192.0.2.10:502#1")
    name, words, wire, address = match.groups()
    found = matching(words, folders)
    if len(found) != 1:
        near = ", ".join(found[:8]) or "none; see: station-agent profiles"
        raise AnswerError(f"{words} is not one profile", hint=f"Profiles that fit: {near}")
    profile = load_profile(found[0], folders)
    plan, wire = on_wire(plan, wire, profile)
    name = name or device_name(profile, [one.name for one in plan.instruments])
    return plan, instrument(name, found[0], profile, wire, address)


def on_wire(plan: Plan, text: str, profile: Profile | None = None) -> tuple[Plan, str]:
    """The wire that *text* means, by its name; the plan has it then. Raises AnswerError."""
    if text in plan.wires:
        return plan, text
    url = wire_url(text, profile)
    for name, there in plan.wires.items():
        if there.split("?")[0] == url.split("?")[0]:
            return plan, name
    name = wire_name(url, [*plan.wires, *(one.name for one in plan.instruments)])
    return plan.with_wire(name, url), name


def instrument(name: str, profile_name: str, profile: Profile, wire: str, address: str | None) -> Instrument:
    """An instrument at *address*, or at the one that it leaves the factory with."""
    at: int | str | None = profile.address
    if address:
        at = int(address) if address.isdecimal() and str(int(address)) == address else address
    elif at is None and profile.protocol.startswith("modbus"):
        at = 1
    remark = f"{profile.maker} {profile.model}: {profile.kind}"
    return Instrument(name, profile_name, wire, at, _every(profile), remark)


def _every(profile: Profile) -> str:
    """The first of the usual intervals in which two answers fit, however late they come."""
    return next(f"{every_s}s" for every_s in USUAL_S if every_s >= 2 * (profile.timeout or 0) or every_s == USUAL_S[-1])


def _measures(profile: Profile) -> bool:
    return any(channel.stream is Stream.MEASUREMENT for channel in profile.channels)


def _settings(profile: Profile | None) -> str:
    """The options of a serial URL, from ``9600 8N1``."""
    match = SERIAL.search(profile.serial or "") if profile else None
    if match is None:
        return "baud=9600&parity=N&stopbits=1"
    baud, bits, parity, stop = match.groups()
    return f"baud={baud}&parity={parity}&stopbits={stop}" + (f"&bytesize={bits}" if bits != "8" else "")


def _named(word: str, otherwise: str) -> str:
    """*word* as a name of a station file."""
    name = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
    return (name if name[:1].isalpha() else f"{otherwise}-{name}")[:28].strip("-")
