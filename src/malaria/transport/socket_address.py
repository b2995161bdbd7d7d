"""Turn numeric hosts into addresses of sockets and back: Python keeps the zone of a link-local address apart."""

from __future__ import annotations

import socket
from typing import Any


def socket_address(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return what a socket takes: Python wants the zone of a link-local address as a number. Raises OSError."""
    plain, _, zone = host.partition("%")
    if not zone:
        return host, port
    return plain, port, 0, int(zone) if zone.isdigit() else socket.if_nametoindex(zone)


def numeric_host(address: tuple[Any, ...]) -> str:
    """Return the host of a socket's address, with the zone of a link-local one."""
    host, zone = str(address[0]), int(address[3]) if len(address) > 3 else 0
    return f"{host}%{socket.if_indextoname(zone)}" if zone and "%" not in host else host
