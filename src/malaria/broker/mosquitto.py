"""Starts mosquitto on this machine with a configuration made for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from malaria.broker.configuration import MosquittoListener, MosquittoSettings, configuration_text
from malaria.broker.private_directory import private_directory
from malaria.broker.running import TIMEOUTS, BrokerTimeouts, RunningBroker, free_port, launch
from malaria.errors import OperatorError

SBIN: Final = "/usr/sbin:/usr/local/sbin"
"""The directories that Debian installs it in; not every user has them on PATH."""
CONTROL: Final = "control"
"""The name of the plain loopback listener that every mosquitto started here has; it is where the broker is checked."""


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, or None."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def start_mosquitto(
    settings: MosquittoSettings = MosquittoSettings(),  # noqa: B008  frozen
    directory: Path | None = None,
    timeouts: BrokerTimeouts = TIMEOUTS,
) -> RunningBroker:
    """Start mosquitto with these settings and a plain listener on a free loopback port, the address of the result.

    `directory` (by default a new private one) takes its configuration and log, and is deleted when it is stopped.
    Raises OperatorError when it fails.
    """
    command = find_mosquitto()
    if command is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    directory = directory or private_directory("mosquitto")
    control = MosquittoListener(free_port(), name=CONTROL)
    if settings.user is None and os.geteuid() == 0:
        settings = replace(settings, user="root")  # else it becomes a user that cannot read its private files
    configuration = directory / "mosquitto.conf"
    # the plain one comes first: with only WebSocket listeners, mosquitto 2.0 reports that it has none and ends
    listeners = (control, *settings.listeners)
    text = configuration_text(replace(settings, listeners=listeners))
    write_private(configuration, text)
    broker = launch(
        "mosquitto", [command, "-c", str(configuration)], control.port, directory / "mosquitto.log", None, timeouts
    )
    broker.listeners, broker.configuration = settings.listeners, text
    return broker


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read."""
    # before the first byte is in it: chmod afterwards would leave a gap
    path.touch(mode=0o600)
    path.write_text(text)


def with_free_ports(listeners: Sequence[MosquittoListener]) -> tuple[MosquittoListener, ...]:
    """Return the listeners, with a free loopback port in place of each port 0."""
    return tuple(replace(listener, port=listener.port or free_port()) for listener in listeners)
