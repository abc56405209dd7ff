"""The link owns a wire: one request at a time, deadlines, reconnection, a quiet line, counters.

Several devices, also of different protocols, may share a link. What a frame looks
like it does not know: each exchange brings a function that finds the answer among
the bytes that came. Where replies do not say what they answer, nothing that came
outside an exchange ever becomes its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from drivers.counters import Counters
from drivers.endpoint import parse_url
from drivers.errors import BadReplyError, LinkDownError, NoReplyError
from drivers.question import Foreign, Found, FrameFinder, Garbage, Question
from drivers.strays import Strays
from drivers.wire import wire_for

__all__ = ["Counters", "Foreign", "Found", "FrameFinder", "Garbage", "Link"]

FIRST_RETRY_S = 0.5
LAST_RETRY_S = {"serial": 5.0, "tcp": 30.0, "tls": 30.0, "udp": 30.0}
QUIET_S = 0.3
TALKING_S = 1.0  # a line that never falls quiet is used all the same
SILENT_REQUESTS = 2  # unanswered ones in a row, after which a connection is made anew
MOST_KEPT = 65536
CHECK_FAR_END = "Check the far end: station-agent status"

Listener = Callable[[bytes], None]


class HungUpError(LinkDownError):
    """The far end closed a connection that had served before, without a byte of the answer."""


class Link:
    """One wire and the order in which it is used."""

    def __init__(self, name: str, url: str, pause_s: float = 0.0, quiet_s: float = QUIET_S) -> None:
        """Nothing is opened yet. Raises ValueError for a URL that is not one."""
        self.name = name
        self.pause_s = pause_s
        self.counters: dict[str, Counters] = {}
        self.trace: Callable[[str, bytes], None] | None = None
        self._endpoint = parse_url(url)
        self._quiet_s = quiet_s
        self._wire = wire_for(name, self._endpoint, self._hear, self._lose)
        self._lock = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._buffer = bytearray()
        self._question: Question | None = None
        self._up = False
        self._served = False  # whether anything was heard since the wire was opened
        self._failures = 0  # to get the wire or to hear anything on it, in a row
        self._retry_at = 0.0
        self._why_down = self._hint = ""
        self._patient = False
        self._silent = 0  # unanswered requests in a row on this connection
        self._free_at = 0.0
        self._rested_at: dict[str, float] = {}  # when a device may be asked again
        self._last_byte_at = 0.0  # of either direction
        self._uneasy_since: float | None = None  # when a request ended without its answer, which may still come
        self._asked = ""  # the device of the last request
        self._strays = Strays()

    @property
    def kind(self) -> str:
        """``serial``, ``tcp``, ``udp`` or ``tls``."""
        return self._endpoint.kind

    @property
    def endpoint(self) -> str:
        """The far end as messages name it."""
        return str(self._endpoint)

    @property
    def up(self) -> bool:
        """Whether the wire is open now."""
        return self._up

    @property
    def share(self) -> float:
        """What part of the wire's time the exchanges of the last minutes took, from 0 to 1."""
        return sum(counters.held.at(_now()) for counters in self.counters.values())

    def wire_s(self, characters: int) -> float:
        """How long *characters* take on a serial line; 0 on a network."""
        return characters * self._endpoint.character_s

    def longest_s(self, timeout_s: float, *, drain: bool = True) -> float:
        """How long an exchange may keep others from the wire, with the silence that it needs before and after."""
        talking_s = TALKING_S if self._listeners else 0.0
        quiet_s = max(self._quiet_s, talking_s) if drain else 0.0
        before_s = quiet_s if self._uneasy_since is not None else 0.0
        return before_s + timeout_s + quiet_s + self.pause_s + 2 * self._endpoint.silence_s

    def strayed(self, frame: bytes, find: FrameFinder, within_s: float) -> bool:
        """Whether the answer *frame* that *find* found came before, within *within_s*, when it answered nothing."""
        return self._strays.has(frame, find, _now() - within_s)

    def listen(self, handler: Listener) -> Callable[[], None]:
        """Give *handler* what comes between exchanges and what answers none; returns what ends that.

        A reply that comes after its time-out is nobody's: not the next answer, and no line for a listener.
        """
        self._listeners.append(handler)
        return lambda: self._listeners.remove(handler)

    async def open(self) -> None:
        """Open the wire unless it is open; raises LinkDownError, at once while the last failure is recent."""
        async with self._lock:
            await self._connect()

    async def close(self) -> None:
        """Let go of the wire; an exchange under way fails. The next one opens it again."""
        if self._question:
            self._question.fail(self._down("it was closed here", "Ask again"))
        await self._disconnect()

    async def exchange(
        self,
        request: bytes,
        find: FrameFinder,
        *,
        device: str,
        timeout_s: float,
        pause_s: float = 0.0,
        drain: bool = True,
        patient: bool = False,
    ) -> bytes:
        """Send *request* and return the frame that *find* finds within *timeout_s*.

        ``drain`` is for protocols whose replies do not say which request they
        answer: the line is let fall quiet, and emptied, before the request.
        ``pause_s`` is kept after the answer before *device* is asked again; others may be
        asked meanwhile. ``patient`` is for who asks where perhaps nobody is: silence is
        then no sign of a dumb connection.
        Raises NoReplyError, BadReplyError, LinkDownError.
        """
        await _until(self._rested_at.get(device, 0.0))
        async with self._lock:
            await self._prepare(drain)
            self._patient = patient
            began = _now()
            counters = self.counters.setdefault(device, Counters.since(began))
            counters.asked += 1
            answered = False
            try:
                frame = await self._ask_again(request, find, device, timeout_s, keep=not drain)
                answered = True
                return frame
            finally:
                ended = _now()
                self._free_at, self._rested_at[device] = ended + self.pause_s, ended + pause_s
                counters.took(ended - began, ended, wasted=not answered)

    async def _ask_again(
        self, request: bytes, find: FrameFinder, device: str, timeout_s: float, *, keep: bool
    ) -> bytes:
        """Ask, and a second time where an instrument with one socket had closed it after its last answer."""
        try:
            return await self._ask(request, find, device, timeout_s, keep=keep)
        except HungUpError:
            await self._connect()
            return await self._ask(request, find, device, timeout_s, keep=keep)

    async def _prepare(self, drain: bool) -> None:
        await self._connect()
        if drain and self._uneasy_since is not None:
            await self._quieten(self._uneasy_since)
        await _until(self._free_at)
        await self._until_quiet(self._last_byte_at, self._endpoint.silence_s)
        if drain:
            await asyncio.sleep(0)  # twice: what the kernel holds is then in the buffer
            await asyncio.sleep(0)
        if drain or self.kind == "udp":
            if self._buffer:
                self._was_late(bytes(self._buffer))
            self._buffer.clear()
        if not self._up:  # lost meanwhile
            await self._connect()

    async def _quieten(self, since: float) -> None:
        """Wait until a line on which an answer is missing has fallen quiet, at the cost of who did not answer."""
        began = _now()
        await self._until_quiet(since, self._quiet_s)
        if self._asked:
            self.counters[self._asked].took(_now() - began, _now(), wasted=True)

    async def _until_quiet(self, since: float, quiet_s: float) -> None:
        """Wait until nothing was heard for *quiet_s*, counted from *since* at the earliest."""
        enough = _now() + max(TALKING_S, quiet_s)
        while (wait_s := min(max(since, self._last_byte_at) + quiet_s, enough) - _now()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(wait_s)

    async def _ask(self, request: bytes, find: FrameFinder, device: str, timeout_s: float, *, keep: bool) -> bytes:
        """Put one question and wait. ``keep`` says that what is left in the buffer belongs to the next one."""
        question = Question(
            self._buffer,
            find,
            self._foreign,
            self._overhear,
            device=device,
            endpoint=self.endpoint,
            timeout_s=timeout_s,
            shared=bool(self._listeners),
        )
        self._question, self._asked = question, device
        self._uneasy_since = begun = _now()
        found: Found | None = None
        try:
            question.pass_over_leftovers()
            self._send(request)
            found = await question.answer
        except (NoReplyError, BadReplyError) as error:
            await self._failed(error, keep=keep)
            raise
        finally:
            question.close()
            self._question = None
            self._uneasy_since = None
            if found is None:
                self._uneasy_since = _now()
                self._strays.miss(device, find, begun)
            if not keep:
                self._leave_rest()
        self._silent = 0
        self.counters[device].answered(_now() - begun, refused=found.refused)
        return found.frame

    async def _failed(self, error: NoReplyError | BadReplyError, *, keep: bool) -> None:
        """Count an exchange that gave nothing; make the connection anew where it has gone dumb or lost its framing."""
        counters = self.counters[self._asked]
        if isinstance(error, NoReplyError):
            counters.timeouts += 1
            self._silent += not self._patient
        else:
            counters.checksum += error.damaged
            counters.bad += not error.damaged
            self._silent = 0
        if (keep and self._buffer) or (self._silent >= SILENT_REQUESTS and self.kind in ("tcp", "tls")):
            await self._disconnect()

    def _send(self, request: bytes) -> None:
        if self.trace:
            self.trace("tx", request)
        self._last_byte_at = _now() + self.wire_s(len(request))
        self._wire.write(request)

    def _hear(self, data: bytes) -> None:
        """Take bytes from the wire."""
        self._last_byte_at = _now()
        self._served, self._failures = True, 0
        if self.trace:
            self.trace("rx", data)
        question = self._question
        if question is None:
            if self._listeners:
                self._overhear(data)
            elif len(self._buffer) < MOST_KEPT:
                self._buffer += data
            return
        if self.kind == "udp":
            question.start_afresh()
        self._buffer += data
        question.hear()

    def _overhear(self, data: bytes) -> bool:
        """Pass on what answers nothing, unless it is a late reply: then the answer is True."""
        late = self._was_late(data)
        for listener in () if late else tuple(self._listeners):
            listener(data)
        return late

    def _foreign(self, data: bytes, damaged: bool) -> None:
        """Take a frame that is not the answer."""
        late = self._overhear(data)
        self.counters[self._asked].strange += not (late or damaged)

    def _was_late(self, data: bytes) -> bool:
        """Whether *data* is what a request waited for in vain; it is counted, and no longer missing."""
        late = self._strays.add(data, _now())
        if late:
            device, took_s = late
            self.counters[device].came_late(took_s)
        return late is not None

    def _leave_rest(self) -> None:
        """Pass on what an exchange left over: the next one begins with an empty line."""
        rest = bytes(self._buffer)
        if rest and self._listeners:
            self._buffer.clear()
            self._overhear(rest)

    async def _connect(self) -> None:
        if self._up:
            return
        if (left_s := self._retry_at - _now()) > 0:
            raise self._down(f"{self._why_down}; next attempt in {left_s:.1f} s", self._hint)
        self._buffer.clear()
        self._served, self._silent = False, 0
        try:
            await self._wire.open()
        except LinkDownError as error:
            self._back_off(error)
            raise
        self._up = True
        if self.kind == "serial":
            self._uneasy_since = _now()  # whoever had the port before may have left a question open

    def _back_off(self, error: LinkDownError) -> None:
        wait_s = min(FIRST_RETRY_S * 2**self._failures, LAST_RETRY_S[self.kind])
        self._failures = min(self._failures + 1, 10)
        self._retry_at = _now() + wait_s
        self._why_down, self._hint = error.why, error.hint

    def _lose(self, why: str) -> None:
        """Take note that the wire ended by itself."""
        served, self._up = self._served, False
        question = self._question
        error_type = HungUpError if served and question and not question.heard else LinkDownError
        alone = not served and self.kind in ("tcp", "tls")
        hint = "It may serve one client only: close other programs that ask it" if alone else CHECK_FAR_END
        error = error_type(self.name, self.endpoint, why, hint=hint)
        if not served:
            self._back_off(error)
        if question:
            question.fail(error)

    async def _disconnect(self) -> None:
        self._up = False
        self._buffer.clear()
        await self._wire.close()

    def _down(self, why: str, hint: str) -> LinkDownError:
        return LinkDownError(self.name, self.endpoint, why, hint=hint)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _until(when: float) -> None:
    if (wait_s := when - _now()) > 0:
        await asyncio.sleep(wait_s)
