"""The real command against targets and with options that cannot work: exit code 2, one message with cause and remedy.

Nothing is left behind of such an attack: it ended before there was a run.
"""

from __future__ import annotations

import os
import resource
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from conftest import lacking
from malaria.broker import RunningBroker
from stub_broker import Behaviour
from stub_server import StubServer

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
PATIENCE_S: Final = 30.0
BAD_COMMAND: Final = 2
NOWHERE: Final = "no-such-host.invalid"  # RFC 6761: nobody ever has such a name

Refused = Callable[..., tuple[str, str]]
Answer = Callable[[socket.socket], None]


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Attacks in vain; the cause and the remedy that the operator reads."""

    def attack(target: str, *options: str, limit: Callable[[], None] | None = None) -> tuple[str, str]:
        environment = {key: value for key, value in os.environ.items() if key != "MALARIA_PASSWORD"}
        done = subprocess.run(
            [MALARIA, "attack", target, "-d", "1s", *options],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=tmp_path,
            env=environment,
            preexec_fn=limit,
        )
        assert done.returncode == BAD_COMMAND, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert not (tmp_path / "runs").exists(), "there was no run"
        first, *rest = done.stderr.splitlines()
        assert first.startswith("error: ")
        assert rest, "no remedy"
        assert all(line.startswith("       ") for line in rest), "more than one message"
        return first.removeprefix("error: "), " ".join(line.strip() for line in rest)

    return attack


@contextmanager
def listener(answer: Answer) -> Iterator[str]:
    """A port that treats each connection like this; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_serve, args=(server, answer), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the accept


def _serve(server: socket.socket, answer: Answer) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE_S)
                answer(connection)


def saying(words: bytes) -> Answer:
    """Waits for the CONNECT and says something else than CONNACK, and stays until the client has gone."""

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(words)
        connection.recv(65536)

    return answer


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def closing(connection: socket.socket) -> None:
    connection.recv(65536)


def tls(connection: socket.socket) -> None:
    """A listener for TLS with pre-shared keys, which needs no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    context.set_psk_server_callback(lambda identity: b"\x01" * 16)
    with context.wrap_socket(connection, server_side=True) as secured:
        secured.recv(1)


# --- targets that do not answer as a broker --------------------------------------------------------------------------


def test_an_unknown_host(refused: Refused) -> None:
    cause, remedy = refused(NOWHERE)
    assert cause.startswith(f"unknown host '{NOWHERE}'")
    assert "check the spelling" in remedy


def test_a_refused_port(refused: Refused) -> None:
    with socket.socket() as held:  # bound, so that nobody else takes it, but not listening
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}"
        cause, remedy = refused(place)
    assert cause == f"mqtt://{place}: nothing listens at this port (tried with the first of 10 publishers)"
    assert "is the broker running" in remedy


FOREIGNERS: Final = {
    "HTTP": (saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "speaks HTTP", "usually 1883"),
    "SSH": (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "speaks SSH", "usually 1883"),
    "another packet": (saying(b"\xd0\x00"), "speaks something that is no MQTT", "usually 1883"),
    "garbage": (saying(b"\xff" * 64), "speaks something that is no MQTT", "usually 1883"),
    "hangs up": (closing, "closed the connection without a CONNACK", "plain MQTT is usually 1883"),
    "TLS with an alert": (saying(b"\x15\x03\x01\x00\x02\x02\x46"), "speaks TLS", "plain listener"),
    "TLS without": (tls, "or a listener for TLS", "plain MQTT is usually 1883"),  # OpenSSL just hangs up
}


@pytest.mark.parametrize("kind", FOREIGNERS)
def test_a_port_that_is_no_broker(refused: Refused, kind: str) -> None:
    answer, said, advice = FOREIGNERS[kind]
    with listener(answer) as place:
        cause, remedy = refused(place)
    assert cause.startswith(f"mqtt://{place}: ")
    assert said in cause
    assert advice in remedy


def test_a_port_that_says_nothing_is_given_up(refused: Refused) -> None:
    with listener(silent) as place:
        cause, remedy = refused(place)
    assert "accepted the connection, but no CONNACK came in 5 s" in cause
    assert "is it an MQTT listener?" in remedy


# --- brokers that do not let us in -----------------------------------------------------------------------------------

REFUSALS: Final = {
    1: ("unacceptable protocol version", "look for another listener"),
    2: ("client id rejected", "--client-id"),
    3: ("server unavailable", "look at its log"),
    4: ("bad user name or password", "-P/--password"),
    5: ("not authorised", "-P/--password"),
    77: ("code 77, which MQTT 3.1.1 does not know", "look at the broker's log"),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_each_connack_that_refuses(refused: Refused, code: int) -> None:
    reason, advice = REFUSALS[code]
    with StubServer(Behaviour(connack_code=code)) as stub:
        cause, remedy = refused(f"127.0.0.1:{stub.port}")
    assert cause.startswith(f"mqtt://127.0.0.1:{stub.port}: the broker refused: {reason} (tried with ")
    assert advice in remedy


def test_a_wrong_password(
    refused: Refused, start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    file = tmp_path / "passwords"
    try:
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "me", "right"], check=True, capture_output=True)
    except FileNotFoundError:
        lacking("mosquitto_passwd is not installed", "apt install mosquitto")
    broker = start_mosquitto_with(f"password_file {file}")
    cause, remedy = refused(f"127.0.0.1:{broker.port}", "-u", "me", "-P", "wr0ng-secret")
    assert "the broker refused: " in cause
    assert "-u/--username and -P/--password" in remedy
    assert "wr0ng-secret" not in cause + remedy


# --- targets and loads that cannot be meant --------------------------------------------------------------------------

IMPOSSIBLE: Final = {
    "scheme": ("http://127.0.0.1", (), "'http://' is not a known scheme", "mqtt://"),
    "port": ("127.0.0.1:99999", (), "'99999' is not a port", "from 1 to 65535"),
    "rate of nothing": ("127.0.0.1", ("-r", "0"), "-r/--rate: a rate of '0' is too low", "messages per second"),
    "rate in words": ("127.0.0.1", ("-r", "fast"), "-r/--rate: 'fast' is not a rate", "10000/min"),
    "negative rate": ("127.0.0.1", ("-r", "-5"), "-r/--rate: '-5' is not a rate", "messages per second"),
    "rate past the clock": ("127.0.0.1", ("-r", "2000000000"), "is too high", "write at most"),
    "interval": ("127.0.0.1", ("-I", "-5s"), "-I/--interval: '-5s' is not a duration", "250ms"),
    "connect rate": ("127.0.0.1", ("-R", "-1"), "-R/--connect-rate: '-1' is not a rate", "write"),
    "no clients": ("127.0.0.1", ("-c", "0"), "-c/--clients: 0 is too small", "1 or more"),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_be_meant(refused: Refused, what: str) -> None:
    target, options, said, advice = IMPOSSIBLE[what]
    cause, remedy = refused(target, *options)
    assert said in cause
    assert advice in remedy


@pytest.mark.parametrize(
    ("line", "said", "advice"),
    [
        ('intervall = "1s"', "group[0].intervall: unknown key", "did you mean interval?"),
        ("rate = 0", "group[0].rate: ", "messages per second"),
    ],
    ids=["unknown key", "impossible rate"],
)
def test_a_warhead_is_named_with_the_key(refused: Refused, tmp_path: Path, line: str, said: str, advice: str) -> None:
    (tmp_path / "load.toml").write_text(f'[[group]]\nname = "a"\nclients = 1\ntopic = "a"\n{line}\n')
    cause, remedy = refused("127.0.0.1", "-w", "load.toml")
    assert cause.startswith(f"load.toml: {said}")
    assert advice in remedy


# --- loads that this machine cannot make -----------------------------------------------------------------------------


@pytest.fixture
def place() -> Iterator[str]:
    """A broker that would take any number."""
    with ExitStack() as stack:
        yield f"127.0.0.1:{stack.enter_context(StubServer(Behaviour())).port}"


def test_more_clients_than_open_files(refused: Refused, place: str) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (256, 256))
    cause, remedy = refused(place, "-c", "1000", "--workers", "2", limit=limit)
    assert cause == "1,001 clients on 2 workers need 565 open files each; the limit is 256"
    assert "add --workers 6" in remedy
    assert "ulimit -Hn 565" in remedy


def test_more_clients_than_ports(refused: Refused, place: str) -> None:
    cause, remedy = refused(place, "-c", "70000", "--workers", "100", "--source-address", "127.0.0.1")
    assert "70,001 clients need as many local ports" in cause
    assert "add --source-address" in remedy
