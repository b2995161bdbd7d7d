"""The embedded broker: amqtt in a process of its own, for machines without mosquitto."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from malaria.broker.running import RunningBroker, free_port, launch


def start_embedded() -> RunningBroker:
    """Starts amqtt on a free loopback port. Raises OperatorError when it does not run."""
    port = free_port()
    log = Path(tempfile.mkdtemp(prefix="malaria-amqtt-")) / "amqtt.log"
    return launch("amqtt", [sys.executable, "-m", "malaria.broker.amqtt_process", str(port)], port, log)
