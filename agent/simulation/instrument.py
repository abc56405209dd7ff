"""A simulated instrument of any profile: registers, a text dialogue, or a replay of printed exchanges.

The protocol of the profile decides which. A protocol that is code has no words for
its frames: of such an instrument the printed exchanges are replayed, byte by byte.
"""

from __future__ import annotations

import asyncio
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from agent.simulation.faults import WIRE, Faults
from agent.simulation.journal import Journal
from agent.simulation.modbus_framing import Ascii, Framing, Mbap, Rtu
from agent.simulation.modbus_unit import Unit
from agent.simulation.registers import Said, can_swap, encode, swapped
from agent.simulation.replies import Template, borrowed, questions, reply_bytes, sent_bytes, template
from agent.simulation.speaking import ModbusSpeaker, TextSpeaker, readable
from agent.simulation.values import Shown, Values, alarms, held_flags, possible_faults, utc_now
from drivers.profile import Channel, Profile

FRAMINGS: dict[str, type[Framing]] = {"modbus-tcp": Mbap, "modbus-rtu": Rtu, "modbus-ascii": Ascii}
TABLES: dict[str, str] = {"holding": "holding", "input": "input", "coil": "coils", "discrete": "discrete"}
BIT_TABLES = ("coil", "discrete")
TABLE_OF = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
LAST_UNIT = 255
TALK_S = 1.0
"""How often lines come that nobody asks for."""


class Instrument(ABC):
    """What can be put on a wire; it ``serves`` these channels, and ``notes`` say what about it is not as in life."""

    def __init__(self, values: Values, faults: Faults, journal: Journal, address: int | str | None) -> None:
        self.profile = values.profile
        self.address = address
        self.faults = faults
        self.journal = journal
        self.notes: list[str] = []
        self.serves = frozenset(channel.name for channel in self.profile.channels)
        self._values = values

    def shown(self, now: datetime) -> Iterator[tuple[Channel, Shown, bool]]:
        """Each channel with what it shows at *now*, and whether a state holds in it that is no ordinary one."""
        held = held_flags(self.profile, self.faults)
        for name, value in self._values.at(now).items():
            channel = self.profile.channel(name)
            named = {flag.name for flag in (*channel.bits.values(), *channel.states.values())}
            if name in self.serves:
                yield channel, value, bool(held & named)

    @abstractmethod
    def converse(self, *, on_network: bool) -> asyncio.Protocol:
        """What serves a new connection, over the network or over a serial line."""


class RegisterInstrument(Instrument):
    """Answers Modbus requests; every read sees the values of its instant."""

    def __init__(self, values: Values, faults: Faults, journal: Journal, address: int) -> None:
        super().__init__(values, faults, journal, address)
        self._unit = Unit(on_read=self._refresh)
        self._number = address
        self._said: dict[str, Said] = {}
        self._refresh(self._unit, 0, 0, 0)
        for name in TABLES.values():  # what lies between is read along with what was asked for
            registers: dict[int, int] = getattr(self._unit, name)
            registers |= {
                at: registers.get(at, 0) for at in range(min(registers, default=0), max(registers, default=0))
            }

    def converse(self, *, on_network: bool) -> asyncio.Protocol:
        """See Instrument. A profile that leaves the framing open gets MBAP on a network and RTU on a line."""
        framing = FRAMINGS.get(self.profile.protocol, Mbap if on_network else Rtu)()
        return ModbusSpeaker({self._number: self._unit}, framing, {self._number: self.faults}, self._sent)

    def _refresh(self, unit: Unit, function: int, address: int, count: int) -> None:
        """Write every register as it is now, and note what those that are asked for have to say."""
        self._said = {}
        shown, asked = self._values.at(utc_now()), range(address, address + count)
        fresh: dict[str, dict[int, int]] = {table: {} for table in TABLES}
        for channel in self.profile.channels:
            if channel.start is None:
                continue
            table = channel.table or self.profile.modbus.table
            encoded = encode(channel, shown[channel.name], self.profile.modbus.order, in_bits=table in BIT_TABLES)
            words = swapped(channel, encoded) if self.faults.swapped else encoded.words
            for at, word in enumerate(words, channel.start):
                fresh[table][at] = fresh[table].get(at, 0) | word  # several bits may share a register
            whole = channel.start in asked and channel.start + len(words) - 1 in asked
            if whole and table == TABLE_OF.get(function) and words == encoded.words:
                self._said[channel.name] = encoded.said
        for name, registers in fresh.items():
            getattr(unit, TABLES[name]).update(registers)

    def _sent(self, request: bytes, *, whole: bool) -> None:
        words = f"function {request[0]}"
        if request[0] in TABLE_OF and len(request) == 5:
            start, count = struct.unpack(">HH", request[1:])
            words = f"{TABLE_OF[request[0]]} {start}" + (f" to {start + count - 1}" if count > 1 else "")
        self.journal.note(words, self._said if whole else None, self.faults.on)


class TextInstrument(Instrument):
    """Answers in lines made after the printed ones, and says by itself what is not asked for."""

    def __init__(self, values: Values, faults: Faults, journal: Journal, address: int | str | None) -> None:
        super().__init__(values, faults, journal, address)
        assert self.profile.dialogue is not None
        self._replies: dict[bytes, Callable[[], bytes]] = {}
        self._talk: dict[str, Callable[[], bytes]] = {}
        self._said: dict[str, Said] = {}
        templates = {one: template(self.profile, one, address) for one in questions(self.profile)}
        unprinted = [one for one, made in templates.items() if made is None]
        templates |= {one: borrowed(self.profile, one, address) for one in unprinted}
        made_up = [one.name for one in unprinted if templates[one]]
        silent = [one.name for one in unprinted if not templates[one]]
        self.notes += [f"no example prints the answers to {', '.join(made_up)}: made after others"] if made_up else []
        self.notes += [f"no example prints the answers to {', '.join(silent)}: none is given"] if silent else []
        known = {one: made for one, made in templates.items() if made}
        for question, made in known.items():
            self._answer(question.sent(self.profile.dialogue, address), question.request.name, made)
        self.serves = frozenset(name for made in known.values() for name in made.places)
        if known and all(made.names_address for made in known.values()):
            faults.possible = (*faults.possible, "address")

    def _answer(self, sent: bytes, name: str, made: Template) -> None:
        for channel, number in made.numbers():
            self._values.begin(channel, number)
        if sent:
            self._replies[sent] = partial(self._made, made)
        else:
            self._talk[name] = partial(self._made, made)

    def converse(self, *, on_network: bool) -> asyncio.Protocol:  # noqa: ARG002 - text is the same on every wire
        """See Instrument."""
        return TextSpeaker(self._replies, self._talk, TALK_S, self.faults, self._sent)

    def _made(self, made: Template) -> bytes:
        line, self._said = made.reply(self._values.at(utc_now()), forged=self.faults.address)
        return line

    def _sent(self, request: bytes, *, whole: bool) -> None:
        said = self._said if whole and not self.faults.address else None
        self.journal.note(readable(request), said, self.faults.on)


class ReplayInstrument(Instrument):
    """Gives the printed answers to the printed questions; its values do not move."""

    def __init__(self, values: Values, faults: Faults, journal: Journal, address: int | str | None) -> None:
        super().__init__(values, faults, journal, address)
        self.notes.append(f"{self.profile.protocol} is replayed as its examples print it: values do not move")
        self._replies: dict[bytes, Callable[[], bytes]] = {}
        self._talk: dict[str, Callable[[], bytes]] = {}
        self.serves = frozenset()
        for exchange in (one for example in self.profile.examples for one in example.exchanges):
            sent, reply = sent_bytes(exchange), reply_bytes(exchange)
            if sent:
                self._replies.setdefault(sent, partial(bytes, reply))
            else:
                self._talk.setdefault(f"unasked {len(self._talk) + 1}", partial(bytes, reply))

    def converse(self, *, on_network: bool) -> asyncio.Protocol:  # noqa: ARG002 - frames are the same on every wire
        """See Instrument."""
        return TextSpeaker(self._replies, self._talk, TALK_S, self.faults, self._sent)

    def _sent(self, request: bytes, *, whole: bool) -> None:
        self.journal.note(readable(request), {} if whole else None, self.faults.on)


def faults_of(profile: Profile, seed: int) -> Faults:
    """The faults that an instrument of *profile* can have, none of them on."""
    possible = [*WIRE, "disconnect"]
    if profile.protocol.startswith("modbus"):
        possible += ["address", "exception"]
        possible += ["swapped"] if any(can_swap(one) for one in profile.channels) else []
    if profile.protocol.startswith("modbus") or profile.dialogue:
        possible += [name for name, can in possible_faults(profile).items() if can]
    return Faults(tuple(possible), alarms(profile), seed)


def instrument(values: Values, faults: Faults, journal: Journal, address: int | str | None) -> Instrument:
    """The instrument of the profile of *values*, at *address*, else at that of the factory or of its examples."""
    profile = values.profile
    if profile.protocol.startswith("modbus"):
        return RegisterInstrument(values, faults, journal, modbus_address(profile, address))
    if profile.dialogue is not None:
        return TextInstrument(values, faults, journal, text_address(profile, address))
    return ReplayInstrument(values, faults, journal, replayed_address(profile, address))


def modbus_address(profile: Profile, wanted: int | str | None) -> int:
    """The unit number: *wanted*, else that of the factory, else 1; ValueError when it is no number from 0 to 255."""
    found = next(one for one in (wanted, profile.address, 1) if one is not None)
    if not str(found).isdecimal() or int(found) > LAST_UNIT:
        raise ValueError(f"a Modbus unit has a number from 0 to {LAST_UNIT}, not {found}")
    return int(found)


def text_address(profile: Profile, wanted: int | str | None) -> int | str | None:
    """The address in questions and answers: *wanted*, else that of the factory, else that of an example."""
    usual = next((one for one in (profile.address, *_printed_addresses(profile)) if one is not None), None)
    if wanted is None:
        return usual
    return int(wanted) if isinstance(usual, int) and str(wanted).isdecimal() else wanted


def replayed_address(profile: Profile, wanted: int | str | None) -> int | str | None:
    """The address of the printed frames, the only one that is answered; ValueError when another one is *wanted*."""
    printed = next(_printed_addresses(profile), profile.address)
    if wanted is not None and str(wanted) != str(printed):
        raise ValueError(f"the printed frames are those of address {printed}, and no others can be made")
    return printed


def _printed_addresses(profile: Profile) -> Iterator[int | str]:
    return (one.address for one in profile.examples if one.address is not None)
