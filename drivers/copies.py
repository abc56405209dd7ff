"""Second copies of replies, where a reply does not say which request it answers.

Gateways and radio links repeat what they hold lost. A copy looks like an answer to
whatever is asked next in the same shape; what came lately tells which answers to doubt.
Blocks that really hold the same, such as alarms that are all off, are doubted as well
and cost two exchanges more; more than that only on a wire that has had trouble.
"""

from __future__ import annotations

from collections import deque

from drivers.plan import Span

LATELY_S = 10.0
"""How long after a reply a second copy of it may still come."""
TROUBLE_S = 600.0
"""How long after a reply was missing or repeated the wire is held capable of it."""


class Copies:
    """What one instrument answered lately; times in seconds of the loop's clock."""

    def __init__(self) -> None:
        self._answers: deque[tuple[float, Span, bytes]] = deque()
        self._proofs: deque[float] = deque()
        self._trouble_s = self._repeated_s = -TROUBLE_S

    def note(self, span: Span, answer: bytes, now_s: float) -> None:
        """Remember the *answer* to a request for *span*, as its PDU."""
        self._answers.append((now_s, span, answer))

    def note_proof(self, now_s: float) -> None:
        """Remember that the proof was asked for, whose answer is always the same."""
        self._proofs.append(now_s)

    def note_trouble(self, now_s: float, *, repeated: bool) -> None:
        """Remember that a reply was missing, or *repeated*."""
        self._trouble_s = now_s
        if repeated:
            self._repeated_s = now_s

    def knows(self, answer: bytes) -> bool:
        """Whether *answer* was accepted lately."""
        return any(answer == other for _, _, other in self._answers)

    def possible(self, span: Span, answer: bytes, now_s: float) -> bool:
        """Whether *answer* to a request for *span* may be a second copy of one that came before.

        The same answer to the same request is what most instruments give, so it is doubted
        only where copies were seen.
        """
        while self._answers and self._answers[0][0] < now_s - LATELY_S:
            self._answers.popleft()
        strict = now_s - self._repeated_s < TROUBLE_S
        return any(answer == other and (strict or span.start != its.start) for _, its, other in self._answers)

    def proofs(self, now_s: float) -> int:
        """How many answers to the proof a copy may still come of."""
        while self._proofs and self._proofs[0] < now_s - LATELY_S:
            self._proofs.popleft()
        return len(self._proofs) if now_s - self._trouble_s < TROUBLE_S else 0
