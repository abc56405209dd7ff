"""A Horiba AP-370 analyzer on UDP, after the public station logger that reads them."""

from __future__ import annotations

from tests.simulators.udp_instrument import UdpInstrument


class Ap370Analyzer(UdpInstrument):
    """Answers the commands of its table, for its own kind; the answer repeats the head of the question."""

    def __init__(self, kind: int, answers: dict[str, str]) -> None:
        super().__init__({})
        self.kind = kind
        self.answers = answers

    def reply(self, request: bytes) -> bytes:
        assert request[:1] == b"\x01"
        assert request[11:12] == b"\x02"
        assert request[-1:] == b"\x03"
        head, command = request[1:7].decode(), request[7:11].decode()
        assert command.startswith("R"), "nothing but reading"
        assert self._check(request[:12]) == request[12:14]
        if head != f"0{self.kind}0{self.kind}00" or command not in self.answers:
            return b""
        reply = request[:12] + self.answers[command].encode()
        return reply + self._check(reply) + b"\x03"

    @staticmethod
    def _check(data: bytes) -> bytes:
        value = 0
        for byte in data:
            value ^= byte
        return f"{value:02x}".encode()
