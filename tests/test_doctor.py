"""The doctor as a technician reads it: each thing that can be wrong, its name, what it means, what to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.clock import kernel_says
from agent.columns import width
from agent.doctor import brokers, ports, usb
from agent.doctor.redact import REMOVED, Redactor
from agent.language import choose
from tests.faults.mounts import Mounts
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.certificates import Authority
from tests.simulators.consumer import Consumer
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device, uplink
from tests.simulators.technician import Technician

GOOD, DOUBTFUL, BAD = range(3)
NOBODY = 65534

STATE = "station/v1/test-1/state"
FAREWELL = b'{"v":1,"online":false,"session":7,"station":"test-1","epoch":"k3nab7q2wz4m","time":"2026-11-22T04:30:05Z"}'

Findings = list[dict[str, Any]]


def asked(technician: Technician) -> Findings:
    """What the doctor says of a station without a daemon."""
    said = technician.types("doctor", "--json")
    found: Findings = json.loads(said.out)["results"]
    return found


def seen(agent: AgentProcess) -> Findings:
    """What the doctor says beside a daemon."""
    found: Findings = json.loads(agent.command("doctor", "--json").stdout)["results"]
    return found


def one(found: Findings, topic: str, text: str) -> dict[str, Any]:
    """The only result of *topic* that says *text*."""
    fits = [result for result in found if result["topic"] == topic and text in result["found"]]
    assert len(fits) == 1, (text, [result for result in found if result["topic"] == topic])
    return fits[0]


def polled(agent: AgentProcess) -> bool:
    """Whether every device gave a reading."""
    return all(device["polled"] for device in agent.status()["devices"])


def connected(agent: AgentProcess) -> bool:
    """Whether every uplink is connected and nothing waits."""
    return all(one["state"] == "connected" and not sum(one["backlog"].values()) for one in agent.status()["uplinks"])


@pytest.fixture
def technician(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Technician:
    """At a station whose daemon never ran."""
    return Technician(tmp_path, capsys, HEAD)


@pytest.fixture
def analyzer(bench: Bench) -> str:
    """A device of a station file, on a simulated analyzer."""
    return device("so2", at_port(bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))), "400ms")


def kept(broker: Mosquitto) -> dict[str, bytes]:
    """What the broker keeps of the station's state."""
    with Consumer(broker.port, client_id="late") as late:
        late.publish("done", b"")
        late.wait_for(lambda one: bool(one.on("done")))
        return {message.topic: message.payload for message in late.on("station/*") if message.retained}


def test_a_station_that_is_well_has_nothing_bad_and_its_session_is_left_alone(
    technician: Technician, analyzer: str, broker: Mosquitto, tmp_path: Path
) -> None:
    """The doctor logs in, publishes and reads back beside the daemon, which must not notice, nor must consumers."""
    text = HEAD + analyzer + uplink("city", broker.url)
    with Consumer(broker.port) as consumer, AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: polled(agent) and connected(agent), "a delivery")
        session = agent.status()["uplinks"][0]["session"]
        found = asked(technician)
        after, lost = agent.status()["uplinks"][0], agent.events("uplink_lost")
        states = [json.loads(message.payload) for message in consumer.on(STATE)]

    assert [result for result in found if result["verdict"] == "bad"] == []
    assert one(found, "brokers", f"published under {STATE} and read back, with MQTT 5")
    assert one(found, "configuration", "the daemon runs what the file says")["verdict"] == "good"
    assert one(found, "instruments", "answering: so2")
    assert (after["session"], after["state"], lost) == (session, "connected", [])
    assert {state["session"] for state in states} == {session}
    assert [state["online"] for state in states[:-1]] == [True] * (len(states) - 1), "the last is the farewell"


def test_the_page_has_the_worst_first_keeps_to_80_columns_and_says_it_in_the_exit_code(technician: Technician) -> None:
    """What matters is on top, in both languages; a script can go by the code."""
    technician.config.write_text(HEAD + f'[[uplink]]\nname = "city"\nurl = "mqtt://127.0.0.1:{free_port()}"\n')

    page, chinese = technician.types("doctor"), technician.types("--lang", "zh", "doctor")
    choose("en")

    assert (page.code, chinese.code) == (BAD, BAD)
    assert page.out.splitlines()[0].startswith("station test-1: ")
    assert page.out.index("\nBAD\n") < page.out.index("\nGOOD\n")
    assert "上位平台 city" in chinese.out
    assert len(chinese.out.split("\n\n")) == len(page.out.split("\n\n"))
    assert max(map(width, (page.out + chinese.out).splitlines())) <= 80, page.out + chinese.out


def test_what_the_daemon_knows_of_its_instruments_is_told_with_whose_fault_it_is(
    technician: Technician, analyzer: str, tmp_path: Path
) -> None:
    """One page for everything: who calls the doctor need not call status as well."""
    text = HEAD + analyzer + device("nox", f'url = "tcp://127.0.0.1:{free_port()}"', "400ms")
    with AgentProcess(tmp_path, text) as agent:
        agent.until(lambda: {one["state"] for one in agent.status()["devices"]} == {"good", "failing"}, "one loss")
        found = asked(technician)

    dead = one(found, "network", "nothing listens at 127.0.0.1")
    assert (dead["verdict"], dead["subject"]) == ("bad", "link nox")
    assert dead["hint"]
    assert [one["found"] for one in found if one["topic"] == "instruments"] == ["answering: so2"], "told once"
    assert one(found, "network", "the daemon is connected to 127.0.0.1")["subject"] == "link so2"


def test_a_missing_port_is_named_and_so_is_the_number_that_does_not_last(technician: Technician) -> None:
    """ttyUSB7 of yesterday is ttyUSB1 today: the doctor says that the port is gone and why it will be gone again."""
    technician.config.write_text(HEAD + '[[link]]\nname = "rack"\nurl = "serial:///dev/ttyUSB77?baud=9600"\n')

    found = asked(technician)

    gone = one(found, "ports", "there is no /dev/ttyUSB77")
    assert (gone["verdict"], gone["means"]) == ("bad", "nothing on this line can be read")
    assert gone["hint"].startswith("Check cable and adapter")
    unstable = one(found, "ports", "/dev/ttyUSB77 is numbered in the order of plugging in")
    assert unstable["verdict"] == "doubtful"
    assert "99-station-agent.rules" in unstable["hint"]


def test_a_name_that_lasts_but_leads_nowhere_is_a_cable_that_was_pulled(technician: Technician, tmp_path: Path) -> None:
    """The link of udev stays for a moment or in a container; what it led to is the fact."""
    port = tmp_path / "rack"
    port.symlink_to("/dev/ttyUSB78")
    technician.config.write_text(HEAD + f'[[link]]\nname = "rack"\nurl = "serial://{port}?baud=9600"\n')

    assert one(asked(technician), "ports", "leads to /dev/ttyUSB78, which is not there")["verdict"] == "bad"


@contextmanager
def held(path: str) -> Iterator[int]:
    """Another process that has *path* open; gives its pid."""
    program = f"import os, sys; os.open({path!r}, os.O_RDWR | os.O_NOCTTY); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as rival:
        assert rival.stdout is not None
        rival.stdout.readline()
        yield rival.pid
        rival.communicate()


def test_a_port_that_another_program_holds_is_told_with_its_name_and_pid(technician: Technician) -> None:
    """Two programs on one line eat each other's answers; the technician must know which one to stop."""
    master, slave = os.openpty()
    port = os.ttyname(slave)
    technician.config.write_text(HEAD + f'[[link]]\nname = "rack"\nurl = "serial://{port}?baud=9600"\n')
    with held(port) as pid:
        busy = one(asked(technician), "ports", f"{port} is held by")
    free = one(asked(technician), "ports", f"nobody else holds {port}")
    os.close(master)
    os.close(slave)

    assert busy["verdict"] == "bad"
    assert f"(pid {pid})" in busy["found"]
    assert busy["hint"] == "Stop that program, or give it another port"
    assert free["verdict"] == "good"


def udevadm(folder: Path, *words: str) -> str:
    """A udevadm that says *words*, as the path to find it by; adapters cannot be plugged into a test."""
    program = folder / "bin" / "udevadm"
    program.parent.mkdir()
    lines = [f"echo '{word}'" for word in words]
    program.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_the_rule_of_udev_has_the_serial_number_of_the_very_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line to paste beats an explanation of udev; an adapter with several ports needs the interface as well."""
    words = ("ID_BUS=usb", "ID_SERIAL_SHORT=FT4XYZ12", "ID_USB_INTERFACE_NUM=01", "ID_PATH=pci-0000:00:14.0-usb-0:1")
    monkeypatch.setenv("PATH", udevadm(tmp_path, *words))

    adapter = usb.adapter_of(Path("/dev/ttyUSB0"))

    assert adapter is not None
    assert ports.rule(adapter, "rack") == (
        'SUBSYSTEM=="tty", ENV{ID_BUS}=="usb", ENV{ID_SERIAL_SHORT}=="FT4XYZ12", ENV{ID_USB_INTERFACE_NUM}=="01", '
        'SYMLINK+="analyzer/rack", GROUP="dialout", MODE="0660"'
    )


def test_an_adapter_without_a_number_is_known_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CH340 adapters have none: two of them differ by nothing but where they are plugged in."""
    monkeypatch.setenv("PATH", udevadm(tmp_path, "ID_BUS=usb", "ID_PATH=pci-0000:00:14.0-usb-0:1.2:1.0"))

    adapter = usb.adapter_of(Path("/dev/ttyUSB0"))

    assert adapter is not None
    assert adapter.match == 'ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:1.2:1.0"'


def test_without_udev_the_serial_number_is_read_from_sys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree as the kernel lays it out: class/tty, the interface, the adapter above it."""
    interface = tmp_path / "devices/usb1/1-2/1-2:1.0"
    (interface / "ttyUSB0").mkdir(parents=True)
    (interface / "bInterfaceNumber").write_text("00\n")
    (interface.parent / "serial").write_text("A10K ZP45\n")
    (tmp_path / "class/tty/ttyUSB0").mkdir(parents=True)
    (tmp_path / "class/tty/ttyUSB0/device").symlink_to(interface / "ttyUSB0")
    monkeypatch.setattr(usb, "SYS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert usb.adapter_of(Path("/dev/ttyUSB0")) == usb.Adapter("A10K_ZP45", "00", "")


def test_a_dead_broker_and_a_wrong_name_are_told_apart(technician: Technician) -> None:
    """The one is the operator's affair, the other a typing error or DNS."""
    port = free_port()
    far = '[[uplink]]\nname = "far"\nurl = "mqtt://no-such-host.invalid"\n'
    technician.config.write_text(HEAD + uplink("city", f"mqtt://127.0.0.1:{port}") + far)

    found = asked(technician)

    dead = one(found, "network", f"nothing listens at 127.0.0.1:{port}")
    assert (dead["verdict"], dead["subject"]) == ("bad", "uplink city")
    assert dead["hint"] == "Check that it runs, and the port in url"
    assert one(found, "network", "the name no-such-host.invalid is not found")["verdict"] == "bad"
    assert [result for result in found if result["topic"] == "brokers"] == [], "nobody expects more of them"


@pytest.mark.parametrize(
    ("days", "hosts", "trusted", "said"),
    [
        (-1, "IP:127.0.0.1", True, "its certificate is not accepted: certificate has expired"),
        (2, "DNS:elsewhere", True, "its certificate is not accepted: it is not for the address 127.0.0.1"),
        (2, "IP:127.0.0.1", False, "its certificate is not accepted: who signed it is not trusted here"),
    ],
    ids=["expired", "another name", "another authority"],
)
def test_a_certificate_is_refused_with_the_reason(
    technician: Technician, authority: Authority, tmp_path: Path, days: int, hosts: str, *, trusted: bool, said: str
) -> None:
    """Expired, another name, another authority: three causes with three different people to call."""
    certificate = authority.issue(f"broker{days}{hosts[:3]}{trusted}", days=days, hosts=hosts)
    trust = authority.ca_file if trusted else Authority(tmp_path / "other", "other-ca").ca_file
    with Mosquitto(tmp_path / "broker", tls=certificate) as broker:
        technician.config.write_text(HEAD + uplink("city", broker.url) + f'ca_file = "{trust}"\n')
        found = asked(technician)

    refused = one(found, "certificates", said)
    assert (refused["verdict"], refused["subject"]) == ("bad", "uplink city")
    assert refused["hint"]
    assert refused["means"]


def test_certificates_that_end_soon_are_told_before_they_do(
    technician: Technician, authority: Authority, tmp_path: Path
) -> None:
    """Everything works today, and stops on a Sunday."""
    with Mosquitto(tmp_path / "broker", tls=authority.issue("soon")) as broker:
        technician.config.write_text(HEAD + uplink("city", broker.url) + f'ca_file = "{authority.ca_file}"\n')
        found = asked(technician)

    assert one(found, "certificates", "the broker's certificate expires in")["verdict"] == "doubtful"
    assert one(found, "certificates", "ca_file expires in")["verdict"] == "doubtful"


@pytest.mark.parametrize(
    ("days", "name", "said"),
    [
        (-1, "gateway", "its certificate is not accepted: certificate has expired"),
        (2, "other", "its certificate is not accepted: it is for another name than other"),
    ],
    ids=["expired", "another name"],
)
def test_the_certificate_of_an_instrument_is_looked_at_as_that_of_a_broker(
    technician: Technician, authority: Authority, tmp_path: Path, days: int, name: str, said: str
) -> None:
    """A gateway that speaks TLS has a certificate that ends, and nobody else reminds of it."""
    certificate = authority.issue(f"gateway{days}", days=days, hosts="DNS:gateway")
    with Mosquitto(tmp_path / "gateway", tls=certificate) as gateway:
        url = f"tls://127.0.0.1:{gateway.port}?ca={authority.ca_file}&name={name}"
        technician.config.write_text(HEAD + f'[[link]]\nname = "rack"\nurl = "{url}"\n')
        found = asked(technician)

    refused = one(found, "certificates", said)
    assert (refused["verdict"], refused["subject"]) == ("bad", "link rack")
    assert refused["means"] == "nothing on this line can be read"
    assert one(found, "certificates", "ca_file expires in")["subject"] == "link rack"


def test_a_port_that_speaks_no_tls_is_told_as_such(
    technician: Technician, authority: Authority, broker: Mosquitto
) -> None:
    """The commonest slip of all: mqtts:// and the port of mqtt://."""
    url = broker.url.replace("mqtt:", "mqtts:")
    technician.config.write_text(HEAD + uplink("city", url) + f'ca_file = "{authority.ca_file}"\n')
    wrong = [
        result for result in asked(technician) if result["verdict"] == "bad" and result["subject"] == "uplink city"
    ]

    assert [result["topic"] for result in wrong] == ["certificates"], "told once"
    assert wrong[0]["hint"] == "Check the port in url: mqtts:// speaks TLS, mqtt:// does not"


def test_what_works_but_perhaps_not_as_meant_is_told_in_its_own_words(technician: Technician) -> None:
    """That there is a doubt helps nobody who has no other screen to look it up on."""
    technician.config.write_text(HEAD + '[[link]]\nname = "rack"\nurl = "serial:///dev/ttyUSB77?baud=9600"\n')
    doubt = one(asked(technician), "configuration", "this number may change when an adapter is plugged in anew")

    assert (doubt["verdict"], doubt["found"].startswith("station.toml:")) == ("doubtful", True)


def test_several_mistakes_share_what_they_mean_and_the_next_step(technician: Technician) -> None:
    """Five times the same advice hides the five places."""
    technician.config.write_text(HEAD + "[[device]]\nname = 3\n")
    page = technician.types("doctor").out

    assert page.count("station.toml:") > 4
    assert page.count("a daemon does not start with this file") == 1
    assert page.count("station-agent --config") == 1


def test_a_wrong_password_is_told_as_such(technician: Technician, tmp_path: Path) -> None:
    """The broker is there and says no: neither the network nor the certificate is to blame."""
    (tmp_path / "password").write_text("wrong\n")
    with Mosquitto(tmp_path / "broker", passwords={"station": "right"}) as broker:
        keys = f'username = "station"\npassword_file = "{tmp_path / "password"}"\n'
        technician.config.write_text(HEAD + uplink("city", broker.url) + keys)
        found = asked(technician)

    assert one(found, "network", "accepts connections")["verdict"] == "good"
    refused = next(result for result in found if result["topic"] == "brokers")
    assert (refused["verdict"], refused["subject"]) == ("bad", "uplink city")
    assert "connection refused" in refused["found"]
    assert refused["hint"] == "Check username and password_file, and client_id, with the broker's operator"


def test_a_broker_that_lets_in_but_takes_nothing_is_found_out(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected and green, and not one reading arrives: only publishing shows that."""
    monkeypatch.setattr(brokers, "ECHO_S", 1.0)
    monkeypatch.setattr(brokers, "SETTLE_S", 0.1)  # nothing is kept there
    with Mosquitto(tmp_path / "broker", acl="topic read station/v1/#\n") as broker:
        technician.config.write_text(HEAD + uplink("city", broker.url))
        told = one(asked(technician), "brokers", f"the broker refuses what is published under {STATE}")
        technician.config.write_text(technician.config.read_text() + 'protocol = "3.1.1"\n')
        silent = one(asked(technician), "brokers", f"what was published under {STATE} does not come back")

    assert told["verdict"] == silent["verdict"] == "bad"
    assert silent["means"] == "it may refuse everything without a word"


def test_what_the_broker_keeps_of_the_station_is_the_same_after_the_doctor(
    technician: Technician, broker: Mosquitto
) -> None:
    """The retained state is the daemon's: the doctor says it once more, and leaves nothing of its own there."""
    technician.config.write_text(HEAD + uplink("city", broker.url))
    with Consumer(broker.port) as consumer:
        assert one(asked(technician), "brokers", f"published under {STATE} and read back")
        nothing = kept(broker)
        (absence,) = [json.loads(message.payload) for message in consumer.on(STATE)]
        consumer.publish(STATE, FAREWELL, retain=True)
        assert one(asked(technician), "brokers", f"published under {STATE} and read back")
        consumer.wait_for(lambda judge: len(judge.on(STATE)) == 3)
        repeated = consumer.on(STATE)[-1]
        same = kept(broker)

    assert nothing == {}
    assert (absence["online"], absence["station"]) == (False, "test-1")
    assert same == {STATE: FAREWELL}
    assert (repeated.payload, repeated.retained) == (FAREWELL, False)


def test_a_full_disk_is_told_with_the_folder(tmp_path: Path) -> None:
    """Nothing is kept any more; the technician must free the right disk."""
    with Mounts() as mounts:
        disk = tmp_path / "disk"
        mounts.tmpfs(disk, "1m")
        mounts.run("dd", "if=/dev/zero", f"of={disk}/rubbish", "bs=4096", "count=256", "status=none")
        station = HEAD.replace('"store.db"', f'"{disk}/store.db"')
        agent = AgentProcess(tmp_path / "station", station, inside=mounts.inside)
        full = one(seen(agent), "disk", "the disk is full: 0 kB of 1.0 MB are free")
        mounts.run("mount", "-o", "remount,ro", str(disk))
        closed = one(seen(agent), "disk", "the file system is mounted read-only")

    assert (full["verdict"], full["subject"]) == ("bad", str(disk))
    assert full["hint"].startswith("Free some space")
    assert closed["verdict"] == "bad"


def test_a_stopped_daemon_and_a_dead_one_are_told_apart(technician: Technician, tmp_path: Path) -> None:
    """The one needs a start, the other its journal read."""
    with AgentProcess(tmp_path, HEAD):
        pass
    stopped = one(asked(technician), "service", "the daemon was stopped")
    snapshot = tmp_path / "run" / "status.json"
    snapshot.write_text(json.dumps(json.loads(snapshot.read_text()) | {"ended": False}))  # as SIGKILL leaves it
    died = one(asked(technician), "service", "the daemon died")

    assert (died["verdict"], stopped["verdict"]) == ("bad", "bad")
    assert "journalctl" in died["hint"]
    assert "systemctl start" in stopped["hint"]


def systemctl(folder: Path, words: str) -> dict[str, str]:
    """An environment in which systemd says *words* of the unit; a test has no systemd of its own."""
    program = folder / "bin" / "systemctl"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nprintf '{words}'\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def test_a_unit_that_does_not_start_by_itself_or_is_not_limited_is_doubtful(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is green until the first power cut."""
    words = ("LoadState=loaded", "UnitFileState=disabled", "ActiveState=failed", "Result=watchdog", "NRestarts=12")
    limits = ("WatchdogUSec=0", "MemoryMax=infinity", "MemoryCurrent=5000")
    for name, value in systemctl(tmp_path, r"\n".join((*words, *limits))).items():
        monkeypatch.setenv(name, value)

    found = [result for result in asked(technician) if result["topic"] == "service"]

    assert one(found, "service", "the service is disabled")["hint"] == "Run: sudo systemctl enable station-agent"
    assert one(found, "service", "systemd says that it failed: watchdog")["verdict"] == "bad"
    assert one(found, "service", "systemd has started it again 12 times")["verdict"] == "doubtful"
    assert one(found, "service", "it is switched off")["subject"] == "watchdog"
    assert one(found, "service", "there is no limit")["subject"] == "memory"


def test_a_unit_that_was_altered_is_told_with_what_it_lacks_now(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody tried something a year ago; all is green until the daemon ends for the first time."""
    words = ("LoadState=loaded", "Restart=on-failure", "StartLimitIntervalUSec=10s", "LimitNOFILE=256")
    changes = ("NeedDaemonReload=yes", "DropInPaths=/etc/systemd/system/station-agent.service.d/site.conf")
    for name, value in systemctl(tmp_path, r"\n".join((*words, *changes))).items():
        monkeypatch.setenv(name, value)
    found = [result for result in asked(technician) if result["topic"] == "service"]

    for said in (
        "Restart=on-failure",
        "StartLimitIntervalSec=10s",
        "it may open 256 files at once",
        "was changed after",
    ):
        assert one(found, "service", said)["verdict"] == "doubtful", said
    assert one(found, "service", "changed at this station by /etc/systemd")["verdict"] == "good"


def test_the_last_words_of_a_daemon_that_ended_are_repeated(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why it ended stands in the journal, among a thousand lines; here it stands alone."""
    path = systemctl(tmp_path, r"LoadState=loaded\nActiveState=failed\nResult=exit-code\n")["PATH"]
    journalctl = tmp_path / "bin" / "journalctl"
    lines = ('{"level":"info","event":"agent_started"}', "station-agent: store.db is the log of station x", "  next: y")
    (tmp_path / "journal").write_text("\n".join(lines))
    journalctl.write_text(f"#!/bin/sh\ncat {tmp_path / 'journal'}\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", path)

    words = one(asked(technician), "service", "its last words were: store.db is the log of station x")
    assert words["verdict"] == "bad"


def test_a_unit_of_a_user_that_is_not_there_cannot_start(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restored image the unit is there and its user is not."""
    for name, value in systemctl(tmp_path, r"LoadState=loaded\nUser=no-such-user\n").items():
        monkeypatch.setenv(name, value)

    missing = one(asked(technician), "permissions", "there is no such user")

    assert (missing["verdict"], missing["subject"]) == ("bad", "user no-such-user")


def test_what_the_user_of_the_unit_may_not_read_or_write_is_told(
    open_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root everything works by hand, and nothing as a service: modes are judged for the user of the unit."""
    for name, value in systemctl(open_folder, r"LoadState=loaded\nUser=nobody\n").items():
        monkeypatch.setenv(name, value)
    technician = Technician(open_folder, capsys, HEAD)
    readable = [result for result in asked(technician) if result["subject"] == str(technician.config)]
    technician.config.chmod(0o600)
    refused = one(asked(technician), "permissions", "the daemon, user nobody, may not read it")
    folder = one(asked(technician), "permissions", "the daemon, user nobody, may not write there")

    assert [result["verdict"] for result in readable] == ["good"]
    assert (refused["verdict"], refused["subject"]) == ("bad", str(technician.config))
    assert folder["subject"] == str(open_folder)


def test_a_clock_that_is_behind_its_own_files_is_wrong(technician: Technician) -> None:
    """No network is needed to know that a file cannot be younger than now."""
    tomorrow_s = time.time() + 86_400
    os.utime(technician.config, (tomorrow_s, tomorrow_s))

    wrong = one(asked(technician), "clock", "but the station file is of")

    assert wrong["verdict"] == "bad"
    assert "it is 1 d behind, or more" in wrong["found"] or "it is 23 h 59 min behind, or more" in wrong["found"]
    assert "timedatectl" in wrong["hint"]


def test_a_clock_that_nobody_keeps_is_doubtful(technician: Technician) -> None:
    """Where the kernel says unsynced, records say so too."""
    kept = [result for result in asked(technician) if result["subject"] == "time service"]

    assert [result["verdict"] for result in kept] == ["good" if kernel_says() else "doubtful"]


def test_a_daemon_that_runs_another_file_or_version_than_is_here_is_told(
    technician: Technician, tmp_path: Path
) -> None:
    """Somebody edited, or upgraded, and forgot the daemon; everybody believes what is on the disk."""
    prelude = "import agent, agent.health; agent.health.__version__ = '0.0.9'"
    with AgentProcess(tmp_path, HEAD, prelude=prelude) as agent:
        agent.config.write_text(agent.config.read_text() + "# changed\n")
        found = asked(technician)
        agent.config.write_text(HEAD + "nonsense = 1\n")
        wrong = one(asked(technician), "configuration", "nonsense")

    changed = one(found, "configuration", "the file was changed after the daemon had read it")
    assert (changed["verdict"], changed["hint"]) == ("doubtful", "Run: station-agent reload")
    older = one(found, "service", "the daemon is 0.0.9, this program")
    assert (older["verdict"], older["hint"]) == ("doubtful", "Run: sudo systemctl restart station-agent")
    assert wrong["verdict"] == "bad"
    assert wrong["means"] == "the daemon goes on with the last configuration that was right"


def test_an_ordinary_user_is_told_which_groups_he_lacks_and_sees_the_rest(open_folder: Path) -> None:
    """The technician calls it without sudo first: it must say what it could not see, and never fail."""
    agent, line = AgentProcess(open_folder, HEAD), ("doctor", "--json")
    said = agent.command_as(NOBODY, [], *line) if os.geteuid() == 0 else agent.command(*line)
    found: Findings = json.loads(said.stdout)["results"]

    groups = [result for result in found if "in the group" in result["found"]]
    assert len(groups) == 3
    assert all(f"usermod -aG {result['found'].split()[-1]}" in result["hint"] for result in groups if result["hint"])
    assert [result["verdict"] for result in groups if result["hint"]] or os.geteuid()
    assert one(found, "configuration", "no mistake; devices: 0")


def test_a_key_that_everybody_may_read_is_doubtful(
    technician: Technician, authority: Authority, tmp_path: Path
) -> None:
    """Whoever has it delivers in the name of the station."""
    certificate = authority.issue("open")
    certificate.key_file.chmod(0o644)
    files = f'cert_file = "{certificate.cert_file}"\nkey_file = "{certificate.key_file}"\n'
    technician.config.write_text(HEAD + uplink("city", f"mqtts://127.0.0.1:{free_port()}") + files)

    told = one(asked(technician), "permissions", "everybody on this PC may read this key_file")

    assert told["hint"] == f"Run: sudo chmod o= {certificate.key_file}"


SECRETS = {
    "in a comment": ("# router password: Hunter2Secret", "Hunter2Secret"),
    "in Chinese": ("# 路由器密码：Xiasha#2026", "Xiasha#2026"),
    "as a key": ('password = "KeyValue!77"', "KeyValue!77"),
    "in a URL": ('url = "mqtt://station:UrlSecret9@broker.example.org:1883"', "UrlSecret9"),
    "of the Wi-Fi": ('wpa_passphrase=WifiSecret1\n  psk="WifiSecret2"', "WifiSecret"),
    "in a Wi-Fi code": ("WIFI:S:Station;T:WPA;P:QrSecret33;;", "QrSecret33"),
    "as a token": ('api_token = "tok_4f9a8b7c"', "tok_4f9a8b7c"),
    "in JSON": ('{"auth": {"password": "Json\\"Secret5", "user": "x"}}', "Secret5"),
    "as a header": ("Authorization: Bearer abcDEF123456ghi", "abcDEF123456ghi"),
    "as an option": ("mosquitto_pub -h x --password OptSecret8 -t y", "OptSecret8"),
    "over lines": ('secret = """\nLineSecret1\nLineSecret2\n"""', "LineSecret"),
    "in a list": ('tokens = [\n  "ListSecret1",\n  "ListSecret2",\n]', "ListSecret"),
    "beside its name": ("the password is Beside4You", "Beside4You"),
    "as a web token": ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl now", "eyJzdWIi"),
    "as a user name": ('username = "login-secret"', "login-secret"),
    "of SNMP": ('snmp_community = "SnmpSecret"', "SnmpSecret"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_what_looks_like_a_secret_is_removed(text: str, secret: str) -> None:
    """A mail is read by many, and kept."""
    cleaned = Redactor().clean(f"before\n{text}\nafter\n")

    assert secret not in cleaned
    assert REMOVED in cleaned
    assert cleaned.startswith("before\n")
    assert cleaned.endswith("\nafter\n")


def test_a_key_whose_begin_or_end_was_cut_off_is_removed_too() -> None:
    """The end of a long journal may begin in the middle of one, and a line of it may stop there."""
    assert Redactor().clean("before\n-----BEGIN PRIVATE KEY-----\nc2Vj") == f"before\n{REMOVED}"
    assert Redactor().clean("c2VjcmV0\n-----END EC PRIVATE KEY-----\nafter") == f"{REMOVED}\nafter"


def test_what_is_needed_to_help_stays() -> None:
    """Names of files, digests and reasons are what one looks for."""
    text = (
        'password_file = "city.txt"\nkey_file = "credential:city-key"\n'
        f'"head":"{"ab" * 32}"\nconnection refused: bad user name or password (0x86)\n'
        "the password file cannot be read\n"
    )

    assert Redactor().clean(text) == text


def says(folder: Path, program: str, words: str) -> None:
    """A program of the system that prints *words*, whatever it is asked."""
    folder.mkdir(exist_ok=True)
    (folder / f"{program}.txt").write_text(words)
    (folder / program).write_text(f"#!/bin/sh\ncat {folder}/{program}.txt\n")
    (folder / program).chmod(0o755)


PLANTED = """# Wi-Fi: psk="PlantedPsk1"
# VPN password: PlantedVpn2
# once: mqtt://planted-user:PlantedUrl9@broker.example.org
"""
PROFILE = """# password = '''
# PlantedProfile3
# '''
model = "X"
"""


def test_the_bundle_has_everything_but_the_secrets(
    analyzer: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted in the file, a profile, the password file, keys, the environment, and all that the system says."""
    folder, programs = tmp_path / "station", tmp_path / "bin"
    for place in ("secrets", "profiles"):
        (folder / place).mkdir(parents=True)
    (folder / "password.txt").write_text('Planted "In" File\n')
    (folder / "secrets" / "modem").write_text("planted in folder")
    (folder / "profiles" / "x.toml").write_text(PROFILE)
    mine, wires = authority.issue("planted"), authority.issue("wire")
    key, key_of_wire = mine.key_file.read_text(), wires.key_file.read_text()
    (folder / "secrets" / "old.key").write_text(key)
    middle, middle_of_wire = key.splitlines()[1], key_of_wire.splitlines()[1]
    escaped = json.dumps({"error": 'refused: Planted "In" File'})
    lines = (escaped, "said planted in folder", "https://me:PlantedInUrl@x/", key, f"torn: {middle} {middle_of_wire}")
    says(programs, "journalctl", "\n".join((*lines, "client planted-login is not authorised")))
    says(programs, "systemctl", "[Service]\nEnvironment=MQTT_PASSWORD=PlantedEnv4\nUser=station-agent\n")
    says(programs, "ip", "wlan0: psk=PlantedPsk5\n1: eth0 inet 192.0.2.7/24\n")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STATION_PASSWORD", "PlantedEnv6")
    url = f"tls://127.0.0.1:{free_port()}?ca={authority.ca_file}&cert={wires.cert_file}&key={wires.key_file}"
    keys = 'username = "planted-login"\npassword_file = "password.txt"\n'
    text = PLANTED + HEAD + analyzer + f'[[link]]\nname = "rack"\nurl = "{url}"\n'
    text += uplink("city", f"mqtt://127.0.0.1:{free_port()}") + keys
    with AgentProcess(folder, text) as agent:
        agent.until(lambda: polled(agent), "a reading")
        agent.until(lambda: agent.events("agent_started"), "an event")
        said = agent.command("doctor", "--bundle", str(tmp_path / "help.tar.gz"))
        again = agent.command("doctor", "--bundle", str(tmp_path / "help.tar.gz"))

    with tarfile.open(tmp_path / "help.tar.gz") as archive:
        texts = {name.partition("/")[2]: archive.extractfile(name).read().decode() for name in archive.getnames()}  # type: ignore[union-attr]
    assert next(iter(texts)) == "README.txt"
    assert "is written; secrets removed from it: " in said.stderr
    assert (tmp_path / "help.tar.gz").stat().st_mode & 0o777 == 0o600
    everything = "\n".join(texts.values()).lower()
    for secret in ("planted", middle[:20].lower(), middle_of_wire[:20].lower()):
        places = [everything[at - 60 : at + 60] for at in range(len(everything)) if everything.startswith(secret, at)]
        assert [place for place in places if str(tmp_path).lower() not in place] == [], secret
    assert json.loads(texts["status.json"])["station"]["id"] == "test-1"
    assert "agent_started" in texts["events.jsonl"]
    assert 'password_file = "password.txt"' in texts["station.toml"]
    assert "User=station-agent" in texts["unit.txt"], "what is no secret stays"
    assert "192.0.2.7/24" in texts["network.txt"]
    assert (again.returncode, "is there already" in again.stderr) == (BAD, True)


def test_the_first_page_of_the_bundle_says_what_is_wrong_and_what_lies_where(
    technician: Technician, tmp_path: Path
) -> None:
    """Whoever gets the mail begins there; every file is named, and every name is a file."""
    technician.config.write_text(HEAD + uplink("city", f"mqtt://127.0.0.1:{free_port()}"))
    technician.types("doctor", "--bundle", str(tmp_path / "help.tar.gz"))
    with tarfile.open(tmp_path / "help.tar.gz") as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        page = archive.extractfile("help/README.txt").read().decode()  # type: ignore[union-attr]

    assert "uplink city: nothing listens at 127.0.0.1" in page
    index = page.partition("\nresults.txt")
    named = set(re.findall(r"[a-z]+\.(?:txt|jsonl|json|toml)", index[1] + index[2]))
    assert named == set(names) - {"README.txt"}


def test_the_bundle_fits_into_a_mail_whatever_the_journal_holds(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon in trouble says a lot; its last words are the ones that count."""
    noise = "\n".join(f"{os.urandom(60).hex()} line {number}" for number in range(12_000))
    says(tmp_path / "bin", "journalctl", f"{noise}\nthe very last line")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    technician.types("doctor", "--bundle", str(tmp_path / "help.tar.gz"))

    assert (tmp_path / "help.tar.gz").stat().st_size < 10_000_000
    with tarfile.open(tmp_path / "help.tar.gz") as archive:
        assert archive.extractfile("help/journal.txt").read().endswith(b"the very last line")  # type: ignore[union-attr]


def test_a_broker_that_says_nothing_does_not_keep_the_doctor(
    technician: Technician, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts connections and is dead all the same; who asks waits seconds, not minutes."""
    monkeypatch.setattr(brokers, "CONNECT_S", 1.0)
    with Mosquitto(tmp_path / "broker") as broker:
        technician.config.write_text(HEAD + uplink("city", broker.url))
        broker.pause()
        found = asked(technician)
        broker.resume()

    deaf = one(found, "brokers", "no answer within 1 s")
    assert (deaf["verdict"], deaf["means"]) == ("bad", "nothing is delivered")
