"""Turns `[[broker.listener]]` into mosquitto's settings, and into the `[target]` keys that clients need to log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from malaria.broker.configuration import LOOPBACK, MosquittoListener, MosquittoSettings
from malaria.broker.mosquitto import with_free_ports, write_private
from malaria.model.broker import BrokerTable, ListenerTable, ListenerTransport
from malaria.plan.keys import Format, make_lines

IDENTITY: Final = "malaria-{index:05d}"
KEY_BYTES: Final = 16
ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})
WEBSOCKETS: Final = frozenset({ListenerTransport.WS, ListenerTransport.WSS})


def settings_of(table: BrokerTable, directory: Path) -> MosquittoSettings:
    """Return the settings of the mosquitto that the table describes.

    Finds free ports for listeners without one, and makes PSK keys in `directory` where the table asks for them.
    """
    # without [[broker.listener]]: one plain listener
    listeners = table.listeners or (ListenerTable(name=ListenerTransport.PLAIN),)
    return MosquittoSettings(
        with_free_ports([_listener(listener, directory) for listener in listeners]),
        persistence_file=Path(table.persistence[0]) if table.persistence else None,
        max_queued_messages=table.max_queued_messages or 0,
        max_inflight_messages=table.max_inflight_messages,
        tcp_nodelay=table.set_tcp_nodelay,
    )


def _listener(table: ListenerTable, directory: Path) -> MosquittoListener:
    return MosquittoListener(
        table.port,
        table.address,
        table.name,
        websockets=table.kind in WEBSOCKETS,
        cafile=_path(table.cafile),
        certfile=_path(table.certificate),
        keyfile=_path(table.key),
        require_certificate=table.kind is ListenerTransport.MTLS,
        identity_as_username=table.identity_as_username,
        psk_file=_path(table.psk_file) if table.psk_clients is None else _make_keys(table, directory),
        tls_version=None if table.tls_version is None else f"tlsv{table.tls_version}",
        ciphers=table.ciphers,
        # a password file makes sense only if logins without one are refused
        allow_anonymous=table.password_file is None,
        password_file=_path(table.password_file),
        acl_file=_path(table.acl_file),
        max_connections=table.max_connections,
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _make_keys(table: ListenerTable, directory: Path) -> Path:
    path = directory / f"{table.name}.psk"
    lines = make_lines(Format.PSK, table.psk_clients or 0, IDENTITY, KEY_BYTES)
    write_private(path, "".join(f"{line}\n" for line in lines))
    return path


def access_table(listener: MosquittoListener) -> dict[str, Any]:
    """Return the keys of `[target]` with which clients on this host log in at the listener."""
    return dict(_access(listener))


def _access(listener: MosquittoListener) -> Iterator[tuple[str, Any]]:
    # `any address` is nothing that a client can connect to
    host = LOOPBACK if listener.address in ANYWHERE else listener.address
    scheme = {(False, False): "mqtt", (True, False): "mqtts", (False, True): "ws", (True, True): "wss"}
    way = scheme[listener.encrypted, listener.websockets]
    yield "url", f"{way}://{f'[{host}]' if ':' in host else host}:{listener.port}"
    if listener.psk_file is not None:
        yield "psk_file", str(listener.psk_file)
    # with PSK there is no certificate to verify
    elif listener.cafile is not None:
        yield "cafile", str(listener.cafile)
