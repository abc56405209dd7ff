"""What a driver is: the only module that other people's packages import.

A driver is given its device and its link, and opens neither. It turns channel
names into requests, gives each to :meth:`Link.exchange` with a function that
finds the answer among the bytes that come, and turns answers into readings.
Where a poll is a list of questions, :class:`InquiryDriver` does all but the protocol.
Packages announce their drivers in the entry-point group ``station_agent.drivers``:
the name is the protocol as profiles write it, the object the :class:`Driver`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from drivers.decode import decode, graded
from drivers.errors import (
    BadReplyError,
    DriverError,
    LinkDownError,
    NoReplyError,
    ProfileError,
    RefusedError,
    StationError,
)
from drivers.instants import sampled
from drivers.link import Foreign, Found, FrameFinder, Garbage, Link
from drivers.profile import Channel, Profile, Words
from drivers.reading import Quality, Reading, Scan, Stream, Value

__all__ = [
    "BadReplyError",
    "Channel",
    "Device",
    "Driver",
    "DriverError",
    "Foreign",
    "Found",
    "FrameFinder",
    "Garbage",
    "Inquiry",
    "InquiryDriver",
    "Link",
    "LinkDownError",
    "NoReplyError",
    "Profile",
    "ProfileError",
    "Quality",
    "Reading",
    "RefusedError",
    "RequestPlan",
    "Scan",
    "StationError",
    "Stream",
    "Value",
    "Words",
    "address_between",
    "decode",
    "graded",
    "grouped",
    "own_words",
    "unread",
]

K = TypeVar("K", bound=Hashable)
W = TypeVar("W", bound=Words)

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Device:
    """One instrument of the station: its name, its address on the wire, its model."""

    name: str
    address: int | str | None
    profile: Profile
    timeout_s: float = 1.0
    pause_s: float = 0.0
    timezone: ZoneInfo = UTC


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """One request that a poll would send: in words, and what it costs on the wire, in bytes."""

    text: str
    sent: int
    expected: int


class Driver(ABC):
    """Reads one instrument over a link that it may share with others."""

    def __init__(self, device: Device, link: Link) -> None:
        self.device = device
        self.link = link

    @abstractmethod
    async def poll(self, channels: Collection[str]) -> Scan:
        """Read the named channels once; each of them gets a reading.

        A request that fails costs its own channels: they are None, ``comm_fault``,
        with the reason. Raises the first DriverError when no request gave anything.
        """

    @abstractmethod
    async def probe(self) -> None:
        """Send one cheap request; return when the instrument answered anything proper, raise DriverError else."""

    def unsettle(self) -> None:  # noqa: B027 - most protocols need not care
        """Take note that a request of somebody else to this instrument may still be answered, late."""

    @abstractmethod
    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """The requests that a poll of *channels* would send; nothing is sent."""

    def longest_s(self, channels: Collection[str]) -> float:
        """How long a poll of *channels* may take at most; whoever waits for longer requests says more than this."""
        return self.device.timeout_s * (len(self.requests(channels)) + 1)


def unread(channel: str, error: DriverError) -> Reading:
    """The reading of a channel whose request failed with *error*."""
    return Reading(channel, None, Quality.COMM_FAULT, error.reason)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question of a poll: what is sent, how its answer is found, and which channels are in it.

    ``text`` says it to people and tells it from the others; ``expected`` is how long an answer usually is, in bytes.
    ``timeout_s`` stands where the answer may take longer than the others of the device.
    """

    text: str
    sent: bytes
    expected: int
    find: FrameFinder
    channels: tuple[Channel, ...]
    timeout_s: float | None = None


class InquiryDriver(Driver):
    """A driver whose poll is a list of questions; what one that fails costs is decided here."""

    def __init__(self, device: Device, link: Link) -> None:
        super().__init__(device, link)
        self._silent: set[str] = set()  # what had no answer when it was asked last: the rest goes before it

    @abstractmethod
    def inquiries(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """The questions that serve *channels*, which come in the order of the profile."""

    @abstractmethod
    def read(self, inquiry: Inquiry, frame: bytes) -> Iterable[Reading]:
        """Read the channels of *inquiry* from *frame*, which its finder found; raises RefusedError for a refusal."""

    async def poll(self, channels: Collection[str]) -> Scan:
        """See Driver. A silent instrument costs one time-out, not one for each question."""
        answers: list[Scan] = []
        failures: list[tuple[Inquiry, DriverError]] = []
        hopeless: DriverError | None = None
        for inquiry in self._sorted(self._named(channels)):
            try:
                answers.append(await self._put(inquiry, hopeless))
            except DriverError as error:
                failures.append((inquiry, error))
                silent = isinstance(error, NoReplyError) and inquiry.sent and not answers
                if silent or isinstance(error, LinkDownError):
                    hopeless = error
        if failures and not answers:
            raise failures[0][1]
        return self._scan(answers, failures)

    def _scan(self, answers: Sequence[Scan], failures: Sequence[tuple[Inquiry, DriverError]]) -> Scan:
        """All *answers* as one scan, with the reasons of what is not in it."""
        time = max((answer.time for answer in answers), default=datetime.now(UTC))
        readings = {name: reading for answer in answers for name, reading in answer.readings.items()}
        for inquiry, error in failures:
            readings.update((one.name, unread(one.name, error)) for one in inquiry.channels)
        return Scan(time, readings, sampled(self.device.profile, readings))

    async def probe(self) -> None:
        """See Driver."""
        await self._put(self._sorted(self.device.profile.channels)[0])

    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """See Driver."""
        return [RequestPlan(one.text, len(one.sent), one.expected) for one in self.inquiries(self._named(channels))]

    def longest_s(self, channels: Collection[str]) -> float:
        """See Driver."""
        waits = [one.timeout_s or self.device.timeout_s for one in self.inquiries(self._named(channels))]
        return sum(waits) + self.device.timeout_s

    def own_words_of_channels(self, model: type[W]) -> dict[str, W]:
        """The options of each channel as *model*, by its name; raises ProfileError as :func:`own_words` does."""
        where = f"device {self.device.name}: channel"
        return {one.name: own_words(model, one.options, f"{where} {one.name}") for one in self.device.profile.channels}

    async def answer(self, inquiry: Inquiry) -> Scan:
        """Put *inquiry* and read what it gives; a protocol with several steps, or without questions, has its own."""
        frame = await self.link.exchange(
            inquiry.sent,
            inquiry.find,
            device=self.device.name,
            timeout_s=inquiry.timeout_s or self.device.timeout_s,
            pause_s=self.device.pause_s,
        )
        return Scan.of(self.read(inquiry, frame), datetime.now(UTC))

    async def _put(self, inquiry: Inquiry, hopeless: DriverError | None = None) -> Scan:
        """What *inquiry* gives; raises DriverError, *hopeless* at once."""
        if hopeless:
            raise hopeless
        try:
            answer = await self.answer(inquiry)
        except NoReplyError:
            self._silent.add(inquiry.text)
            raise
        self._silent.discard(inquiry.text)
        return answer

    def _sorted(self, channels: Sequence[Channel]) -> list[Inquiry]:
        """The questions that serve *channels*, those last that had no answer: one part that is missing is not all."""
        return sorted(self.inquiries(channels), key=lambda one: one.text in self._silent)

    def _named(self, names: Collection[str]) -> list[Channel]:
        return [channel for channel in self.device.profile.channels if channel.name in names]


def grouped(channels: Iterable[Channel], question: Callable[[Channel], K]) -> dict[K, tuple[Channel, ...]]:
    """*channels* by the *question* whose answer they are in, each question where its first channel stands."""
    groups: dict[K, list[Channel]] = {}
    for channel in channels:
        groups.setdefault(question(channel), []).append(channel)
    return {asked: tuple(served) for asked, served in groups.items()}


def address_between(lowest: int, highest: int, device: Device, *, hint: str) -> int:
    """Return the address of *device*; raises ProfileError with *hint* when it is no number in these limits."""
    address = device.address
    if not isinstance(address, int) or not lowest <= address <= highest:
        what = f"has the address {address!r}, which is no number from {lowest} to {highest}"
        raise ProfileError(f"device {device.name} {what}", hint=hint)
    return address


def own_words(model: type[W], options: Mapping[str, Any], where: str) -> W:
    """Return the *options* of a profile or channel as *model*; *where* says whose they are: ``device so2: channel o3``.

    Raises ProfileError that names the key, what stands there and what is allowed.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    key = ".".join(map(str, ("options", *fault["loc"])))
    known = ", ".join(field.alias or name for name, field in model.model_fields.items())
    match fault["type"]:
        case "missing":
            what = f"lacks {key}"
        case "extra_forbidden":
            what = f"has {key}, which this protocol does not know"
        case _:
            what = f"has {key} = {fault['input']!r}: {fault['msg'].removeprefix('Value error, ')}"
    raise ProfileError(f"{where} {what}", hint=f"Options here: {known}")
