"""Text replies made of printed ones: the values in an example's reply are replaced, its form and checks are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from agent.simulation import checks
from agent.simulation.fields import Span, located, number_in, written
from agent.simulation.registers import Said
from agent.simulation.values import Shown
from drivers.placeholders import filled, filled_expression
from drivers.profile import Channel, Dialogue, Example, Exchange, Profile, Request

Address = int | str | None


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """One thing that the instrument can be asked: a request, for one word ``ask``, and the channels that it serves."""

    request: Request
    ask: str
    channels: tuple[Channel, ...]

    @property
    def name(self) -> str:
        """How people call it: the request, and the word it is asked with."""
        return f"{self.request.name} {self.ask}".rstrip()

    def sent(self, dialogue: Dialogue, address: Address) -> bytes:
        """The question as it arrives with its end; empty for lines that come by themselves."""
        text = filled(self.request.send, address, self.ask)
        if not text:
            return b""
        return checks.request(dialogue.checksum, text.encode(dialogue.encoding)) + _request_end(dialogue)


def questions(profile: Profile) -> Iterator[Question]:
    """Everything that *profile* asks of its instrument, in its order."""
    dialogue = _dialogue(profile)
    for request in dialogue.requests:
        served = [one for one in profile.channels if dialogue.request(one.request).name == request.name]
        for ask in dict.fromkeys(one.ask for one in served):
            yield Question(request, ask or "", tuple(one for one in served if one.ask == ask))


class Template:
    """The printed *lines* that answer *question*, at *address*; ValueError for a line without its check characters."""

    def __init__(
        self, dialogue: Dialogue, question: Question, lines: list[bytes], example: Example, address: Address
    ) -> None:
        self._dialogue = dialogue
        self._lines = lines
        self._bodies = [_body(dialogue, line) for line in self._lines]
        self._text = _text(dialogue, self._lines)
        self._address = _readdressing(question, self._text, example.address, address)
        self._foreign = _readdressing(question, self._text, example.address, another(address))
        separator = question.request.separator
        known = {one.name: _at(one, example.address) for one in question.channels}
        spans = {name: located(one, self._text, separator) for name, one in known.items()}
        self.places: dict[str, Span] = {name: span for name, span in spans.items() if span}
        self._channels = {name: known[name] for name in self.places}

    @property
    def names_address(self) -> bool:
        """Whether the reply says who gives it, so that another one can."""
        return self._foreign is not None

    def numbers(self) -> Iterator[tuple[str, Decimal]]:
        """The numbers that are printed in it, by channel."""
        for name, place in self.places.items():
            number = number_in(self._channels[name], self._text[slice(*place)])
            if number is not None:
                yield name, number

    def reply(self, values: Mapping[str, Shown], *, forged: bool = False) -> tuple[bytes, dict[str, Said]]:
        """The reply with *values* in it, and what readings of it have to say; *forged*, another unit gives it."""
        said: dict[str, Said] = {}
        address = self._foreign if forged else self._address
        changes = dict([address] if address else [])
        for name, place in self.places.items():
            new = written(self._channels[name], self._text[slice(*place)], values[name])
            if new and not any(_overlap(place, other) for other in changes):
                changes[place], said[name] = new
        return self._framed(_changed(self._text, changes)), said

    def _framed(self, text: str) -> bytes:
        dialogue = self._dialogue
        texts = text.encode(dialogue.encoding).split(b"\n")
        end = dialogue.terminator.encode(dialogue.encoding)
        framed = b""
        for line, (begin, stop), body in zip(self._lines, self._bodies, texts, strict=True):
            framed += checks.renewed(dialogue.checksum, line[:begin] + body + line[stop:])
            framed += b"" if dialogue.trailer else end
        return framed


def another(address: Address) -> Address:
    """An address that is not *address*."""
    if address is None or not str(address).isdecimal():
        return "1" if address != "1" else "2"
    number = int(address) + 1 if str(address) != "9" else 8
    return number if isinstance(address, int) else str(number).zfill(len(str(address)))


def template(profile: Profile, question: Question, address: Address) -> Template | None:
    """The template of the best printed reply to *question*: most channels, none of them bad; None without any."""
    dialogue = _dialogue(profile)
    found: list[tuple[int, int, Template]] = []
    for lines, example in _printed(profile, question):
        made = Template(dialogue, question, lines, example, address)
        bad = sum(one.name in example.quality for one in question.channels)
        found.append((len(made.places) - bad, -len(found), made))
    best = max(found, key=lambda one: one[:2], default=None)
    return best[2] if best and best[2].places else None


def borrowed(profile: Profile, question: Question, address: Address) -> Template | None:
    """A template made of the printed reply to another word of the same request, where the profile allows that form."""
    dialogue = _dialogue(profile)
    for other in questions(profile):
        if other.request == question.request and question.ask and other.ask != question.ask:
            for lines, example in _printed(profile, other):
                renamed = [_renamed(dialogue, line, other.ask, question.ask) for line in lines]
                expect = filled_expression(question.request.expect or ".*", example.address, question.ask)
                made = Template(dialogue, question, renamed, example, address)
                if made.places and re.fullmatch(expect, _text(dialogue, renamed), re.DOTALL):
                    return made
    return None


def _printed(profile: Profile, question: Question) -> Iterator[tuple[list[bytes], Example]]:
    """The lines of every printed reply to *question*, and the example that prints them."""
    for example in profile.examples:
        for exchange in example.exchanges:
            if lines := _answer(_dialogue(profile), question, exchange, example):
                yield lines, example


def _renamed(dialogue: Dialogue, line: bytes, old: str, new: str) -> bytes:
    begin, end = _body(dialogue, line)
    text = line[begin:end].decode(dialogue.encoding).replace(old, new, 1)
    return checks.renewed(dialogue.checksum, line[:begin] + text.encode(dialogue.encoding) + line[end:])


def reply_bytes(exchange: Exchange, dialogue: Dialogue | None = None) -> bytes:
    """The reply of *exchange* as it is printed."""
    encoding = dialogue.encoding if dialogue else "latin-1"
    return bytes.fromhex(exchange.reply_hex) if exchange.reply_hex else exchange.reply.encode(encoding)


def sent_bytes(exchange: Exchange, dialogue: Dialogue | None = None) -> bytes:
    """The question of *exchange* as it is printed; empty for lines that come by themselves."""
    encoding = dialogue.encoding if dialogue else "latin-1"
    return bytes.fromhex(exchange.send_hex) if exchange.send_hex else exchange.send.encode(encoding)


def _answer(dialogue: Dialogue, question: Question, exchange: Exchange, example: Example) -> list[bytes]:
    """The lines of *exchange* that answer *question*; none when it is about something else."""
    sent, lines = sent_bytes(exchange, dialogue), _lines(dialogue, exchange)
    try:
        asked = question.sent(dialogue, example.address)
    except ValueError:  # an example without the address that this question needs
        return []
    if sent or asked:
        return lines if sent and sent in (asked, asked.removesuffix(_request_end(dialogue))) else []
    count = question.request.lines
    expect = filled_expression(question.request.expect or ".*", example.address, question.ask)
    windows = (lines[at : at + count] for at in range(len(lines) - count + 1))
    return next((one for one in windows if re.fullmatch(expect, _text(dialogue, one), re.DOTALL)), [])


def _request_end(dialogue: Dialogue) -> bytes:
    end = dialogue.terminator if dialogue.request_terminator is None else dialogue.request_terminator
    return end.encode(dialogue.encoding)


def _lines(dialogue: Dialogue, exchange: Exchange) -> list[bytes]:
    """The lines of a printed reply without their ends: printed so as text, and cut so in hex, where it is whole."""
    printed, end = reply_bytes(exchange, dialogue), dialogue.terminator.encode(dialogue.encoding)
    if dialogue.trailer:
        return [printed]
    if exchange.reply_hex:
        return printed.removesuffix(end).split(end)
    return printed.lstrip(b"\r\n").split(b"\n")


def _text(dialogue: Dialogue, lines: list[bytes]) -> str:
    return b"\n".join(line[slice(*_body(dialogue, line))] for line in lines).decode(dialogue.encoding)


def _body(dialogue: Dialogue, line: bytes) -> Span:
    begin, end = checks.place(dialogue.checksum, line)
    mark = dialogue.begin.encode(dialogue.encoding)
    return begin + len(mark) if mark and line[begin:end].startswith(mark) else begin, end


def _at(channel: Channel, address: Address) -> Channel:
    if channel.pattern is None:
        return channel
    return channel.model_copy(update={"pattern": filled_expression(channel.pattern, address or 0)})


def _readdressing(question: Question, text: str, old: Address, new: Address) -> tuple[Span, str] | None:
    """Where the reply names its address, and the other one that belongs there."""
    expect = question.request.expect or ""
    place = re.search(r"\{address[^{}]*\}", expect)
    if place is None or old is None or new is None or str(old) == str(new):
        return None
    before, named = filled_expression(expect[: place.start()], old, question.ask), filled(place[0], old)
    try:
        match = re.match(f"{before}(?P<address>{re.escape(named)})", text)
    except re.error:  # the place is inside a group
        return None
    return (match.span("address"), filled(place[0], new)) if match else None


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _changed(text: str, changes: Mapping[Span, str]) -> str:
    for (begin, end), new in sorted(changes.items(), reverse=True):
        text = text[:begin] + new + text[end:]
    return text


def _dialogue(profile: Profile) -> Dialogue:
    assert profile.dialogue is not None
    return profile.dialogue
