"""Station files for tests: a head, devices on simulated instruments, uplinks."""

from __future__ import annotations

from tests.simulators.modbus_server import ModbusTcpServer

HEAD = '[station]\nid = "test-1"\nruntime = "run"\n[store]\npath = "store.db"\n'

SO2 = '[[device.channel]]\nname = "so2"\nregister = 0\n'
FLOW = '[[device.channel]]\nname = "flow"\nstream = "parameter"\ngroup = "instrument"\nregister = 1\n'
STATE = """[[device.channel]]
name = "state"
stream = "parameter"
group = "instrument"
register = 2
type = "bits"
[device.channel.bits]
0 = { name = "span", quality = "span_check" }
"""


def device(name: str, where: str, every: str, *channels: str, profile: str = "", **more: str | int) -> str:
    """A device of a station file; *more* are further keys, as they stand there."""
    keys = {"address": 1, "every": f'"{every}"', **more}
    lines = [f'[[device]]\nname = "{name}"\n{where}\n', *(f"{key} = {value}\n" for key, value in keys.items())]
    if profile:
        return "".join([*lines, f'profile = "{profile}"\n'])
    return "".join([*lines, *(channels or (SO2,))])


def at_port(server: ModbusTcpServer) -> str:
    """Where a device finds *server*."""
    return f'url = "tcp://127.0.0.1:{server.port}"'


def shared(url: str) -> str:
    """A link called bus; the line falls quiet as quickly as a time-out ends here."""
    return f'[[link]]\nname = "bus"\nurl = "{url}"\nquiet = "20ms"\n'


def uplink(name: str, url: str) -> str:
    """An uplink that connects at once."""
    return f'[[uplink]]\nname = "{name}"\nurl = "{url}"\nspread = "0s"\n'
