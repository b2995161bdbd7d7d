"""The embedded broker: amqtt in a process of its own, for machines without mosquitto."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import threading
from pathlib import Path

from malaria.broker.running import HOST, RunningBroker, free_port, launch


def start_embedded() -> RunningBroker:
    """Starts amqtt on a free loopback port. Raises OperatorError when it does not run."""
    port = free_port()
    log = Path(tempfile.mkdtemp(prefix="malaria-amqtt-")) / "amqtt.log"
    return launch("amqtt", [sys.executable, "-m", "malaria.broker.embedded", str(port)], port, log)


def main() -> None:
    """The broker process: serves until it is terminated, or until whoever started it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve(int(sys.argv[1])))


def _end_with_parent() -> None:
    """Our standard input is a pipe that the parent holds open: its end is the parent's end."""
    sys.stdin.buffer.read()
    os._exit(0)


async def _serve(port: int) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415  heavy, and only this process needs it

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 0}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
                "amqtt.plugins.sys.broker.BrokerSysPlugin": {"sys_interval": 1},
            },
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
