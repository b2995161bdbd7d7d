"""Reads /proc about sockets: taken local ports, the process that listens on a port, its limit of open files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from malaria.observe import proc as proc_files

LISTEN: Final = 0x0A
"""include/net/tcp_states.h."""


class TcpSocket(NamedTuple):
    """One socket, a line of /proc/net/tcp or tcp6."""

    local_port: int
    remote_port: int
    state: int
    inode: str


def tcp_sockets(proc: Path) -> Iterator[TcpSocket]:
    """Yield every TCP socket of this network namespace; none if it cannot be read."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            yield TcpSocket(_port(columns[1]), _port(columns[2]), int(columns[3], 16), columns[9])


def taken_ports(proc: Path, ports: range, targets: Collection[int]) -> int:
    """Count the local ports that have a connection, open or closing, to a port in `targets` (empty: to any port)."""
    rows = (row for row in tcp_sockets(proc) if row.state != LISTEN and (not targets or row.remote_port in targets))
    return len({row.local_port for row in rows if row.local_port in ports})


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def listener_pid(proc: Path, port: int) -> int | None:
    """Return the process that listens on this port, if this user may see it."""
    inodes = {f"socket:[{row.inode}]" for row in tcp_sockets(proc) if row.state == LISTEN and row.local_port == port}
    pids = sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()) if inodes else []
    return next((pid for pid in pids if _holds(proc / str(pid) / "fd", inodes)), None)


def _holds(descriptors: Path, inodes: set[str]) -> bool:
    try:
        return any(os.readlink(entry) in inodes for entry in descriptors.iterdir())
    except OSError:
        return False  # another user's process, or it has ended meanwhile


def open_files_limit(proc: Path, pid: int) -> int | None:
    """Return the soft limit of open files of a process; None if it is unlimited or cannot be read."""
    try:
        text = (proc / str(pid) / "limits").read_text()
    except OSError:
        return None
    return proc_files.open_files_limit(text)
