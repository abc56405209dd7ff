"""One broker and what it gets: connects, delivers, reconnects, for as long as the daemon runs.

An uplink owns no record. It reads the log like anybody else, and all that it
keeps is its cursors. Whatever its broker does, the log and the other uplinks
do not notice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.recorder import Recorder
from agent.settings import UplinkSettings
from agent.store.errors import StoreError
from agent.uplink.announce import Announcer
from agent.uplink.batch import Compressor
from agent.uplink.broker import Address, Broker, ConnectError
from agent.uplink.codes import NO_RETAIN, TAKEN_OVER
from agent.uplink.condition import Condition
from agent.uplink.delivery import Delivery, LostError
from agent.uplink.dialect import Dialect
from agent.uplink.mqtt import Session
from agent.uplink.progress import Progress
from agent.uplink.retry import FIRST_S, persistently
from agent.uplink.standing import PAUSE_S, Notices, Standing
from agent.uplink.tls import context
from drivers.errors import StationError

STABLE_S = 60.0
"""A connection that lasted so long was a good one: the back-off begins anew after it."""

BEAT_S = 5.0
"""An uplink that rests still shows this often that it lives."""

DAY_S = 86_400.0
"""How often parked ranges are tried again."""


class PasswordFileError(StationError):
    """The password of an uplink cannot be read."""


class Uplink:
    """Delivers the log to one broker; :meth:`run` does it, the rest may be called any time in the event loop.

    *state* gives what the daemon says about the whole station, without anything
    that changes by itself, such as times. *on_fork* begins a new epoch, for the
    reason it is given. *archive* is where replays come from that reach further
    back than the log. ``turned_s`` (monotonic) shows that the task lives.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        station: str,
        recorder: Recorder,
        state: Callable[[], Mapping[str, Any]],
        *,
        on_fork: Callable[[str], Awaitable[None]],
        archive: Path | None = None,
    ) -> None:
        self.settings = settings
        self.turned_s = time.monotonic()
        self._station = station
        self._recorder = recorder
        self._facts = state
        self._on_fork = on_fork
        self._archive = archive
        self._progress = Progress(settings.name, settings.streams, recorder)
        self._standing = Standing(Notices(settings.name, recorder))
        self._condition = Condition(settings, self._progress, self._standing)
        self._dialect = Dialect(settings.protocol)
        self._nudge = asyncio.Event()
        self._delivery: Delivery | None = None
        self._unpark = False
        self._unparked_s = time.monotonic()

    async def run(self) -> None:
        """Deliver until cancelled."""
        await persistently(self._look_up, on=StationError, rest=self._rest, failed=self._failed)
        first_s = self.settings.spread
        try:
            while True:
                await self._rest(random.uniform(0, first_s))  # noqa: S311 - spreads load, keeps no secret
                await persistently(self._attempt, on=StationError, rest=self._rest, failed=self._failed)
                first_s = FIRST_S
        finally:
            self._condition.enter("stopped")

    def retry_parked(self) -> None:
        """Try again at once whatever was parked, paused, or waits for the next attempt to connect."""
        self._unpark = True
        self._standing.end_pause()
        self._nudge.set()
        if self._delivery is not None:
            self._delivery.wake()

    def snapshot(self) -> dict[str, Any]:
        """How the uplink does now, as plain data for ``status``; instants are aware datetimes."""
        return self._condition.snapshot(self._delivery)

    async def _look_up(self) -> None:
        """Ask the log what it remembers; raises StoreError while the disk does not say."""
        self._dialect.spoke_5 = await self._recorder.read(lambda reader: reader.fact(self._fact)) is not None
        await self._progress.load()

    async def _attempt(self) -> None:
        """Connect and deliver; raises why that ended, or returns when it had gone well for STABLE_S."""
        self._condition.enter("connecting")
        announcer = await self._new_announcer()
        delivery = Delivery(
            self.settings,
            self._station,
            recorder=self._recorder,
            progress=self._progress,
            standing=self._standing,
            announcer=announcer,
            compress=Compressor() if self.settings.compress else None,
            archive=self._archive,
            on_fork=self._on_fork,
            turned=self._turn,
        )
        session, broker = await self._connect(announcer, delivery)
        self._condition.connected(broker)
        self._delivery = delivery
        began_s = time.monotonic()
        try:
            await delivery.run(session, broker)
        except LostError as error:
            await self._lost(error)
            if time.monotonic() - began_s < STABLE_S:
                raise
        except asyncio.CancelledError:
            await delivery.leave(announcer.farewell())
            raise
        finally:
            self._delivery = None
            await session.close()

    async def _new_announcer(self) -> Announcer:
        try:
            self._condition.session = await self._recorder.write(lambda store: store.next_session())
        except StationError:  # a full disk is no reason not to deliver
            self._condition.session += 1
        return Announcer(
            f"{self.settings.root}/{self._station}",
            self._condition.session,
            station=self._station,
            facts=self._facts,
            progress=self._progress,
            recorder=self._recorder,
        )

    async def _connect(self, announcer: Announcer, delivery: Delivery) -> tuple[Session, Broker]:
        while True:
            await self._turn()
            spoken = self._dialect.next
            will = announcer.will(retain=self._standing.retain)
            session = Session(self._address(), delivery, protocol=spoken, password=self._password(), will=will)
            try:
                broker = await session.connect()
            except ConnectError as error:
                if error.code == NO_RETAIN and self._standing.retain:
                    self._standing.retain = False
                elif not self._dialect.failed(spoken, error):
                    raise
            else:
                if self._dialect.succeeded(spoken):
                    self._recorder.fact(self._fact, "5")
                if self._dialect.next == spoken:
                    return session, broker
                await session.close()

    @property
    def _fact(self) -> str:
        """Under which the log keeps that this broker has spoken MQTT 5; another broker is another fact."""
        return f"mqtt5 {self.settings.name} {self.settings.url}"

    def _address(self) -> Address:
        settings, broker = self.settings, self.settings.broker
        return Address(
            broker.host,
            broker.port,
            settings.client(self._station),
            tls=context(settings.ca_file, settings.cert_file, settings.key_file) if broker.tls else None,
            username=settings.username,
            keepalive_s=min(int(settings.keepalive), 65_535),
        )

    def _password(self) -> str | None:
        path = self.settings.password_file
        if path is None:
            return None
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordFileError(
                f"password_file {path} cannot be read: {error}", hint="Check that it exists and the agent may read it"
            ) from error

    def _failed(self, error: Exception, rest_s: float) -> None:
        assert isinstance(error, StationError)
        self._condition.backs_off(error, rest_s)

    async def _lost(self, error: LostError) -> None:
        self._condition.fell(error)
        if error.code == NO_RETAIN:
            self._standing.retain = False
        elif error.code == TAKEN_OVER and self._standing.taken_over():
            # Somebody else uses our identity: to fight for it would disturb both.
            self._condition.enter("paused")
            self._standing.notices.say("identity_shared", client_id=self.settings.client(self._station))
            await self._rest(PAUSE_S)

    async def _rest(self, seconds: float) -> None:
        """Sleep, showing life; :meth:`retry_parked` ends it."""
        ends_s = time.monotonic() + seconds
        self._nudge.clear()
        while (left_s := ends_s - time.monotonic()) > 0 and not self._nudge.is_set():
            await self._turn()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, BEAT_S)):
                    await self._nudge.wait()

    async def _turn(self) -> None:
        """Show life, and do what is due now and then besides delivering."""
        self.turned_s = time.monotonic()
        with suppress(StoreError):  # a log that cannot be asked now is shown by the recorder, and asked again
            if self._unpark or self.turned_s - self._unparked_s > DAY_S:
                await self._progress.unpark()
                self._unpark, self._unparked_s = False, self.turned_s
            await self._condition.look()
