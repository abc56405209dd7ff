"""A driver of the project at one end of a wire and a simulated instrument at the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from drivers.api import Device, Driver, Link
from drivers.catalog import load_profile, make_driver
from drivers.profile import Profile
from tests.simulators.frame_instrument import FrameInstrument
from tests.simulators.pty_line import PtyLine
from tests.simulators.udp_instrument import UdpInstrument

Instrument = FrameInstrument | UdpInstrument


@asynccontextmanager
async def driven(
    profile: Profile | str,
    instrument: Instrument,
    folder: Path,
    *,
    address: int | str | None = None,
    timeout_s: float = 1.0,
) -> AsyncIterator[Driver]:
    """The driver that *profile* asks for, which reads *instrument*; under its factory address when none is given."""
    if isinstance(profile, str):
        profile = load_profile(profile)
    async with AsyncExitStack() as stack:
        if isinstance(instrument, UdpInstrument):
            await stack.enter_async_context(instrument)
            url = f"udp://127.0.0.1:{instrument.port}"
        else:
            line = await stack.enter_async_context(PtyLine(folder / "unit", lambda: instrument))
            url = f"serial://{line.path}"
        link = Link("rack", url, quiet_s=0.02)
        stack.push_async_callback(link.close)
        yield make_driver(
            Device("unit", profile.address if address is None else address, profile, timeout_s=timeout_s), link
        )
