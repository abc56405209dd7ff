"""Lines of text: what stands in an answer, and where.

Pure. What stands at a channel's place becomes a value in exactly the digits that the
instrument printed, or no value.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, tzinfo
from decimal import Decimal

from drivers.decode import UNDECODABLE, NoValueError, graded
from drivers.digits import stored_float, stored_integer
from drivers.instants import utc_of
from drivers.profile import Channel
from drivers.reading import Quality, Reading, Value

MISSING = "missing"
BLANK = " \r\n"
BLANKS = re.compile(f"[{BLANK}]+")  # str.split would also take noise such as 09, 1C or A0 for a blank
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
HESSEN = re.compile(r"([+-]\d)(\d{3})([+-]\d\d)", re.ASCII)
TRUTH = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}


def read(
    channel: Channel, text: str, separator: str | None, *, timezone: tzinfo, now: datetime, raw: str | None = None
) -> Reading:
    """Return the reading of *channel* from the answer *text*; *timezone* and *now* are for instrument clocks.

    Without a value it is ``no_value``: the instrument says so, nothing stands at its place
    (``not_fitted`` when the channel is optional), or what stands there is no value of its type.
    """
    try:
        return graded(channel, _value(channel, _picked(channel, text, separator), timezone, now), raw)
    except NoValueError as error:
        reason = str(error) or None
        quality = Quality.NOT_FITTED if reason == MISSING and channel.optional else Quality.NO_VALUE
        return Reading(channel.name, None, quality, reason, raw)


def _picked(channel: Channel, text: str, separator: str | None) -> str:
    """What stands at the channel's place; NoValueError for nothing, and for the pattern's group ``none``."""
    if channel.pattern is not None:
        match = re.search(channel.pattern, text)
        if match is None:
            raise NoValueError(MISSING)
        if match.groupdict().get("none") is not None:
            raise NoValueError
        picked = match["value"] or ""
    else:
        fields = text.replace("\n", separator).split(separator) if separator else BLANKS.split(text.strip(BLANK))
        if channel.field is None or channel.field >= len(fields):
            raise NoValueError(MISSING)
        picked = fields[channel.field]
    picked = picked.strip(BLANK)
    if not picked or picked in channel.no_value:
        raise NoValueError
    return picked


def _value(channel: Channel, text: str, timezone: tzinfo, now: datetime) -> Value:
    kind = channel.type or ("string" if channel.states else "float64")
    if kind == "string":
        return _printable(text)
    if kind == "bool":
        return _truth(text)
    if kind == "time":
        return f"{instant(channel, text, timezone, now):%Y-%m-%dT%H:%M:%SZ}"
    if kind == "bits":
        number = _bits(text, channel.format)
        return stored_integer(number) if channel.bit is None else bool(number >> channel.bit & 1)
    return _number(channel, text)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise NoValueError(UNDECODABLE)
    return text


def _truth(text: str) -> bool:
    if text.lower() not in TRUTH:
        raise NoValueError(UNDECODABLE)
    return TRUTH[text.lower()]


def _number(channel: Channel, text: str) -> Value:
    if channel.format == "hessen":
        text = _hessen(text)
    if channel.format == "comma":
        text = text.replace(",", ".", 1)
    if text.strip("+-").lower() == "nan":
        raise NoValueError
    if not NUMBER.fullmatch(text):
        raise NoValueError(UNDECODABLE)
    number = Decimal(text)
    if number in channel.no_value:
        raise NoValueError
    if number == number.to_integral_value() and abs(number) < 10**18:
        return stored_integer(int(number), channel.scale, channel.offset)
    value = stored_float(text, channel.scale, channel.offset)
    if not math.isfinite(value):
        raise NoValueError(UNDECODABLE)
    return value


def _hessen(text: str) -> str:
    """The number ``+2578+01`` as ``+2.578E+01``: sign, four digits with the point after the first, exponent."""
    match = HESSEN.fullmatch(text)
    if match is None:
        raise NoValueError(UNDECODABLE)
    return "{}.{}E{}".format(*match.groups())


def _bits(text: str, form: str | None) -> int:
    """A bit field written as a number, in hex, or as *flags*: a row of 0 and 1, the first one is bit 0.

    Hex digits may come in bytes with blanks between, the most significant first.
    """
    if form == "flags" and re.fullmatch(r"[01](?:[ ,;]*[01]){0,63}", text):
        flags = [flag for flag in text if flag in "01"]
        return sum(1 << place for place, flag in enumerate(flags) if flag == "1")
    if form == "hex" and re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,16}|[0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2}){1,7}", text):
        return int(text.replace(" ", ""), 16)
    if form is None and re.fullmatch(r"[0-9]{1,19}", text):
        return int(text)
    raise NoValueError(UNDECODABLE)


def instant(channel: Channel, text: str, timezone: tzinfo, now: datetime) -> datetime:
    """Return the UTC instant of an instrument's local time; raises NoValueError when there is none."""
    try:
        local = datetime.strptime(text, channel.format or "")  # noqa: DTZ007 - the zone follows, where the text has none
        found = utc_of(channel, local if local.tzinfo else local.replace(tzinfo=timezone), now)
    except (ValueError, OverflowError):
        raise NoValueError(UNDECODABLE) from None
    if found is None:
        raise NoValueError(UNDECODABLE)
    return found
