"""The link: one request at a time, every deadline kept, every loss seen at once, nothing hammered."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import drivers.link
from drivers.endpoint import parse_url
from drivers.errors import BadReplyError, LinkDownError, NoReplyError
from drivers.holder import opener_of
from drivers.link import Foreign, Found, Garbage, Link
from tests.simulators.certificates import Authority
from tests.simulators.pty_line import PtyLine, SocatLine
from tests.simulators.text_instrument import TextLine, TextTcpServer

ASK, REPLY = b"T?\r", b"21.5\r\n"


def line(buffer: bytearray) -> Found | None:
    """A line is the answer; a line that begins with ! is somebody else's, one that begins with ? is none."""
    end = buffer.find(b"\n") + 1
    if buffer.startswith(b"?"):
        raise Garbage("a question mark")
    if not end:
        return None
    if buffer.startswith(b"!"):
        raise Foreign(end, "a line of somebody else")
    return Found(bytes(buffer[:end]), end)


async def ask(
    link: Link, request: bytes = ASK, timeout_s: float = 2.0, *, drain: bool = True, pause_s: float = 0
) -> bytes:
    return await link.exchange(request, line, device="t", timeout_s=timeout_s, drain=drain, pause_s=pause_s)


@asynccontextmanager
async def opened(url: str, **words: float) -> AsyncIterator[Link]:
    link = Link("wire", url, **words)
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def server(
    converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[float]]]:
    """A TCP server; yields its host:port and the times at which it was connected to."""
    times: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        times.append(time.monotonic())
        try:
            await converse(reader, writer)  # type: ignore[misc]
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}", times
    finally:
        running.close()
        await running.wait_closed()


async def answer_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r"):
        writer.write(REPLY)


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accept, and close at once."""


async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One answer a connection, as instruments with a single socket give it."""
    await reader.readuntil(b"\r")
    writer.write(REPLY)


GOOD_URLS = [
    ("serial:///dev/ttyUSB0", "/dev/ttyUSB0"),
    ("serial:///dev/analyzer/rack?baud=19200&parity=E&stopbits=2&bytesize=7", "/dev/analyzer/rack"),
    ("tcp://192.0.2.10:502", "192.0.2.10:502"),
    ("udp://gateway.example.org:1025", "gateway.example.org:1025"),
    ("tls://[2001:db8::7]:802?ca=ca.pem&cert=station.pem&key=station.key", "[2001:db8::7]:802"),
]


@pytest.mark.parametrize(("url", "shown"), GOOD_URLS)
def test_a_url_says_where_a_wire_leads(url: str, shown: str) -> None:
    """Messages name the far end as the technician wrote it."""
    assert str(parse_url(url)) == shown


BAD_URLS = [
    ("http://192.0.2.10:502", "serial://, tcp://, udp:// or tls://"),
    ("/dev/ttyUSB0", "begins with serial://"),
    ("serial://dev/ttyUSB0", "three slashes"),
    ("serial:///dev/ttyUSB0?baud=fast", "baud is a number"),
    ("serial:///dev/ttyUSB0?baud=0", "baud is a number"),
    ("serial:///dev/ttyUSB0?parity=X", "parity is one of N, E, O, M, S"),
    ("serial:///dev/ttyUSB0?stop=1", "'stop' is no option here; allowed: baud, parity, stopbits, bytesize"),
    ("tcp://192.0.2.10", "tcp://host:port"),
    ("tcp://192.0.2.10:70000", "range"),
    ("tcp://192.0.2.10:502?baud=9600", "this kind of link has none"),
    ("tcp://192.0.2.10:502/unit", "tcp://host:port"),
    ("tls://user:secret@192.0.2.10:802", "no user and no password"),
]


@pytest.mark.parametrize(("url", "words"), BAD_URLS)
def test_a_wrong_url_is_refused_with_what_is_allowed(url: str, words: str) -> None:
    """A mistyped option must not silently become the default."""
    with pytest.raises(ValueError, match=words):
        parse_url(url)


@pytest.mark.parametrize(
    ("options", "silence_ms"), [("", 4.01), ("?baud=19200", 2.005), ("?baud=38400", 1.75), ("?baud=115200", 1.75)]
)
def test_the_silence_between_frames_follows_the_baud_rate(options: str, silence_ms: float) -> None:
    """Modbus over serial line 2.5.1.1: 3.5 characters of 11 bits, 1.75 ms above 19200 Bd."""
    assert parse_url(f"serial:///dev/x{options}").silence_s * 1000 == pytest.approx(silence_ms, rel=0.01)


async def test_an_answer_comes_over_tcp() -> None:
    """The plain case, with its counters."""
    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        assert await ask(link) == REPLY
        assert link.up

    counters = link.counters["t"]
    assert (counters.asked, counters.good, counters.timeouts) == (1, 1, 0)
    assert counters.median_s is not None
    assert 0 < counters.median_s <= (counters.worst_s or 0) < 1


async def test_an_answer_comes_over_a_serial_line(tmp_path: Path) -> None:
    """The port is opened by its stable name and read by the event loop."""
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        assert await ask(link) == REPLY


async def test_an_answer_comes_over_udp() -> None:
    """One datagram out, one back; noise in a datagram of its own does not spoil the next one."""

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, _data: bytes, addr: object) -> None:
            self.transport.sendto(b"?noise", addr)  # type: ignore[attr-defined]
            self.transport.sendto(REPLY, addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    try:
        async with opened(f"udp://127.0.0.1:{transport.get_extra_info('sockname')[1]}") as link:
            assert await ask(link) == REPLY
    finally:
        transport.close()


async def test_udp_where_nobody_listens_fails_at_once() -> None:
    """The host says so, long before the time-out."""
    async with opened("udp://127.0.0.1:9") as link:
        began = time.monotonic()
        with pytest.raises(LinkDownError, match="refused"):
            await ask(link)
    assert time.monotonic() - began < 1


async def test_tls_checks_both_ends(authority: Authority) -> None:
    """A gateway in the open is asked only when it is the right one, and answers only to whom it knows."""
    gateway, station = authority.issue("gateway"), authority.issue("station")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file))
    context.load_cert_chain(gateway.cert_file, gateway.key_file)
    context.verify_mode = ssl.CERT_REQUIRED
    options = f"ca={authority.ca_file}&cert={station.cert_file}&key={station.key_file}"

    async with server(answer_each, tls=context) as (address, _):
        async with opened(f"tls://{address}?{options}") as link:
            assert await ask(link) == REPLY
        async with opened(f"tls://{address}?{options}&name=other.example.org") as link:
            with pytest.raises(LinkDownError, match=r"(?i)TLS failed.*hostname mismatch"):
                await ask(link)
        async with opened(f"tls://{address}") as link:
            with pytest.raises(LinkDownError, match="TLS failed"):
                await ask(link)


async def test_missing_certificate_files_are_named_as_such(tmp_path: Path) -> None:
    """The network is not to blame for a wrong path."""
    async with opened(f"tls://127.0.0.1:9?ca={tmp_path / 'none.pem'}") as link:
        with pytest.raises(LinkDownError, match="certificate files cannot be read"):
            await ask(link)


async def test_silence_ends_at_the_deadline() -> None:
    """No reply is an answer of its own, on time."""
    async with TextTcpServer({}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        began = time.monotonic()
        with pytest.raises(NoReplyError, match=r"within 0\.1 s"):
            await ask(link, timeout_s=0.1)

    assert 0.1 <= time.monotonic() - began < 0.6
    assert link.counters["t"].timeouts == 1


async def test_one_request_at_a_time_in_the_order_of_asking(tmp_path: Path) -> None:
    """Two requests on one RS-485 pair destroy each other's replies."""
    replies = {b"%d\r" % n: b"%d\r\n" % n for n in range(8)}
    async with TextLine(replies, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        sent: list[bytes] = []
        link.trace = lambda direction, data: sent.append(data) if direction == "tx" else None
        answers = await asyncio.gather(*(ask(link, request) for request in replies))

    assert answers == list(replies.values())
    assert sent == list(replies)


async def test_the_trace_shows_both_directions() -> None:
    """What was on the wire settles every argument about an instrument."""
    traced: list[tuple[str, bytes]] = []
    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        link.trace = lambda direction, data: traced.append((direction, data))
        await ask(link)

    assert traced == [("tx", ASK), ("rx", REPLY)]


async def test_a_foreign_frame_is_cut_off_and_waiting_goes_on() -> None:
    """Somebody else's line is neither the answer nor the end of the waiting."""
    heard: list[bytes] = []
    instrument = TextTcpServer({ASK: b"!7\r\n!8\r\n" + REPLY})
    async with instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        link.listen(heard.append)
        assert await ask(link) == REPLY

    assert (link.counters["t"].strange, link.counters["t"].late) == (2, 0)
    assert heard == [b"!7\r\n", b"!8\r\n"]


async def test_garbage_fails_once_the_line_rests() -> None:
    """A damaged reply need not cost the whole time-out."""
    async with TextTcpServer({ASK: b"?????"}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        began = time.monotonic()
        with pytest.raises(BadReplyError, match="a question mark"):
            await ask(link, timeout_s=10)

    assert time.monotonic() - began < 3
    assert link.counters["t"].bad == 1


async def test_half_a_line_is_no_answer() -> None:
    """The number 12.3 may be the beginning of 12.345."""
    async with TextTcpServer({ASK: b"12.3"}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        with pytest.raises(BadReplyError, match=r"no whole reply: '12\.3'"):
            await ask(link, timeout_s=0.1)


async def test_what_lay_in_the_line_before_is_not_the_answer() -> None:
    """Instruments that talk by themselves share the port with replies."""
    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        await ask(link)
        instrument.say(b"99.9\r\n")
        assert await ask(link) == REPLY


async def test_after_a_time_out_the_line_must_fall_quiet(tmp_path: Path) -> None:
    """The late reply to the first question would be taken for the answer to the second."""
    instrument = TextLine({ASK: REPLY}, tmp_path / "rack")
    async with instrument, opened(f"serial://{instrument.path}", quiet_s=0.2) as link:
        with pytest.raises(NoReplyError):
            await ask(link, b"slow\r", timeout_s=0.05)
        asyncio.get_running_loop().call_later(0.1, instrument.say, b"99.9\r\n")

        assert await ask(link) == REPLY

    assert link.counters["t"].late == 1


async def test_a_line_that_never_rests_is_used_all_the_same(tmp_path: Path) -> None:
    """Some instruments send twenty lines a second; waiting for silence would wait for ever."""
    async with (
        TextLine({ASK: b"=" + REPLY}, tmp_path / "rack") as instrument,
        instrument.saying([b"!7\r\n"] * 400, 0.01),
        opened(f"serial://{instrument.path}") as link,
    ):
        assert await ask(link) == b"=" + REPLY


async def test_the_pause_after_an_answer_is_kept() -> None:
    """Some instruments miss a request that comes too soon after their answer."""
    sent: list[float] = []
    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        link.trace = lambda direction, _: sent.append(time.monotonic()) if direction == "tx" else None
        await ask(link, pause_s=0.2)
        await ask(link)

    assert sent[1] - sent[0] >= 0.2


async def test_a_connection_lost_under_a_request_fails_at_once() -> None:
    """Waiting out the time-out after the far end is gone holds up everybody else on the link."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r")
        writer.write(b"21")

    async with server(die) as (address, _), opened(f"tcp://{address}") as link:
        began = time.monotonic()
        with pytest.raises(LinkDownError, match="closed the connection"):
            await ask(link, timeout_s=10)
    assert time.monotonic() - began < 2


async def test_an_instrument_that_closes_after_each_answer_is_asked_again() -> None:
    """Such a close is its habit, not a failure, also when it crosses our next request."""
    async with server(answer_once) as (address, times), opened(f"tcp://{address}") as link:
        assert [await ask(link) for _ in range(5)] == [REPLY] * 5
    assert len(times) == 5


async def test_a_server_that_hangs_up_is_not_hammered() -> None:
    """A gateway that is busy with somebody else must not be connected to a thousand times a second."""
    async with server(hang_up) as (address, times), opened(f"tcp://{address}") as link:
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            with pytest.raises(LinkDownError):
                await ask(link)
            await asyncio.sleep(0.01)
    assert len(times) <= 3


async def test_a_refused_port_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the last failure is recent, the error comes at once and says when the next attempt is due."""
    monkeypatch.setattr(drivers.link, "FIRST_RETRY_S", 0.1)
    instrument = TextTcpServer({ASK: REPLY})
    async with instrument:
        pass
    async with opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        with pytest.raises(LinkDownError, match=r"wire \(127.0.0.1:\d+\) cannot be used: Connection refused$"):
            await ask(link)
        with pytest.raises(LinkDownError, match=r"refused; next attempt in 0\.1 s"):
            await ask(link)
        async with instrument:
            await asyncio.sleep(0.1)
            assert await ask(link) == REPLY


async def test_a_connection_that_went_dumb_is_made_anew() -> None:
    """A restarted far end behind a firewall never tells that it forgot the connection."""

    async def dumb_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (answer_each(reader, writer) if len(times) > 1 else reader.read())

    async with server(dumb_at_first) as (address, times), opened(f"tcp://{address}") as link:
        for _ in range(2):
            with pytest.raises(NoReplyError):
                await ask(link, timeout_s=0.05)
        assert await ask(link) == REPLY


@pytest.mark.parametrize("kind", [PtyLine, SocatLine])
async def test_an_unplugged_port_is_seen_at_once_and_found_again_by_its_name(
    tmp_path: Path, kind: type[PtyLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A USB adapter comes back under another number; its stable name leads there."""
    monkeypatch.setattr(drivers.link, "FIRST_RETRY_S", 0.01)
    line = TextLine({ASK: REPLY}, tmp_path / "rack")
    async with kind(line.path, line.converse) as port, opened(f"serial://{port.path}") as link:
        assert await ask(link) == REPLY

        began = time.monotonic()
        waiting = asyncio.create_task(ask(link, b"unknown\r", timeout_s=10))
        await asyncio.sleep(0.1)
        port.unplug()
        with pytest.raises(LinkDownError):
            await waiting
        assert time.monotonic() - began < 3
        assert not link.up

        port.plug()
        await asyncio.sleep(0.1)
        assert await ask(link) == REPLY


async def test_a_port_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The first thing to check is whether the adapter is plugged in."""
    async with opened(f"serial://{tmp_path / 'rack'}") as link:
        with pytest.raises(LinkDownError, match="there is no such port") as raised:
            await link.open()
    assert f"ls -l {tmp_path / 'rack'}" in raised.value.hint


async def test_the_holder_of_a_busy_port_is_named(tmp_path: Path) -> None:
    """Two programs on one port read half of each other's replies; the technician must know which one to stop."""
    holding = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY);"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument:
        command = [sys.executable, "-c", holding, os.fspath(instrument.path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
            async with opened(f"serial://{instrument.path}") as link:
                with pytest.raises(LinkDownError, match=rf"it is held by python\S* \(pid {holder.pid}\)"):
                    await link.open()
            holder.communicate()


async def test_a_port_that_somebody_reads_without_a_lock_is_refused(tmp_path: Path) -> None:
    """`cat` on the port asks nobody; every other reply would be its, and both would see a broken instrument."""
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        reading = await asyncio.create_subprocess_exec("cat", os.fspath(instrument.path), stdout=subprocess.DEVNULL)
        try:
            while opener_of(str(instrument.path)) != reading.pid:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
            with pytest.raises(LinkDownError, match=rf"it is held by cat \(pid {reading.pid}\)"):
                await link.open()
        finally:
            reading.kill()
            await reading.wait()
        await asyncio.sleep(drivers.link.FIRST_RETRY_S)
        assert await ask(link) == REPLY


async def test_another_users_lock_is_seen_without_root(tmp_path: Path) -> None:
    """The service has no rights beyond its own, and what holds the port is mostly somebody else's."""
    looking = (
        "import os, sys; from drivers.holder import holder_of; os.getuid() or os.setuid(65534);"
        "print(holder_of(sys.argv[1]))"
    )
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        await link.open()
        command = [sys.executable, "-c", looking, os.path.realpath(instrument.path)]
        found = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)

    assert f"(pid {os.getpid()})" in found.stdout


async def test_a_port_is_not_shared(tmp_path: Path) -> None:
    """Two readers of one port get half of each other's replies."""
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        await link.open()
        second = Link("second", f"serial://{instrument.path}")
        with pytest.raises(LinkDownError):
            await second.open()
        await second.close()


async def test_more_than_the_port_takes_at_once_is_written_all_the_same(tmp_path: Path) -> None:
    """A full output buffer is no reason to lose the end of a request."""
    received = bytearray()

    class Slow(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            received.extend(data)
            if received.endswith(b"\r"):
                self.transport.write(REPLY)  # type: ignore[attr-defined]

    request = b"x" * 100_000 + b"\r"
    async with PtyLine(tmp_path / "rack", Slow) as port, opened(f"serial://{port.path}?baud=4000000") as link:
        assert await ask(link, request, timeout_s=10) == REPLY
    assert received == request


async def test_a_character_of_wrong_parity_is_not_taken_for_a_digit(tmp_path: Path) -> None:
    """With parity asked for, the kernel has to check it: text protocols often have no checksum."""
    async with TextLine({}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}?parity=E") as link:
        await link.open()
        assert instrument._slave is not None
        flags = termios.tcgetattr(instrument._slave)[0]

    assert flags & termios.INPCK
    assert not flags & (termios.IGNPAR | termios.PARMRK)


async def test_lines_that_come_by_themselves_go_to_who_listens(tmp_path: Path) -> None:
    """Unsolicited lines come between exchanges; listening ends when it is ended."""
    heard: list[bytes] = []
    came = asyncio.Event()
    async with TextLine({ASK: REPLY}, tmp_path / "rack") as instrument, opened(f"serial://{instrument.path}") as link:
        stop = link.listen(lambda data: (heard.append(data), came.set()))
        await link.open()
        instrument.say(b"1.0\r\n")
        async with asyncio.timeout(5):
            await came.wait()
        stop()
        assert await ask(link) == REPLY

    assert heard == [b"1.0\r\n"]


async def test_a_cancelled_exchange_leaves_the_link_usable() -> None:
    """A reload cancels polls in mid-air; the next one on that wire must not get the answer of the old one."""
    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        waiting = asyncio.create_task(ask(link, b"unknown\r", timeout_s=10))
        await asyncio.sleep(0.05)
        waiting.cancel()
        instrument.say(b"99.9\r\n")

        assert await ask(link) == REPLY


async def test_closing_ends_an_exchange_under_way() -> None:
    """A link that is taken out of the configuration does not wait for its instruments."""
    async with TextTcpServer({}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        waiting = asyncio.create_task(ask(link, timeout_s=10))
        await asyncio.sleep(0.05)
        await link.close()
        with pytest.raises(LinkDownError, match="closed here"):
            await waiting


async def test_a_defect_of_a_finder_reaches_who_asked() -> None:
    """Our own mistake ends the poll with a traceback, not in silence and not on another device."""

    def broken(_buffer: bytearray) -> Found | None:
        raise ZeroDivisionError

    async with TextTcpServer({ASK: REPLY}) as instrument, opened(f"tcp://127.0.0.1:{instrument.port}") as link:
        with pytest.raises(ZeroDivisionError):
            await link.exchange(ASK, broken, device="t", timeout_s=2)
        assert await ask(link) == REPLY
