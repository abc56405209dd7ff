"""A real NATS server with JetStream and MQTT, as the system's package brings it, started by hand."""

from __future__ import annotations

from pathlib import Path

from tests.simulators.broker import program
from tests.simulators.shipped_broker import ShippedBroker


class Nats(ShippedBroker):
    """One server."""

    name = "nats"
    configuration = Path("/etc/nats")
    data = Path("/var/lib/nats")
    protocol = "3.1.1"
    redelivery_s = 45.0  # ack_wait is 30 s

    def command(self) -> list[str]:
        """In the foreground."""
        return [program("nats-server"), "-c", str(self.place("nats-server.conf"))]
