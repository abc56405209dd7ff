"""Whether each broker lets the station in, lets it publish, and gives back what it published.

What is published is the very state that the broker keeps of this station, not
retained: what it keeps stays as it is, and consumers hear once more what they
know. The daemon's session is left alone: while it may run, the doctor comes
under a client id of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from agent.diagnosis import Facts
from agent.diagnosis.uplinks import MANY_LOSSES, of_uplink
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, broken, doubtful, good, told, unchecked
from agent.settings import UplinkSettings
from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.uplink.broker import Address, Broker, ConnectError, Loss, Protocol
from agent.uplink.codes import hint, meaning
from agent.uplink.mqtt import Session
from agent.uplink.tls import CertificateError, context

NOTHING = "nothing is delivered"
NO_EPOCH = "a" * 12
"""In place of an epoch where there is no log yet; no log has it, for they are drawn at random."""

CONNECT_S = 5.0
SETTLE_S = 1.0
"""How long the retained state may take to come after the subscription was granted."""

ECHO_S = 5.0
"""How long what was published may take to be acknowledged, and to come back."""

AT_WORK = ("connected", "paused")
"""States in which the daemon knows more of the broker than a second client learns."""

ELSEWHERE = ("name", "unreachable", "certificate", "tls")
"""Kinds of failures that the network and the certificates are examined for."""


def examine(case: Case) -> Iterator[Result]:
    """Try each uplink, all at the same time."""
    if case.settings is not None:
        yield from asyncio.run(_all(case, case.settings.uplinks))


async def _all(case: Case, uplinks: tuple[UplinkSettings, ...]) -> list[Result]:
    found = await asyncio.gather(*[_uplink(case, uplink) for uplink in uplinks])
    return [result for results in found for result in results]


async def _uplink(case: Case, uplink: UplinkSettings) -> list[Result]:
    name, says = f"uplink {uplink.name}", case.of("uplink", uplink.name)
    told_by_daemon = list(_by_daemon(says))
    if says.get("state") == "paused":
        return told_by_daemon
    try:
        password = _password(uplink)
        address = _address(case, uplink)
    except PermissionError as error:
        return [unchecked(name, f"{error.filename} may not be read by this user", "Call the doctor with sudo")]
    except (OSError, UnicodeDecodeError) as error:
        means = "this uplink cannot connect"
        return [bad(name, f"password_file cannot be read: {error}", means, "Check its name, and that it is text")]
    except CertificateError:
        return [unchecked(name, "its certificates cannot be used, so nobody was asked")]
    return [await _tried(case, uplink, address, password), *told_by_daemon]


def _by_daemon(says: Facts) -> Iterator[Result]:
    """What the daemon has learned of a broker that lets it in, at least now and then."""
    if says.get("state") == "paused":
        yield from map(broken, of_uplink(says))
    elif says.get("state") == "connected" or says.get("losses", 0) >= MANY_LOSSES:
        yield from map(told, of_uplink(says))


def _password(uplink: UplinkSettings) -> str | None:
    if uplink.password_file is None:
        return None
    return uplink.password_file.read_text(encoding="utf-8").rstrip("\r\n")


def _address(case: Case, uplink: UplinkSettings) -> Address:
    assert case.settings is not None
    own = uplink.client(case.settings.station.id)
    return Address(
        uplink.broker.host,
        uplink.broker.port,
        f"{own}-doctor" if case.may_run else own,
        tls=context(uplink.ca_file, uplink.cert_file, uplink.key_file) if uplink.broker.tls else None,
        username=uplink.username,
    )


async def _tried(case: Case, uplink: UplinkSettings, address: Address, password: str | None) -> Result:
    assert case.settings is not None
    name = f"uplink {uplink.name}"
    versions: tuple[Protocol, ...] = ("5", "3.1.1") if uplink.protocol == "auto" else (uplink.protocol,)
    try:
        probe, broker = await _connected(address, password, versions)
    except ConnectError as error:
        return _refused(case, uplink, error)
    try:
        result = await probe.run(name, f"{uplink.root}/{case.settings.station.id}/state", broker, case)
    except ConnectError as error:
        result = bad(name, str(error), NOTHING, error.hint)
    finally:
        await probe.session.close()
    if result.verdict == "bad" and case.of("uplink", uplink.name).get("state") == "connected":
        found = f"{result.found}; the daemon delivers, so perhaps only a second client is refused"
        return unchecked(name, found, result.hint)
    return result


async def _connected(address: Address, password: str | None, versions: tuple[Protocol, ...]) -> tuple[Probe, Broker]:
    """Log in with the first of *versions* that the broker knows; raises ConnectError."""
    for spoken in versions:
        probe = Probe(address, spoken, password)
        try:
            return probe, await probe.session.connect(CONNECT_S)
        except ConnectError as error:
            if spoken == versions[-1] or not error.may_be_old:
                raise
    raise AssertionError("there is no version to try")


def _refused(case: Case, uplink: UplinkSettings, error: ConnectError) -> Result:
    name = f"uplink {uplink.name}"
    if error.kind in ELSEWHERE:
        return unchecked(name, "the broker is not reached, so nothing was published")
    if case.of("uplink", uplink.name).get("state") in AT_WORK:
        found = "the broker lets the daemon in, but no second client of this station"
        return unchecked(name, found, "Stop the daemon and call the doctor again, if deliveries are in doubt")
    step = "Check username and password_file, and client_id, with the broker's operator" if error.code else error.hint
    return bad(name, str(error), NOTHING, step)


class Probe:
    """One connection that publishes the state and waits for it to come back."""

    def __init__(self, address: Address, spoken: Protocol, password: str | None) -> None:
        self.session = Session(address, self, protocol=spoken, password=password)
        self._heard = asyncio.Event()
        self._answered = asyncio.Event()
        self._code = 0
        self._kept = b""
        self._sent = b""

    async def run(self, name: str, topic: str, broker: Broker, case: Case) -> Result:
        """Subscribe, publish, wait; raises ConnectError when the connection ends."""
        (granted,) = await self.session.subscribe([topic], CONNECT_S)
        refused = granted >= 0x80
        if not refused:
            await in_time(self._heard, SETTLE_S)
        self._sent = self._kept or _absence(case)
        if not self._sent:
            return _nothing_kept(case, name, topic)
        self._heard.clear()
        self.session.publish(topic, self._sent)
        if not await in_time(self._answered, ECHO_S):
            found = f"the broker does not acknowledge what is published under {topic}"
            return bad(name, found, NOTHING, "Look at the broker's log at this time")
        if self._code >= 0x80:
            found = f"the broker refuses what is published under {topic}: {meaning(self._code)}"
            return bad(name, found, NOTHING, hint(self._code))
        if refused:
            found = f"the broker does not let the station read {topic}: {meaning(granted)}"
            means = "acknowledgements of consumers and their requests for replay may not come either"
            return doubtful(name, found, means, hint(granted))
        if await in_time(self._heard, ECHO_S):
            return good(name, f"published under {topic} and read back, with MQTT {broker.protocol}")
        means = "it may refuse everything without a word"
        return bad(name, f"what was published under {topic} does not come back", means, hint(0x87))

    def acknowledged(self, mid: int, code: int) -> None:  # noqa: ARG002 - there is only one
        """The broker answered."""
        self._code = code
        self._answered.set()

    def received(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002 - there is only one
        """A message came: what is kept, and later our own."""
        if retained and not self._sent:
            self._kept = payload
        elif retained or payload != self._sent:
            return
        self._heard.set()

    def lost(self, loss: Loss) -> None:
        """The connection ended: what is waited for does not come."""
        self._code = self._code or loss.code or 0x80
        self._answered.set()


def _nothing_kept(case: Case, name: str, topic: str) -> Result:
    if case.of("uplink", name.removeprefix("uplink ")).get("state") in AT_WORK:
        means = "who looks later does not see whether the station lives"
        step = "Ask its operator for retained messages, and for the right to publish and to read there"
        return doubtful(name, f"the broker keeps nothing under {topic}, though the daemon is connected", means, step)
    return unchecked(name, f"the broker keeps nothing under {topic} that could be published again")


def _absence(case: Case) -> bytes:
    """A state for a broker that keeps none: the station is not there. Nothing where a daemon may say otherwise."""
    if case.may_run or case.settings is None:
        return b""
    try:
        with Reader.open(case.settings.store.path) as log:
            epoch = log.epochs()[-1].epoch
    except (StoreError, IndexError):
        epoch = NO_EPOCH
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    words = {"v": 1, "online": False, "session": 1, "station": case.settings.station.id, "epoch": epoch, "time": time}
    return orjson.dumps(words)


async def in_time(event: asyncio.Event, seconds: float) -> bool:
    """Whether *event* comes within *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
