"""The application: keys, one timer a second, and the page that is shown.

Everything that may wait for a disk (snapshot, diagnosis, log) is read in a thread, so
keys answer also while the disk does not.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from agent.amounts import ago
from agent.columns import fold
from agent.diagnosis import Facts
from agent.language import say
from agent.screen.device import device_page
from agent.screen.face import Face
from agent.screen.journal import journal_page
from agent.screen.logbook import Logbook, Mark
from agent.screen.overview import is_troubled, overview
from agent.screen.page import FRAME_ROWS, Line, Page, arrange, keys, tabs, title
from agent.screen.sight import FRESH_S, Sight
from agent.screen.trend import SPANS_H, Wanted
from agent.screen.uplinks import uplinks_page
from drivers.reading import Stream

PERIOD_S = 1.0
PAGES = ("overview", "device", "uplinks", "events", "audit")
STREAMS = {"events": Stream.EVENT, "audit": Stream.AUDIT}
LEAST_CURVE_ROWS = 5
MOST_CURVE_ROWS = 12
"""On a screen of ordinary size; on a tall one it is a third."""

MARGIN_ROWS = 16
"""Of a device page without its curve: what stands above it, and room for some channels."""

ANYWHERE = (("1-5 Tab", "page"), ("q", "quit"))
SCROLLING = (("↑ ↓ PgUp PgDn", "scroll"), ("← →", "device"), ("n", "next trouble"), *ANYWHERE)
CHOOSING = (("← →", "device"), ("n", "next trouble"), ("↑ ↓", "channel"), ("+ -", "hours"), *ANYWHERE)


class Watch(App[None]):
    """Shows the station of *sight* until somebody ends it; the first page begins with *note*, if there is any."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *[Binding(str(number), f"page({number - 1})", show=False) for number in range(1, len(PAGES) + 1)],
        Binding("tab", "turn(1)", show=False, priority=True),
        Binding("shift+tab", "turn(-1)", show=False, priority=True),
        Binding("left", "device(-1)", show=False),
        Binding("right", "device(1)", show=False),
        Binding("n", "trouble", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "leaf(-1)", show=False),
        Binding("pagedown", "leaf(1)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "move(100000)", show=False),
        Binding("plus,equals_sign", "hours(1)", show=False),
        Binding("minus", "hours(-1)", show=False),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
        Binding("q,ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, sight: Sight, note: str = "") -> None:
        super().__init__(ansi_color=True)
        self._sight = sight
        self._note = note
        self._face = Face()
        self._page = PAGES[0]
        self._tops = dict.fromkeys(PAGES, 0)
        self._device = 0
        self._channels: dict[str, int] = {}
        self._hours = SPANS_H[1]
        self._logbook = Logbook()
        self._reading = False

    @property
    def lines(self) -> list[Line]:
        """What stands on the screen."""
        return self._face.lines

    def compose(self) -> ComposeResult:
        """One widget over everything."""
        yield self._face

    def on_mount(self) -> None:
        """Show what is known already, and look again every second."""
        self.theme = "ansi-dark"
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)
        self.app_resume_signal.subscribe(self, lambda _: self._face.refresh())  # the shell has written over it
        self.set_interval(PERIOD_S, self._tick)

    def on_resize(self) -> None:
        """The terminal has another size now."""
        self.call_after_refresh(self._draw)
        self._read_on()

    def action_page(self, number: int) -> None:
        """Show another page."""
        self._page = PAGES[number]
        self._draw()
        self._read_on()

    def action_turn(self, steps: int) -> None:
        """Show the next page, or the one before."""
        self.action_page((PAGES.index(self._page) + steps) % len(PAGES))

    def action_device(self, steps: int) -> None:
        """Show another device; from any page."""
        if count := len(self._devices):
            self._device = (self._device + steps) % count if self._page == "device" else self._device
            self._tops["device"] = 0
            self.action_page(PAGES.index("device"))

    def action_trouble(self) -> None:
        """Show the next device that gives nothing, not all, or no valid values."""
        devices = self._devices
        places = [(self._device + step) % len(devices) for step in range(1, len(devices) + 1)]
        self._device = next((place for place in places if is_troubled(devices[place])), self._device)
        self._tops["device"] = 0
        self.action_page(PAGES.index("device"))

    def action_move(self, steps: int) -> None:
        """Pick another channel, or scroll."""
        if self._page == "device" and (device := self._shown_device):
            last = max(len(device["channels"]) - 1, 0)
            self._channels[device["name"]] = min(max(self._picked + steps, 0), last)
            self._read_on()
        else:
            self._tops[self._page] = max(self._tops[self._page] + steps, 0)
        self._draw()

    def action_leaf(self, pages: int) -> None:
        """Scroll by what fits on the screen."""
        self.action_move(pages * max(self.size.height - FRAME_ROWS - 1, 1))

    def action_hours(self, steps: int) -> None:
        """Make the trend longer or shorter."""
        place = SPANS_H.index(self._hours) + steps
        self._hours = SPANS_H[min(max(place, 0), len(SPANS_H) - 1)]
        self._draw()
        self._read_on()

    @property
    def _devices(self) -> list[Facts]:
        return self._sight.snapshot["devices"] if self._sight.snapshot else []

    @property
    def _shown_device(self) -> Facts | None:
        devices = self._devices
        return devices[min(self._device, len(devices) - 1)] if devices else None

    @property
    def _picked(self) -> int:
        """The channel of the shown device that is picked; until somebody does, the first that is measured."""
        device = self._shown_device
        channels = device["channels"] if device else []
        measured = [place for place, channel in enumerate(channels) if channel["stream"] == "measurement"]
        first = measured[0] if measured else 0
        return min(self._channels.get(device["name"], first) if device else 0, max(len(channels) - 1, 0))

    def _tick(self) -> None:
        if self._reading:  # a disk that does not answer stops no clock
            self._draw()
        self._read_on()

    def _read_on(self) -> None:
        """Read what the page needs, unless a reading is under way, which goes on until nothing lacks."""
        if not self._reading:
            self._reading = True
            self.run_worker(self._read())

    async def _read(self) -> None:
        try:
            await asyncio.to_thread(self._sight.look)
            self._draw()
            while await self._read_log():
                self._draw()
        finally:
            self._reading = False

    async def _read_log(self) -> bool:
        """Read of the log what the page lacks; whether it lacked anything."""
        path = self._sight.paths.store
        if stream := STREAMS.get(self._page):
            return await self._logbook.read_records(path, stream, self._stored(stream))
        if self._page == "device" and (wanted := self._wanted):
            return await self._logbook.read_trend(path, wanted)
        return False

    def _stored(self, stream: Stream) -> Mark:
        """How far the snapshot says *stream* goes: when that moves, there is news in the log."""
        store = (self._sight.snapshot or {}).get("store") or {"epoch": "", "last": {}}
        return store["epoch"], store["last"].get(stream, 0)

    @property
    def _wanted(self) -> Wanted | None:
        device = self._shown_device
        if device is None or not device["channels"]:
            return None
        channel = device["channels"][self._picked]
        stream, columns = Stream(channel["stream"]), max(self.size.width, 40)
        return Wanted(device["name"], channel["name"], stream, self._hours, columns)

    def _draw(self) -> None:
        columns, rows = self.size
        page, top = self._made(columns, rows), self._tops[self._page]
        first = title(self._sight.level, self._sight.station, self._moment(), columns)
        last = keys(CHOOSING if self._page == "device" else SCROLLING, columns)
        screen = arrange(first, tabs(PAGES, PAGES.index(self._page)), page, last, top, columns, rows)
        self._tops[self._page] = screen.top
        self._face.show(screen.lines)

    def _moment(self) -> str:
        """The station's time, and the age of what is shown when it is not of now."""
        now = datetime.now(self._sight.zone)
        age_s = self._sight.age_s
        stale = f"{say(f'LAST STATE, {ago(seconds=age_s)} OLD')}  " if age_s > FRESH_S else ""
        return f"{stale}{now:%Y-%m-%d %H:%M:%S %Z}"

    def _made(self, columns: int, rows: int) -> Page:
        sight = self._sight
        if stream := STREAMS.get(self._page):
            records = self._logbook.records(stream)
            return Page(body=self._waiting(columns)) if records is None else journal_page(records, sight.zone, columns)
        snapshot = sight.snapshot  # one and the same in all of a page: another thread replaces it
        if self._page == "overview" or snapshot is None:
            return overview(sight, self._note, columns)
        if self._page == "uplinks":
            return uplinks_page(snapshot["uplinks"], sight.findings, sight.zone, columns)
        if devices := snapshot["devices"]:
            number, curve = min(self._device, len(devices) - 1), self._curve(columns, rows)
            return device_page(snapshot, number, sight.findings, self._picked, curve, sight.zone, columns)
        return Page(body=[Line(say("no device is configured"))])

    def _curve(self, columns: int, rows: int) -> list[Line]:
        """The trend of the picked channel, in as many lines as there is room for."""
        room = min(rows - MARGIN_ROWS, max(MOST_CURVE_ROWS, rows // 3))
        if not (wanted := self._wanted) or room < LEAST_CURVE_ROWS:
            return []
        if not (trend := self._logbook.trend(wanted)):
            return self._waiting(columns)
        name, *curve = trend.drawn(self._sight.zone, room)
        return [Line(f"{name}  {say(f'last {self._hours} h')}"), *map(Line, curve)]

    def _waiting(self, columns: int) -> list[Line]:
        """What stands where the log is not read yet, or cannot be."""
        if (trouble := self._logbook.trouble) is None:
            return [Line(say("reading the log …"))]
        what = fold(say(str(trouble)), columns)
        hint = fold(f"-> {say(trouble.hint)}", columns, "   ")
        return [*(Line(text, "warning") for text in what), *map(Line, hint)]
