"""The instruments that speak text: BAM-1020 particle monitors and a WXT536 weather transmitter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo

from agent.demo.air import Air
from agent.simulation.line import Reply

BAM_HEADER = b"Time,Conc(mg/m3),Qtot(m3),WS(MPS),WD(DEG),BP(mm),RH(%),Delta(C),AT(C),E,U,M,I,L,R,N,F,P,D,C,T\r\n"
BAM_FLOW_M3 = 0.834  # 16.7 L/min for 50 minutes


class BetaMonitor:
    """A BAM-1020: its last record, which stays the same until the next period is over.

    The query, the order of the fields, their width of six and the twelve alarm
    flags are those of its manual and of recorded replies. What a real one sends
    around the line is not known well enough; here nothing but CR LF follows it.
    """

    def __init__(self, air: Air, quantity: str, *, period_s: float = 3600.0, timezone: tzinfo = UTC) -> None:
        self._air = air
        self._quantity = quantity
        self._period_s = period_s
        self._timezone = timezone
        self._period = -1
        self._line = b""

    @property
    def replies(self) -> Mapping[bytes, Reply]:
        """Requests it knows, and their answers."""
        return {
            b"\x1bQ\r": self.record,
            b"\x02Q\r": self.record,
            b"\x1bQH\r": BAM_HEADER,
            b"\x02QH\r": BAM_HEADER,
        }

    def record(self) -> bytes:
        """The record of the last whole period."""
        period = int(time.time() // self._period_s)
        if period != self._period:
            self._period = period
            self._line = self._measure(datetime.fromtimestamp(period * self._period_s, self._timezone))
        return self._line

    def _measure(self, ended: datetime) -> bytes:
        concentration_mgm3 = self._air.now(self._quantity) / 1000
        fields = (
            f"{concentration_mgm3:6.3f}",
            f"{BAM_FLOW_M3:6.3f}",
            f"{self._air.now('wind_ms'):6.1f}",
            f"{self._air.now('wind_deg'):6.0f}",
            f"{self._air.now('pressure_hpa') * 0.750062:6.0f}",  # mmHg
            f"{self._air.now('humidity_percent'):6.0f}",
            f"{0:6.1f}",
            f"{self._air.now('temperature_c'):6.1f}",
            *"0" * 12,
        )
        return f"{ended:%m/%d/%y %H:%M},{','.join(fields)}\r\n".encode("ascii")


class WeatherTransmitter:
    """A WXT536 at address 0, polled in ASCII, with and without the CRC."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self._rain_mm = 0.0

    @property
    def replies(self) -> Mapping[bytes, Reply]:
        """Requests it knows, and their answers."""
        messages: dict[str, Callable[[], str]] = {
            "1": self._wind,
            "2": self._conditions,
            "3": self._precipitation,
            "5": self._supervisor,
        }
        replies: dict[bytes, Reply] = {b"?\r\n": b"0\r\n"}
        for number, message in messages.items():
            replies[f"0R{number}\r\n".encode()] = _plain(f"0R{number},", message)
            checked = f"0r{number}".encode()
            replies[checked + text_crc(checked) + b"\r\n"] = _checked(f"0r{number},", message)
        return replies

    def _wind(self) -> str:
        speed, direction = self._air.now("wind_ms"), self._air.now("wind_deg")
        angles = [round(direction + turn) % 360 for turn in (-20, 0, 20)]
        speeds = [speed * factor for factor in (0.6, 1.0, 1.5)]
        return "Dn={:03d}D,Dm={:03d}D,Dx={:03d}D,Sn={:.1f}M,Sm={:.1f}M,Sx={:.1f}M".format(*angles, *speeds)

    def _conditions(self) -> str:
        return (
            f"Ta={self._air.now('temperature_c'):.1f}C,Ua={self._air.now('humidity_percent'):.1f}P,"
            f"Pa={self._air.now('pressure_hpa'):.1f}H"
        )

    def _precipitation(self) -> str:
        return f"Rc={self._rain_mm:.2f}M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M"

    def _supervisor(self) -> str:
        heater_c = self._air.now("temperature_c") + 1.5
        return f"Th={heater_c:.1f}C,Vh=0.0N,Vs={self._air.noisy(12.1, 0.03):.1f}V,Vr=3.510V,Id=HEL___"


def _plain(prefix: str, message: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: f"{prefix}{message()}\r\n".encode("ascii")


def _checked(prefix: str, message: Callable[[], str]) -> Callable[[], bytes]:
    def reply() -> bytes:
        line = f"{prefix}{message()}".encode("ascii")
        return line + text_crc(line) + b"\r\n"

    return reply


def text_crc(line: bytes) -> bytes:
    """The CRC of SDI-12 and Vaisala's ASCII, as the three characters that travel."""
    crc = 0
    for byte in line:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return bytes([0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F])
