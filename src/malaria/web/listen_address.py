"""Reads `--web [ADDR:PORT]` and binds the socket, so that a port that is taken is an error before the load begins."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from malaria.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
USUAL_PORT: Final = 7654
AUTOMATIC: Final = "auto"
"""Stands for no address: the usual port of this machine, or a free one if it is taken."""
REMEDY: Final = "write a port or an address and a port: :8080 for this machine alone, 0.0.0.0:8080 for all"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on. `may_move`: it may take a free port if this one is taken."""

    host: str
    port: int
    may_move: bool = False

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


def parse_listen_address(text: str) -> ListenAddress:
    """Read `:8080`, `8080`, `0.0.0.0:8080`, `[::1]:8080`, or `auto`. Raises OperatorError."""
    if text == AUTOMATIC:
        return ListenAddress(LOOPBACK, USUAL_PORT, may_move=True)
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 1 << 16):
        raise OperatorError(f"--web: {text!r} is not an address to listen on", REMEDY)
    if host == "localhost":
        host = LOOPBACK
    try:
        address = ipaddress.ip_address(host[1:-1] if host[:1] + host[-1:] == "[]" else host or LOOPBACK)
    except ValueError:
        raise OperatorError(f"--web: {host!r} is no IP address", REMEDY) from None
    return ListenAddress(str(address), int(port))


def bound_socket(address: ListenAddress) -> socket.socket:
    """Return a socket that is bound, not yet listening. Raises OperatorError if the address cannot be used."""
    try:
        return _bound(address.host, address.port)
    except OSError as error:
        if address.may_move and error.errno == errno.EADDRINUSE:
            return _bound(address.host, 0)
        remedy = "choose another port, or :0 for a free one" if error.errno == errno.EADDRINUSE else REMEDY
        where = f"{address.host}:{address.port}"
        raise OperatorError(f"--web: {where} cannot be used: {error.strerror or error}", remedy) from None


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
