"""Text instruments: questions and answers in lines, or lines that come by themselves.

The profile says what is sent, how an answer looks and where in it each value
stands. A line that is not the answer never becomes a value: waiting goes on until
the deadline, then the request has failed.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple

from drivers import lines
from drivers.api import (
    Channel,
    Device,
    Driver,
    DriverError,
    Foreign,
    Link,
    LinkDownError,
    NoReplyError,
    Profile,
    ProfileError,
    Reading,
    RequestPlan,
    Scan,
    unread,
)
from drivers.instants import span
from drivers.placeholders import filled_expression, names_address
from drivers.profile import Dialogue
from drivers.query import Query

TORN_S = 1.0
"""A pause as long as this inside a line that comes by itself means that a piece of it is lost."""
LONGEST = 4096
USUAL = 80
"""Characters of an answer that no example of the profile shows."""


class Answer(NamedTuple):
    """An answer as it came, what it says, and when it was complete."""

    frame: bytes
    text: str
    time: datetime


class DialogueDriver(Driver):
    """Reads one instrument that speaks in lines, over a serial line or TCP."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for a profile without a dialogue, and for a request that needs an address."""
        super().__init__(device, link)
        dialogue = device.profile.dialogue
        if dialogue is None:
            raise ProfileError(
                f"profile {device.profile.model} of device {device.name} has no dialogue",
                hint="Add [dialogue] with one [[dialogue.request]] to the profile, or choose another protocol",
            )
        try:
            self._query_of = queries(device.profile, dialogue, device.address)
            self._channels = {one.name: addressed(one, device.address) for one in device.profile.channels}
        except ValueError as error:
            raise ProfileError(f"device {device.name}: {error}", hint="Set address = … of the device") from None
        self._dialogue = dialogue
        self._pause_s = max(device.pause_s, dialogue.settle)
        self._overheard: dict[Query, _Overheard] = {}
        self._unanswered: set[Query] = set()  # when they were asked last: others go before them

    async def poll(self, channels: Collection[str]) -> Scan:
        """See Driver. A silent instrument costs one time-out, not one for each request."""
        answers: dict[Query, Answer] = {}
        failures: dict[Query, DriverError] = {}
        hopeless: DriverError | None = None
        for query in sorted(self._asked(channels), key=self._unanswered.__contains__):
            if hopeless:
                failures[query] = hopeless
                continue
            try:
                answers[query] = await self._ask(query)
                self._unanswered.discard(query)
            except DriverError as error:
                failures[query] = error
                if isinstance(error, NoReplyError):
                    self._unanswered.add(query)
                silent = isinstance(error, NoReplyError) and query.sent and not answers
                if silent or isinstance(error, LinkDownError):
                    hopeless = error
        if failures and not answers:
            raise next(iter(failures.values()))
        return self._scan(channels, answers, failures)

    async def probe(self) -> None:
        """See Driver."""
        await self._ask(min(self._query_of.values(), key=self._unanswered.__contains__))

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver. How long an answer is comes from the examples of the profile."""
        return [RequestPlan(str(query), len(query.sent), self._expected(query)) for query in self._asked(channels)]

    def longest_s(self, channels: Collection[str]) -> float:
        """See Driver. A request may have a time-out of its own."""
        waits = [query.request.timeout or self.device.timeout_s for query in self._asked(channels)]
        return sum(waits) + self.device.timeout_s

    def _expected(self, query: Query) -> int:
        encoding = self._dialogue.encoding
        exchanges = [one for example in self.device.profile.examples for one in example.exchanges]
        replies = [one.reply for one in exchanges if one.send and query.sent.startswith(one.send.encode(encoding))]
        return max((len(reply) + len(self._dialogue.terminator) for reply in replies), default=USUAL)

    def _asked(self, channels: Collection[str]) -> list[Query]:
        """The questions that serve *channels*, in the order of the profile's requests."""
        wanted = set(channels)
        return list(dict.fromkeys(query for name, query in self._query_of.items() if name in wanted))

    async def _ask(self, query: Query) -> Answer:
        timeout_s = query.request.timeout or self.device.timeout_s
        if not query.sent:
            return await self._listen(query, timeout_s)
        frame = await self.link.exchange(
            query.sent, query.find, device=self.device.name, timeout_s=timeout_s, pause_s=self._pause_s
        )
        return Answer(frame, query.text(frame), datetime.now(UTC))

    async def _listen(self, query: Query, timeout_s: float) -> Answer:
        """Return the newest line since the last poll, or the next one within *timeout_s*; raises NoReplyError."""
        await self.link.open()
        if query not in self._overheard:
            overheard = self._overheard[query] = _Overheard(query)
            # The link holds the listener and not the driver, so that both end with the driver.
            weakref.finalize(self, self.link.listen(overheard.hear)).atexit = False
        try:
            async with asyncio.timeout(timeout_s):
                return await self._overheard[query].take()
        except TimeoutError:
            raise NoReplyError(self.device.name, self.link.endpoint, timeout_s) from None

    def _scan(
        self, channels: Collection[str], answers: dict[Query, Answer], failures: dict[Query, DriverError]
    ) -> Scan:
        readings: dict[str, Reading] = {}
        for name in channels:
            query = self._query_of[name]
            if query in failures:
                readings[name] = unread(name, failures[query])
            else:
                readings[name] = self._read(self._channels[name], answers[query])
        return Scan(max(answer.time for answer in answers.values()), readings, self._sampled(answers))

    def _sampled(self, answers: dict[Query, Answer]) -> tuple[datetime, datetime] | None:
        """When the instrument itself sampled, where an answer says so in a time that other channels follow."""
        for name in {channel.new_by for channel in self._channels.values() if channel.new_by}:
            channel, query = self._channels[name], self._query_of[name]
            if channel.type == "time" and query in answers:
                reading = self._read(channel, answers[query])
                if isinstance(reading.value, str):
                    return span(channel, datetime.fromisoformat(reading.value))
        return None

    def _read(self, channel: Channel, answer: Answer) -> Reading:
        return lines.read(
            channel,
            answer.text,
            self._query_of[channel.name].request.separator,
            timezone=self.device.timezone,
            now=answer.time,
            raw=answer.frame.hex(" ") if channel.raw else None,
        )


def queries(profile: Profile, dialogue: Dialogue, address: int | str | None) -> dict[str, Query]:
    """The question behind each channel, in the order of the requests; channels that ask the same share one."""
    made: dict[tuple[str, str | None], Query] = {}
    found: dict[str, Query] = {}
    for request in dialogue.requests:
        for channel in profile.channels:
            if dialogue.request(channel.request).name == request.name:
                key = (request.name, channel.ask)
                if key not in made:
                    made[key] = Query(request, dialogue, address, channel.ask or "")
                found[channel.name] = made[key]
    return found


def addressed(channel: Channel, address: int | str | None) -> Channel:
    """The channel with the address in its pattern: one reply may hold several instruments."""
    if channel.pattern is None or not names_address(channel.pattern):
        return channel
    return channel.model_copy(update={"pattern": filled_expression(channel.pattern, address)})


class _Overheard:
    """Lines that come by themselves: finds those that one request of the profile describes, keeps the newest."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._buffer = bytearray()
        self._heard_at = 0.0
        self._newest: Answer | None = None
        self._fresh = asyncio.Event()

    def hear(self, data: bytes) -> None:
        """Take bytes that answer no request."""
        now = asyncio.get_running_loop().time()
        if now - self._heard_at > TORN_S:
            self._buffer.clear()
        self._heard_at = now
        self._buffer += data
        while self._buffer:
            try:
                found = self._query.find(self._buffer)
            except Foreign as foreign:
                del self._buffer[: foreign.used]
                continue
            if found is None:
                break
            del self._buffer[: found.used]
            self._newest = Answer(found.frame, self._query.text(found.frame), datetime.now(UTC))
            self._fresh.set()
        del self._buffer[:-LONGEST]

    async def take(self) -> Answer:
        """Return the newest line that was not taken before; wait for one when there is none."""
        while self._newest is None:
            self._fresh.clear()
            await self._fresh.wait()
        newest, self._newest = self._newest, None
        return newest
