"""What comes back over one connection: our own state, acknowledgements, requests for replay.

A consumer's word is held against the log before it counts. What does not fit is
ignored with an event, except before the first publish of a connection: then it
shows that this log is an older copy of itself, and a new epoch has to begin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from agent.recorder import Recorder
from agent.store.cursor import Cursor, Range, merge, subtract
from agent.store.reader import Reader
from agent.uplink.announce import Announcer, Message, parse_state
from agent.uplink.consumer import (
    MOST_BYTES,
    Ack,
    Answer,
    InboundError,
    Request,
    answer,
    fell_short,
    parse_ack,
    parse_request,
    refuse,
)
from agent.uplink.lanes import Key, Replay, Track
from agent.uplink.outcome import Outcome
from agent.uplink.progress import Progress
from agent.uplink.retrieval import Retrieval
from agent.uplink.standing import Notices
from drivers.reading import Stream

MOST_WAITING = 200
"""Messages that may wait to be looked at; a flood beyond that is dropped."""

MOST_AT_ONCE = 20
"""Messages that are looked at before records get their turn again."""

MOST_REPLAYS = 8
"""Consumers that are served at a time."""

MOST_ANSWERS = 1000
"""Requests of one connection whose answers are remembered."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says that the log of this epoch reaches to ``last``, and has ``head`` after ``seq``."""

    who: str
    track: Track
    seq: int
    head: str | None
    last: int


class Inbox:
    """The inbound side of one connection.

    *outcome* is told what *consumer* has stored, and has the replays that are
    served now; *retrieval* knows what only the archive has.
    """

    def __init__(
        self,
        base: str,
        *,
        announcer: Announcer,
        progress: Progress,
        recorder: Recorder,
        notices: Notices,
        consumer: str | None,
        outcome: Outcome,
        retrieval: Retrieval,
    ) -> None:
        self._base = base
        self._announcer = announcer
        self._progress = progress
        self._recorder = recorder
        self._notices = notices
        self._consumer = consumer
        self._outcome = outcome
        self._retrieval = retrieval
        self._messages: deque[Inbound] = deque()
        self._answers: dict[tuple[str, str], Mapping[str, Any]] = {}

    @property
    def topics(self) -> list[str]:
        """What to subscribe to. Some brokers find what is retained by its exact topic only."""
        awaited = [f"{self._base}/ack/{self._consumer}"] if self._consumer is not None else []
        return [self._announcer.topic, *awaited, f"{self._base}/ack/+", f"{self._base}/replay/+"]

    @property
    def settled(self) -> bool:
        """Whether what was retained for us is here: our own state, and the ack that our cursor waits for."""
        came = {message.topic for message in self._messages}
        wanted = {self._announcer.topic}
        if self._consumer is not None:
            wanted.add(f"{self._base}/ack/{self._consumer}")
        return wanted <= came

    def take(self, message: Inbound) -> None:
        """Keep a message until it is looked at; of one that is too long anyway, only the beginning."""
        if len(self._messages) < MOST_WAITING:
            self._messages.append(replace(message, payload=message.payload[: MOST_BYTES + 1]))
        else:
            self._notices.say_rarely("flood_dropped", message.topic, topic=message.topic[:200])

    async def forked(self) -> str | None:
        """Before the first publish: what shows that this log is an older copy of itself, in words."""
        claims = [claim for message in self._messages for claim in self._claims(message)]
        for claim, fault in await self._faults(claims):
            if fault is not None:
                return f"{claim.who} shows {claim.track.stream} {fault}"
        return None

    async def read(self) -> list[Message]:
        """Look at what came, at some of it in a flood; returns what is to be answered."""
        replies = self._shortfalls()
        for _ in range(min(len(self._messages), MOST_AT_ONCE)):
            message = self._messages.popleft()
            kind, _, consumer = message.topic.removeprefix(f"{self._base}/").partition("/")
            try:
                if not message.payload:
                    continue  # a retained message was cleared
                if kind == "state":
                    self._announcer.heard(message.payload)
                elif kind == "ack":
                    await self._acknowledged(parse_ack(consumer, message.payload))
                elif kind == "replay":
                    replies.append(await self._requested(parse_request(consumer, message.payload)))
            except InboundError as error:
                self._notices.say_rarely(f"{kind}_ignored", consumer, consumer=consumer[:64], reason=str(error)[:300])
        return replies

    def _claims(self, message: Inbound) -> Iterable[Claim]:
        kind, _, consumer = message.topic.removeprefix(f"{self._base}/").partition("/")
        if kind == "state":
            yield from self._state_claims(parse_state(message.payload))
        elif kind == "ack":
            try:
                ack = parse_ack(consumer, message.payload)
            except InboundError:
                return  # said when it is read
            if ack.epoch == self._progress.epoch:
                yield from self._ack_claims(ack)

    def _state_claims(self, words: dict[str, Any]) -> Iterable[Claim]:
        streams = words.get("streams")
        if words.get("epoch") != self._progress.epoch or not isinstance(streams, dict):
            return
        for track in self._progress.current:
            said = streams.get(track.stream)
            if isinstance(said, dict) and isinstance(last := said.get("last"), int) and last >= 0:
                yield Claim("our own state at the broker", track, last, str(said.get("head")), last)

    def _ack_claims(self, ack: Ack) -> Iterable[Claim]:
        for stream, said in ack.streams.items():
            if track := self._progress.tracks.get((ack.epoch, stream)):
                yield Claim(f"an ack of {ack.by}", track, said.upto, said.head, said.last)

    async def _faults(self, claims: list[Claim]) -> list[tuple[Claim, str | None]]:
        """For each claim what of it the log contradicts."""
        if not claims:
            return []

        def heads(reader: Reader) -> list[bytes | None]:
            return [reader.head_at(claim.track.epoch, claim.track.stream, claim.seq) for claim in claims]

        self._progress.grow()
        ours = await self._recorder.read(heads)
        return [(claim, _fault(claim, head)) for claim, head in zip(claims, ours, strict=True)]

    async def _acknowledged(self, ack: Ack) -> None:
        if not any(epoch == ack.epoch for epoch, _ in self._progress.tracks):
            raise InboundError(f"speaks of epoch {ack.epoch}, which this log does not have")
        for claim, fault in await self._faults(list(self._ack_claims(ack))):
            if fault is not None:
                raise InboundError(f"{claim.track.stream} {fault}")
            if ack.by == self._consumer:
                self._outcome.confirmed(claim.track, ack.streams[claim.track.stream])

    async def _requested(self, request: Request) -> Message:
        """Answer a request, and serve it; the same id again gets the same answer and is served once."""
        known = self._answers.get((request.by, request.id))
        if known is None:
            decided = await self._decide(request)
            known = decided.reply
            self._notices.say_rarely(
                "replay_requested", request.by, consumer=request.by, stream=str(request.stream), status=known["status"]
            )
            if known.get("reason") != _BUSY and len(self._answers) < MOST_ANSWERS:
                self._answers[request.by, request.id] = known
        return Message(f"{self._base}/reply/{request.by}", orjson.dumps(known))

    async def _decide(self, request: Request) -> Answer:
        replays = self._outcome.replays
        if request.by in replays or len(replays) >= MOST_REPLAYS:
            return refuse(request, _BUSY)
        if self._is_other_stream(request.stream):
            return refuse(request, _UNKNOWN)
        key = (request.epoch, request.stream)
        self._progress.grow()
        kept = await self._recorder.read(lambda reader: reader.kept(*key))
        try:
            sealed = await self._retrieval.stretches(key)
        except OSError as error:
            return refuse(request, f"the archive cannot be read: {error.strerror}")
        track = self._progress.tracks.get(key) or _of_archive(key, sealed)
        if track is None:
            return refuse(request, _UNKNOWN, request.ranges)
        decided = answer(request, merge([*kept, *sealed]), track.last)
        if decided.ranges:
            archived = subtract(decided.ranges, kept)
            replays[request.by] = Replay(request.id, request.by, track, decided.ranges, archived)
        return decided

    def _shortfalls(self) -> list[Message]:
        """Second replies, for replays that ended without all that the first one promised."""
        short, self._outcome.short = self._outcome.short, []
        for replay in short:
            self._answers[replay.consumer, replay.id] = fell_short(replay.id, replay.gone)
        return [
            Message(f"{self._base}/reply/{one.consumer}", orjson.dumps(fell_short(one.id, one.gone))) for one in short
        ]

    def _is_other_stream(self, stream: Stream) -> bool:
        return all(track.stream != stream for track in self._progress.tracks.values())


def _of_archive(key: Key, sealed: list[Range]) -> Track | None:
    """A series that the log has forgotten."""
    return Track(*key, Cursor(), last=sealed[-1][1]) if sealed else None


_UNKNOWN = "this uplink has no such epoch and stream"
_BUSY = "another request is being served; ask again when it is done"


def _fault(claim: Claim, head: bytes | None) -> str | None:
    """What is wrong with *claim* when our head at its seq is *head*, None for one that is not kept any more."""
    if claim.last > claim.track.last:
        return f"{claim.last}, and the log ends at {claim.track.last}"
    if claim.head is None:
        return None
    if head is None:
        return None if claim.seq <= claim.track.cursor.upto else f"{claim.seq}, which is not kept and not acknowledged"
    return None if head.hex() == claim.head else f"{claim.seq} with another head than the log has there"
