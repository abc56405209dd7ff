"""What tells one USB serial adapter from another: asked of udev, else read from /sys; neither needs root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.doctor.system import pairs

SYS = Path("/sys")


@dataclass(frozen=True, slots=True)
class Adapter:
    """What udev calls ID_SERIAL_SHORT, ID_USB_INTERFACE_NUM and ID_PATH; empty what it does not have."""

    serial: str
    interface: str
    path: str

    @property
    def match(self) -> str:
        """How a udev rule recognises it: by its serial number, or else by the socket that it is plugged into.

        An adapter with several ports has one serial number for all of them; the interface tells them apart.
        """
        if self.serial:
            number = f', ENV{{ID_USB_INTERFACE_NUM}}=="{self.interface}"' if self.interface else ""
            return f'ENV{{ID_BUS}}=="usb", ENV{{ID_SERIAL_SHORT}}=="{self.serial}"{number}'
        return f'ENV{{ID_PATH}}=="{self.path}"'


def adapter_of(port: Path) -> Adapter | None:
    """The USB adapter behind *port*; None when it is none, or nobody can tell."""
    adapter = _asked(port) or _looked_up(port)
    return adapter if adapter and (adapter.serial or adapter.path) else None


def _asked(port: Path) -> Adapter | None:
    words = pairs(("udevadm", "info", "--query=property", f"--name={port}"))
    if words.get("ID_BUS") != "usb":
        return None
    return Adapter(words.get("ID_SERIAL_SHORT", ""), words.get("ID_USB_INTERFACE_NUM", ""), words.get("ID_PATH", ""))


def _looked_up(port: Path) -> Adapter | None:
    """From the folder of the interface in /sys, whose parent is the adapter (sysfs-bus-usb of the kernel)."""
    try:
        node = (SYS / "class/tty" / port.resolve().name / "device").resolve(strict=True)
    except OSError:
        return None
    interface = next((place for place in (node, *node.parents) if (place / "bInterfaceNumber").exists()), None)
    if interface is None:
        return None
    serial = "_".join(_text(interface.parent / "serial").split())  # blanks as udev writes them
    return Adapter(serial, _text(interface / "bInterfaceNumber"), "")


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
