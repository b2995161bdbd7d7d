"""Is each listener of the mosquitto for tests what it says it is? Seen with Python's `ssl` alone, not our engine."""

from __future__ import annotations

import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from certificates import psk_lines
from everything import KINDS, Everything

CONNECT = bytes.fromhex("10 10 0004 4d515454 04 02 003c 0004 61626364")
CONNACK = bytes.fromhex("20 02 00 00")
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def answer(everything: Everything, kind: str, context: ssl.SSLContext | None) -> tuple[bytes, str, str]:
    """(what a CONNECT brings, TLS version, cipher)."""
    with socket.create_connection(("127.0.0.1", everything.listeners[kind].port), timeout=5) as plain:
        if context is None:
            plain.sendall(CONNECT)
            return plain.recv(4), "", ""
        with context.wrap_socket(plain, server_hostname="localhost") as wire:
            wire.sendall(CONNECT)
            cipher = wire.cipher()
            return wire.recv(4), wire.version() or "", cipher[0] if cipher else ""


def trusting(cafile: Path, minimum: ssl.TLSVersion = V12, maximum: ssl.TLSVersion = V13) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=cafile)
    context.minimum_version, context.maximum_version = minimum, maximum
    return context


def with_psk(identity: str, key: bytes, version: ssl.TLSVersion, ciphers: str = "PSK") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    context.set_psk_client_callback(lambda _: (identity, key))
    return context


@pytest.mark.parametrize(
    ("kind", "maximum", "version"),
    [("ecdsa", V12, "TLSv1.2"), ("ecdsa", V13, "TLSv1.3"), ("rsa", V13, "TLSv1.3"), ("tls12", V12, "TLSv1.2"),
     ("tls13", V13, "TLSv1.3")],
)  # fmt: skip
def test_a_certificate_that_is_good(
    mosquitto_everything: Everything, kind: str, maximum: ssl.TLSVersion, version: str
) -> None:
    came, spoken, cipher = answer(mosquitto_everything, kind, trusting(mosquitto_everything.cafile, maximum=maximum))
    assert (came, spoken) == (CONNACK, version)
    assert kind != "tls12" or cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("expired", "certificate has expired"), ("wrong_name", "Hostname mismatch"),
     ("strange", "unable to get local issuer certificate")],
)  # fmt: skip
def test_a_certificate_that_is_bad(mosquitto_everything: Everything, kind: str, reason: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        answer(mosquitto_everything, kind, trusting(mosquitto_everything.cafile))


def test_one_version_alone(mosquitto_everything: Everything) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        answer(mosquitto_everything, "tls13", trusting(mosquitto_everything.cafile, maximum=V12))


def test_clients_with_a_certificate_each(mosquitto_everything: Everything) -> None:
    for certificate in mosquitto_everything.client_certificates[:2]:
        context = trusting(mosquitto_everything.cafile)
        context.load_cert_chain(certificate.cert, certificate.key)
        assert answer(mosquitto_everything, "mtls", context)[0] == CONNACK
        assert f"u'{certificate.cert.stem}'" in mosquitto_everything.log.read_text()


def expired(everything: Everything, context: ssl.SSLContext) -> None:
    context.load_cert_chain(everything.expired_client.cert, everything.expired_client.key)


@pytest.mark.parametrize("prepare", [expired, lambda *_: None], ids=["an expired certificate", "no certificate"])
def test_clients_without_a_certificate_that_counts(
    mosquitto_everything: Everything, prepare: Callable[[Everything, ssl.SSLContext], None]
) -> None:
    # with TLS 1.3 the client is through before it is refused: often it sees its connection reset, and no reason
    context = trusting(mosquitto_everything.cafile, maximum=V12)
    prepare(mosquitto_everything, context)
    with pytest.raises(ssl.SSLError, match=r"(?i)(certificate.expired|handshake.failure)"):
        answer(mosquitto_everything, "mtls", context)


@pytest.mark.parametrize(
    ("kind", "version", "ciphers"),
    [("psk", V12, "ECDHE-PSK-CHACHA20-POLY1305"), ("psk", V13, "PSK"), ("psk12", V12, "PSK-AES128-GCM-SHA256"),
     ("psk13", V13, "PSK")],
)  # fmt: skip
def test_keys(mosquitto_everything: Everything, kind: str, version: ssl.TLSVersion, ciphers: str) -> None:
    identity, key = psk_lines(mosquitto_everything.psk_file)[3_099]
    assert answer(mosquitto_everything, kind, with_psk(identity, key, version, ciphers))[0] == CONNACK
    assert f"u'{identity}'" in mosquitto_everything.log.read_text()


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize(("identity", "key"), [("meter-00000", bytes(16)), ("nobody", bytes(16))])
def test_keys_that_do_not_fit(
    mosquitto_everything: Everything, identity: str, key: bytes, version: ssl.TLSVersion
) -> None:
    with pytest.raises(ssl.SSLError):
        answer(mosquitto_everything, "psk", with_psk(identity, key, version))


def test_no_shared_cipher(mosquitto_everything: Everything) -> None:
    identity, key = psk_lines(mosquitto_everything.psk_file)[0]
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        answer(mosquitto_everything, "psk12", with_psk(identity, key, V12, "ECDHE-PSK-CHACHA20-POLY1305"))


@pytest.mark.parametrize("kind", ["ws", "wss"])
def test_websocket(mosquitto_everything: Everything, kind: str) -> None:
    nonce = b64encode(os.urandom(16)).decode()
    request = (
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", mosquitto_everything.listeners[kind].port), timeout=5) as wire:
        if kind == "wss":
            wire = trusting(mosquitto_everything.cafile).wrap_socket(wire, server_hostname="localhost")
        wire.sendall(request.encode())
        assert wire.recv(12) == b"HTTP/1.1 101"


def test_plain_and_the_urls(mosquitto_everything: Everything) -> None:
    assert answer(mosquitto_everything, "plain", None)[0] == CONNACK
    assert set(mosquitto_everything.listeners) == set(KINDS)
    schemes = {kind: mosquitto_everything.url(kind).partition(":")[0] for kind in ("plain", "psk", "ws", "wss", "mtls")}
    assert schemes == {"plain": "mqtt", "psk": "mqtts", "ws": "ws", "wss": "wss", "mtls": "mqtts"}
