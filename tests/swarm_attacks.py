"""Attacks by bees in tests: a broker on a host of its own, and bees that run this very malaria."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from attacking import unhurried
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import find_mosquitto
from malaria.broker.private_directory import private_directory
from malaria.broker.running import launch, plain_check
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Progress
from malaria.swarm.hosts.bee_layout import MARKER
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.run.ssh_launcher import SshLauncher
from namespaces import Namespace

PORT: Final = 1883
PLAIN: Final = f"listener {PORT}\nallow_anonymous true\nuser root\n"
AHEAD_NS: Final = 80_000_000
AHEAD: Final = """\
import os, sys
os.unshare(0x80)  # CLONE_NEWTIME: what is started from here on has clocks of its own
with open("/proc/self/timens_offsets", "w") as offsets:
    offsets.write("monotonic 0 {ahead_ns}\\n")
sys.exit(os.spawnv(os.P_WAIT, {python!r}, [{python!r}, *sys.argv[1:]]))
"""


METERS = {"name": "meters", "clients": 8, "interval": "200ms", "qos": 1, "size": 60, "topic": "t/{client}/data"}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 1, "qos": 1, "topic": "t/+/data"}


def attack(
    url: str,
    directory: Path,
    swarm: Swarm | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    **settings: Any,
) -> AttackOutcome:
    meters = METERS | {key: settings.pop(key) for key in list(settings) if key in METERS or key == "messages"}
    course = {"seed": 1, "own_lag_limit": "1m", "drain": "5s"} | settings
    groups = [meters, BACKEND]
    warhead = Warhead.model_validate({"group": groups, "attack": course, "thresholds": unhurried(groups)})
    launcher = None if swarm is None else SshLauncher(swarm, workers=1)
    request = AttackRequest(
        parse_target(url), warhead, directory, 1, "malaria attack", "test", NOTHING, launcher=launcher
    )
    return conduct(request, on_progress, Interrupt())


@contextmanager
def broker_on(host: Namespace, directory: Path, settings: str = PLAIN) -> Iterator[str]:
    """Run a mosquitto on a host for the block; yield its URL."""
    configuration, log = directory / "mosquitto.conf", private_directory("mosquitto") / "mosquitto.log"
    configuration.write_text(settings)
    command = host.argv(str(find_mosquitto()), "-c", str(configuration))
    with launch("mosquitto", command, PORT, log, plain_check(host.address, PORT)):
        yield f"mqtt://{host.address}:{PORT}"


def settle_in(bee: BeeHost, ahead_ns: int = 0) -> Path:
    """Give a bee this Python in place of a deployed one, its clock set ahead; return the bee's directory."""
    directory = Path(bee.directory)
    python = directory / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (directory / MARKER).touch()
    if ahead_ns:
        starter = directory / "ahead.py"
        starter.write_text(AHEAD.format(ahead_ns=ahead_ns, python=sys.executable))
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {starter} "$@"\n')
    else:
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return directory


@contextmanager
def listening(host: str, *filters: str) -> Iterator[list[bytes]]:
    """Subscribe with an independent client for the block; yield the list of payloads that it receives."""
    heard: list[bytes] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _, __, message: heard.append(message.payload)
    client.on_subscribe = lambda *_: ready.set()
    client.connect(host, PORT)
    client.loop_start()
    client.subscribe([(filter_, 1) for filter_ in filters])
    assert ready.wait(10)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def pid_of(bee: BeeHost) -> int:
    return int((Path(bee.directory) / "bee.pid").read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
