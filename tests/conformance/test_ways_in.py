"""Every way into a real broker: TLS with certificates and pre-shared keys of both versions, WebSocket, users."""

from __future__ import annotations

import json
import re
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from attacking import run_attack
from conftest import lacking
from everything import Everything
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import find_mosquitto
from malaria.broker.configuration import MosquittoListener, MosquittoSettings
from malaria.broker.mosquitto import start_mosquitto, with_free_ports
from malaria.doctor import Status, examine
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Counter, Gauge, Progress
from malaria.transport.tls import PSK_CIPHERS

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
CERTIFICATES: Final = ("ecdsa", "rsa", "tls12", "tls13", "wss")
KEYS: Final = ("psk", "psk12", "psk13")
WAYS: Final = ("plain", "ws", "mtls", *CERTIFICATES, *KEYS)


def proofs(everything: Everything, way: str) -> dict[str, Any]:
    """What `[target]` must say to come in by this way."""
    if way in KEYS:
        return {"psk_file": str(everything.psk_file)}
    if way in ("plain", "ws"):
        return {}
    directory = everything.client_certificates[0].cert.parent
    own = {key: f"{directory}/client-{{index:05d}}.{suffix}" for key, suffix in (("cert", "pem"), ("key", "key"))}
    return {"cafile": str(everything.cafile)} | (own if way == "mtls" else {})


def count(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.run.samples)


def settled(outcome: AttackOutcome, due: int) -> bool:
    messages = outcome.summary["messages"]
    made = {messages[name] for name in ("due", "sent", "acked", "expected", "delivered")}
    return made == {due} and not messages["lost"] + messages["duplicated"] + messages["unresolved"]


@pytest.mark.parametrize("way", WAYS)
def test_messages_go_through(way: str, mosquitto_everything: Everything, tmp_path: Path) -> None:
    outcome = run_attack(
        mosquitto_everything.url(way), tmp_path, subscribers=1, clients=10, interval="250ms", duration="1s", qos=2,
        **proofs(mosquitto_everything, way),
    )  # fmt: skip
    assert settled(outcome, 40), outcome.summary["messages"]
    latency = outcome.summary["latency_ms"]
    encrypted = way not in ("plain", "ws")
    assert latency["tls"]["count"] == (11 if encrypted else 0)
    assert latency["upgrade"]["count"] == (11 if way in ("ws", "wss") else 0)
    assert latency["tcp"]["count"] == latency["connack"]["count"] == latency["connect"]["count"] == 11
    assert bool(count(outcome, Counter.NEGOTIATION_CPU_NS)) == (way not in ("plain",))


@pytest.mark.parametrize("way", ["psk12", "psk13", "wss"])
def test_large_messages_as_fast_as_they_go(way: str, mosquitto_everything: Everything, tmp_path: Path) -> None:
    """Many times the socket's buffers: the kernel takes parts, and every byte of every message arrives.

    Not over WebSocket on the way back: mosquitto 2.0.11 (libwebsockets) stalls in bursts, whoever listens (paho too).
    """
    outcome = run_attack(
        mosquitto_everything.url(way), tmp_path, subscribers=int(way != "wss"), clients=4, interval=0, messages=25,
        inflight=20, size=200_000, duration="30s", **proofs(mosquitto_everything, way),
    )  # fmt: skip
    messages = outcome.summary["messages"]
    assert messages["acked"] == messages["sent"] == 100
    assert not outcome.summary["clients"]["dropped"]
    assert way == "wss" or settled(outcome, 100)


def test_each_client_has_its_own_identity(mosquitto_everything: Everything, tmp_path: Path) -> None:
    clients = 30
    before = mosquitto_everything.log.stat().st_size
    run_attack(
        mosquitto_everything.url("psk"), tmp_path, role="connect", clients=clients, duration="1s",
        client_id="{identity}", psk_file=str(mosquitto_everything.psk_file),
    )  # fmt: skip
    said = mosquitto_everything.log.read_text()[before:]
    names = dict(re.findall(r" as (\S+) \(p2, c1, k60, u'([^']*)'\)", said))
    expected = [line.partition(":")[0] for line in mosquitto_everything.psk_file.read_text().splitlines()[:clients]]
    assert set(expected) <= set(names)
    assert all(names[identity] == identity for identity in expected)


def test_from_no_keys_to_a_verdict(tmp_path: Path) -> None:
    """What one types: keys into a file, a broker that has it, and the attack; each client comes as itself.

    The subscriber that `attack` adds shares the first key: so many keys as publishers are enough.
    """
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    clients, keys = 40, tmp_path / "malaria.psk"
    with keys.open("wb") as out:
        subprocess.run([MALARIA, "keygen", "-n", str(clients)], stdout=out, check=True)
    assert keys.stat().st_mode & 0o777 == 0o600
    (listener,) = with_free_ports([MosquittoListener(0, psk_file=keys, identity_as_username=True)])
    with start_mosquitto(MosquittoSettings((listener,))) as broker:
        done = subprocess.run(
            [MALARIA, "attack", f"mqtts://127.0.0.1:{listener.port}", "--psk-file", str(keys), "-c", str(clients),
             "-I", "1s", "-s", "500", "-q", "1", "-d", "2s", "-o", str(tmp_path / "run")],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        said = broker.log.read_text()
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr  # a busy machine makes it INVALID, or late
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["clients"]["connected"] == clients + 1
    assert summary["messages"]["delivered"] == summary["messages"]["due"] == 2 * clients
    assert set(re.findall(r", u'([^']*)'", said)) == {f"malaria-{index}" for index in range(clients)}


def test_one_key_for_all_clients(mosquitto_everything: Everything, tmp_path: Path) -> None:
    identity, _, key = mosquitto_everything.psk_file.read_text().splitlines()[0].partition(":")
    outcome = run_attack(
        mosquitto_everything.url("psk"), tmp_path, subscribers=1, interval="250ms", duration="1s", clients=3,
        psk_identity=identity, psk=key,
    )  # fmt: skip
    assert settled(outcome, 12)


def test_groups_come_in_by_different_ways(mosquitto_everything: Everything, tmp_path: Path) -> None:
    """Devices with keys, a backend over plain TCP."""
    devices = {"name": "devices", "clients": 5, "interval": "250ms", "size": 100}
    backend = {"name": "backend", "role": "subscribe", "clients": 1, "topic": "malaria/+/data"}
    warhead = Warhead.model_validate({
        "group": [devices, backend | {"target": {"url": mosquitto_everything.url("plain")}}],
        "attack": {"duration": "1s", "own_lag_limit": "1m"},
        "target": {"psk_file": str(mosquitto_everything.psk_file)},
    })  # fmt: skip
    target = parse_target(mosquitto_everything.url("psk"))
    outcome = conduct(AttackRequest(target, warhead, tmp_path / "run", 2, "", ""), lambda _: None, Interrupt())
    assert settled(outcome, 20)
    assert outcome.summary["latency_ms"]["tls"]["count"] == 5


class Cutter:
    """A TCP proxy to a port, whose connections can be cut."""

    def __init__(self, port: int) -> None:
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs: dict[socket.socket, socket.socket] = {}
        self.over = False
        self.cut_now = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.over:
            if self.cut_now.is_set():
                self.cut_now.clear()
                for sock in list(self.pairs):
                    sock.close()
                self.pairs.clear()
            for sock in select.select([self.listener, *self.pairs], [], [], 0.02)[0]:
                self.serve(sock)

    def serve(self, sock: socket.socket) -> None:
        if sock is self.listener:
            ours, _ = sock.accept()
            theirs = socket.create_connection(("127.0.0.1", self.to))
            self.pairs |= {ours: theirs, theirs: ours}
        elif sock in self.pairs:
            data = b""
            with suppress(ConnectionError):
                data = sock.recv(1 << 16)
            if data:
                self.pairs[sock].sendall(data)
            else:
                other = self.pairs.pop(sock)
                self.pairs.pop(other, None)
                sock.close()
                other.close()

    def close(self) -> None:
        self.over = True
        self.thread.join()
        for sock in (self.listener, *self.pairs):
            sock.close()


@contextmanager
def cutting(port: int) -> Iterator[Cutter]:
    cutter = Cutter(port)
    try:
        yield cutter
    finally:
        cutter.close()


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("way", ["tls12", "tls13", "psk"])
def test_a_lost_client_comes_back(way: str, resume: bool, mosquitto_everything: Everything, tmp_path: Path) -> None:
    """With its own key, or with what it has from the session before. It ends when all are back, sooner or later."""
    interrupt, cut = Interrupt(), threading.Event()
    with cutting(mosquitto_everything.listeners[way].port) as cutter:

        def on_progress(progress: Progress) -> None:
            if progress.phase == "measure" and not cut.is_set():
                cut.set()
                cutter.cut_now.set()
            if progress.totals.get(Counter.RECONNECTS) == progress.gauges.get(Gauge.CLIENTS_READY) == 5:
                interrupt.count = 1

        outcome = run_attack(
            f"mqtts://localhost:{cutter.port}", tmp_path, on_progress=on_progress, interrupt=interrupt, clients=5,
            interval="200ms", duration="60s", reconnect=["100ms", "1s"], resume=resume,
            **proofs(mosquitto_everything, way),
        )  # fmt: skip
    clients = outcome.summary["clients"]
    assert clients["dropped"] == 5
    assert clients["reconnects"] == clients["connected"] == 5
    assert count(outcome, Counter.RESUMED) == (5 if resume and way != "psk" else 0)


@pytest.mark.parametrize("way", ["psk", "ecdsa", "ws", "mtls"])
def test_the_doctor_goes_in_as_a_client_would(way: str, mosquitto_everything: Everything) -> None:
    group = {"name": "g", "role": "connect", "clients": 5}
    table = {"group": [group], "attack": {"duration": "1s"}, "target": proofs(mosquitto_everything, way)}
    findings = examine(parse_target(mosquitto_everything.url(way)), Warhead.model_validate(table), 1)
    (found,) = [finding for finding in findings if finding.name.startswith("target ")]
    assert found.status is Status.OK, found
    assert "mosquitto version" in found.measured
    assert ("TLSv1.3" in found.measured) == (way != "ws")


def test_the_slow_ciphers_are_not_offered() -> None:
    assert not [name for name in PSK_CIPHERS.split(":") if "DHE" in name and not name.startswith("ECDHE")]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_clients_of_different_key_types_keep_their_own_certificate(
    version: str, resume: bool, mosquitto_everything: Everything, tmp_path: Path
) -> None:
    """The broker's log is the judge: at the first login and after a reconnect, each client has its own user name."""
    devices = tmp_path / "devices"
    devices.mkdir()
    names = [f"dev{index}-{version}-{resume}" for index in range(4)]
    for index, name in enumerate(names):
        made = mosquitto_everything.authority.client(name, use_rsa=bool(index % 2))
        for file, suffix in ((made.cert, "pem"), (made.key, "key")):
            file.rename(devices / f"{index}.{suffix}")
    before = mosquitto_everything.log.stat().st_size
    interrupt, cut = Interrupt(), threading.Event()
    with cutting(mosquitto_everything.listeners["mtls"].port) as cutter:

        def on_progress(progress: Progress) -> None:
            if progress.phase == "measure" and not cut.is_set():
                cut.set()
                cutter.cut_now.set()
            if progress.totals.get(Counter.RECONNECTS) == progress.gauges.get(Gauge.CLIENTS_READY) == len(names):
                interrupt.count = 1

        outcome = run_attack(
            f"mqtts://localhost:{cutter.port}", tmp_path, on_progress=on_progress, interrupt=interrupt,
            clients=len(names), client_id="key-{index}", interval="200ms", duration="60s", reconnect=["100ms", "1s"],
            resume=resume, tls_version=version, cafile=str(mosquitto_everything.cafile),
            cert=f"{devices}/{{index}}.pem", key=f"{devices}/{{index}}.key",
        )  # fmt: skip
    logins = re.findall(r" as key-(\d) \(p2, c[01], k60, u'([^']*)'\)", mosquitto_everything.log.read_text()[before:])
    assert sorted(logins) == sorted((str(index), name) for index, name in enumerate(names) for _ in range(2))
    assert outcome.summary["clients"]["reconnects"] == len(names)
