"""The status snapshot: one small file that says how the station does, also after the daemon died.

``status`` and every screen show what stands here and in the log, nothing else.
The file lies in the runtime directory (memory, not flash), is replaced as a
whole once a second, and holds no secret.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import structlog

from agent import __version__
from agent.clock import Clock
from agent.polling.poller import LinkPoller
from agent.recorder import Recorder
from agent.snapshot import device_words, disk_words, link_words

log = structlog.get_logger()

PERIOD_S = 1.0

DISK_S = 10.0
"""How often the disk is asked for its room."""


class Health:
    """Writes the snapshot for the group *read_gid*; *station* gives what only the daemon knows (uplinks, room).

    *ending* says whether the daemon ends because it was told to, *disk* is the folder whose room counts.
    """

    def __init__(
        self,
        path: Path,
        *,
        recorder: Recorder,
        clock: Clock,
        links: Callable[[], Mapping[str, LinkPoller]],
        station: Callable[[], dict[str, Any]],
        ending: Callable[[], bool],
        read_gid: int | None = None,
        disk: Path | None = None,
    ) -> None:
        self._path = path
        self._recorder = recorder
        self._clock = clock
        self._links = links
        self._station = station
        self._ending = ending
        self._read_gid = read_gid
        self._folder = disk
        self._disk: dict[str, Any] | None = None
        self._started = clock.now()
        self._refused = False

    async def run(self) -> None:
        """Write until cancelled; the last snapshot says whether the daemon ended on purpose."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_at_disk(), name="disk")
                while True:
                    self._try_to_write()
                    await asyncio.sleep(PERIOD_S)
        finally:
            self._try_to_write(ended=self._ending())

    async def _look_at_disk(self) -> None:
        """Ask for its room beside the writing of snapshots: a sick disk may take minutes to answer."""
        while self._folder:
            self._disk = await asyncio.to_thread(disk_words, self._folder)
            await asyncio.sleep(DISK_S)

    def _try_to_write(self, *, ended: bool = False) -> None:
        """Polling does not depend on what people can see of it: a full disk is logged, once."""
        try:
            self.write(ended=ended)
            self._refused = False
        except OSError as error:
            if not self._refused:
                log.error("status_not_written", path=str(self._path), error=str(error))
            self._refused = True

    def write(self, *, ended: bool = False) -> None:
        """Replace the file; readers see the old one or the new one. Raises OSError."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(self.snapshot() | {"ended": ended}))
        fresh.chmod(0o640)
        if self._read_gid is not None:
            with suppress(PermissionError):  # not a member of it: the file keeps our group
                os.chown(fresh, -1, self._read_gid)
        fresh.replace(self._path)

    def snapshot(self) -> dict[str, Any]:
        """How the station does now, as plain data."""
        step = self._clock.last_step
        clock = {
            "synchronised": self._clock.synchronised,
            "step": step and {"by_s": round(step.by_s, 3), "found": step.found},
        }
        return {
            "v": 1,
            "version": __version__,
            "pid": os.getpid(),
            "started": self._started,
            "written": self._clock.now(),
            "service": "INVOCATION_ID" in os.environ,  # systemd.exec(5): started by it
            "clock": clock,
            "store": self._store(),
            "disk": self._disk,
            "links": [link_words(name, poller) for name, poller in self._links().items()],
            "devices": [
                device_words(device, name) for name, poller in self._links().items() for device in poller.devices
            ],
            **self._station(),
        }

    def _store(self) -> dict[str, Any]:
        records, size = self._recorder.held_back
        waiting = self._recorder.waiting
        return {
            "path": str(self._recorder.path),
            "epoch": self._recorder.epoch,
            "last": {str(stream): last for stream, last in self._recorder.lasts.items()},
            "waiting": {"records": records, "bytes": size},
            "refused": waiting and asdict(waiting),
            "volatile": self._recorder.is_volatile,
        }
