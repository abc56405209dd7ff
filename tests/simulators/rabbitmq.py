"""A real RabbitMQ with its MQTT plugin, as the system's package brings it, started by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.simulators.shipped_broker import ShippedBroker

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not the one on the PATH, which becomes another user first."""


class RabbitMq(ShippedBroker):
    """One node. The name server of Erlang that it leaves behind ends with its network."""

    name = "rabbitmq"
    configuration = Path("/etc/rabbitmq")
    data = Path("/var/lib/rabbitmq")
    protocol = "3.1.1"

    def command(self) -> list[str]:
        """In the foreground."""
        return [str(PROGRAM)]

    def environment(self) -> Mapping[str, str]:
        """A node name that resolves everywhere, and no busy waiting on a machine that has other things to do."""
        return {
            "HOME": str(self.data),
            "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
