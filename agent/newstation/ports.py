"""The serial ports of this machine, each by the name that it keeps."""

from __future__ import annotations

from pathlib import Path

from agent.doctor.usb import adapter_of

ANALYZER = Path("/dev/analyzer")
"""Where the rules of the station name its ports."""

BY_ID, BY_PATH = Path("/dev/serial/by-id"), Path("/dev/serial/by-path")
SYS = Path("/sys/class/tty")
NO_UART = "0"
"""PORT_UNKNOWN of the kernel: a number of the board without a port behind it."""


def serial_ports() -> list[str]:
    """Adapters and ports of the board, by the names that last."""
    plugged = [*Path("/dev").glob("ttyUSB*"), *Path("/dev").glob("ttyACM*")]
    return [str(lasting(port)) for port in sorted(plugged) + _of_the_board()]


def lasting(port: Path) -> Path:
    """A name of *port* that stays when it is plugged in anew, where udev has given it one.

    Adapters without a serial number share their name by id: the socket tells them apart.
    """
    adapter = adapter_of(port)
    folders = (ANALYZER, BY_ID, BY_PATH) if adapter and adapter.serial else (ANALYZER, BY_PATH)
    for folder in folders:
        for name in sorted(folder.glob("*")):
            if name.resolve() == port.resolve():
                return name
    return port


def _of_the_board() -> list[Path]:
    kinds = sorted(SYS.glob("ttyS*/type"))
    return [Path("/dev", kind.parent.name) for kind in kinds if kind.read_text().strip() != NO_UART]
