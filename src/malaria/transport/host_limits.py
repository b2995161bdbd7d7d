"""Check the limits of this host before a load hits them: open files and local ports."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from malaria.errors import HostLimitError
from malaria.transport.route import Endpoint

DESCRIPTORS_OF_OUR_OWN: Final = 64
WORKER_BYTES: Final = 64 << 20
CLIENT_BYTES: Final = 16 << 10
"""Ours and the kernel's for one plain connection; about twice what an idle one was seen to take."""
TLS_BYTES: Final = 16 << 10
"""More for one over TLS (13 to 16 KiB were seen)."""
PORT_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Holds for IPv6 too."""


def check_limits(clients: int, workers: int, endpoints: Sequence[Endpoint], sources: Sequence[str]) -> None:
    """Raises HostLimitError when descriptors or ports cannot suffice for this many clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = -(-clients // workers) + DESCRIPTORS_OF_OUR_OWN
    if hard != resource.RLIM_INFINITY and needed > hard:
        more = -(-clients // max(1, hard - DESCRIPTORS_OF_OUR_OWN))
        raise HostLimitError(
            f"{clients:,} clients on {workers} workers need {needed:,} open files each; the limit is {hard:,}",
            f"add --workers {more}, or raise the limit: ulimit -Hn {needed} as root (see: malaria doctor)",
        )
    ports = ephemeral_ports()
    room = ports * len(endpoints) * max(1, len(sources))
    if clients > room:
        raise HostLimitError(
            f"{clients:,} clients need as many local ports; there are {ports:,} per source and target address",
            "add --source-address auto, or see: malaria doctor TARGET -c N",
        )


def ephemeral_ports(path: Path = PORT_RANGE_FILE) -> int:
    """Return how many local ports the kernel hands out per (source, target) pair."""
    try:
        low, high = map(int, path.read_text().split())
    except (OSError, ValueError):
        return 16_384  # IANA's dynamic range, what other systems use
    return high - low + 1
