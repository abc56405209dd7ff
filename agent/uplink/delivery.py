"""One connection at work: keeps the window filled, looks at every acknowledgement, knows when to give up.

paho enforces no limit of the broker, so the window and the size of a packet are
kept here. A batch is on its way until its PUBACK; what that says decides
whether the cursor moves, the uplink rests, or the batch goes out smaller.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from agent.recorder import Recorder
from agent.settings import UplinkSettings
from agent.store.reader import Reader
from agent.uplink.allowance import Allowance
from agent.uplink.announce import Announcer, Message
from agent.uplink.batch import Envelope, Lane, packet_size
from agent.uplink.broker import Broker, Loss
from agent.uplink.codes import TOO_MANY, Verdict, hint, meaning, verdict
from agent.uplink.inbox import Inbound, Inbox
from agent.uplink.lanes import Piece, back_piece, live_pieces, replay_piece
from agent.uplink.mqtt import Session
from agent.uplink.outcome import Flight, Outcome
from agent.uplink.packing import Order, Packed, pack
from agent.uplink.progress import Progress
from agent.uplink.retrieval import Linked, Retrieval
from agent.uplink.standing import Standing
from drivers.errors import StationError

PUBACK_S = 30.0
"""Without an acknowledgement for so long the connection is given up."""
OVERLOADED = "Check the network to the broker; it may be overloaded, too: its log tells"

SETTLE_S = 0.3
"""How long after SUBACK retained messages are waited for."""

TURN_S = 1.0
"""The loop turns at least this often."""

ECHO_S = 10.0
"""How long a broker of MQTT 3.1.1 may take to give our own state back."""

MESSAGES = 20
"""So many messages that are no batches may be on their way, beside the window."""

DRAIN_S = 1.0
"""How long acknowledgements are waited for when the uplink ends."""


class LostError(StationError):
    """The connection ended. ``code`` is that of the broker's DISCONNECT, if it sent one."""

    def __init__(self, endpoint: str, client_id: str, loss: Loss) -> None:
        step = f"Look at the broker's log: does another client use the client_id {client_id}? Else check the network"
        if loss.code is not None:
            step = hint(loss.code)
        super().__init__(f"broker {endpoint}: connection lost: {loss.text}", hint=loss.hint or step)
        self.code = loss.code


class Delivery:
    """Everything that happens on one connection; its callbacks are those of :class:`agent.uplink.mqtt.Listener`."""

    def __init__(
        self,
        settings: UplinkSettings,
        station: str,
        *,
        recorder: Recorder,
        progress: Progress,
        standing: Standing,
        announcer: Announcer,
        compress: Callable[[bytes], bytes] | None,
        archive: Path | None,
        on_fork: Callable[[str], Awaitable[None]],
        turned: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._station = station
        self._recorder = recorder
        self._progress = progress
        self._standing = standing
        self._announcer = announcer
        self._compress = compress
        self._on_fork = on_fork
        self._turned = turned
        self._flights: dict[int, Flight] = {}
        self._retrieval = Retrieval(archive, self.wake)
        self._outcome = Outcome(progress, standing, self._flights, settings.consumer)
        self._inbox = Inbox(
            f"{settings.root}/{station}",
            announcer=announcer,
            progress=progress,
            recorder=recorder,
            notices=standing.notices,
            consumer=settings.consumer,
            outcome=self._outcome,
            retrieval=self._retrieval,
        )
        self._wake = asyncio.Event()
        self._outbox: deque[Message] = deque()
        self._loss: Loss | None = None
        self._acknowledged_s = 0.0
        self._live_since_s: float | None = None
        self._allowance = Allowance(settings.rate)  # for lanes back and replay

    # Told by the connection.

    def acknowledged(self, mid: int, code: int) -> None:
        """A PUBACK came."""
        flight = self._flights.pop(mid, None)
        if flight is None:
            return
        self._acknowledged_s = time.monotonic()
        if flight.piece is not None:
            self._outcome.answered(flight, flight.piece, code)
        elif verdict(code) is not Verdict.TAKEN:
            self._standing.notices.say_rarely("message_refused", flight.topic, topic=flight.topic, reason=meaning(code))
        self._wake.set()

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message came."""
        self._inbox.take(Inbound(topic, payload, retained))
        self._wake.set()

    def lost(self, loss: Loss) -> None:
        """The connection ended."""
        self._loss = self._loss or loss
        self._wake.set()

    def wake(self) -> None:
        """Look again at once: something changed that this connection was not told."""
        self._wake.set()

    # The loop.

    async def run(self, session: Session, broker: Broker) -> None:
        """Deliver until the connection ends; raises LostError then."""
        self._session, self._broker, self._opened_s = session, broker, time.monotonic()
        await self._progress.load()
        self._progress.restart()
        watching = asyncio.create_task(self._watch())
        try:
            await self._open()
            while True:
                await self._turn()
        except LostError as error:
            if error.code == TOO_MANY:
                self._standing.too_many(self._window)
            self._outcome.lost(error.code, str(error), alive=bool(self._acknowledged_s))
            await self._outcome.park_refused()
            raise
        finally:
            watching.cancel()
            self._retrieval.close()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        seen = self._recorder.commits
        while True:
            seen = await self._recorder.changed(seen)
            self._wake.set()

    async def _open(self) -> None:
        topics = self._inbox.topics
        # Two requests at once: when the second is answered, what is retained for the first has come.
        codes = await asyncio.gather(*[self._session.subscribe(part) for part in (topics[:-1], topics[-1:])])
        for topic, code in zip(topics, chain(*codes), strict=False):
            if code >= 0x80:
                self._standing.notices.say_rarely("subscription_refused", topic, topic=topic, reason=meaning(code))
        deadline_s = time.monotonic() + SETTLE_S
        while not self._inbox.settled and (left_s := deadline_s - time.monotonic()) > 0:
            await self._rest(left_s)
        if reason := await self._inbox.forked():
            await self._on_fork(reason)
            await self._progress.load()
        await self._introduce()

    async def _introduce(self) -> None:
        """Publish the state before any batch: its answer shows that the broker works."""
        self._outbox.extend(self._announcer.due())
        self._send_messages()
        while self._flights and not self._acknowledged_s:
            await self._rest(TURN_S)

    async def _turn(self) -> None:
        await self._turned()
        self._check()
        self._listen_for_echo()
        if self._progress.is_stale:
            await self._progress.load()
        self._progress.grow()
        if not self._outbox:
            self._outbox.extend(await self._inbox.read())
        await self._outcome.park_refused()
        if self._standing.wronged:
            self._standing.wronged = False
            await self._progress.unpark()
        self._outbox.extend(self._announcer.due())
        self._send_messages()
        if pieces := self._choose():
            await self._fill(pieces)
        else:
            await self._rest(self._patience_s())

    def _listen_for_echo(self) -> None:
        """On MQTT 3.1.1 a refused message is acknowledged as well; one that comes back was not refused."""
        if self._announcer.echoed or self._broker.protocol == "5":
            self._standing.echo_missing = False
        elif time.monotonic() - self._opened_s > ECHO_S:
            self._standing.miss_echo(self._announcer.topic, ECHO_S)

    async def _rest(self, seconds: float) -> None:
        await self._turned()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()
        self._check()

    def _check(self) -> None:
        """Raise LostError when the connection ended, or is as good as ended."""
        now = time.monotonic()
        oldest = next(iter(self._flights.values()), None)
        if oldest is not None and self._loss is None:
            age_s = now - oldest.sent_s
            if age_s > PUBACK_S and (now - self._acknowledged_s > PUBACK_S or age_s > 4 * PUBACK_S):
                self._loss = Loss(f"no acknowledgement for {age_s:.0f} s", hint=OVERLOADED)
        if self._loss is not None:
            broker = self._settings.broker
            raise LostError(f"{broker.host}:{broker.port}", self._settings.client(self._station), self._loss)

    def _patience_s(self) -> float:
        """How long the loop may rest when nothing wakes it."""
        lingers_s = (self._live_since_s or 0.0) + self._settings.linger - time.monotonic()
        return min([TURN_S, *(wait for wait in (lingers_s, self._allowance.wait_s) if wait > 0)])

    # Sending.

    def _send_messages(self) -> None:
        granted, batches = self._broker.receive_maximum, self._batches
        most = min(granted - batches, max(granted // 2, 1), MESSAGES)
        while self._outbox and len(self._flights) - batches < most:
            message = self._outbox.popleft()
            size = packet_size(message.topic, message.payload)
            if size > self._broker.maximum_packet_size:
                self._standing.notices.say_rarely("message_too_large", message.topic, topic=message.topic, size=size)
                continue
            retain = message.retain and self._broker.retain_available and self._standing.retain
            mid = self._session.publish(message.topic, message.payload, retain=retain)
            self._flights[mid] = Flight(message.topic, size, time.monotonic())

    async def _fill(self, pieces: list[Piece]) -> None:
        """Send a batch of each of *pieces*, unless the broker has refused something in the meantime."""
        orders = [self._order(piece) for piece in pieces]
        batches = await self._recorder.read(partial(_pack_all, orders))
        for piece, packed in zip(pieces, batches, strict=True):
            if not self._standing.resting:
                self._send(piece, packed)

    @property
    def _batches(self) -> int:
        """How many of the messages on their way are batches."""
        return sum(flight.piece is not None for flight in self._flights.values())

    def _choose(self) -> list[Piece]:
        """What goes out next: nothing when the window is full or nothing waits."""
        room = min(self._window - self._batches, self._broker.receive_maximum - len(self._flights))
        if room <= 0 or self._standing.resting or self._outcome.has_refused:
            return []
        if live := self._live():
            return live[:room]
        slow = sum(flight.piece is not None and flight.piece.lane is not Lane.LIVE for flight in self._flights.values())
        if slow >= max(1, self._window // 2) or not self._allowance.is_open:
            return []
        piece = back_piece(self._progress.tracks.values()) or replay_piece(self._outcome.replays.values())
        return [piece] if piece and (piece.archived is None or self._recalled(piece) is not None) else []

    def _recalled(self, piece: Piece) -> list[Linked] | None:
        """Records of *piece* from the archive; None as long as they are not there."""
        return None if piece.archived is None else self._retrieval.rows(piece.track.key, piece.first, piece.archived)

    @property
    def _window(self) -> int:
        if self._standing.pause is not None:
            return 1  # a probe
        return min(self._settings.window, self._broker.receive_maximum, self._standing.window_limit)

    def _live(self) -> list[Piece]:
        pieces = live_pieces(self._progress.current)
        if not pieces:
            self._live_since_s = None
        elif self._settings.linger:
            now = time.monotonic()
            self._live_since_s = self._live_since_s or now
            if now < self._live_since_s + self._settings.linger:
                return []
            self._live_since_s = None
        return pieces

    @property
    def _limit(self) -> int:
        """Bytes that a packet may have; what experience adds to it binds batches and no single record."""
        return min(self._settings.max_packet, self._broker.maximum_packet_size)

    def _order(self, piece: Piece) -> Order:
        replay = piece.replay.id if piece.replay else None
        envelope = Envelope(self._station, piece.track.epoch, piece.track.stream, piece.lane, replay)
        most = min(self._settings.batch, piece.last - piece.first + 1)
        return Order(
            envelope,
            self._settings.root,
            piece.first,
            piece.last,
            most,
            min(self._limit, self._standing.packet_limit),
            self._compress,
            self._recalled(piece),
        )

    def _send(self, piece: Piece, packed: Packed) -> None:
        if packed.gone:
            piece.claim(*packed.gone)
            if piece.replay is None:
                self._progress.delivered(piece.track, [packed.gone], count=False)
            else:
                self._outcome.lack(piece, *packed.gone)
        if not packed.payload or self._loss is not None:
            return
        piece.claim(packed.first, packed.last)
        flight = Flight(packed.topic, packed.size, time.monotonic(), packed.first, packed.last, piece)
        if packed.size > self._limit:
            self._outcome.reject(flight, piece, f"{packed.size} bytes, and a packet may have {self._limit}")
            return
        if piece.lane is not Lane.LIVE:
            self._allowance.spend(packed.size)
        self._flights[self._session.publish(packed.topic, packed.payload)] = flight

    async def leave(self, farewell: Message) -> None:
        """Wait a little for what is on its way, and say goodbye; nothing else is sent."""
        self._outbox.clear()
        for message in ((), (farewell,)):
            self._outbox.extend(message)
            self._send_messages()
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    # Leaving with something unread resets the connection, and the broker speaks the will.
                    while self._flights and self._loss is None:
                        self._wake.clear()
                        await self._wake.wait()

    @property
    def in_flight(self) -> int:
        """Messages on their way."""
        return len(self._flights)

    @property
    def unconfirmed(self) -> int:
        """Records that the broker took and the consumer has not confirmed."""
        return self._outcome.unconfirmed


def _pack_all(orders: list[Order], reader: Reader) -> list[Packed]:
    return [pack(reader, order) for order in orders]
