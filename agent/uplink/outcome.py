"""What becomes of a batch: taken, sent again, sent smaller, or parked. Never an endless loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from agent.uplink.codes import INNOCENT, NO_SUBSCRIBER, TOO_LARGE, Verdict, hint, meaning, verdict
from agent.uplink.consumer import StreamAck
from agent.uplink.lanes import Piece, Replay, Track
from agent.uplink.progress import Progress
from agent.uplink.standing import Standing

GRACE_S = 5.0
"""How much later something else must have been taken before a consumer is thought to lack a batch."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A message on its way; ``piece`` is None for what is no batch."""

    topic: str
    size: int
    sent_s: float
    first: int = 0
    last: int = 0
    piece: Piece | None = None


class Outcome:
    """Draws the consequences of PUBACKs, of lost connections and of a consumer's word, on one connection.

    *flights* are the messages on their way, oldest first; *consumer* is the one
    whose word moves the cursor, None when the broker's does.
    """

    def __init__(
        self, progress: Progress, standing: Standing, flights: Mapping[int, Flight], consumer: str | None
    ) -> None:
        self._progress = progress
        self._standing = standing
        self._flights = flights
        self._consumer = consumer
        self._refused: list[tuple[Track, int, int, str]] = []
        self._unconfirmed: dict[Track, list[tuple[int, int, float]]] = {}  # with the time of PUBACK
        self.replays: dict[str, Replay] = {}  # by consumer
        self.short: list[Replay] = []  # those that ended without all that was promised

    @property
    def unconfirmed(self) -> int:
        """Records that the broker took and the consumer has not confirmed."""
        return sum(last - first + 1 for parts in self._unconfirmed.values() for first, last, _ in parts)

    def answered(self, flight: Flight, piece: Piece, code: int) -> None:
        """A batch, on its way no more, was answered with PUBACK *code*."""
        match verdict(code):
            case Verdict.TAKEN:
                self._standing.subscriber(flight.topic, code != NO_SUBSCRIBER)
                self._taken(flight, piece)
            case Verdict.PAUSE:
                self._again(flight, piece)
                self._standing.begin_pause(f"{flight.topic}: {meaning(code)}", hint(code))
            case Verdict.SPLIT:
                if code == TOO_LARGE:
                    self._standing.too_large(flight.size)
                self._refuse(flight, piece, meaning(code))
            case Verdict.RETRY if self._standing.refused(piece.track.key, flight.first):
                self._refuse(flight, piece, meaning(code))
            case Verdict.RETRY:
                self._again(flight, piece)

    def _taken(self, flight: Flight, piece: Piece) -> None:
        self._standing.taken(piece.track.key, flight.first)
        if piece.replay is not None:
            self.end_replay(piece)
        elif self._consumer is None:
            self._progress.delivered(piece.track, [(flight.first, flight.last)])
        else:
            waiting = self._unconfirmed.setdefault(piece.track, [])
            waiting.append((flight.first, flight.last, time.monotonic()))

    def _again(self, flight: Flight, piece: Piece) -> None:
        if piece.replay is not None:
            piece.replay.ranges = sorted([*piece.replay.ranges, (flight.first, flight.last)])
        else:
            piece.track.release([(flight.first, flight.last)])

    def end_replay(self, piece: Piece) -> None:
        """If *piece* was the last of a replay, its consumer may ask for another."""
        replay = piece.replay
        if replay is None or replay.ranges or self.replays.get(replay.consumer) is not replay:
            return
        if not any(flight.piece and flight.piece.replay is replay for flight in self._flights.values()):
            del self.replays[replay.consumer]
            if replay.gone:
                self.short.append(replay)

    def _refuse(self, flight: Flight, piece: Piece, reason: str) -> None:
        self._standing.blame(piece.track.key, flight.first, flight.last)
        self.reject(flight, piece, reason)

    def reject(self, flight: Flight, piece: Piece, reason: str) -> None:
        """The broker will not have this batch: send it smaller, or park it when it is one record."""
        if piece.sizes.split(flight.first, flight.last):
            self._again(flight, piece)
            return
        self._standing.refused_alone(flight.size)
        if piece.replay is not None:
            self.lack(piece, flight.first, flight.last)
        elif not self._standing.may_park():
            self._again(flight, piece)
        else:
            self._refused.append((piece.track, flight.first, flight.last, reason))

    def lack(self, piece: Piece, first: int, last: int) -> None:
        """*first* to *last* of a replay cannot be sent after all."""
        if piece.replay is not None:
            piece.replay.gone.append((first, last))
            self.end_replay(piece)

    @property
    def has_refused(self) -> bool:
        """Whether something waits to be parked."""
        return bool(self._refused)

    async def park_refused(self) -> None:
        """Park what was refused for good, with an event each."""
        refused, self._refused = self._refused, []
        for track, first, last, reason in refused:
            await self._progress.park(track, first, last, reason)
            self._standing.notices.say(
                "range_parked", epoch=track.epoch, stream=str(track.stream), first=first, last=last, reason=reason
            )

    def confirmed(self, track: Track, ack: StreamAck) -> None:
        """The consumer that counts has stored something: move the cursor, and send again what it evidently lacks."""
        waiting = self._unconfirmed.pop(track, [])
        self._progress.delivered(track, ack.ranges)
        newest_s = max((at for first, last, at in waiting if not track.cursor.gaps(first, last)), default=0.0)
        for first, last, at in waiting:
            left = track.cursor.gaps(first, last)
            if left and at < newest_s - GRACE_S:
                track.release(left)
            elif left:
                self._unconfirmed.setdefault(track, []).extend((a, b, at) for a, b in left)

    def lost(self, code: int | None, reason: str, *, alive: bool) -> None:
        """The connection ended, with the broker's *code* if it gave one; *alive*: it had answered something.

        Finds out whether a batch did it, for that one would do it again and again.
        """
        guilty = self._guilty(code, alive=alive)
        if guilty is not None and guilty.piece is not None:
            self._standing.too_large(guilty.size, certain=code in (None, TOO_LARGE))
            self._refuse(guilty, guilty.piece, reason)

    def _guilty(self, code: int | None, *, alive: bool) -> Flight | None:
        if code == TOO_LARGE:
            return max(self._flights.values(), key=lambda flight: flight.size, default=None)
        first = next((flight for flight in self._flights.values() if flight.piece is not None), None)
        if first is None or first.piece is None or not alive or code in INNOCENT:
            return None
        return first if self._standing.died(first.piece.track.key, first.first) else None
