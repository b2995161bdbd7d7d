"""A mosquitto of our own on a free loopback port, with a configuration made for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from malaria.broker.running import HOST, RunningBroker, free_port, launch
from malaria.errors import OperatorError

SBIN: Final = "/usr/sbin:/usr/local/sbin"
"""Debian installs it there, which is not on everybody's PATH."""


def find_mosquitto() -> str | None:
    """The path of mosquitto, or None."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def start_mosquitto(settings: str = "") -> RunningBroker:
    """Starts mosquitto; `settings` are further lines of its configuration. Raises OperatorError when it does not run."""
    command = find_mosquitto()
    if command is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    directory = Path(tempfile.mkdtemp(prefix="malaria-mosquitto-"))
    port = free_port()
    configuration = directory / "mosquitto.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nsys_interval 1\nmax_queued_messages 0\n"
        f"user {_owner()}\n{settings}\n"
    )
    return launch("mosquitto", [command, "-c", str(configuration)], port, directory / "mosquitto.log")


def _owner() -> str:
    """mosquitto started as root becomes another user, who could not read our 0600 file again; keep the one we are."""
    import pwd  # noqa: PLC0415  not on every system

    return pwd.getpwuid(os.geteuid()).pw_name
