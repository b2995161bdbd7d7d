"""Read where to listen, as `--prometheus` and `--web` take it: `:9464`, `9464`, `0.0.0.0:9464`, `[::1]:9464`."""

from __future__ import annotations

from typing import Final

from malaria.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
"""Where is listened unless an address is given."""


def parse_listen(flag: str, text: str, port: int) -> tuple[str, int]:
    """Return host and port. `port` is the one in the remedy. Raises OperatorError, which names the option."""
    host, _, number = text.rpartition(":")
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and int(number) < 1 << 16):
        raise OperatorError(f"{flag}: {text!r} is not an address to listen on", listen_remedy(port))
    bare = host[1:-1] if host[:1] + host[-1:] == "[]" else host
    return bare or LOOPBACK, int(number)


def listen_remedy(port: int) -> str:
    """Return what to write, with this port."""
    return f"write a port or an address and a port: :{port} for this machine alone, 0.0.0.0:{port} for all"
