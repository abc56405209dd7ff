"""One poll as ``read`` shows it, whoever polled."""

from __future__ import annotations

from typing import Any

from drivers.profile import Profile
from drivers.reading import Scan
from drivers.units import shown


def readout(scan: Scan, profile: Profile) -> dict[str, Any]:
    """The time and readings of *scan*, in the order of the profile, as plain data."""
    readings = [
        {
            "channel": channel.name,
            "value": reading.value,
            "unit": shown(channel.unit),
            "quality": str(reading.quality),
            "reason": reading.reason,
        }
        for channel in profile.channels
        if (reading := scan.readings.get(channel.name))
    ]
    return {"time": scan.time.isoformat(timespec="milliseconds"), "readings": readings}
