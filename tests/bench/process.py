"""What a process costs, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor seconds that *pid* has used so far, all its threads and the children it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_S


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of *pid* in MB (10^6 bytes): now, and the most there ever was."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, most = (int(lines[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, most


def descriptors(pid: int) -> int:
    """How many file descriptors *pid* has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def machine_s() -> tuple[float, float]:
    """Seconds that the cores of this machine were busy, and all their seconds, since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_S, sum(fields) / TICKS_S
