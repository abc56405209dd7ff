"""Reads a range of registers around what the instrument refuses."""

from __future__ import annotations

from drivers.api import ProfileError, RefusedError
from drivers.modbus import TOO_MUCH, ModbusDriver
from drivers.plan import BIT_FUNCTIONS, FUNCTIONS, Span

LONGEST = 64
"""Registers in one request: instruments that take 125 are rarer than manuals say."""
LONGEST_BITS = 256
MOST_REFUSALS = 40
ADDRESSES = 65536


def span_of(table: str, start: int, count: int) -> Span:
    """The range as Modbus asks for it; raises ProfileError for one that no instrument can have."""
    most = 2000 if FUNCTIONS[table] in BIT_FUNCTIONS else 500
    if not (0 <= start < ADDRESSES and 1 <= count <= min(most, ADDRESSES - start)):
        raise ProfileError(
            f"{count} {table} registers from {start} on cannot be read",
            hint=f"Addresses are 0 to {ADDRESSES - 1} as sent on the wire, and at most {most} are shown at once",
        )
    return Span(FUNCTIONS[table], start, count)


async def read_around(driver: ModbusDriver, span: Span) -> tuple[list[int | None], RefusedError | None]:
    """The values of *span*, None for each that is refused, and the first refusal.

    Raises DriverError when the instrument does not answer, RefusedError when it refuses them all.
    """
    values: dict[int, int] = {}
    refusal: RefusedError | None = None
    refusals = 0
    waiting = list(_pieces(span))
    while waiting and refusals < MOST_REFUSALS:
        piece = waiting.pop(0)
        try:
            words = await driver.read(piece)
        except RefusedError as error:
            refusal, refusals = refusal or error, refusals + 1
            if error.code in TOO_MUCH and piece.count > 1:
                waiting[:0] = _halves(piece)
        else:
            values |= dict(zip(range(piece.start, piece.end), words, strict=True))
    if refusal and not values:
        raise refusal
    return [values.get(at) for at in range(span.start, span.end)], refusal


def _pieces(span: Span) -> list[Span]:
    longest = LONGEST_BITS if span.function in BIT_FUNCTIONS else LONGEST
    return [
        Span(span.function, start, min(longest, span.end - start)) for start in range(span.start, span.end, longest)
    ]


def _halves(span: Span) -> list[Span]:
    half = span.count // 2
    return [Span(span.function, span.start, half), Span(span.function, span.start + half, span.count - half)]
