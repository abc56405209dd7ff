"""``listen``: what comes on a link by itself, cut into lines, raw and as far as anybody can tell what it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from agent.commission.annotate import named
from agent.commission.guess import guesses
from agent.commission.played import Interpreter
from agent.commission.readout import readout
from agent.commission.site import Site
from agent.commission.words import Listen, understood

SILENCE_S = 0.1
"""A pause of this length ends a piece that has no line end."""
LONGEST = 4096
LINE_END = re.compile(rb"\r\n|\n|\r")


async def listen(site: Site, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Yield each line that answers no request, and a summary; raises StationError."""
    wanted = understood(Listen, request)
    wire = site.wire(wanted.link)
    devices = [device for device in site.devices_on(wire.name) if not device.profile.protocol.startswith("modbus")]
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    count = size = 0
    async with site.guest(wire) as guest:
        await guest.open()
        yield {"event": "plan", "link": wire.name, "endpoint": guest.endpoint, "seconds": wanted.seconds}
        interpreters = [Interpreter(device, guest.kind) for device in devices]
        stop = guest.listen(heard.put_nowait)
        try:
            async for line in _cut(heard, asyncio.get_running_loop().time() + wanted.seconds):
                count, size = count + 1, size + len(line)
                yield await told(line, interpreters)
        finally:
            stop()
    yield {"event": "done", "lines": count, "bytes": size}


async def _cut(heard: asyncio.Queue[bytes], until_s: float) -> AsyncGenerator[bytes]:
    """Lines with their ends, or whatever a pause ended, until *until_s* of the loop's clock."""
    buffer = b""
    now = asyncio.get_running_loop().time
    while (left_s := until_s - now()) > 0:
        try:
            async with asyncio.timeout(min(left_s, SILENCE_S) if buffer else left_s):
                buffer += await heard.get()
        except TimeoutError:
            if buffer:
                yield buffer
            buffer = b""
        while end := LINE_END.search(buffer):
            if end.end() == len(buffer) and end[0] == b"\r":
                break  # perhaps the LF is still to come
            yield buffer[: end.end()]
            buffer = buffer[end.end() :]
        if len(buffer) > LONGEST:
            yield buffer
            buffer = b""


async def told(line: bytes, interpreters: Iterable[Interpreter]) -> dict[str, Any]:
    """*line* raw, in words, and as those who know it read it; guesses where nobody does."""
    decoded = [
        {"device": one.device.name, "readings": readout(scan, one.device.profile)["readings"]}
        for one in interpreters
        if (scan := await one.read(line))
    ]
    return {
        "event": "line",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "raw": line.hex(" "),
        "text": named(line),
        "decoded": decoded,
        "guesses": [] if decoded else guesses(line),
    }
