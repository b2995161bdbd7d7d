"""One mosquitto that can be reached in every way: plain, TLS, client certificates, PSK, WebSocket; good and bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certificates import Authority, Certificate, write_psk_file
from malaria.broker import RunningBroker
from malaria.broker.configuration import MosquittoListener, MosquittoSettings
from malaria.broker.mosquitto import start_mosquitto, with_free_ports

CLIENTS: Final = 20
"""Clients that have a certificate of their own."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The broker and what its clients need. `listeners` by kind; see KINDS for what each is.

    `client_certificates`: client-00000.pem/.key and so on, all in one directory.
    """

    broker: RunningBroker
    listeners: Mapping[str, MosquittoListener]
    authority: Authority
    stranger: Authority
    client_certificates: tuple[Certificate, ...]
    expired_client: Certificate
    psk_file: Path

    @property
    def cafile(self) -> Path:
        return self.authority.cafile

    @property
    def log(self) -> Path:
        """What mosquitto says: "... as CLIENT (p2, c1, k60, u'NAME')." for every connection."""
        return self.broker.log

    def url(self, kind: str, host: str = "localhost") -> str:
        """`localhost` is what the certificates say, `127.0.0.1` too."""
        listener = self.listeners[kind]
        scheme = ("wss" if listener.encrypted else "ws") if listener.websockets else (
            "mqtts" if listener.encrypted else "mqtt")  # fmt: skip
        return f"{scheme}://{host}:{listener.port}{'/mqtt' if listener.websockets else ''}"


KINDS: Final = {
    "plain": "everybody",
    "ecdsa": "TLS 1.2 or 1.3, an ECDSA certificate",
    "rsa": "TLS, an RSA certificate of 2,048 bits",
    "tls12": "TLS, of 1.2 only the cipher ECDHE-ECDSA-AES128-GCM-SHA256; 1.3 too: mosquitto 2.0 has no maximum",
    "tls13": "TLS 1.3 alone",
    "mtls": "TLS, wants a client certificate, whose name is the user name",
    "psk": "TLS-PSK 1.2 or 1.3, the identity is the user name",
    "psk12": "TLS-PSK, of 1.2 only the cipher PSK-AES128-GCM-SHA256; 1.3 too",
    "psk13": "TLS-PSK 1.3 alone",
    "ws": "WebSocket",
    "wss": "WebSocket over TLS, the ECDSA certificate",
    "expired": "TLS, a certificate that is past its time",
    "wrong_name": "TLS, a certificate for elsewhere.example",
    "strange": "TLS, a certificate of an authority that nobody knows",
}


@contextmanager
def mosquitto_of_every_kind(directory: Path) -> Iterator[Everything]:
    """Starts it; stops it at the end."""
    authority, stranger = Authority(directory / "ca"), Authority(directory / "stranger", "a stranger")
    psk_file = write_psk_file(directory / "malaria.psk")
    listeners = with_free_ports(_listeners(authority, stranger, psk_file))
    clients = Authority.client
    with start_mosquitto(MosquittoSettings(listeners)) as broker:
        yield Everything(
            broker,
            {listener.name: listener for listener in listeners},
            authority,
            stranger,
            tuple(clients(authority, f"client-{index:05d}") for index in range(CLIENTS)),
            clients(authority, "expired-client", expired=True),
            psk_file,
        )


def _listeners(authority: Authority, stranger: Authority, psk_file: Path) -> list[MosquittoListener]:
    ecdsa, rsa = authority.server("server"), authority.server("server-rsa", use_rsa=True)
    expired = authority.server("server-expired", expired=True)
    wrong_name = authority.server("server-elsewhere", names=["elsewhere.example"])
    strange = stranger.server("server")
    cafile = authority.cafile

    def tls(name: str, certificate: Certificate, **more: object) -> MosquittoListener:
        return MosquittoListener(
            0, name=name, cafile=cafile, certfile=certificate.cert, keyfile=certificate.key, **more
        )  # type: ignore[arg-type]

    def psk(name: str, **more: object) -> MosquittoListener:
        return MosquittoListener(0, name=name, psk_file=psk_file, identity_as_username=True, **more)  # type: ignore[arg-type]

    return [
        MosquittoListener(0, name="plain"),
        tls("ecdsa", ecdsa),
        tls("rsa", rsa),
        tls("tls12", ecdsa, tls_version="tlsv1.2", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"),
        tls("tls13", ecdsa, tls_version="tlsv1.3"),
        tls("mtls", ecdsa, require_certificate=True, identity_as_username=True),
        psk("psk"),
        psk("psk12", tls_version="tlsv1.2", ciphers="PSK-AES128-GCM-SHA256"),
        psk("psk13", tls_version="tlsv1.3"),
        MosquittoListener(0, name="ws", websockets=True),
        tls("wss", ecdsa, websockets=True),
        tls("expired", expired),
        tls("wrong_name", wrong_name),
        tls("strange", strange),
    ]
