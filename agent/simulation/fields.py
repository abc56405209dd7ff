"""Values as text: where a channel stands in a printed line, and how a new value is written in its place.

What is written keeps the form of what was printed: digits after the point, leading
zeros, sign, exponent and width.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from agent.simulation.registers import Said, iso, plain
from agent.simulation.values import Shown
from drivers.profile import Channel

Span = tuple[int, int]

NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d*)(?P<point>\.?)(?P<part>\d*)(?:(?P<e>[eE])(?P<power>[+-]?\d+))?", re.ASCII
)
HESSEN = re.compile(r"[+-]\d{4}[+-]\d\d", re.ASCII)
TRUE = ("1", "on", "true", "yes")


def located(channel: Channel, text: str, separator: str | None) -> Span | None:
    """Where *channel* stands in *text*, blanks around it left out; None when it does not, or says "no value"."""
    if channel.pattern is not None:
        match = re.search(channel.pattern, text)
        if match is None or match.groupdict().get("none") is not None or match["value"] is None:
            return None
        begin, end = match.span("value")
    else:
        fields = list(_fields(text, separator))
        if channel.field is None or channel.field >= len(fields):
            return None
        begin, end = fields[channel.field]
    word = text[begin:end]
    begin, end = begin + len(word) - len(word.lstrip()), end - len(word) + len(word.rstrip())
    return (begin, end) if begin < end and text[begin:end] not in channel.no_value else None


def _fields(text: str, separator: str | None) -> list[Span]:
    if separator is None:
        return [match.span() for match in re.finditer(r"\S+", text)]
    cuts = [match.span() for match in re.finditer(f"{re.escape(separator)}|\n", text)]
    begins, ends = [0, *(end for _, end in cuts)], [*(begin for begin, _ in cuts), len(text)]
    return list(zip(begins, ends, strict=True))


def number_in(channel: Channel, old: str) -> Decimal | None:
    """The number that the printed *old* stands for, in the channel's unit; None when it is none."""
    if channel.format == "hessen":
        number = _of_hessen(old) if HESSEN.fullmatch(old) else None
    else:
        old = _with_point(channel, old)
        match = NUMBER.fullmatch(old)
        number = Decimal(old) if match and (match["whole"] or match["part"]) else None
    return None if number is None else number * channel.scale + channel.offset


def written(channel: Channel, old: str, value: Shown) -> tuple[str, Said] | None:
    """*value* in the form of the printed *old*, and what a reading of it has to say; None where *old* is no value."""
    if channel.states:
        flag = channel.states.get(str(value))
        return (str(value), flag.name) if flag else None
    if isinstance(value, datetime):
        return f"{value:{channel.format or ''}}", iso(value)
    if channel.type == "bits":
        return _bits(channel, old, int(value))
    if channel.type == "bool":
        return old, old.lower() in TRUE
    if isinstance(value, Decimal) and channel.type != "string":
        return _number(channel, old, value)
    return old, old


def _bits(channel: Channel, old: str, number: int) -> tuple[str, Said] | None:
    """A whole bit field; one bit of it stays as it was printed."""
    if channel.bit is not None:
        return old, bool(_bit_number(old, channel.format) >> channel.bit & 1)
    if channel.format == "flags":
        places = iter(range(len(old)))
        return re.sub("[01]", lambda _: str(number >> next(places) & 1), old), number
    if channel.format == "hex":
        digits = re.sub(r"^0[xX]", "", old).replace(" ", "")
        new = f"{number:0{len(digits)}{'x' if digits.islower() else 'X'}}"
        if " " in old:
            return " ".join(re.findall("..", new)), number
        return old[: len(old) - len(digits)] + new, number
    return str(number).zfill(len(old)), number


def _bit_number(old: str, form: str | None) -> int:
    if form == "flags":
        return sum(1 << place for place, flag in enumerate(re.findall("[01]", old)) if flag == "1")
    return int(old.replace(" ", ""), 16 if form == "hex" else 10)


def _number(channel: Channel, old: str, value: Decimal) -> tuple[str, Said] | None:
    number = (value - channel.offset) / channel.scale
    if channel.format == "hessen":
        new = _hessen(number) if HESSEN.fullmatch(old) else None
        return (new, _said(channel, _of_hessen(new))) if new else None
    match = NUMBER.fullmatch(_with_point(channel, old))
    if match is None or not (match["whole"] or match["part"]):
        return None
    new = _with_power(number, match) if match["e"] else _in_width(number, match)
    if Decimal(new) in channel.no_value:
        return old, _said(channel, Decimal(_with_point(channel, old)))
    return new.replace(".", ",") if channel.format == "comma" else new, _said(channel, Decimal(new))


def _with_point(channel: Channel, printed: str) -> str:
    return printed.replace(",", ".", 1) if channel.format == "comma" else printed


def _in_width(number: Decimal, printed: re.Match[str]) -> str:
    """As many digits as printed: leading zeros stay, a number that grows beyond a fixed width is cut to nines."""
    places, whole = len(printed["part"]), printed["whole"]
    size = round(abs(number), places)
    padded = printed["sign"] == "+" or (len(whole) > 1 and whole.startswith("0"))
    if padded:
        size = min(size, Decimal(10) ** len(whole) - Decimal(10) ** -places)
    digits = f"{size:.{places}f}" if whole else f"{size:.{places}f}".removeprefix("0")
    digits = digits.zfill(len(whole) + len(printed["point"]) + places) if padded else digits
    return _sign(number, size, printed) + digits + (printed["point"] if not places else "")


def _with_power(number: Decimal, printed: re.Match[str]) -> str:
    """Normal form (1.2300e+02) where that was printed, else a number to the printed power (5057E-1)."""
    places, power = len(printed["part"]), printed["power"]
    if not (places and len(printed["whole"]) == 1):
        size = number.scaleb(-int(power))
        return f"{_sign(number, size, printed)}{abs(size):.{places}f}{printed['e']}{power}"
    mantissa, _, tens = f"{abs(number):.{places}e}".partition("e")
    sign = "-" if int(tens) < 0 else "+" if power[0] in "+-" else ""
    digits = str(abs(int(tens))).zfill(len(power.lstrip("+-")))
    return f"{_sign(number, number, printed)}{mantissa}{printed['e']}{sign}{digits}"


def _sign(number: Decimal, shown: Decimal, printed: re.Match[str]) -> str:
    if number < 0 and shown:
        return "-"
    return printed["sign"].replace("-", "")


def _hessen(number: Decimal) -> str:
    """Sign, four digits with the point after the first, exponent of ten: 25.78 is +2578+01."""
    mantissa, _, power = f"{number:+.3e}".partition("e")
    return f"{mantissa.replace('.', '')}{int(power):+03d}"


def _of_hessen(text: str) -> Decimal:
    return Decimal(f"{text[:2]}.{text[2:5]}E{text[5:]}")


def _said(channel: Channel, number: Decimal) -> int | float:
    return plain(number * channel.scale + channel.offset)
