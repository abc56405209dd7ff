"""What in the description of a model is allowed, and can hardly be meant: registers, bits, line ends, places. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from agent.stationfile.faults import nearest
from agent.stationfile.tomlsource import Path
from drivers.decode import decode
from drivers.plan import BIT_FUNCTIONS, FUNCTIONS, Span, span_of
from drivers.profile import Channel, Dialogue, Profile

Doubt = tuple[Path, str, str]
"""Where it stands in the profile, what is odd, and what to do."""

_FIRST_NUMBERS = {2: 10001, 3: 40001, 4: 30001}
"""By function, the number that makers' tables give to what is 0 on the wire (Modbus protocol V1.1b3, section 4.4)."""
_WORD_BITS = 16
LARGEST_WORD = 0xFFFF
ADDRESS = re.compile(r"0x[0-9A-Fa-f]+|0|[1-9]\d*")
TABLES = {function: table for table, function in FUNCTIONS.items()}


def unlikely(profile: Profile) -> Iterator[Doubt]:
    """Everything about *profile* that somebody should look at."""
    if profile.protocol.startswith("modbus"):
        yield from _registers(profile)
    if profile.dialogue:
        yield from _line_ends(profile.dialogue)
        yield from _places(profile.dialogue)
    names = [channel.name for channel in profile.channels]
    for at, example in enumerate(profile.examples):
        for name in (*example.readings, *example.quality):
            if name not in names:
                yield ("example", at), f"its example speaks of {name}, which is no channel", nearest(name, names)


def _registers(profile: Profile) -> Iterator[Doubt]:
    try:
        spans = {channel.name: span_of(channel, profile.modbus) for channel in profile.channels}
    except ValueError:  # a channel without a register, which the driver refuses
        return
    for at, channel in enumerate(profile.channels):
        here, span = ("channel", at), spans[channel.name]
        if found := _counted_otherwise(channel.name, span) or _overlapping(channel.name, profile, spans):
            yield (*here, "register"), *found
        bits = _WORD_BITS * span.count
        if span.function not in BIT_FUNCTIONS and any(int(place) >= bits for place in channel.bits):
            yield (*here, "bits"), f"channel {channel.name} has the bits 0 to {bits - 1}", "others never hold"
        if any(isinstance(value, str) for value in channel.no_value) and channel.type != "string":
            yield (*here, "no_value"), f"channel {channel.name} is a number and never a text", "write it without quotes"
        yield from _otherwise_in_examples(profile, channel, span)


def _otherwise_in_examples(profile: Profile, channel: Channel, span: Span) -> Iterator[Doubt]:
    """Examples whose registers give another value than they print: a wrong register, type, order or scale."""
    table, bits = TABLES[span.function], span.function in BIT_FUNCTIONS
    for at, example in enumerate(profile.examples):
        printed = example.readings.get(channel.name)
        words = _words(getattr(example, table), span)
        if printed is None or len(words) < span.count or channel.type == "time":
            continue
        read = decode(channel, words, order=profile.modbus.order, bits=bits).value
        if str(read) != str(printed) and read != (float(printed) if isinstance(printed, Decimal) else printed):
            what = f"the registers of its example give {channel.name} = {read}, where it prints {printed}"
            yield ("example", at), what, "compare register, type, order and scale with the manual"


def _words(registers: Mapping[str, int], span: Span) -> list[int]:
    """Those of the printed *registers* that lie in *span*, as far as they can be registers."""
    there = {int(place, 0): word for place, word in registers.items() if ADDRESS.fullmatch(place)}
    return [there[place] for place in range(span.start, span.end) if 0 <= there.get(place, -1) <= LARGEST_WORD]


def _counted_otherwise(name: str, span: Span) -> tuple[str, str] | None:
    first = _FIRST_NUMBERS.get(span.function)
    if first is None or not first <= span.start < first + 9999:
        return None
    what = f"channel {name}: registers are counted from 0 here, as they travel on the wire"
    return what, f"where the manual counts from {first}, write register = {span.start - first}"


def _overlapping(name: str, profile: Profile, spans: dict[str, Span]) -> tuple[str, str] | None:
    """A number that begins within another one: one of the two has the wrong register or the wrong type."""
    span = spans[name]
    if span.function in BIT_FUNCTIONS:
        return None
    is_number = _is_number(profile.channel(name))
    for other, its in spans.items():
        shares = its.function == span.function and its.start < span.start < its.end
        if shares and _is_number(profile.channel(other), is_float=not is_number):
            what = f"channel {name} begins inside {other}, which takes {its.start} to {its.end - 1}"
            return what, "compare register and type of both with the manual"
    return None


def _is_number(channel: Channel, *, is_float: bool = False) -> bool:
    if is_float:
        return channel.type in ("float32", "float64")
    return channel.type not in ("bits", "string", "time") and channel.bit is None and not channel.bits


def _line_ends(dialogue: Dialogue) -> Iterator[Doubt]:
    """Names of control characters, and their codes where TOML does not read them as codes."""
    for key in ("begin", "terminator", "request_terminator"):
        written = getattr(dialogue, key) or ""
        if re.search(r"\\[rntux]|<?\b(CR|LF|CRLF|STX|ETX)\b>?", written):
            hint = r'write control characters as codes in double quotes: "\r\n", "\u0002"'
            yield ("dialogue", key), f"{key} is made of plain letters", hint


def _places(dialogue: Dialogue) -> Iterator[Doubt]:
    for at, request in enumerate(dialogue.requests):
        for word in re.findall(r"\{([a-z_]+)[^}]*\}", request.send):
            if word not in ("address", "ask"):
                what = f"{{{word}}} is sent as it stands"
                yield ("dialogue", "request", at, "send"), what, nearest(word, ("address", "ask"))
