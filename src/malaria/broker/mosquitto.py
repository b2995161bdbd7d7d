"""A mosquitto of our own on a free loopback port, with a configuration made for it."""

from __future__ import annotations

import os
import shutil
from typing import Final

from malaria.broker.running import HOST, RunningBroker, free_port, launch, private_directory
from malaria.errors import OperatorError

SBIN: Final = "/usr/sbin:/usr/local/sbin"
"""Debian installs it there, which is not on everybody's PATH."""


def find_mosquitto() -> str | None:
    """The path of mosquitto, or None."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def start_mosquitto(settings: str = "") -> RunningBroker:
    """Starts mosquitto, `settings` being further lines of its configuration. Raises OperatorError when it fails."""
    command = find_mosquitto()
    if command is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    directory = private_directory("mosquitto")
    port = free_port()
    configuration = directory / "mosquitto.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nsys_interval 1\nmax_queued_messages 0\n"
        f"user root\n{settings}\n"  # started by root it would become another user, who cannot read this file again
    )
    return launch("mosquitto", [command, "-c", str(configuration)], port, directory / "mosquitto.log")
