"""A Teledyne analyzer's command line, as the T-series manuals print it (sections 8.2 and 4.15.2.5).

``X [ID] COMMAND<CR>`` is answered with ``X DDD:HH:MM IIII MESSAGE<CR><LF>``, the id in four digits. A command with
another id gets no answer. Warnings, calibration and diagnostic messages come by themselves in the same form.
"""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class TeledyneText(Spoken):
    """Test measurements by name: the message that the analyzer prints for each."""

    ends = (b"\r",)

    def __init__(self, tests: dict[str, str], machine_id: int = 100) -> None:
        super().__init__()
        self.tests = tests
        self.machine_id = machine_id
        self.commands: list[str] = []  # whatever is not a question for a test measurement

    def answer(self, request: bytes) -> bytes | None:
        kind, *words = request.decode("ascii").strip().upper().split(" ")
        if words and words[0].isdigit() and int(words.pop(0)) != self.machine_id:
            return None
        if kind != "T":
            self.commands.append(request.decode("ascii"))
            return None
        message = self.tests.get(" ".join(words))
        return None if message is None else self.line("T", message)

    def line(self, kind: str, message: str) -> bytes:
        """A message as it travels, also one that nobody asked for."""
        return f"{kind} 194:11:29 {self.machine_id:04} {message}\r\n".encode("ascii")
