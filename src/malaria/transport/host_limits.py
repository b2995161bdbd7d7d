"""Check the limits of this host before a load hits them: open files and local ports."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from malaria.errors import HostLimitError
from malaria.model.option_table import MOST_WORKERS
from malaria.transport.route import Endpoint
from malaria.units import format_bytes

DESCRIPTORS_OF_OUR_OWN: Final = 64
WORKER_BYTES: Final = 64 << 20
CLIENT_BYTES: Final = 16 << 10
"""Ours and the kernel's for one plain connection; about twice what an idle one was seen to take."""
TLS_BYTES: Final = 16 << 10
"""More for one over TLS (13 to 16 KiB were seen)."""
SLOT_BYTES: Final = 21
"""State, sequence and two stamps of one message in flight (`malaria.engine.window`)."""
WORTH_A_NOTE_BYTES: Final = 256 << 20
PORT_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Holds for IPv6 too."""


def check_limits(clients: int, workers: int, endpoints: Sequence[Endpoint], sources: Sequence[str]) -> None:
    """Raises HostLimitError when descriptors or ports cannot suffice for this many clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = -(-clients // workers) + DESCRIPTORS_OF_OUR_OWN
    if hard != resource.RLIM_INFINITY and needed > hard:
        more = -(-clients // max(1, hard - DESCRIPTORS_OF_OUR_OWN))
        add = f"add --workers {more}, or " if more <= MOST_WORKERS else ""
        raise HostLimitError(
            f"{clients:,} clients on {workers} workers need {needed:,} open files each; the limit is {hard:,}",
            f"{add}raise the limit: ulimit -Hn {needed} as root (see: malaria doctor)",
        )
    ports = ephemeral_ports()
    room = ports * len(endpoints) * max(1, len(sources))
    if clients > room:
        raise HostLimitError(
            f"{clients:,} clients need as many local ports; there are {ports:,} per source and target address",
            "add --source-address auto, or see: malaria doctor TARGET -c N",
        )


def check_memory(windows: Mapping[str, int], free_bytes: int) -> str:
    """Return a note on the memory of the in-flight windows, empty if it is small.

    `windows` is the number of messages that may be in flight, by group. Raises HostLimitError if they do not fit.
    """
    needed = sum(windows.values()) * SLOT_BYTES
    if needed < WORTH_A_NOTE_BYTES:
        return ""
    most = max(windows, key=lambda group: windows[group])
    text = f"the in-flight windows of {most} take {format_bytes(needed)} of memory"
    if needed > free_bytes:
        raise HostLimitError(f"{text}; {format_bytes(free_bytes)} is free", "lower -F/--inflight, or -c/--clients")
    return text


def ephemeral_ports(path: Path = PORT_RANGE_FILE) -> int:
    """Return how many local ports the kernel hands out per (source, target) pair."""
    try:
        low, high = map(int, path.read_text().split())
    except (OSError, ValueError):
        return 16_384  # IANA's dynamic range, what other systems use
    return high - low + 1
