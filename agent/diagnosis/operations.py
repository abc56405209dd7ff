"""Who is at work at the station, and which alarms wait for somebody: remarks, for what is wrong is told as such."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago
from agent.diagnosis.finding import GOOD, Facts, Finding


def of_operations(snapshot: Facts, now_s: float) -> Iterator[Finding]:
    """Maintenance that runs, and alarms that nobody has acknowledged or closed."""
    for work in snapshot.get("maintenance", ()):
        subject = work["subject"]
        name = "" if subject == "all" else subject
        left_s = max(datetime.fromisoformat(work["until"]).timestamp() - now_s, 0.0)
        cause = f"maintenance for another {ago(seconds=left_s)}: {work['reason']}"
        hint = f"When it is done: station-agent maintenance stop {subject}"
        yield Finding(GOOD, "instrument" if name else "station", name, cause, hint)
    alarms = snapshot.get("alarms", ())
    if fresh := [alarm for alarm in alarms if not alarm["acknowledged"]]:
        hint = "See and acknowledge them: station-agent alarms"
        yield Finding(GOOD, "station", "", f"alarms open: {len(alarms)}, not acknowledged: {len(fresh)}", hint)
