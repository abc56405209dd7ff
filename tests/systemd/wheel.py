"""Small station_agent wheels, made in no time: what install.sh does must not depend on what it installs."""

import base64
import hashlib
import zipfile
from pathlib import Path

PROGRAM = """
import os, pathlib, signal, socket, sys, time

def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])

def main():
    if sys.argv[1:3] == ["--config", sys.argv[-2]] and sys.argv[-1] == "check":
        wrong = "wrong" in pathlib.Path(sys.argv[2]).read_text()
        print("station.toml: line 1: wrong" if wrong else "all good")
        return 2 if wrong else 0
    if sys.argv[-1] == "run":
        if {fails}:
            return 1
        notify("READY=1\\nSTATUS={version}")
        while True:
            time.sleep(1)
            notify("WATCHDOG=1")
    return 0
"""


def make_wheel(folder: Path, version: str, *, fails: bool = False) -> Path:
    """A wheel of a program that can check and run; *fails* makes its run end at once."""
    info = f"station_agent-{version}.dist-info"
    files = {
        "agent/__init__.py": PROGRAM.replace("{fails}", str(fails)).replace("{version}", version),
        "agent/daemon.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: station-agent\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nstation-agent = agent:main\n",
    }
    wheel = folder / f"station_agent-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(map(_record, files.items())) + f"{info}/RECORD,,\n")
    return wheel


def _record(file: tuple[str, str]) -> str:
    name, text = file
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text)}\n"
