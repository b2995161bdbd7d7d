"""Starts brokers other than mosquitto for tests: RabbitMQ, NATS, aedes, amqtt; on free loopback ports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from malaria.broker import RunningBroker, start_embedded
from malaria.broker.configuration import LOOPBACK
from malaria.broker.private_directory import private_directory
from malaria.broker.running import BrokerTimeouts, free_port, launch

PATIENCE: Final = BrokerTimeouts(ready_s=60.0)
"""RabbitMQ has to start an Erlang system first."""
RABBITMQ: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The path in Debian. The one on PATH runs as another user, who cannot read the files of a test."""
AEDES: Final = Path(__file__).with_name("aedes")


def short_queues(longest: int) -> str:
    """Return RabbitMQ's definitions: its usual user, and a limit to the queues that drops the oldest messages."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    policy = {"name": "short", "pattern": ".*", "apply-to": "queues", "definition": {"max-length": longest}}
    return json.dumps(
        {
            "vhosts": [{"name": "/"}],
            "users": [{"name": "guest", "password": "guest", "tags": "administrator"}],
            "permissions": [{"user": "guest", "vhost": "/"} | everything],
            "policies": [{"vhost": "/"} | policy],
        }
    )


@contextmanager
def rabbitmq(prometheus_port: int = 0, longest_queue: int = 0) -> Iterator[RunningBroker]:
    """Start RabbitMQ with its MQTT plugin, a Prometheus page if wanted, and an epmd of its own that ends with it."""
    directory, port, epmd_port = private_directory("rabbitmq"), free_port(), free_port()
    settings = [
        "listeners.tcp = none", f"mqtt.listeners.tcp.default = {LOOPBACK}:{port}", "mqtt.allow_anonymous = true",
        "loopback_users.guest = false",
    ]  # fmt: skip
    if prometheus_port:
        settings += [f"prometheus.tcp.ip = {LOOPBACK}", f"prometheus.tcp.port = {prometheus_port}"]
    if longest_queue:
        settings += [f"load_definitions = {directory}/definitions.json"]
    plugins = ["rabbitmq_mqtt", *(["rabbitmq_prometheus"] if prometheus_port else [])]
    files = {
        "enabled_plugins": f"[{','.join(plugins)}].\n",
        "rabbitmq.conf": "\n".join(settings) + "\n",
        "definitions.json": short_queues(longest_queue),
    }
    for name, text in files.items():
        (directory / name).write_text(text)
    epmd = subprocess.Popen(["epmd", "-port", str(epmd_port), "-address", LOOPBACK])
    environment = {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_NODENAME": f"malaria-{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "logs"),
        "RABBITMQ_LOGS": "-",
    }
    try:
        command = ["env", *(f"{name}={value}" for name, value in environment.items()), str(RABBITMQ)]
        with _started("RabbitMQ", command, port, directory / "rabbitmq.log") as broker:
            yield broker
    finally:
        epmd.terminate()
        epmd.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _started(name: str, command: list[str], port: int, log: Path) -> RunningBroker:
    return launch(name, command, port, log, timeouts=PATIENCE)


@contextmanager
def nats() -> Iterator[RunningBroker]:
    """Start NATS with JetStream, which its MQTT needs, in a directory of its own."""
    directory, port = private_directory("nats"), free_port()
    configuration = directory / "nats.conf"
    configuration.write_text(
        f'server_name: malaria\nlisten: "{LOOPBACK}:{free_port()}"\njetstream {{ store_dir: "{directory}/data" }}\n'
        f'mqtt {{ host: "{LOOPBACK}", port: {port} }}\n'
    )
    with _started("NATS", [str(_nats()), "-c", str(configuration)], port, directory / "nats.log") as broker:
        yield broker


@contextmanager
def aedes() -> Iterator[RunningBroker]:
    """Start aedes as `npm install --prefix tests/aedes` installs it."""
    port = free_port()
    log = private_directory("aedes") / "aedes.log"
    with _started("aedes", ["node", str(AEDES / "broker.js"), str(port)], port, log) as broker:
        yield broker


@contextmanager
def amqtt() -> Iterator[RunningBroker]:
    """Start the embedded broker."""
    with start_embedded() as broker:
        yield broker


def has_rabbitmq() -> bool:
    return RABBITMQ.exists()


def has_nats() -> bool:
    return _nats() is not None


def has_aedes() -> bool:
    return (AEDES / "node_modules" / "aedes").is_dir() and shutil.which("node") is not None


def _nats() -> str | None:
    return shutil.which("nats-server", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
