"""Lines of text: how a question is written, how its answer is found, what stands in it.

Pure. A line without its end is never an answer, neither is one whose checksum is
wrong or that does not look like what the request expects.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from drivers.checksum import ChecksumError, seal, unseal
from drivers.decode import UNDECODABLE, NoValueError, graded
from drivers.digits import stored_float, stored_integer
from drivers.profile import Channel, Dialogue, Request
from drivers.question import Foreign, Found
from drivers.reading import Quality, Reading, Value

MISSING = "missing"
SHOWN = 60
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
TRUTH = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}
CLOCK_ERROR = timedelta(minutes=10)
"""How far an instrument's clock may be ahead before an hour that occurs twice is taken for the earlier one."""


class Query:
    """One request of a dialogue, put to one address: what is sent, and what counts as its answer."""

    def __init__(self, request: Request, dialogue: Dialogue, address: int | str | None) -> None:
        """Raises ValueError when the request needs an address of another kind, or any."""
        self.request = request
        self._dialogue = dialogue
        self._end = dialogue.terminator.encode(dialogue.encoding)
        self._text = _addressed(request.send, address)
        expect = (request.expect or ".*").replace("{address}", re.escape(str(address)))
        self._expect = re.compile(expect, re.DOTALL)

    @property
    def sent(self) -> bytes:
        """What goes out; empty when the lines come by themselves."""
        if not self._text:
            return b""
        dialogue = self._dialogue
        end = dialogue.terminator if dialogue.request_terminator is None else dialogue.request_terminator
        return seal(dialogue.checksum, self._text.encode(dialogue.encoding)) + end.encode(dialogue.encoding)

    def __str__(self) -> str:
        return repr(self._text) if self._text else f"{self.request.name}, which comes by itself"

    def find(self, buffer: bytearray) -> Found | None:
        """Look for the whole answer in *buffer*, past empty lines; raises Foreign for a line that is none."""
        begin = len(buffer) - len(buffer.lstrip(b"\r\n"))
        ends = [begin]
        while len(ends) <= self.request.lines:
            at = buffer.find(self._end, ends[-1])
            if at < 0:
                return None
            ends.append(at + len(self._end))
        frame = bytes(buffer[begin : ends[-1]])
        try:
            text = self.text(frame)
        except (ChecksumError, UnicodeDecodeError) as error:
            raise Foreign(ends[1], f"{_shown(frame)} is damaged: {error}") from None
        if text in ("", self._text) or not self._expect.fullmatch(text):
            raise Foreign(ends[1], f"{_shown(frame)} is no answer to {self}")
        return Found(frame, ends[-1])

    def text(self, frame: bytes) -> str:
        """The answer *frame* without line ends and checksums, its lines joined by line feeds."""
        lines = frame.removesuffix(self._end).split(self._end)
        unsealed = (unseal(self._dialogue.checksum, line.strip(b"\r\n")) for line in lines)
        return "\n".join(line.decode(self._dialogue.encoding) for line in unsealed)


def _addressed(send: str, address: int | str | None) -> str:
    def written(match: re.Match[str]) -> str:
        if address is None:
            raise ValueError(f"the request {send!r} needs an address")
        number = int(address) if match[1] and str(address).isdecimal() else address
        return format(number, match[1] or "")

    return re.sub(r"\{address(?::([^{}]*))?\}", written, send)


def _shown(frame: bytes) -> str:
    text = frame.decode("ascii", "backslashreplace").strip()
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


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
        fields = text.replace("\n", separator).split(separator) if separator else text.split()
        if channel.field is None or channel.field >= len(fields):
            raise NoValueError(MISSING)
        picked = fields[channel.field]
    picked = picked.strip()
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
        return f"{instant(text, channel.format or '', timezone, now):%Y-%m-%dT%H:%M:%SZ}"
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


def _bits(text: str, form: str | None) -> int:
    """A bit field written as a number, in hex, or as *flags*: a row of 0 and 1, the first one is bit 0."""
    if form == "flags" and re.fullmatch(r"[01](?:[\s,;]*[01]){0,63}", text):
        flags = [flag for flag in text if flag in "01"]
        return sum(1 << place for place, flag in enumerate(flags) if flag == "1")
    if form == "hex" and re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,16}", text):
        return int(text, 16)
    if form is None and re.fullmatch(r"[0-9]{1,19}", text):
        return int(text)
    raise NoValueError(UNDECODABLE)


def instant(text: str, form: str, timezone: tzinfo, now: datetime) -> datetime:
    """Return the UTC instant of an instrument's local time; raises NoValueError when there is none.

    An hour that occurs twice is the later one, unless that still lies ahead of *now*.
    One that the change to summer time skips is no time at all.
    """
    try:
        local = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows, where the text has none
        aware = local if local.tzinfo else local.replace(tzinfo=timezone)
        earlier, later = (aware.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        back = earlier.astimezone(aware.tzinfo)
    except (ValueError, OverflowError):
        raise NoValueError(UNDECODABLE) from None
    if back.replace(tzinfo=None) != aware.replace(tzinfo=None):
        raise NoValueError(UNDECODABLE)
    return later if later <= now + CLOCK_ERROR else earlier


def sampled(channel: Channel, value: str) -> tuple[datetime, datetime]:
    """Begin and end of the sampling whose time *value* of *channel* labels."""
    label, period = datetime.fromisoformat(value), timedelta(seconds=channel.period)
    return (label - period, label) if channel.label == "end" else (label, label + period)
