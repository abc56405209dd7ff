"""A consumer's connection: subscribes, hands on what comes, sends back what is due, and reconnects.

The broker keeps no session for it. What was missed while it was away shows as a
gap by seq, and is asked for again from the station: the log is the session.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol as Interface

from agent.receive.asking import Acknowledger, Asker, Letter
from agent.receive.receiving import Receiver, Taken
from agent.uplink.broker import UNLIMITED, Address, Broker, ConnectError, Loss
from agent.uplink.broker import Protocol as Version
from agent.uplink.codes import hint, meaning
from agent.uplink.mqtt import Session
from drivers.errors import StationError

TURN_S = 0.2
"""How often is looked whether something is to be said."""

AGAIN_S = 1.0
"""Between two attempts to connect: a person is waiting."""


class SubscriptionError(StationError):
    """The broker is not reached, or does not let us see what we came for."""

    exit_code = 3


class Watcher(Interface):
    """Who is told what happens; always in the event loop."""

    def connected(self, broker: Broker) -> None:
        """The subscription stands."""

    def disconnected(self, why: str) -> None:
        """It does not any more, or an attempt to renew it failed; it will be tried again."""

    def taken(self, taken: Taken) -> None:
        """A message was looked at."""


@dataclass(frozen=True, slots=True)
class Interest:
    """Whose records are wanted: one station, or all of them below *root*."""

    root: str
    station: str = "+"

    def topics(self, name: str) -> list[str]:
        """What the consumer *name* subscribes to."""
        base = f"{self.root}/{self.station}"
        return [f"{base}/state", f"{base}/data/+/+", f"{base}/reply/{name}"]


class Subscription:
    """Keeps *receiver* fed, for as long as :meth:`run` does."""

    def __init__(
        self,
        address: Address,
        interest: Interest,
        receiver: Receiver,
        watcher: Watcher,
        *,
        name: str,
        versions: tuple[Version, ...] = ("5", "3.1.1"),
        password: str | None = None,
        acknowledger: Acknowledger | None = None,
        asker: Asker | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._address = address
        self._topics = interest.topics(name)
        self._receiver = receiver
        self._watcher = watcher
        self._versions = versions
        self._password = password
        self._acknowledger = acknowledger
        self._asker = asker
        self._again_s = again_s
        self._ended = asyncio.Event()
        self._broken: StationError | None = None

    async def run(self) -> None:
        """Receive until cancelled. Raises SubscriptionError when the first attempt fails, or the broker refuses."""
        try:
            session = await self._open()
        except ConnectError as error:
            raise SubscriptionError(str(error), hint=error.hint) from error
        while True:
            try:
                await self._attend(session)
            finally:
                await session.close()
            session = await self._reopen()

    async def _open(self) -> Session:
        """Connect and subscribe, with the first of our versions that the broker knows."""
        failure: ConnectError | None = None
        for version in self._versions:
            try:
                return await self._attempt(version)
            except ConnectError as error:
                failure = failure or error
                if not error.may_be_old:
                    break
        assert failure is not None
        raise failure

    async def _attempt(self, version: Version) -> Session:
        self._ended.clear()
        session = Session(self._address, self, protocol=version, password=self._password, inbound=UNLIMITED)
        broker = await session.connect()
        try:
            self._check(await session.subscribe(self._topics))
        except BaseException:
            await session.close()
            raise
        if self._acknowledger is not None:
            self._acknowledger.forget()
        self._watcher.connected(broker)
        return session

    def _check(self, codes: list[int]) -> None:
        for topic, code in zip(self._topics, codes, strict=False):
            if code >= 0x80:
                why = f"broker {self._address.endpoint} refused the subscription to {topic}: {meaning(code)}"
                raise SubscriptionError(why, hint=hint(code))

    async def _reopen(self) -> Session:
        while True:
            try:
                return await self._open()
            except ConnectError as error:
                self._watcher.disconnected(str(error))
                await asyncio.sleep(self._again_s)

    async def _attend(self, session: Session) -> None:
        """Say what is due, until the connection ends."""
        try:
            while not self._ended.is_set():
                self._send(session, self._asker.due() if self._asker else [])
                self._send(session, self._acknowledger.due() if self._acknowledger else [])
                try:
                    async with asyncio.timeout(TURN_S):
                        await self._ended.wait()
                except TimeoutError:
                    pass
        except asyncio.CancelledError:
            self._send(session, self._acknowledger.due(at_once=True) if self._acknowledger else [])
            raise
        if self._broken is not None:
            raise self._broken

    def _send(self, session: Session, letters: list[Letter]) -> None:
        for letter in letters:
            session.publish(letter.topic, letter.payload, retain=letter.retain)

    # Told by the connection.

    def acknowledged(self, mid: int, code: int) -> None:
        """Our acknowledgement or request is at the broker."""

    def received(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002 - the interface
        """A message came."""
        try:
            self._watcher.taken(self._receiver.take(topic, payload))
        except StationError as error:
            self._broken = error
            self._ended.set()

    def lost(self, loss: Loss) -> None:
        """The connection ended."""
        self._watcher.disconnected(loss.text)
        self._ended.set()
