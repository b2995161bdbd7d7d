"""Reads `--web [ADDR:PORT]` and binds the socket, so that a port that is taken is an error before the load begins."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from malaria.errors import OperatorError
from malaria.outputs.listen_text import LOOPBACK, listen_remedy, parse_listen

USUAL_PORT: Final = 7654
AUTOMATIC: Final = "auto"
"""Stands for no address: the usual port of this machine, or a free one if it is taken."""
SHOWN_PORT: Final = 8080
REMEDY: Final = listen_remedy(SHOWN_PORT)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address to listen on. `may_move`: it may take a free port if this one is taken."""

    host: str
    port: int
    may_move: bool = False


def parse_listen_address(text: str) -> ListenAddress:
    """Read `:8080`, `8080`, `0.0.0.0:8080`, `[::1]:8080`, or `auto`. Raises OperatorError."""
    if text == AUTOMATIC:
        return ListenAddress(LOOPBACK, USUAL_PORT, may_move=True)
    host, port = parse_listen("--web", text, SHOWN_PORT)
    try:
        address = ipaddress.ip_address(LOOPBACK if host == "localhost" else host)
    except ValueError:
        raise OperatorError(f"--web: {host!r} is no IP address", REMEDY) from None
    return ListenAddress(str(address), port)


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
