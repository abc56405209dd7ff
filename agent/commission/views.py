"""One block of registers under every type and word order, and which of them look like a value.

Pure. What looks like a value is a guess and called so: nothing here is proof.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile

from drivers.decode import decode
from drivers.profile import Channel, Order, Type
from drivers.reading import Value

Words = Sequence[int | None]
"""Registers in a row; None for one that the instrument refuses."""

ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
SINGLE: tuple[Type, ...] = ("uint16", "int16", "bcd")
DOUBLE: tuple[Type, ...] = ("float32", "uint32", "int32")
FOURFOLD: tuple[Type, ...] = ("float64", "uint64", "int64")
WIDTH = dict.fromkeys(SINGLE, 1) | dict.fromkeys(DOUBLE, 2) | dict.fromkeys(FOURFOLD, 4)

SENTINELS = (0x7FFF, 0x8000, 0xFFFF)
NANS = (0x7FC0, 0xFFC0, 0x7FA0, 0xC07F, 0xC0FF, 0xA07F)
"""The word of a NaN that is not zero, as instruments send it, in either order of its bytes."""

SANE = (1e-3, 1e7)
"""Magnitudes of a float that an instrument may mean; the wrong word order gives others, but for one time in ten."""
SHORT_DIGITS = 6
SMALL_NEGATIVE = -100_000
HIGH_WORDS = range(1, 16)
LEAST_LOW_WORD = 0x1000
"""Below, two registers that hold small numbers each are likelier than one counter over both."""
FIRST_TIME = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp())
LAST_TIME = int(datetime(2038, 1, 1, tzinfo=UTC).timestamp())
SHORTEST_TEXT = 4


@dataclass(frozen=True, slots=True)
class View:
    """The registers from ``register`` on as one type; ``why`` they look like a value, empty when they do not."""

    register: int
    type: Type
    order: Order
    value: Value
    count: int
    why: str = ""

    @property
    def registers(self) -> range:
        """What it takes."""
        return range(self.register, self.register + self.count)

    def toml(self, table: str) -> str:
        """The channel that reads this, for a station file."""
        lines = ["[[device.channel]]", f'name = "{table}_{self.register}"', f'table = "{table}"']
        lines += [f"register = {self.register}", f'type = "{self.type}"']
        if self.type == "string":
            lines.append(f"count = {self.count}")
        if self.order != "ABCD":
            lines.append(f'order = "{self.order}"')
        return "\n".join(lines)


def views(words: Words, start: int) -> list[View]:
    """Every number in *words*, the first of which is register *start*, by register, type and order."""
    kinds = (*SINGLE, *DOUBLE, *FOURFOLD)
    return [
        _view(words, start, at, kind, order)
        for at in range(len(words))
        for kind in kinds
        for order in (ORDERS if WIDTH[kind] > 1 else ORDERS[:3:2])
        if _whole(words[at : at + WIDTH[kind]], WIDTH[kind])
    ]


def plausible(words: Words, start: int) -> list[View]:
    """What in *words* looks like a value, each register explained once: texts, else the widest type with a reason.

    Where floats of one block could begin at even and at odd registers, or in two
    orders, the way that gives more of them counts.
    """
    found = list(_texts(words, start))
    candidates = [view for view in views(words, start) if view.why]
    floats = {(view.register, view.order) for view in candidates if view.type == "float32"}
    candidates = [view for view in candidates if not _is_two_floats(view, floats)]
    for kinds in (("float64",), ("float32",), ("uint32", "int32"), ("uint16", "int16")):
        _explain(found, [view for view in candidates if view.type in kinds])
    return sorted(found, key=lambda view: view.register)


def _is_two_floats(view: View, floats: set[tuple[int, Order]]) -> bool:
    """Whether what looks like one float64 of many digits is rather two of *floats*, as its upper half always is one."""
    halves = {(view.register, view.order), (view.register + 2, view.order)}
    return view.type == "float64" and _strength(view) == 1 and halves <= floats


def _explain(found: list[View], candidates: list[View]) -> None:
    """Add to *found* what explains registers that nothing explains yet, the likeliest layout first."""
    ways: dict[tuple[Type, Order, int], list[View]] = defaultdict(list)
    for view in candidates:
        ways[view.type, view.order, view.register % view.count].append(view)
    for way in sorted(ways.values(), key=lambda views: -sum(map(_strength, views))):
        taken = {at for view in found for at in view.registers}
        found += [view for view in way if taken.isdisjoint(view.registers)]


def _strength(view: View) -> int:
    """How much a view says for its layout: a number of few digits is hardly ever an accident."""
    return 2 if isinstance(view.value, float) and _digits(view.value) <= SHORT_DIGITS else 1


def _whole(words: Words, width: int) -> bool:
    return len(words) == width and None not in words


@cache
def _channel(kind: Type, order: Order) -> Channel:
    return Channel(name="x", register=0, type=kind, order=order)


def _view(words: Words, start: int, at: int, kind: Type, order: Order) -> View:
    width = WIDTH[kind]
    part = [word for word in words[at : at + width] if word is not None]
    value = decode(_channel(kind, order), part).value
    return View(start + at, kind, order, value, width, _why(kind, order, value, part))


def _why(kind: Type, order: Order, value: Value, words: Sequence[int]) -> str:
    if kind in ("uint64", "int64"):
        value = int(value) if isinstance(value, str) else value  # beyond 2^53 it is text
    if isinstance(value, str) or value is None or not value or kind == "bcd":
        return ""
    if kind in ("float32", "float64"):
        return "" if _stands_for_none(words) else _why_float(float(value))
    if kind in ("uint16", "int16"):
        return _why_word(kind, order, int(value), words[0])
    if kind in ("uint32", "uint64") and _stands_for_none(words):
        return ""
    return _why_wide(kind, order, int(value))


def _stands_for_none(words: Sequence[int]) -> bool:
    return any(word in SENTINELS for word in words) or set(words) <= {0, *NANS}


def _why_float(value: float) -> str:
    low, high = SANE
    if not low <= abs(value) < high:
        return ""
    digits = _digits(value)
    return "finite, of sane size" + (f", only {digits} digits" if digits <= SHORT_DIGITS else "")


def _digits(value: float) -> int:
    """Significant decimal digits of *value*, as short as it can be written."""
    return len(repr(abs(value)).partition("e")[0].replace(".", "").strip("0"))


def _why_word(kind: Type, order: Order, value: int, word: int) -> str:
    if word in (*SENTINELS, *NANS) or order != "ABCD":
        return ""
    if kind == "uint16":
        return "a number or bits" if word < SENTINELS[0] else ""
    return "a small negative number" if -10_000 <= value < 0 else ""


def _why_wide(kind: Type, order: Order, value: int) -> str:
    if order not in ("ABCD", "CDAB"):
        return ""
    if kind == "uint32" and FIRST_TIME <= value < LAST_TIME:
        return f"as seconds since 1970: {datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
    if kind == "int32" and SMALL_NEGATIVE <= value < 0 and value & 0xFFFF not in (0, *SENTINELS):
        return "a small negative number"
    if kind == "uint32" and value >> 16 in HIGH_WORDS and value & 0xFFFF >= LEAST_LOW_WORD:
        return "a count"
    return ""


def _texts(words: Words, start: int) -> Iterator[View]:
    """Runs of printable ASCII, in either order of the bytes."""
    at = 0
    while at < len(words):
        runs: dict[Order, str] = {"ABCD": _run(words[at:], "big"), "BADC": _run(words[at:], "little")}
        order: Order = "BADC" if len(runs["BADC"]) > len(runs["ABCD"]) else "ABCD"
        text = runs[order]
        count = -(-len(text) // 2)
        if len(text.strip()) >= SHORTEST_TEXT and len(set(text)) > 2:
            yield View(start + at, "string", order, text.strip(), count, f"{len(text.strip())} printable characters")
            at += count
        else:
            at += 1


def _run(words: Words, order: str) -> str:
    """The printable characters at the beginning of *words*."""
    pairs = (word.to_bytes(2, "big" if order == "big" else "little") for word in takewhile(_is_known, words) if word)
    data = b"".join(pairs)
    return "".join(map(chr, takewhile(lambda byte: 0x20 <= byte < 0x7F, data)))


def _is_known(word: int | None) -> bool:
    return bool(word)  # a register of zero ends a text too
