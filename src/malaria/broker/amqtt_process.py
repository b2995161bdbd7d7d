"""The process of the embedded broker: `python -m malaria.broker.amqtt_process PORT` serves until it is terminated."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading

from amqtt.broker import Broker

from malaria.broker.configuration import LOOPBACK


def main() -> None:
    """Serve until this process is terminated, or until the process that started it is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # a line for every client would fill the log and cost time
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve(int(sys.argv[1])))


def _end_with_parent() -> None:
    """Exit when the standard input ends: it is a pipe that the parent process holds open."""
    sys.stdin.buffer.read()
    os._exit(0)


async def _serve(port: int) -> None:
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}", "max_connections": 0}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
                "amqtt.plugins.sys.broker.BrokerSysPlugin": {"sys_interval": 1},
            },
        }
    )
    await broker.start()
    # for ever: SIGTERM or the parent's end ends the process
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
