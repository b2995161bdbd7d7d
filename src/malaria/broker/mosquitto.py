"""A mosquitto of our own, with a configuration made for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from malaria.broker.configuration import MosquittoListener, MosquittoSettings, configuration_text
from malaria.broker.running import TIMEOUTS, BrokerTimeouts, RunningBroker, free_port, launch, private_directory
from malaria.errors import OperatorError

SBIN: Final = "/usr/sbin:/usr/local/sbin"
"""Debian installs it there, which is not on everybody's PATH."""
CONTROL: Final = "control"
"""The name of the plain loopback listener that every mosquitto of ours has: there we ask whether it answers."""


def find_mosquitto() -> str | None:
    """The path of mosquitto, or None."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def start_mosquitto(settings: str = "") -> RunningBroker:
    """Starts mosquitto on a free loopback port, `settings` being further lines of its configuration.

    Raises OperatorError when it fails.
    """
    return start_configured(MosquittoSettings((), further=tuple(settings.splitlines())))


def start_configured(
    settings: MosquittoSettings, directory: Path | None = None, patience: BrokerTimeouts = TIMEOUTS
) -> RunningBroker:
    """Starts mosquitto with these listeners and a plain one of its own on loopback, at which the result answers.

    `directory` (a new private one if not given) gets its configuration and log, and goes when it is stopped.
    Raises OperatorError when it fails.
    """
    command = find_mosquitto()
    if command is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    directory = directory or private_directory("mosquitto")
    control = MosquittoListener(free_port(), name=CONTROL)
    if settings.user is None and os.geteuid() == 0:
        settings = replace(settings, user="root")  # it would become another user, who cannot read this file again
    configuration = directory / "mosquitto.conf"
    # the plain one first: with none but WebSocket listeners, mosquitto 2.0 says that it has none and ends
    listeners = (control, *settings.listeners)
    text = configuration_text(replace(settings, listeners=listeners))
    write_private(configuration, text)
    broker = launch(
        "mosquitto", [command, "-c", str(configuration)], control.port, directory / "mosquitto.log", None, patience
    )
    broker.listeners, broker.configuration = settings.listeners, text
    return broker


def write_private(path: Path, text: str) -> None:
    """Writes a file that only we can read."""
    path.touch(mode=0o600)
    path.write_text(text)


def with_free_ports(listeners: Sequence[MosquittoListener]) -> tuple[MosquittoListener, ...]:
    """The listeners, each whose port is 0 at a port of loopback that nobody listens to now."""
    return tuple(replace(one, port=one.port or free_port()) for one in listeners)
