"""What a new station consists of, and its station file as commented text. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from agent import __version__
from agent.language import say

HEAD = (
    "What is not written here has its default; every key stands, commented, in station.toml.example.",
    "After a change: station-agent check, then: station-agent reload",
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One device, on the wire of that name."""

    name: str
    profile: str
    wire: str
    address: int | str | None
    every: str
    remark: str = ""
    affects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """One uplink."""

    name: str
    url: str
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was answered so far. ``wires`` are URLs by name."""

    id: str
    name: str = ""
    timezone: str = "UTC"
    store: str = ""
    runtime: str = ""
    wires: dict[str, str] = field(default_factory=dict)
    instruments: tuple[Instrument, ...] = ()
    brokers: tuple[BrokerPlan, ...] = ()

    def with_wire(self, name: str, url: str) -> Self:
        """The same with one more wire."""
        return replace(self, wires={**self.wires, name: url})

    def with_instrument(self, instrument: Instrument) -> Self:
        """The same with one more instrument."""
        return replace(self, instruments=(*self.instruments, instrument))

    def with_broker(self, broker: BrokerPlan) -> Self:
        """The same with one more uplink."""
        return replace(self, brokers=(*self.brokers, broker))

    def text(self) -> str:
        """The station file."""
        head = (f"station-agent {__version__}", *map(say, HEAD))
        parts = ["\n".join(f"# {line}" for line in head) + "\n", *self._station(), *self._links()]
        parts += [self._device(one) for one in self.instruments]
        parts += [_uplink(broker) for broker in self.brokers]
        return "\n".join(parts)

    def _station(self) -> Iterator[str]:
        yield _table(
            "[station]",
            _pair("id", self.id, "in every topic and record; it stays for ever"),
            _pair("name", self.name),
            _pair("timezone", self.timezone, "of displays and instruments' clocks; what is stored is UTC"),
            _pair("runtime", self.runtime),
        )
        if self.store:
            yield _table("[store]", _pair("path", self.store))

    def _links(self) -> Iterator[str]:
        for name, url in self.wires.items():
            if self._is_shared(name):
                remark = f"one wire; whoever is on it writes link = {_quoted(name)}"
                yield _table("[[link]]", _pair("name", name, remark), _pair("url", url))

    def _is_shared(self, wire: str) -> bool:
        """Whether a wire is told as a link: one that is shared, or may be, or that nobody is on yet."""
        users = [one for one in self.instruments if one.wire == wire]
        return len(users) != 1 or self.wires[wire].startswith("serial:")

    def _device(self, one: Instrument) -> str:
        shared = self._is_shared(one.wire)
        affects = ", ".join(map(_quoted, one.affects))
        return _table(
            "[[device]]",
            _pair("name", one.name, one.remark),
            _pair("link", one.wire) if shared else _pair("url", self.wires[one.wire], "alone on its wire"),
            "" if one.address is None else _line("address", json.dumps(one.address)),
            _pair("profile", one.profile, f"what it is asked: station-agent profiles {one.profile}"),
            _pair("every", one.every, "aligned to the clock"),
            _line("affects", f"[{affects}]", "what is sampled through it") if affects else "",
        )


def _uplink(broker: BrokerPlan) -> str:
    keys = ("ca_file", "cert_file", "key_file", "username", "password_file")
    remarks = {
        "ca_file": "whom to trust",
        "key_file": "of the certificate",
        "password_file": "the password stands in that file, nowhere else",
    }
    pairs = [_pair(key, getattr(broker, key), remarks.get(key, "")) for key in keys]
    return _table("[[uplink]]", _pair("name", broker.name), _pair("url", broker.url), *pairs)


def _table(*lines: str) -> str:
    return "\n".join(line for line in lines if line) + "\n"


def _pair(key: str, value: str, remark: str = "") -> str:
    return _line(key, _quoted(value), remark) if value else ""


def _line(key: str, value: str, remark: str = "") -> str:
    return f"{key} = {value}" + (f"    # {say(remark)}" if remark else "")


def _quoted(text: str) -> str:
    """*text* as a basic string of TOML, which escapes as JSON does."""
    return json.dumps(text, ensure_ascii=False)
