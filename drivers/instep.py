"""Modbus questions to one unit, and which answers to believe where a reply does not say what it answers.

Over a serial line, or a gateway that passes frames on unchanged, a late reply looks
like an answer to whatever is asked next in the same shape. There, after anything went
wrong, the next request is a *proof*: one whose answer has a shape of its own. A unit
answers in turn, so once that came, whatever was late is past. What looks like a second
copy is asked for again. MBAP needs nothing of this: its replies are numbered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.api import BadReplyError, Driver, Foreign, Found, FrameFinder, RefusedError
from drivers.copies import LATELY_S, Copies
from drivers.errors import COMPARE
from drivers.modbus_frames import MEANINGS, Frames, Request, refusal_code, values_of
from drivers.plan import BIT_FUNCTIONS, FUNCTIONS, Span

TABLES = {function: table for table, function in FUNCTIONS.items()}
UNREACHED = (10, 11)  # a gateway's own answers: the instrument itself said nothing
MOST_COPIES = 3  # in a row, after which nothing on this wire is believed for now


class OneBehindError(BadReplyError):
    """The answer to an earlier request came after that was taken for answered: what was read since is not sure."""


class InStep:
    """Asks *unit* for *driver*; ``proof`` names the request to ask when it is not sure what an answer answers."""

    def __init__(self, driver: Driver, unit: int, frames: Frames, proof: Callable[[], Span]) -> None:
        self._driver = driver
        self._unit = unit
        self._frames = frames
        self._proof = proof
        self._in_step = True  # whether no reply to an earlier request can still come
        self._strayed = False  # whether the last answer had come before, when it answered nothing
        self._copies = Copies()

    def unsettle(self) -> None:
        """Take note that a reply to somebody else's request may still come."""
        self._in_step = self._frames.numbered

    async def read(self, span: Span) -> list[int]:
        """The values of *span*, which no reply to another request can be taken for.

        Raises DriverError, OneBehindError for all that was read since the last proof.
        """
        if self._frames.numbered:
            return values_of(await self._ask(span), span)
        if not self._in_step:
            self._copies.note_trouble(_now(), repeated=False)
            await self._prove()
        answer = await self._ask(span)
        for _ in range(MOST_COPIES):
            if not (self._strayed or self._copies.possible(span, answer, _now())):
                break
            await self._prove()
            before, answer = answer, await self._ask(span)
            if answer == before:
                break
            self._in_step = False  # it was a copy: the answer to this, too, may still be on its way
            self._copies.note_trouble(_now(), repeated=True)
        else:
            raise self._bad(BadReplyError, f"second copies of other replies, {MOST_COPIES} times in a row")
        self._copies.note(span, answer, _now())
        return values_of(answer, span)

    async def probe(self) -> None:
        """Ask for the proof; a refusal is an answer too, unless a gateway gave it. Raises DriverError."""
        self._copies.note_proof(_now())
        span = self._proof()
        try:
            self._copies.note(span, await self._ask(span), _now())
        except RefusedError as refusal:
            if refusal.code in UNREACHED:
                raise

    async def _prove(self) -> None:
        """Come in step: ask for the proof until its answer cannot be a second copy of one that came lately."""
        for _ in range(1 + min(self._copies.proofs(_now()), MOST_COPIES)):
            await self.probe()

    async def _ask(self, span: Span) -> bytes:
        """One exchange, and its answer as a PDU; raises DriverError. RefusedError when the answer is an exception."""
        request = self._frames.ask(self._unit, span)
        in_step, self._in_step = self._in_step, self._frames.numbered  # also when this is cancelled
        device, link = self._driver.device, self._driver.link
        passed: list[bytes] = []
        answer = await link.exchange(
            request.frame,
            _noting(request.find, passed),
            device=device.name,
            timeout_s=device.timeout_s + link.wire_s(len(request.frame) + request.expected),
            pause_s=device.pause_s,
            drain=not self._frames.numbered,
        )
        self._in_step = True
        if not self._frames.numbered:
            self._look_back(request, answer, passed if in_step else [])
        if code := refusal_code(answer):
            self._copies.note(span, answer, _now())
            raise RefusedError(
                device.name, words(span), code, MEANINGS.get(code, "a code of its own"), hint=_hint(device.name, code)
            )
        return answer

    def _look_back(self, request: Request, answer: bytes, passed: list[bytes]) -> None:
        """See whether *answer* came before; raises OneBehindError when what *passed* was owed to an earlier request.

        Then that one had a copy for its answer, and those after it may each have had the answer of the one before.
        """
        self._strayed = self._driver.link.strayed(answer, request.find, LATELY_S)
        behind = [one for one in passed if not self._copies.knows(one)]
        if self._strayed or behind:
            self._copies.note_trouble(_now(), repeated=True)
        if behind:
            self._in_step = False
            raise self._bad(OneBehindError, "the answer to an earlier request came as well")

    def _bad(self, kind: type[BadReplyError], what: str) -> BadReplyError:
        return kind(self._driver.device.name, self._driver.link.endpoint, what)


def words(span: Span) -> str:
    """A request for *span*, as people read it."""
    kind = "bits" if span.function in BIT_FUNCTIONS else "registers"
    return f"function {span.function}, {span.count} {TABLES[span.function]} {kind} from {span.start}"


def _hint(device: str, code: int) -> str:
    """What to do about exception *code*."""
    match code:
        case 1:
            return f"It has no such registers: is table right in its profile? Look: station-agent probe {device} 0 1"
        case 2:
            return "Compare register and table with its manual; registers count from 0, what a manual calls 40001 is 0"
        case 10 | 11:
            return "Check power and wires behind the gateway, the address, and the baud rate that the gateway is set to"
        case 5 | 6:
            return "It is busy with something else, or with other masters: raise every, or pause of the device"
    return COMPARE


def _noting(find: FrameFinder, passed: list[bytes]) -> FrameFinder:
    """*find*, which puts down in *passed* what the same unit said that was not the answer."""

    def noted(buffer: bytearray) -> Found | None:
        try:
            return find(buffer)
        except Foreign as foreign:
            if foreign.own:
                passed.append(foreign.own)
            raise

    return noted


def _now() -> float:
    return asyncio.get_running_loop().time()
