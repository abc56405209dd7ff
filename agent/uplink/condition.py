"""How an uplink does, for people: its state in a word, its last error, how far behind it is."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

from agent.settings import UplinkSettings
from agent.store.reader import Parked
from agent.uplink.broker import Broker
from agent.uplink.delivery import Delivery
from agent.uplink.progress import Progress
from agent.uplink.standing import Standing
from agent.uplink.tls import expires
from drivers.errors import StationError

LOOK_S = 10.0
"""How often the log is asked for the oldest record that waits."""

FILES_S = 60.0
"""How often certificates are looked at for their end."""

LOSSES_S = 600.0
"""How long it is remembered that a connection was lost."""

State = Literal["starting", "connecting", "connected", "backing_off", "paused", "stopped"]


class Condition:
    """Keeps what happens to one uplink, and tells it: changes as events and log lines, the rest as a snapshot."""

    def __init__(self, settings: UplinkSettings, progress: Progress, standing: Standing) -> None:
        self._settings = settings
        self._progress = progress
        self._standing = standing
        self._log = structlog.get_logger().bind(uplink=settings.name)
        self._state: State = "starting"
        self._since = datetime.now(UTC)
        self._down: bool | None = None
        self._losses: deque[float] = deque()  # monotonic
        self._error: StationError | None = None
        self._retry_s = 0.0  # monotonic
        self._looked_s = self._files_s = float("-inf")
        self._oldest_ms: int | None = None
        self._behind: deque[tuple[float, int]] = deque(maxlen=7)
        self._expiries: dict[str, datetime | None] = {}
        self.broker: Broker | None = None
        self.session = 0

    def enter(self, state: State) -> None:
        """Be in *state* from now on; an outage has one beginning, however often it is tried to end it."""
        goes_on = self._down and state in ("connecting", "backing_off")
        if state != self._state and not goes_on:
            self._since = datetime.now(UTC)
        self._state = state

    def connected(self, broker: Broker) -> None:
        """The broker let us in."""
        self.broker = broker
        self.enter("connected")
        if self._down is not False:
            self._log.info("uplink_connected", url=self._settings.url, protocol=broker.protocol)
            self._standing.notices.say("uplink_connected", protocol=broker.protocol, session=self.session)
        self._down, self._error = False, None

    def fell(self, error: StationError) -> None:
        """The broker is out of reach; said once per outage."""
        if self._down is False:
            self._losses.append(time.monotonic())
        if self._down is not True:
            self._since = datetime.now(UTC)
            self._log.warning("uplink_lost", error=str(error), hint=error.hint)
            self._standing.notices.say("uplink_lost", error=str(error), hint=error.hint)
        self._down, self._error = True, error

    def backs_off(self, error: StationError, rest_s: float) -> None:
        """The next attempt comes in *rest_s* seconds."""
        self.fell(error)
        self.enter("backing_off")
        self._retry_s = time.monotonic() + rest_s

    async def look(self) -> None:
        """Bring up to date what costs a look at the log or at files; cheap when called too early."""
        now = time.monotonic()
        if now - self._looked_s >= LOOK_S:
            self._looked_s = now
            self._oldest_ms = await self._progress.oldest_ms()
            self._behind.append((now, sum(self._progress.backlog.values())))
        if now - self._files_s >= FILES_S:
            self._files_s = now
            files = {"ca": self._settings.ca_file, "client": self._settings.cert_file}
            self._expiries = {name: expires(path) for name, path in files.items() if path is not None}

    def snapshot(self, delivery: Delivery | None) -> dict[str, Any]:
        """How the uplink does now, as plain data."""
        backlog = self._progress.backlog
        behind, pause, broker = sum(backlog.values()), self._standing.pause, self.broker
        return {
            "name": self._settings.name,
            "url": self._settings.url,
            "state": "paused" if pause and self._state == "connected" else self._state,
            "since": self._since,
            "session": self.session,
            "broker": broker and _facts(broker),
            "confirm": self._settings.confirm,
            "puback_proven": broker and broker.protocol == "5",
            "may_refuse_silently": self._standing.echo_missing,
            "backlog": backlog,
            "oldest_unsent": _time(self._oldest_ms) if behind else None,
            "rate": round(self._progress.rate, 1),
            "eta_s": self._eta_s(behind),
            "window": {"used": delivery.in_flight if delivery else 0, "size": self._settings.window},
            "unconfirmed": delivery.unconfirmed if delivery else 0,
            "parked": [_parked(part) for part in self._progress.parked],
            "no_subscriber": sorted(self._standing.unheard),
            "pause": pause and {"reason": pause.reason, "hint": pause.hint},
            "error": self._error and _error(self._error),
            "losses": self._lost_of_late(),
            "next_attempt_s": self._next_attempt_s(),
            "certificates": self._expiries | ({"broker": broker.certificate_expires} if broker else {}),
        }

    def _lost_of_late(self) -> int:
        """How often the connection was lost in the last LOSSES_S."""
        while self._losses and self._losses[0] < time.monotonic() - LOSSES_S:
            self._losses.popleft()
        return len(self._losses)

    def _next_attempt_s(self) -> float | None:
        if self._state != "backing_off":
            return None
        return round(max(self._retry_s - time.monotonic(), 0.0), 1)

    def _eta_s(self, behind: int) -> int | None:
        """Seconds until nothing waits any more, as the last minute went; None when it does not become less."""
        if not behind or len(self._behind) < 2:
            return None
        (began_s, more), (ended_s, less) = self._behind[0], self._behind[-1]
        shrinks = (more - less) / (ended_s - began_s)
        return round(behind / shrinks) if shrinks > 0 else None


def _facts(broker: Broker) -> dict[str, Any]:
    return {
        "protocol": broker.protocol,
        "receive_maximum": broker.receive_maximum,
        "maximum_packet_size": broker.maximum_packet_size,
        "retain_available": broker.retain_available,
        "keepalive_s": broker.keepalive_s,
    }


def _error(error: StationError) -> dict[str, Any]:
    """Kind and code are those of a connection that did not come about."""
    return {
        "what": str(error),
        "hint": error.hint,
        "kind": getattr(error, "kind", None),
        "code": getattr(error, "code", None),
    }


def _parked(part: Parked) -> dict[str, Any]:
    return {
        "epoch": part.epoch,
        "stream": str(part.stream),
        "first": part.first,
        "last": part.last,
        "reason": part.reason,
        "since": _time(part.since_ms),
    }


def _time(time_ms: int | None) -> datetime | None:
    return None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC)
