"""The set-up of 2013 from its first line to its last: twenty hosts, 3,000 clients with a key each, command by command.

It takes minutes, so it is run by hand: uv run pytest -m by_hand -s tests/swarm/test_twenty_bees.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import tomli_w

from malaria.records.store import open_run
from namespaces import network, no_namespaces
from swarm_attacks import PORT, broker_on

BEES: Final = 20
CLIENTS: Final = 3000
SECURE_PORT: Final = 8883
SETTINGS: Final = """\
user root
per_listener_settings true
log_type error
listener {port}
allow_anonymous true
listener {secure_port}
psk_hint malaria
psk_file {keys}
use_identity_as_username true
allow_anonymous true
"""
WARHEAD: Final = """\
# 3,000 meters, 500 bytes every 6 seconds, each with a pre-shared key of its own; two listen
[attack]
duration = "30s"
connect_rate = 200
drain = "5s"
own_lag_limit = "1m"

[target]
psk_file = "{keys}"

[[group]]
name = "meters"
clients = {clients}
rate = "1/6"
qos = 1
size = "500~25"
topic = "mqtt-malaria/{{client}}/data/{{seq}}"

[[group]]
name = "backend"
role = "subscribe"
clients = 1
qos = 1
topic = "mqtt-malaria/+/data/#"
target = {{ url = "{plain}" }}

[[group]]
name = "onlooker"
role = "subscribe"
clients = 1
qos = 0
topic = "mqtt-malaria/+/data/#"
target = {{ url = "{plain}" }}
"""

type Malaria = Callable[..., str]


@pytest.fixture
def malaria(tmp_path: Path) -> Malaria:
    """The command, as somebody types it; what it says, and how long it took, is shown."""
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}

    def run(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        begin_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "malaria", *words],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        print(f"\n$ malaria {' '.join(words)}   [{time.monotonic() - begin_s:.1f} s]\n{done.stdout}", flush=True)
        assert done.returncode in codes, done.stdout
        return done.stdout

    return run


@pytest.mark.by_hand
@pytest.mark.timeout(530)
@pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces() or "")
def test_from_add_to_down(tmp_path: Path, malaria: Malaria) -> None:
    keys = tmp_path / "malaria.psk"
    malaria("keygen", "-n", str(CLIENTS), "-o", str(keys))
    with network(tmp_path, BEES + 1) as net:
        broker = net.hosts[-1]
        bees = [
            {"host": host.address, "ssh_config": str(net.ssh_config), "directory": str(host.directory / "malaria")}
            for host in net.hosts[:BEES]
        ]
        (tmp_path / "bees.toml").write_text(tomli_w.dumps({"bee": bees}))
        plain = f"mqtt://{broker.address}:{PORT}"
        (tmp_path / "meters.toml").write_text(WARHEAD.format(keys=keys, clients=CLIENTS, plain=plain))
        settings = SETTINGS.format(port=PORT, secure_port=SECURE_PORT, keys=keys)
        malaria("swarm", "add", "--inventory", "bees.toml")
        malaria("swarm", "prepare", "--no-packages", "--etc", str(tmp_path / "etc"), codes=(0, 1))
        malaria("swarm", "deploy")
        malaria("swarm", "share-keys", str(keys))
        malaria("swarm", "status")
        with broker_on(broker, tmp_path, settings):
            url = f"mqtts://{broker.address}:{SECURE_PORT}"
            words = f"attack {url} -w meters.toml --swarm bees --workers 1 --observe none -o run".split()
            said = malaria(*words, codes=(0, 3))
        malaria("swarm", "abort")
        if "is removed" not in malaria("swarm", "down", codes=(0, 1)):  # a busy machine may not have answered in time
            malaria("swarm", "down")
        left = [host.pids() for host in net.hosts[:BEES]]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    records = open_run(tmp_path / "run")
    print(json.dumps({key: summary[key] for key in ("verdict", "clients", "messages", "rates", "generator")}, indent=1))
    print(json.dumps(summary["latency_ms"], indent=None))
    print("start", records.meta.start, "clock error", records.meta.clocks.error_ns)  # type: ignore[index]
    assert summary["clients"]["connected_peak"] == CLIENTS + 2
    assert summary["messages"]["delivered"] == 2 * summary["messages"]["sent"] > 0
    assert (summary["messages"]["lost"], summary["messages"]["duplicated"]) == (0, 0)
    assert summary["generator"]["bees"] == BEES
    assert "20 bees" in said
    assert [len(pids) for pids in left] == [1] * BEES  # sshd, and nothing of ours
    assert not any((host.directory / "malaria").exists() for host in net.hosts[:BEES])
