"""A machine of its own for the service: real systemd in a container over this machine's root file system.

Nothing is downloaded and nothing of the root is changed: all writes go to a
temporary upper layer. It needs root, overlayfs and systemd-nspawn, and says so.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TARGET = "[Unit]\nRequires=basic.target dbus.service\nAfter=basic.target dbus.service\n"
WANTED = "Wants=multi-user.target\n"
"""Brings up what is enabled, as the boot of a real machine does."""
PACKAGES = "apt-get install --no-install-recommends systemd systemd-sysv dbus systemd-container"
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BoxError(RuntimeError):
    """The container cannot be had, or a command in it failed."""


def until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Return when *condition* holds; BoxError names *what* was awaited in vain."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise BoxError(f"not within {within_s:g} s: {what}")
        time.sleep(0.05)


class Box:
    """A booted container: run commands in it, and read and write its files from outside.

    It has a network of its own, or that of the process whose ``/proc/…/ns/net`` is *network*.
    """

    def __init__(self, folder: Path, network: Path | None = None) -> None:
        self.root = folder / "root"
        self._network = f"--network-namespace-path={network}" if network else "--private-network"
        self._layers = folder / "layers"
        self._log = folder / "boot.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._groups: list[Path] = []

    def run(self, *command: str | Path, check: bool = True) -> str:
        """Run *command* as root inside and return its output, both streams; BoxError when it fails."""
        entered = ["nsenter", "-t", str(self._leader), "-a", "env", "-i", f"PATH={SEARCH}", *map(str, command)]
        done = subprocess.run(entered, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        if check and done.returncode:
            raise BoxError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout.strip()

    def show(self, name: str, unit: str = "station-agent") -> str:
        """One property of a unit, as systemctl show prints it."""
        return self.run("systemctl", "show", "-P", name, unit)

    def path(self, inside: str) -> Path:
        """The file *inside* as seen from outside, through the container's own mounts."""
        return Path(f"/proc/{self._leader}/root{inside}")

    def boot(self) -> None:
        """Mount, start systemd and wait until it is up."""
        self._mount()
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "etc/systemd/system/box.target").write_text(TARGET)
        self._start()

    def cut_power(self) -> None:
        """End everything inside at once; what was written to its disk stays."""
        assert self._nspawn
        os.kill(self._leader, signal.SIGKILL)  # PID 1 of the container: all in it dies
        self._nspawn.wait(timeout=30)
        self._drop_groups()

    def boot_again(self) -> None:
        """Start the machine after :meth:`cut_power` with everything that was enabled since it was made."""
        system = self.root / "etc/systemd/system"
        for file in Path("/etc/systemd/system").glob("multi-user.target.wants/*"):
            (system / "multi-user.target.wants" / file.name).unlink(missing_ok=True)  # servers of the machine outside
        for link in (self.root / "etc").glob("rc[0-6].d/S*"):
            link.unlink()
        (system / "box.target").write_text(TARGET + WANTED)
        self._start()

    def _start(self) -> None:
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": SEARCH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, preexec_fn=self._own_control_groups,
            )  # fmt: skip
        self._groups = list(Path("/sys/fs/cgroup").glob(f"*/box-{self._nspawn.pid}"))
        until(self._is_up, within_s=60, what=f"systemd up in the container, see {self._log}")

    def shut_down(self) -> None:
        """End everything inside, and leave no mount and no control group behind."""
        if self._nspawn and self._nspawn.poll() is None:
            self._leader = self._leader or self._find_leader()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader or self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait(timeout=30)
        for mount in (self.root, self._layers):
            subprocess.run(["umount", mount], check=True)
        self._drop_groups()

    def _drop_groups(self) -> None:
        for group in self._groups:
            for folder in sorted(group.rglob("*/"), reverse=True):
                folder.rmdir()
            group.rmdir()
        self._groups = []

    def _mount(self) -> None:
        self.root.mkdir()
        self._layers.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", self._layers], check=True)
        upper, work = self._layers / "upper", self._layers / "work"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)

    def _command(self) -> list[str]:
        # Without the bpf switch systemd cannot load its device program, and DeviceAllow= is silently not enforced.
        flags = [
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            self._network,
            "--system-call-filter=bpf",
        ]
        return ["systemd-nspawn", *flags, "-M", "box", "-D", str(self.root), "--boot", "systemd.unit=box.target"]

    @staticmethod
    def _own_control_groups() -> None:
        for hierarchy in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup"):
            if Path(hierarchy, "cgroup.procs").exists():
                group = Path(hierarchy, f"box-{os.getpid()}")
                group.mkdir()
                (group / "cgroup.procs").write_text(str(os.getpid()))

    def _find_leader(self) -> int:
        assert self._nspawn
        found = subprocess.run(["pgrep", "-P", str(self._nspawn.pid), "-x", "systemd"], capture_output=True, text=True)
        return int(found.stdout or 0)

    def _is_up(self) -> bool:
        assert self._nspawn
        if self._nspawn.poll() is not None:
            raise BoxError(f"systemd-nspawn ended with {self._nspawn.returncode}: {self._log.read_text()}")
        self._leader = self._find_leader()
        return bool(self._leader) and self.run("systemctl", "is-active", "box.target", check=False) == "active"


def require_tools() -> None:
    """Raise BoxError that says what is missing for a container."""
    if os.geteuid() != 0:
        raise BoxError("a container with systemd needs root; next: sudo make soak")
    missing = [
        tool for tool in ("systemd-nspawn", "nsenter", "pgrep", "dbus-daemon") if not shutil.which(tool, path=SEARCH)
    ]
    if missing:
        raise BoxError(f"missing: {', '.join(missing)}; next: {PACKAGES}")


@contextlib.contextmanager
def booted_box(network: Path | None = None) -> Iterator[Box]:
    """A fresh container, gone without a trace when the block ends."""
    require_tools()
    with tempfile.TemporaryDirectory(prefix="box-", dir="/tmp") as folder:
        box = Box(Path(folder), network)
        try:
            box.boot()
            yield box
        finally:
            box.shut_down()


def drop_in(box: Box, text: str) -> None:
    """Change the service as a site would, and start it anew."""
    file = box.path("/etc/systemd/system/station-agent.service.d/test.conf")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"[Service]\n{text}\n")
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", "station-agent")


def restarted(box: Box, old_pid: str) -> bool:
    """Whether another process than *old_pid* has become ready."""
    return box.show("ActiveState") == "active" and box.show("MainPID") not in {old_pid, "0"}
