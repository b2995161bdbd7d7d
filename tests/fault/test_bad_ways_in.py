"""A way in that cannot work: one line with the cause in words, and the remedy; and no secret anywhere."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from attacking import run_attack
from everything import Everything
from malaria.errors import OperatorError, TargetError, WarheadError

OTHER_KEY = "00" * 32


def keys_of(everything: Everything) -> list[str]:
    return everything.psk_file.read_text().splitlines()


@pytest.fixture
def refusal(mosquitto_everything: Everything, tmp_path: Path) -> Any:
    """What is said when an attack goes in by a way with these keys of `[target]`."""

    def refuse(url: str, clients: int = 2, **target: Any) -> OperatorError:
        with pytest.raises(OperatorError) as refused:
            run_attack(url, tmp_path, clients=clients, duration="1s", **target)
        assert "\n" not in refused.value.message
        assert refused.value.remedy
        return refused.value

    return refuse


@pytest.mark.parametrize("way", ["psk12", "psk13"])
def test_a_wrong_key(way: str, mosquitto_everything: Everything, refusal: Any, tmp_path: Path) -> None:
    version = {"psk12": "1.2", "psk13": "1.3"}[way]
    known = keys_of(mosquitto_everything)[0].partition(":")[0]
    said = refusal(mosquitto_everything.url(way), psk_identity=known, psk=OTHER_KEY, tls_version=version)
    assert "wrong key" in said.message
    said = refusal(mosquitto_everything.url(way), psk_identity="nobody", psk=OTHER_KEY, tls_version=version)
    assert "PSK identity" in said.message
    assert OTHER_KEY not in str(said)


def test_keys_that_fail_for_some_are_counted(mosquitto_everything: Everything, tmp_path: Path) -> None:
    """The first client gets in; which cause hit how many clients, however often, stands in the run with its remedy."""
    keys = keys_of(mosquitto_everything)[:7]
    file = tmp_path / "mixed.psk"
    wrong = [f"{line.partition(':')[0]}:{OTHER_KEY}" for line in keys[2:4]]
    file.write_text("\n".join([*keys[:2], *wrong, f"nobody:{OTHER_KEY}", *keys[5:]]) + "\n")
    outcome = run_attack(
        mosquitto_everything.url("psk12"), tmp_path, role="connect", clients=7, duration="1s", psk_file=str(file),
        tls_version="1.2", reconnect=["50ms", "100ms"], connect_timeout="5s",
    )  # fmt: skip
    at = f" (127.0.0.1:{mosquitto_everything.listeners['psk12'].port})"  # a name may have several addresses
    assert outcome.run.meta.connect_failures == {
        f"TLS: wrong key{at}": 2, f"TLS: the broker does not know this PSK identity{at}": 1,
    }  # fmt: skip
    assert outcome.summary["clients"]["refused"] > 3
    verdict = outcome.summary["verdict"]
    assert verdict["outcome"] == "FAIL"
    assert verdict["reasons"][0].startswith("3 of 7 clients could not connect: TLS: wrong key")
    assert "malaria keygen makes one" in outcome.run.meta.remedies[f"TLS: wrong key{at}"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("way", "target", "words"),
    [
        ("expired", {}, "certificate has expired"),
        ("wrong_name", {}, "is for another name"),
        ("strange", {}, "signed by a CA that we do not"),
        ("ecdsa", {"server_name": "elsewhere"}, "is for another name"),
        ("tls13", {"tls_version": "1.2"}, "no version in common"),
        ("tls12", {"tls_version": "1.2", "ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"}, "no cipher in common"),
        ("mtls", {"tls_version": "1.2"}, "wants a client certificate"),
        ("mtls", {"tls_version": "1.3"}, "client certificate"),
        ("psk", {}, "gave up the handshake"),
        ("plain", {}, "is it a TLS listener?"),
    ],
)  # fmt: skip
def test_certificates(
    way: str, target: dict[str, Any], words: str, mosquitto_everything: Everything, refusal: Any
) -> None:
    url = f"mqtts://localhost:{mosquitto_everything.listeners[way].port}"
    assert words in refusal(url, cafile=str(mosquitto_everything.cafile), **target).message


def test_a_certificate_of_ours_that_is_refused(mosquitto_everything: Everything, refusal: Any, tmp_path: Path) -> None:
    cafile = str(mosquitto_everything.cafile)
    expired = mosquitto_everything.expired_client
    for version in ("1.2", "1.3"):
        said = refusal(mosquitto_everything.url("mtls"), cafile=cafile, tls_version=version, cert=str(expired.cert),
                       key=str(expired.key))  # fmt: skip
        assert "our certificate" in said.message
    said = refusal(mosquitto_everything.url("mtls"), cafile=cafile, cert=cafile)
    assert "our certificate" in said.message
    said = refusal(mosquitto_everything.url("mtls"), cafile=cafile, cert=str(tmp_path / "{index}.pem"))
    assert "No such file" in said.message


def test_only_insecure_believes_anybody(mosquitto_everything: Everything, tmp_path: Path) -> None:
    outcome = run_attack(
        mosquitto_everything.url("strange"), tmp_path, role="connect", clients=1, duration="1s", insecure=True
    )
    assert outcome.summary["clients"]["connected"] == 1
    assert "not verified" in str(outcome.run.meta.notes)


def test_a_key_is_not_swapped_for_an_unverified_certificate(mosquitto_everything: Everything, refusal: Any) -> None:
    said = refusal(mosquitto_everything.url("ecdsa"), psk_file=str(mosquitto_everything.psk_file))
    assert "did not ask for our pre-shared key" in said.message


@contextmanager
def http_server() -> Iterator[int]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_path_that_is_not_there(refusal: Any) -> None:
    with http_server() as port:
        assert "WebSocket: 404 Not Found at path /nope" in refusal(f"ws://127.0.0.1:{port}/nope").message


def test_no_websocket_at_all(mosquitto_everything: Everything, refusal: Any) -> None:
    said = refusal(mosquitto_everything.url("plain").replace("mqtt://", "ws://"))
    assert "WebSocket: the server hung up" in said.message


def test_too_few_keys_say_both_numbers(mosquitto_everything: Everything, tmp_path: Path, refusal: Any) -> None:
    file = tmp_path / "few.psk"
    file.write_text("a:00\nb:11\n")
    said = refusal(mosquitto_everything.url("psk"), clients=3, psk_file=str(file))
    assert "has 2 keys, and group publishers needs 3" in said.message
    assert "malaria keygen -n 3" in said.remedy


def test_tls_keys_without_tls(mosquitto_everything: Everything, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cafile needs TLS") as refused:
        run_attack(mosquitto_everything.url("plain"), tmp_path, cafile="x")
    assert "mqtts://" in refused.value.remedy
    with pytest.raises(WarheadError, match="has no file of keys"):
        run_attack(mosquitto_everything.url("plain"), tmp_path, client_id="{identity}")


def test_a_handshake_without_an_end(refusal: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = refusal(f"mqtts://127.0.0.1:{listener.getsockname()[1]}", insecure=True, connect_timeout="300ms")
    assert "the TLS handshake did not come to an end" in said.message


def test_no_secret_is_left_anywhere(mosquitto_everything: Everything, tmp_path: Path) -> None:
    """Not in the run, the page, the output, nor in the arguments of any process while it runs."""
    identity, _, key = keys_of(mosquitto_everything)[0].partition(":")
    password = "hunter-2-and-then-some"
    command = [sys.executable, "-m", "malaria", "attack", mosquitto_everything.url("psk"), "-c", "2", "-d", "2s"]
    command += ["--psk-identity", identity, "-u", "u", "-o", str(tmp_path / "run"), "--json", str(tmp_path / "s.json")]
    environment = os.environ | {"MALARIA_PSK": key, "MALARIA_PASSWORD": password}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen: set[bytes] = set()
    while running.poll() is None:
        seen |= set(_arguments_of_family(running.pid))
        time.sleep(0.02)
    assert running.stdout is not None
    said = running.stdout.read()
    assert running.returncode in (0, 1, 3), said  # a busy machine makes it late: counted is what is sent
    assert json.loads((tmp_path / "s.json").read_text())["messages"]["acked"] == 4
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (key.encode(), password.encode()):
        assert not any(secret in data for data in (said, *seen, *kept))
    assert any(b"malaria.engine.worker" in data for data in seen)


def test_keys_of_a_file_and_tokens_are_left_nowhere(mosquitto_everything: Everything, tmp_path: Path) -> None:
    """Every key of the file, the user's password from a CSV file, and a header of the WebSocket upgrade."""
    keys, users, token = tmp_path / "some.psk", tmp_path / "users.csv", "Bearer-0123456789-token"
    keys.write_text("\n".join(keys_of(mosquitto_everything)[:3]) + "\n")
    users.write_text("".join(f"user-{index},hunter-{index}-and-then-some\n" for index in range(3)))
    place = tmp_path / "runs"
    for way, proof in (("psk", {"psk_file": str(keys)}), ("ws", {"headers": {"Authorization": token}})):
        outcome = run_attack(
            mosquitto_everything.url(way), place / way, clients=3, subscribers=1, interval="250ms", duration="500ms",
            credentials_file=str(users), **proof,
        )  # fmt: skip
        assert outcome.summary["messages"]["delivered"] == 6
        write_page(place / way / "run")
    kept = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert {path.name for path in kept} >= {"run.db", "summary.json", "report.html"}
    secrets = [line.rpartition(":")[2] for line in keys.read_text().splitlines()] + ["and-then-some", token]
    for path, data in kept.items():
        assert not [secret for secret in secrets if secret.encode() in data], path
        assert not [secret for secret in secrets[:3] if bytes.fromhex(secret) in data], path


def write_page(run: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "malaria", "report", str(run)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def _arguments_of_family(pid: int) -> Iterator[bytes]:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            yield " ".join(process.cmdline()).encode()
    except psutil.Error:
        return
