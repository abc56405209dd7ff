"""Name resolution that fails and changes: what a name stands for is said by the test, while it runs.

:func:`nameserver` answers real DNS queries; the machine's own resolver asks it
where ``/etc/resolv.conf`` can be another file. :func:`substitute` is for where it
cannot: it takes the place of ``socket.getaddrinfo``.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SILENCE = "silence"
FAILURE = "failure"
SERVFAIL = 2
NO_SUCH_NAME = 3
TYPE_A = 1
TTL_S = 0
LOOK_S = 0.1

_SUBSTITUTE = """
import json, pathlib, socket, time


def getaddrinfo(host, *arguments, real=socket.getaddrinfo, **options):
    address = json.loads(pathlib.Path({file!r}).read_text()).get(host, host)
    if address == "silence":
        time.sleep(10)
    if address in ("silence", "failure"):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return real(address, *arguments, **options)


socket.getaddrinfo = getaddrinfo
"""


class Names:
    """What each name stands for: an address, FAILURE or SILENCE. Kept in a file of *folder*."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "names.json"
        self._known: dict[str, str] = {}
        self.change({})

    def change(self, names: dict[str, str]) -> None:
        """From now on these names have these meanings; the others keep theirs."""
        self._known |= names
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self._known))
        fresh.replace(self.file)

    def find(self, name: str) -> str | None:
        """What *name* stands for; None when it does not exist."""
        return self._known.get(name)


@contextmanager
def nameserver(names: Names) -> Iterator[dict[Path, Path]]:
    """Answer DNS queries at 127.0.0.1:53 of this thread's network; gives the files by which a process finds it."""
    (names.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    (names.folder / "hosts").write_text("127.0.0.1 localhost\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 53))
        sock.settimeout(LOOK_S)
        ended = threading.Event()
        thread = threading.Thread(target=_serve, args=(sock, names, ended), name="nameserver", daemon=True)
        thread.start()
        try:
            yield {Path("/etc") / name: names.folder / name for name in ("resolv.conf", "hosts")}
        finally:
            ended.set()
            thread.join()


def substitute(names: Names) -> str:
    """Python that makes the process that runs it resolve by *names*."""
    return _SUBSTITUTE.format(file=str(names.file))


def _serve(sock: socket.socket, names: Names, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            query, client = sock.recvfrom(512)
        except TimeoutError:
            continue
        if (answer := _answer(query, names)) is not None:
            sock.sendto(answer, client)


def _answer(query: bytes, names: Names) -> bytes | None:
    """The reply to *query*, a single question as every resolver sends it."""
    name, end = _name(query, 12)
    question, kind = query[12 : end + 4], struct.unpack_from("!H", query, end)[0]
    meaning = names.find(name)
    if meaning == SILENCE:
        return None
    failed = {FAILURE: SERVFAIL, None: NO_SUCH_NAME}.get(meaning, 0)
    count = int(not failed and kind == TYPE_A)
    header = query[:2] + struct.pack("!HHHHH", 0x8180 | failed, 1, count, 0, 0)
    if not count:
        return header + question
    assert meaning is not None
    return header + question + struct.pack("!HHHIH", 0xC00C, TYPE_A, 1, TTL_S, 4) + socket.inet_aton(meaning)


def _name(packet: bytes, at: int) -> tuple[str, int]:
    """The name that begins at *at*, and where it ends."""
    labels = []
    while size := packet[at]:
        labels.append(packet[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join(labels), at + 1
