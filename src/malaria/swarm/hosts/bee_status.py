"""Ask the bees for their status: what is deployed, keys, limits, and how many clients these allow.

Promises: asking changes nothing; what cannot be read is unknown. The number of clients is what open files, local ports
and memory allow; whether the processor keeps up is seen in a run (INVALID if it does not).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from malaria.model.key_part import KeyPart, read_heading
from malaria.ssh.connection import run
from malaria.swarm.hosts.bee_files import shell_path
from malaria.swarm.hosts.bee_layout import DEPLOYED, HOLDER_FILE, KEYS, PID_FILE, PYTHON, Deployed, deployed_from_json
from malaria.swarm.hosts.each_host import AT_ONCE, HostResult, on_each
from malaria.swarm.hosts.holding import holder_from
from malaria.swarm.hosts.inventory import BeeHost
from malaria.transport.host_limits import CLIENT_BYTES, DESCRIPTORS_OF_OUR_OWN, TLS_BYTES, WORKER_BYTES

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

ASK: Final = """\
echo "cores $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null)"
echo "files $(ulimit -Hn)"
echo "ports $(cat /proc/sys/net/ipv4/ip_local_port_range 2>/dev/null)"
echo "backlog $(cat /proc/sys/net/core/somaxconn 2>/dev/null)"
echo "memory $(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo 2>/dev/null)"
echo "free $(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo 2>/dev/null)"
disk=$(df -Pk {directory} 2>/dev/null || df -Pk "$HOME" 2>/dev/null)
echo "disk $(echo "$disk" | tail -n 1 | tr -s ' ' | cut -d' ' -f4)"
echo "load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null)"
cd {directory} 2>/dev/null || exit 0
[ -x {python} ] && echo "deployed $(cat {deployed} 2>/dev/null)"
if pid=$(cat {pid} 2>/dev/null) && kill -0 "$pid" 2>/dev/null; then
    echo "running $pid"
    echo "holder $(tr '\n' '\t' < {holder} 2>/dev/null)"
fi
for part in {keys}/*.part; do [ -r "$part" ] && echo "part $(head -n 1 "$part")"; done
:
"""


@dataclass(frozen=True, slots=True)
class BeeStatus:
    """The report of a bee; None: unknown."""

    cores: int | None
    open_files: int | None  # of one process
    ports: int | None  # of each source address, to one address of the target
    backlog: int | None
    memory_bytes: int | None
    free_bytes: int | None
    disk_bytes: int | None  # free, where the bee's directory is or will be
    load: str
    deployed: Deployed | None
    running: int | None  # pid of a bee at work
    parts: tuple[KeyPart, ...]
    holder: str = ""  # who makes that load, since when, by which command


@dataclass(frozen=True, slots=True)
class BeeCapacity:
    """The number of clients that a bee can have, and the limit that it would reach first."""

    clients: int
    limit: str


async def ask_status(
    hosts: Sequence[BeeHost], report: Callable[[HostResult[BeeStatus]], None] | None = None
) -> list[HostResult[BeeStatus]]:
    """Ask every host; a host that fails has its error in its result."""
    return await on_each(hosts, _ask_one, report, AT_ONCE)


async def _ask_one(host: BeeHost, connection: SSHClientConnection) -> BeeStatus:
    script = ASK.format(directory=shell_path(host), python=PYTHON, deployed=DEPLOYED, pid=PID_FILE, keys=KEYS,
                        holder=HOLDER_FILE)  # fmt: skip
    return status_from(await run(connection, script))


def status_from(output: str) -> BeeStatus:
    """Read what the script prints."""
    facts: dict[str, str] = {}
    parts: list[KeyPart] = []
    for line in output.splitlines():
        name, _, value = line.partition(" ")
        if name == "part":
            parts += [part] if (part := read_heading(value)) is not None else []
        else:
            facts[name] = value.strip()
    return BeeStatus(
        cores=_number(facts, "cores"),
        open_files=_number(facts, "files"),
        ports=_ports(facts.get("ports", "")),
        backlog=_number(facts, "backlog"),
        memory_bytes=_kilobytes(facts, "memory"),
        free_bytes=_kilobytes(facts, "free"),
        disk_bytes=_kilobytes(facts, "disk"),
        load=facts.get("load", ""),
        deployed=deployed_from_json(facts.get("deployed", "")),
        running=_number(facts, "running"),
        parts=tuple(parts),
        holder=str(holder_from(facts.get("holder", "").replace("\t", "\n")) or ""),
    )


def capacity_of(status: BeeStatus, sources: int = 1) -> BeeCapacity | None:
    """Return the capacity for clients over TLS to one address of the target, one worker per core; None: unknown."""
    cores = status.cores or 1
    fits: list[BeeCapacity] = []
    # each worker is a process with a limit of its own; ports and memory are shared by all
    if status.open_files is not None:
        fits.append(BeeCapacity(cores * max(0, status.open_files - DESCRIPTORS_OF_OUR_OWN), "open files"))
    if status.ports is not None:
        fits.append(BeeCapacity(status.ports * max(1, sources), "local ports"))
    if status.free_bytes is not None:
        left_bytes = max(0, status.free_bytes - cores * WORKER_BYTES)
        fits.append(BeeCapacity(left_bytes // (CLIENT_BYTES + TLS_BYTES), "memory"))
    return min(fits, key=lambda capacity: capacity.clients, default=None)


def swarm_capacity(capacities: Mapping[str, BeeCapacity]) -> tuple[int, str, BeeCapacity] | None:
    """Return (clients in all, the bee with the least capacity, its capacity): shares are equal, so that bee decides."""
    if not capacities:
        return None
    name = min(capacities, key=lambda bee: capacities[bee].clients)
    return capacities[name].clients * len(capacities), name, capacities[name]


def _number(facts: Mapping[str, str], name: str) -> int | None:
    text = facts.get(name, "")
    return int(text) if text.isdigit() else None


def _kilobytes(facts: Mapping[str, str], name: str) -> int | None:
    number = _number(facts, name)
    return None if number is None else number * 1024


def _ports(text: str) -> int | None:
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    return int(words[1]) - int(words[0]) + 1
