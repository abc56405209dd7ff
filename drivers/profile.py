"""The words of a profile: a TOML file that describes one instrument model.

A device is data. A new model is one more file with a worked example from its
manual; only what no file can express becomes a driver. The same words describe
the inline channels of a station file.
"""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from drivers.duration import Duration
from drivers.placeholders import filled, filled_expression
from drivers.reading import Quality, Stream
from drivers.units import UNITS

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A name of a device, link, uplink or channel."""

Target = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_-]{0,31}(\.([a-z][a-z0-9_-]{0,31}|\*))?)$")]
"""A channel of the same device (``so2``), of another (``so2.so2``, ``so2.*``), or ``line``:
all that the station file lists under ``affects`` of this device."""

HjCode = Annotated[str, StringConstraints(pattern=r"^[a-z][0-9a-z]{5}$")]
"""The code that HJ 212 gives to a quantity: ``a21026`` is sulphur dioxide."""

Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Table = Literal["holding", "input", "coil", "discrete"]
Type = Literal[
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
    "bcd",
    "bool",
    "bits",
    "string",
    "time",
]
Checksum = Literal[
    "none",
    "nmea-xor",
    "gill-xor",
    "bayern-hessen",
    "vaisala-crc",
    "adam-sum",
    "clink-sum",
    "clink-sum-if-any",
    "palas-xor",
    "hj212-crc",
]
WIDTHS: dict[str, int] = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4, "time": 3}
"""Registers that a type takes, where the type alone decides it and it is not one."""


def _known_unit(unit: object) -> str:
    if not isinstance(unit, str) or unit not in UNITS:
        raise ValueError(f"not one of the known UCUM codes: {', '.join(UNITS)}")
    return unit


Unit = Annotated[str, BeforeValidator(_known_unit)]


def _in_hex(text: str) -> str:
    return bytes.fromhex(text).hex(" ")


Hex = Annotated[str, AfterValidator(_in_hex)]
"""Bytes, written in hex: ``55 01 30 7a``."""


class Words(BaseModel):
    """Base of everything read from a file: unknown keys are mistakes, what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Flag(Words):
    """What one status bit or one state value means.

    ``quality`` is the class of the channels in ``covers`` while it holds (all
    measurements of the device when ``covers`` is left out); without a quality it
    is only shown. For ``recovery`` after it ended they are ``recovering``.
    ``alarm`` makes an event of its begin and end.
    """

    name: Name
    quality: Quality | None = None
    covers: tuple[Target, ...] | None = None
    recovery: Duration = 0.0
    alarm: bool = False
    when: bool = True  # the bit value at which it holds; false for "system OK" bits


class Channel(Words):
    """One quantity of a device: what it is, where it is read, what is normal for it."""

    name: Name
    title: str = ""
    stream: Literal[Stream.MEASUREMENT, Stream.PARAMETER] = Stream.MEASUREMENT
    group: Literal["sampling", "instrument", "station"] | None = None
    unit: Unit | None = None
    hj: HjCode | None = None

    table: Table | None = None
    start: int | None = Field(default=None, alias="register", ge=0, le=65535)
    type: Type | None = None
    order: Order | None = None
    count: int | None = Field(default=None, ge=1, le=2000)  # registers of a string, bits of a bit field
    bit: int | None = Field(default=None, ge=0, le=63)

    request: Name | None = None
    field: int | None = Field(default=None, ge=0)
    pattern: str | None = None  # with a group value, and perhaps one none, for "no value"; may hold {address}
    ask: str | None = Field(default=None, min_length=1)  # what {ask} stands for in its request

    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    no_value: tuple[int | str | Decimal, ...] = ()
    format: str | None = None
    """Of a time in text as ``strptime`` has it. Of bits in text: ``hex``, or ``flags``, a row of 0 and 1. Of a
    number: ``hessen``, where +2578+01 is 25.78, and ``comma``, where 25,78 is."""
    period: Duration = 0.0
    label: Literal["begin", "end"] = "begin"

    range: tuple[float, float] | None = None
    normal: tuple[float, float] | None = None
    affects: tuple[Target, ...] = ()
    watch: bool = False
    new_by: Name | None = None
    raw: bool = False
    optional: bool = False
    bits: dict[str, Flag] = Field(default_factory=dict)
    states: dict[str, Flag] = Field(default_factory=dict)

    options: dict[str, Any] = Field(default_factory=dict)  # words of the driver's own, which it checks

    @property
    def decides(self) -> bool:
        """Whether this channel decides the quality of others, so that it is read with the measurements."""
        return any(flag.quality for flag in (*self.bits.values(), *self.states.values()))

    @property
    def registers(self) -> int:
        """Registers, or bits in a coil or discrete table, that the channel takes up."""
        if self.table in ("coil", "discrete"):
            return self.count or 1
        if self.count and self.type in ("string", "bcd", "time", "bits"):
            return self.count
        return WIDTHS.get(self.type or "uint16", 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.stream is Stream.PARAMETER and self.group is None:
            raise ValueError("a parameter needs a group: sampling, instrument or station")
        for name, limits in (("range", self.range), ("normal", self.normal)):
            if limits and not limits[0] < limits[1]:
                raise ValueError(f"{name} must be [low, high] with low below high, not {list(limits)}")
        for key in (*self.bits, *self.states):
            if not re.fullmatch(r"-?\d+|[^\s]{1,32}", key):
                raise ValueError(f"{key!r} cannot be a bit number or a state value")
        if any(not key.isdigit() for key in self.bits):
            raise ValueError("the keys under bits are bit numbers, 0 is the least significant")
        if self.scale == 0:
            raise ValueError("scale 0 makes the same of every value")
        if self.pattern is not None:
            _compiles(self.pattern)
        return self


def _expression(pattern: str) -> re.Pattern[str]:
    """The regular expression *pattern*; one that Python warns about is as wrong as one that it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(filled_expression(pattern, 0))
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _compiles(pattern: str) -> None:
    if "value" not in _expression(pattern).groupindex:
        raise ValueError("a pattern needs a group named value: (?P<value>…)")


class ModbusHabits(Words):
    """How this model likes its registers to be read."""

    table: Table = "holding"
    order: Order = "ABCD"
    gap: int = Field(default=8, ge=0, le=124)  # registers nobody asked for that a block may bridge
    block: int = Field(default=100, ge=1, le=125)  # registers in one request
    bit_block: int = Field(default=256, ge=1, le=2000)  # coils or discrete inputs in one request


class Request(Words):
    """One question of a text dialogue and the shape of its answer.

    ``send`` may hold ``{address}``, also with a form such as ``{address:03}`` or as one
    byte, ``{address+128:c}``; an empty ``send`` stands for lines that come by themselves.
    With ``{ask}`` in it the request is put once for each word ``ask`` of its channels.
    ``expect`` is a regular expression that the whole reply must match, so that a line that
    talks by itself is not taken for the answer; it may hold both places too. ``lines`` is how
    many lines the answer has, ``separator`` what divides its fields (blanks, not tabs, when left out).
    """

    name: Name
    send: str = ""
    expect: str | None = None
    lines: int = Field(default=1, ge=1, le=100)
    separator: str | None = Field(default=None, min_length=1)
    timeout: Duration | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        filled(self.send, 0)
        _expression(self.expect or "")
        return self


class Dialogue(Words):
    """A text protocol, as far as it can be told in words.

    A reply begins with ``begin``, where the protocol has such a mark (STX), and ends with
    ``terminator`` (ETX, or the end of a line) and as many check characters after it as
    ``trailer`` says. A request ends with ``request_terminator``, with ``terminator`` when that
    is left out; a mark at its begin stands in its ``send``, unless the checksum brings it along.
    """

    begin: str = ""
    terminator: str = Field(default="\r\n", min_length=1)
    trailer: int = Field(default=0, ge=0, le=8)
    request_terminator: str | None = None
    checksum: Checksum = "none"
    encoding: Literal["ascii", "latin-1", "utf-8", "gb18030"] = "ascii"
    settle: Duration = 0.0  # pause after each answer before the next question
    requests: tuple[Request, ...] = Field(alias="request", min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for request in self.requests:
            if not request.send and request.expect is None and self.checksum == "none":
                raise ValueError(f"request {request.name}: lines that come by themselves need expect or a checksum")
            if request.lines > 1 and (self.begin or self.trailer):
                raise ValueError(f"request {request.name}: a reply with begin or trailer has one line")
        if self.trailer and self.checksum == "none":
            raise ValueError("trailer counts check characters, so it needs a checksum")
        return self

    def request(self, name: str | None) -> Request:
        """Return the request of that name, the first one for None; raises KeyError."""
        for request in self.requests:
            if name in (None, request.name):
                return request
        raise KeyError(name)


class Exchange(Words):
    """One question and its answer as the manual prints them; the question is empty for lines that come by themselves.

    Text protocols have them as text, binary ones in hex: ``send_hex = "55 01 30 7A"``.
    """

    send: str = ""
    reply: str = ""
    send_hex: Hex = ""
    reply_hex: Hex = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.reply) == bool(self.reply_hex) or (self.send and self.send_hex):
            raise ValueError("an exchange has its reply, and its question if any, as text or in hex, one of them")
        return self


class Example(Words):
    """A worked example: registers or lines as printed, and the readings that must come of them."""

    note: str = ""
    address: int | str | None = None
    holding: dict[str, int] = Field(default_factory=dict)
    input: dict[str, int] = Field(default_factory=dict)
    coil: dict[str, int] = Field(default_factory=dict)
    discrete: dict[str, int] = Field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = Field(default=(), alias="exchange")
    readings: dict[str, int | Decimal | str | bool]
    quality: dict[str, Quality] = Field(default_factory=dict)


class Profile(Words):
    """An instrument model: what it measures, how it is asked, what its states mean."""

    model: str
    maker: str
    kind: str
    version: int = Field(default=1, ge=1)
    manual: str
    source: str
    confidence: Literal["manual", "driver", "secondary", "unverified"]
    unverified: str = ""  # what nobody could check, in words
    protocol: str = "modbus"
    address: int | str | None = None  # as it leaves the factory
    serial: str | None = None  # as it leaves the factory, "9600 8N1"
    port: int | None = Field(default=None, ge=1, le=65535)
    timeout: Duration | None = None
    pause: Duration | None = None
    modbus: ModbusHabits = ModbusHabits()
    dialogue: Dialogue | None = None
    channels: tuple[Channel, ...] = Field(alias="channel", min_length=1)
    examples: tuple[Example, ...] = Field(default=(), alias="example")
    options: dict[str, Any] = Field(default_factory=dict)  # words of the driver's own, which it checks

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [channel.name for channel in self.channels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"channel {name} stands {names.count(name)} times")
        for channel in self.channels:
            if self.dialogue:
                _answered(channel, self.dialogue)
            if channel.new_by and channel.new_by not in names:
                raise ValueError(f"channel {channel.name}: new_by names {channel.new_by}, which is not a channel")
            for target in own_targets(channel):
                if target not in names:
                    raise ValueError(f"channel {channel.name}: {target} is not a channel of this profile")
        return self

    def channel(self, name: str) -> Channel:
        """Return the channel of that name; raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Channel]:
        return {channel.name: channel for channel in self.channels}


def _answered(channel: Channel, dialogue: Dialogue) -> None:
    if channel.request and channel.request not in [request.name for request in dialogue.requests]:
        raise ValueError(f"channel {channel.name}: {channel.request} is not a request of this dialogue")
    if (channel.ask is not None) != ("{ask}" in dialogue.request(channel.request).send):
        raise ValueError(f"channel {channel.name}: ask belongs to a request with {{ask}}, and such a request needs it")
    if (channel.field is None) == (channel.pattern is None):
        raise ValueError(f"channel {channel.name}: a text answer is read by field or by pattern, one of them")


def own_targets(channel: Channel) -> list[str]:
    """The channels of the same profile that *channel* affects or covers by name."""
    flags = (*channel.bits.values(), *channel.states.values())
    targets = [*channel.affects, *(target for flag in flags for target in flag.covers or ())]
    return [target for target in targets if "." not in target and target != "line"]
