"""A Thermo analyzer with the C-Link protocol, as the appendices B of the 42i, 48i and 49i manuals print it.

A command is a byte of 128 + instrument id, text in capitals or not, and CR; the answer is the command and what
it asks for. Reply format 00 ends with CR, format 01 with NL, ``sum xxxx``, CR. What does not begin with the
analyzer's byte is ignored. Commands that begin with ``set`` are obeyed: `set_commands` keeps them.
"""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class ClinkAnalyzer(Spoken):
    """Answers by command, as the manuals print them, without the command that they repeat."""

    def __init__(self, answers: dict[str, str], instrument_id: int, *, reply_format: int = 0) -> None:
        super().__init__()
        self.answers = answers
        self.instrument_id = instrument_id
        self.reply_format = reply_format
        self.odd_begin = b""  # some units put 80 or FF before an answer
        self.odd_end = b""  # and some a star behind it
        self.set_commands: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        if request[0] != 128 + self.instrument_id:
            return None
        command = request[1:-1].decode("ascii").lower()
        if command.startswith("set "):
            self.set_commands.append(command)
            return self._ended(f"{command} ok")
        return self._ended(f"{command} {self.answers.get(command, 'bad cmd')}")

    def _ended(self, text: str) -> bytes:
        reply = self.odd_begin + text.encode("latin-1") + self.odd_end
        if self.reply_format == 0:
            return reply + b"\r"
        total = 0
        for byte in reply:
            total += byte
        return reply + b"\nsum " + format(total, "04x").encode("ascii") + b"\r"
