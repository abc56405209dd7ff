"""Text instruments: questions and answers in lines, or lines that come by themselves.

The profile says what is sent, how an answer looks and where in it each value
stands. A line that is not the answer never becomes a value: waiting goes on until
the deadline, then the request has failed.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from drivers import lines
from drivers.api import (
    Channel,
    Device,
    Foreign,
    Inquiry,
    InquiryDriver,
    Link,
    NoReplyError,
    Profile,
    ProfileError,
    Reading,
    Scan,
    grouped,
)
from drivers.placeholders import filled_expression, names_address
from drivers.profile import Dialogue
from drivers.query import Query

TORN_S = 1.0
"""A pause as long as this inside a line that comes by itself means that a piece of it is lost."""
LONGEST = 4096
USUAL = 80
"""Characters of an answer that no example of the profile shows."""


class Line(NamedTuple):
    """A line that came by itself, and when it was complete."""

    frame: bytes
    time: datetime


class DialogueDriver(InquiryDriver):
    """Reads one instrument that speaks in lines, over a serial line or TCP."""

    def __init__(self, device: Device, link: Link) -> None:
        """Raises ProfileError for a profile without a dialogue, and for a request that needs an address."""
        dialogue = device.profile.dialogue
        if dialogue is None:
            raise ProfileError(
                f"profile {device.profile.model} of device {device.name} has no dialogue",
                hint="Add [dialogue] with one [[dialogue.request]] to the profile, or choose another protocol",
            )
        super().__init__(replace(device, pause_s=max(device.pause_s, dialogue.settle)), link)
        try:
            self._query_of = queries(device.profile, dialogue, device.address)
            self._channels = {one.name: addressed(one, device.address) for one in device.profile.channels}
        except ValueError as error:
            raise ProfileError(f"device {device.name}: {error}", hint="Set address = … of the device") from None
        self._dialogue = dialogue
        self._overheard: dict[Query, _Overheard] = {}

    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """See InquiryDriver; in the order of the profile's requests."""
        served = grouped(channels, lambda one: self._query_of[one.name])
        return [self._inquiry(one, served[one]) for one in dict.fromkeys(self._query_of.values()) if one in served]

    def _inquiry(self, query: Query, channels: tuple[Channel, ...]) -> Inquiry:
        return Inquiry(str(query), query.sent, self._expected(query), query.find, channels, query.request.timeout)

    def _expected(self, query: Query) -> int:
        """How long an answer is, by the examples of the profile."""
        encoding = self._dialogue.encoding
        exchanges = [one for example in self.device.profile.examples for one in example.exchanges]
        replies = [one.reply for one in exchanges if one.send and query.sent.startswith(one.send.encode(encoding))]
        return max((len(reply) + len(self._dialogue.terminator) for reply in replies), default=USUAL)

    async def answer(self, inquiry: Inquiry) -> Scan:
        """See InquiryDriver; what comes by itself is the newest line since the last poll, or the next one."""
        if inquiry.sent:
            return await super().answer(inquiry)
        line = await self._listen(inquiry)
        return Scan.of(self._readings(inquiry, line.frame, line.time), line.time)

    def read(self, inquiry: Inquiry, frame: bytes) -> Iterator[Reading]:
        """See InquiryDriver."""
        return self._readings(inquiry, frame, datetime.now(UTC))

    def _readings(self, inquiry: Inquiry, frame: bytes, now: datetime) -> Iterator[Reading]:
        query = self._query_of[inquiry.channels[0].name]
        text, separator = query.text(frame), query.request.separator
        for channel in inquiry.channels:
            place, raw = self._channels[channel.name], frame.hex(" ") if channel.raw else None
            yield lines.read(place, text, separator, timezone=self.device.timezone, now=now, raw=raw)

    async def _listen(self, inquiry: Inquiry) -> Line:
        """Return the newest line since the last poll, or the next one in time; raises NoReplyError."""
        await self.link.open()
        query = self._query_of[inquiry.channels[0].name]
        if query not in self._overheard:
            overheard = self._overheard[query] = _Overheard(query)
            # The link holds the listener and not the driver, so that both end with the driver.
            weakref.finalize(self, self.link.listen(overheard.hear)).atexit = False
        timeout_s = inquiry.timeout_s or self.device.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._overheard[query].take()
        except TimeoutError:
            raise NoReplyError(self.device.name, self.link.endpoint, timeout_s) from None


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
        self._newest: Line | None = None
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
            self._newest = Line(found.frame, datetime.now(UTC))
            self._fresh.set()
        del self._buffer[:-LONGEST]

    async def take(self) -> Line:
        """Return the newest line that was not taken before; wait for one when there is none."""
        while self._newest is None:
            self._fresh.clear()
            await self._fresh.wait()
        newest, self._newest = self._newest, None
        return newest
