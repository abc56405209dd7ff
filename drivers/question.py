"""One request that waits for its answer, and what a protocol may say about the bytes that come.

The finder is the protocol's; the deadline and the verdict when nothing fits are here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import BadReplyError, NoReplyError

SETTLE_S = 0.1  # how long after bytes that are no answer a proper frame may still follow
SHOWN = 32


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: its bytes, and how many bytes of the buffer it took with what lay before it.

    ``refused`` marks the instrument's own refusal, which counts as an answer. ``skipped`` is how many of the used
    bytes lay before it: noise to this protocol, perhaps a line to another one on the same wire.
    """

    frame: bytes
    used: int
    refused: bool = False
    skipped: int = 0


class Foreign(Exception):  # noqa: N818 - a finding, not an error
    """A complete frame that answers something else: late, or another device's.

    Its ``used`` bytes are cut off, it is counted, and waiting goes on. ``damaged`` says that its checksum is wrong;
    ``own`` is its content when it comes from the very instrument that was asked.
    """

    def __init__(self, used: int, what: str, *, damaged: bool = False, own: bytes = b"") -> None:
        super().__init__(what)
        self.used = max(used, 1)
        self.damaged = damaged
        self.own = own


class Garbage(Exception):  # noqa: N818 - a finding, not an error
    """What lies there cannot become the answer; once the line rests, the exchange fails with this text.

    ``damaged`` says that a checksum is wrong.
    """

    def __init__(self, what: str, *, damaged: bool = False) -> None:
        super().__init__(what)
        self.damaged = damaged


FrameFinder = Callable[[bytearray], Found | None]
"""Looks for the answer in what came so far: Found, or None for "not yet"; may raise Foreign or Garbage.

It is called each time bytes arrived, and again after each foreign frame was cut off; after a time-out also with
frames that came later, to see whether they are the missing answer. So it looks at the buffer only and changes nothing.
"""


def answer_in(data: bytes, find: FrameFinder) -> bytes | None:
    """The answer that *find* finds in *data*, past what is foreign to it; None when there is none."""
    rest = bytearray(data)
    while rest:
        try:
            found = find(rest)
        except Foreign as foreign:
            del rest[: foreign.used]
        except Garbage:
            break
        else:
            return found.frame if found else None
    return None


class Question:
    """One request under way. ``answer`` becomes what the finder found, or NoReplyError or BadReplyError.

    ``on_foreign`` gets each foreign frame and whether it was damaged, ``on_noise`` what lay before the answer.
    ``shared`` says that others talk on this wire: what is garbage here does not end the waiting early.
    """

    def __init__(
        self,
        buffer: bytearray,
        find: FrameFinder,
        on_foreign: Callable[[bytes, bool], None],
        on_noise: Callable[[bytes], object],
        *,
        device: str,
        endpoint: str,
        timeout_s: float,
        shared: bool = False,
    ) -> None:
        self.device = device
        self.heard = False
        self._buffer = buffer
        self._find = find
        self._on_foreign = on_foreign
        self._on_noise = on_noise
        self._shared = shared
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._wrong = ""  # why what came is not the answer
        self._damaged = self._garbage = False
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + timeout_s
        self._timer = self._loop.call_at(self._deadline, self._expire)
        self.answer: asyncio.Future[Found] = self._loop.create_future()

    def hear(self) -> None:
        """Look at the buffer, to which bytes were added."""
        self.heard = True
        if self.answer.done():
            return
        try:
            self._search()
        except Exception as error:  # noqa: BLE001 - a finder's defect belongs to who asked, not to the loop
            self.fail(error)

    def _search(self) -> None:
        garbage, self._garbage = self._garbage, False
        while self._buffer:
            try:
                found = self._find(self._buffer)
            except Foreign as foreign:
                self._wrong, self._damaged = str(foreign), foreign.damaged
                self._on_foreign(bytes(self._buffer[: foreign.used]), foreign.damaged)
                del self._buffer[: foreign.used]
                continue
            except Garbage as what:
                self._wrong, self._damaged, self._garbage = str(what), what.damaged, True
                if not self._shared:
                    self._wait_until(min(self._deadline, self._loop.time() + SETTLE_S))
                return
            if found is not None:
                if found.skipped:
                    self._on_noise(bytes(self._buffer[: found.skipped]))
                del self._buffer[: found.used]
                self.answer.set_result(found)
                return
            break
        if garbage:
            self._wait_until(self._deadline)

    def pass_over_leftovers(self) -> None:
        """Pass over what the answer before left in the buffer, when this question is not yet asked."""
        if self._buffer:
            self.hear()
            self.start_afresh()
            self.heard = False

    def start_afresh(self) -> None:
        """Forget garbage that what comes next does not continue."""
        if self._garbage:
            self._buffer.clear()
            self._wrong, self._garbage = "", False
            self._wait_until(self._deadline)

    def fail(self, error: Exception) -> None:
        """End the waiting with *error*, unless it is over."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def close(self) -> None:
        """Stop the clock."""
        self._timer.cancel()

    def _wait_until(self, when: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_at(when, self._expire)

    def _expire(self) -> None:
        if self._buffer and not self._garbage:
            self._wrong = f"{len(self._buffer)} bytes came that are no whole reply: {_shown(bytes(self._buffer))}"
            self._damaged = False
        if self._wrong:
            self.fail(BadReplyError(self.device, self._endpoint, self._wrong, damaged=self._damaged))
        else:
            self.fail(NoReplyError(self.device, self._endpoint, self._timeout_s))


def _shown(data: bytes) -> str:
    """The begin of *data*: as text with its line ends where it is text, else in hex."""
    begin, more = data[:SHOWN], " …" if len(data) > SHOWN else ""
    is_text = all(byte in b"\t\r\n" or 0x20 <= byte < 0x7F for byte in begin)
    return (repr(begin.decode("ascii")) if is_text else begin.hex(" ")) + more
