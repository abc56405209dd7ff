"""``receive``: a consumer of one's own beside the real ones; prints, counts, and checks what a broker hands on."""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

from agent.cli.receive_printer import Printer
from agent.receive.asking import Acknowledger, Asker
from agent.receive.receiving import Receiver
from agent.receive.subscription import Interest, Subscription
from agent.settings import Settings
from agent.stationfile.urls import parse_broker
from agent.uplink.broker import Address, Protocol
from agent.uplink.tls import context
from drivers.duration import parse_duration
from drivers.errors import StationError

NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
VERSIONS: dict[str, tuple[Protocol, ...]] = {"auto": ("5", "3.1.1"), "5": ("5",), "3.1.1": ("3.1.1",)}


class ReceiveError(StationError):
    """The command line does not say enough, or something wrong."""

    exit_code = 2


EXAMPLES = """\
examples:
  station-agent receive                                    at the first broker of the station file
  station-agent receive mqtts://broker.example.org --ca-file ca.pem --username judge --password-file judge.txt
  station-agent receive --quiet --for 10min                duplicates, gaps and chain, in one line
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("url", nargs="?", help="mqtts://host:port or mqtt://host:port; else the first uplink's")
    parser.add_argument("--root", help="where topics begin (default that of the uplink, else station/v1)")
    parser.add_argument("--station", default="+", metavar="ID", help="one station (default: all)")
    parser.add_argument("--client-id", metavar="ID", help="never one that another client uses (default: a new one)")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="whom to trust (default: as the uplink does)")
    parser.add_argument("--cert-file", type=Path, metavar="FILE", help="a client certificate")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="and its key")
    parser.add_argument("--protocol", choices=VERSIONS, default="auto", help="version of MQTT (default: 5, then 3.1.1)")
    parser.add_argument(
        "--ack",
        type=_name,
        metavar="NAME",
        help="acknowledge as consumer NAME whatever was printed: the station counts it as stored for good",
    )
    parser.add_argument("--replay", action="store_true", help="ask the station for what is missing")
    parser.add_argument("--whole", action="store_true", help="miss everything that the station still has, from 1 on")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, the records byte for byte")
    parser.add_argument("--quiet", action="store_true", help="no records, only what is wrong, and the summary")
    parser.add_argument("--for", dest="seconds", type=_duration, metavar="TIME", help='end after "20s", "10min", …')
    parser.add_argument("--count", type=int, metavar="N", help="end after N records")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Receive until told to stop; the exit code is 1 when something is missing or the chain is broken."""
    return asyncio.run(_receive(options, _place(options)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as whom to subscribe."""

    address: Address
    root: str
    password: str | None


async def _receive(options: argparse.Namespace, place: Place) -> int:
    receiver = Receiver(place.root, whole=options.whole)
    printer = Printer(receiver, options)
    name = options.ack or (place.address.client_id if NAME.fullmatch(place.address.client_id) else "receive")
    subscription = Subscription(
        place.address,
        Interest(place.root, options.station),
        receiver,
        printer,
        name=name,
        versions=VERSIONS[options.protocol],
        password=place.password,
        acknowledger=Acknowledger(name, place.root, receiver) if options.ack else None,
        asker=Asker(name, place.root, receiver) if options.replay else None,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, printer.enough.set)
    await _until(printer.enough, subscription, options.seconds)
    if printer.unprintable is not None:
        raise printer.unprintable
    printer.sum_up()
    return int(bool(receiver.faults or receiver.missing))


async def _until(enough: asyncio.Event, subscription: Subscription, seconds: float | None) -> None:
    """Receive until *enough* or for *seconds*; raises what ends the subscription before that."""
    receiving = asyncio.create_task(subscription.run())
    waiting = asyncio.create_task(enough.wait())
    try:
        await asyncio.wait((receiving, waiting), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not receiving.done():
            receiving.cancel()
        await asyncio.wait((receiving, waiting))
    if not receiving.cancelled() and (error := receiving.exception()):
        raise error


def _place(options: argparse.Namespace) -> Place:
    """Where to subscribe, from the command line and, without a URL there, the first uplink of the station file."""
    url, root, ca_file = options.url, options.root, options.ca_file
    if url is None:
        uplinks = Settings.load(options.config).uplinks
        if not uplinks:
            raise ReceiveError(f"{options.config} names no uplink", hint="Give the URL of a broker: mqtt://host:1883")
        url, root, ca_file = uplinks[0].url, root or uplinks[0].root, ca_file or uplinks[0].ca_file
    try:
        broker = parse_broker(url)
    except ValueError as error:
        raise ReceiveError(
            f"this is not the address of a broker: {error}", hint="Example: mqtt://127.0.0.1:1883"
        ) from None
    address = Address(
        broker.host,
        broker.port,
        options.client_id or f"receive-{secrets.token_hex(4)}",
        tls=context(ca_file, options.cert_file, options.key_file) if broker.tls else None,
        username=options.username,
    )
    return Place(address, root or "station/v1", _password(options.password_file))


def _password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReceiveError(f"{path} cannot be read: {error}", hint="Check the name and who may read it") from error


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError('a consumer is named with letters, digits, "_" and "-", at most 32')
    return text


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
