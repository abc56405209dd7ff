"""One question of a text dialogue: how it is written, and what counts as its answer.

Pure. A reply without its end is never an answer, neither is one whose checksum is
wrong or that does not look like what the request expects.
"""

from __future__ import annotations

import re

from drivers.checksum import ChecksumError, seal, unseal
from drivers.placeholders import filled, filled_expression
from drivers.profile import Dialogue, Request
from drivers.question import Foreign, Found

SHOWN = 60
BLANK = b"\r\n"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Query:
    """One request of a dialogue, put to one address for one thing: what is sent, and what counts as its answer."""

    def __init__(self, request: Request, dialogue: Dialogue, address: int | str | None, ask: str = "") -> None:
        """Raises ValueError when the request needs an address of another kind, or any, or cannot be encoded."""
        self.request = request
        self._dialogue = dialogue
        self._begin = dialogue.begin.encode(dialogue.encoding)
        self._end = dialogue.terminator.encode(dialogue.encoding)
        self._text = filled(request.send, address, ask)
        self.sent = self._sealed()
        """What goes out; empty when the lines come by themselves."""
        self._echo = self._text.removeprefix(dialogue.begin)
        self._expect = re.compile(filled_expression(request.expect or ".*", address, ask), re.DOTALL)

    def __str__(self) -> str:
        return repr(self._text) if self._text else f"{self.request.name}, which comes by itself"

    def _sealed(self) -> bytes:
        if not self._text:
            return b""
        dialogue = self._dialogue
        end = dialogue.terminator if dialogue.request_terminator is None else dialogue.request_terminator
        return seal(dialogue.checksum, self._text.encode(dialogue.encoding)) + end.encode(dialogue.encoding)

    def find(self, buffer: bytearray) -> Found | None:
        """Look for the whole answer in *buffer*, past empty lines; raises Foreign for anything that is none."""
        cuts = self._cuts(buffer)
        if cuts is None:
            return None
        frame = bytes(buffer[cuts[0] : cuts[-1]])
        try:
            text = self.text(frame)
        except ChecksumError as error:
            raise Foreign(cuts[1], f"{_shown(frame)} is damaged: {error}", damaged=True) from None
        except UnicodeDecodeError as error:
            odd = f"byte {error.object[error.start]:02x} is none of encoding {self._dialogue.encoding}"
            raise Foreign(cuts[1], f"{_shown(frame)} cannot be read: {odd}") from None
        if CONTROL.search(text):
            raise Foreign(cuts[1], f"{_shown(frame)} is damaged: it has control characters inside")
        if text in ("", self._echo) or not self._expect.fullmatch(text):
            raise Foreign(cuts[1], f"{_shown(frame)} is no answer to {self}")
        return Found(frame, cuts[-1], skipped=cuts[0])

    def text(self, frame: bytes) -> str:
        """The answer *frame* without begin, line ends and checksums, its lines joined by line feeds."""
        dialogue = self._dialogue
        lines = [frame] if dialogue.trailer else frame.removesuffix(self._end).split(self._end)
        unsealed = (unseal(dialogue.checksum, line.strip(BLANK)).removeprefix(self._begin) for line in lines)
        return "\n".join(line.decode(dialogue.encoding) for line in unsealed)

    def _cuts(self, buffer: bytearray) -> list[int] | None:
        """Where the answer would begin and where each of its lines ends; None while its end has not come."""
        begin = len(buffer) - len(buffer.lstrip(BLANK))
        cuts = [begin]
        while len(cuts) <= self.request.lines:
            at = buffer.find(self._end, cuts[-1] + (len(self._begin) if len(cuts) == 1 else 0))
            end = at + len(self._end) + self._dialogue.trailer
            if at < 0 or end > len(buffer):
                return None
            cuts.append(end)
        if self._begin:
            self._begun(buffer, begin, cuts[1])
        return cuts

    def _begun(self, buffer: bytearray, begin: int, end: int) -> None:
        """Raise Foreign unless a frame begins at *begin* and none after it, before *end*: that one is whole."""
        last = buffer.rfind(self._begin, begin, end)
        if last < 0:
            raise Foreign(end, f"{_shown(bytes(buffer[begin:end]))} has no begin")
        if last > begin:
            raise Foreign(last, f"{_shown(bytes(buffer[begin:last]))} is the rest of something else")


def _shown(frame: bytes) -> str:
    text = frame.decode("ascii", "backslashreplace").strip()
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
