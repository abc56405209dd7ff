"""What consumers send: acknowledgements and requests for replay. Pure.

Whatever comes from a broker is somebody else's word. A message that is too
large, malformed, or signed with another name than its topic's is refused with
a reason and otherwise without effect; what it says about the log is for the
log to confirm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.store.cursor import Range, intersect, merge, subtract
from drivers.reading import Stream

MOST_BYTES = 65_536
"""A longer message from a consumer is not looked at."""

MOST_RANGES = 256
"""Ranges in one acknowledgement of a stream, or in one request."""

MOST_RECORDS = 1_000_000
"""Records in one request for replay: a day and a half of twenty devices at 1 Hz, both streams."""

Seq = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Ranges = Annotated[list[tuple[Seq, Seq]], Field(max_length=MOST_RANGES)]


M = TypeVar("M", "Ack", "Request")


class InboundError(ValueError):
    """A message from a consumer that is refused; the text says why."""


class _Message(BaseModel):
    """Open for keys that we do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class StreamAck(_Message):
    """What a consumer has of one stream; ``head`` is the chain value after ``upto``."""

    upto: Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]
    have: Ranges = []
    head: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def _no_contradiction(self) -> StreamAck:
        if self.upto and self.head is None:
            raise ValueError("upto without head")
        _check(self.have)
        return self

    @property
    def ranges(self) -> list[Range]:
        """All of it as ranges."""
        return merge([*self.have, (1, self.upto)] if self.upto else self.have)

    @property
    def last(self) -> int:
        """The highest seq that it speaks of."""
        return max([self.upto, *(last for _, last in self.have)])


class Ack(_Message):
    """What a consumer has stored for good."""

    v: Literal[1]
    by: Name
    epoch: Annotated[str, Field(max_length=64)]
    streams: dict[Stream, StreamAck]


class Request(_Message):
    """Ranges that a consumer wants again."""

    v: Literal[1]
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    by: Name
    epoch: Annotated[str, Field(max_length=64)]
    stream: Stream
    ranges: Annotated[Ranges, Field(min_length=1)]

    @model_validator(mode="after")
    def _no_contradiction(self) -> Request:
        _check(self.ranges)
        return self


def _check(ranges: Iterable[Range]) -> None:
    for first, last in ranges:
        if first > last:
            raise ValueError(f"a range ends before it begins: {first} to {last}")


def parse_ack(consumer: str, payload: bytes) -> Ack:
    """Read an acknowledgement that came on the topic of *consumer*; raises InboundError."""
    return _parse(Ack, consumer, payload)


def parse_request(consumer: str, payload: bytes) -> Request:
    """Read a request that came on the topic of *consumer*; raises InboundError."""
    return _parse(Request, consumer, payload)


def _parse(kind: type[M], consumer: str, payload: bytes) -> M:
    if len(payload) > MOST_BYTES:
        raise InboundError(f"{len(payload)} bytes, more than {MOST_BYTES}")
    try:
        message = kind.model_validate_json(payload)
    except ValidationError as error:
        raise InboundError(_first_fault(error)) from None
    if message.by != consumer:
        raise InboundError(f"came on the topic of {consumer} and is by {message.by}")
    return message


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a request: the ranges that will be sent, and the words of the reply."""

    ranges: list[Range]
    reply: dict[str, Any]


def refuse(request: Request, reason: str, gone: Iterable[Range] = ()) -> Answer:
    """Send nothing, and say why."""
    words: dict[str, Any] = {"id": request.id, "status": "refused", "gone": [*gone][:MOST_RANGES], "reason": reason}
    return Answer([], words)


def fell_short(id_: str, gone: Iterable[Range]) -> dict[str, Any]:
    """A second reply: *gone* was promised, and could not be sent after all."""
    reason = "some of it could not be read or sent any more"
    return {"id": id_, "status": "partial", "gone": merge(gone)[:MOST_RANGES], "reason": reason}


def answer(request: Request, kept: Iterable[Range], last: int) -> Answer:
    """Decide on a *request* for a series of which the log keeps the ranges *kept*, up to *last*."""
    wanted = merge(request.ranges)
    count = sum(b - a + 1 for a, b in wanted)
    if count > MOST_RECORDS:
        return refuse(request, f"{count} records; ask for at most {MOST_RECORDS} at a time")
    sent = intersect(wanted, kept)
    gone = subtract(intersect(wanted, [(1, last)]), sent)[:MOST_RANGES]
    if not sent:
        return refuse(request, "nothing of it is kept", gone)
    if sent == wanted:
        return Answer(sent, {"id": request.id, "status": "accepted", "gone": []})
    reason = "some of it is no longer kept" if gone else f"the log ends at {last}"
    return Answer(sent, {"id": request.id, "status": "partial", "gone": gone, "reason": reason})
