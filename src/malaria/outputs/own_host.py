"""Tell whether the Host of an HTTP request names this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

LOCAL_NAMES: Final = ("localhost",)


def is_own_host(host: str) -> bool:
    """Return True for an IP address, `localhost` or a name of this machine, at any port: a tunnel may have another.

    Another name may have been made to point here by its owner, whose page the browser would then take for ours.
    """
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.lower() in (*LOCAL_NAMES, *own_names())
    return True


def own_names() -> Iterable[str]:
    """Return the names that this machine gives itself."""
    name = socket.gethostname().lower()
    return name, name.partition(".")[0], f"{name}.local"
