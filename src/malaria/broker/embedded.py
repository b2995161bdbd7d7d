"""The embedded broker: amqtt in a process of its own, for machines without mosquitto."""

from __future__ import annotations

import sys

from malaria.broker.private_directory import private_directory
from malaria.broker.running import RunningBroker, free_port, launch


def start_embedded() -> RunningBroker:
    """Start amqtt on a free loopback port. Raises OperatorError when it does not run."""
    port = free_port()
    log = private_directory("amqtt") / "amqtt.log"
    return launch("amqtt", [sys.executable, "-m", "malaria.broker.amqtt_process", str(port)], port, log)
