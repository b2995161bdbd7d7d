"""Machines made of files for the checks of the doctor, and what is asked of them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from malaria.doctor import HostLimits
from malaria.doctor.need import need_for
from malaria.model.group_keys import Role
from malaria.model.option_table import LoadOptions
from malaria.model.warhead import Warhead
from malaria.model.warhead_options import build_warhead
from malaria.transport.route import Endpoint

HERE: Final[Endpoint] = (int(socket.AF_INET), ("127.0.0.1", 1883))
THERE: Final[Endpoint] = (int(socket.AF_INET), ("192.0.2.1", 1883))
NEED: Final = need_for(1000, 2, (HERE,))
TCP_HEAD: Final = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def crowd(clients: int) -> Warhead:
    return build_warhead(LoadOptions(clients=clients), Role.CONNECT)


def tcp_line(local: int, remote: int, state: int, inode: int = 7) -> str:
    return f"   0: 0100007F:{local:04X} 0100007F:{remote:04X} {state:02X} 0:0 00:0 00000000 0 0 {inode} 1 0\n"


GOOD: Final = {
    "proc/sys/fs/file-nr": "1000\t0\t100000\n",
    "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "proc/sys/net/core/somaxconn": "4096\n",
    "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
    "proc/sys/net/netfilter/nf_conntrack_count": "44\n",
    "proc/net/tcp": TCP_HEAD + tcp_line(1883, 0, 0x0A),
    "proc/loadavg": "0.10 0.20 0.30 1/200 4000\n",
    "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
}


def machines_in(tmp_path: Path) -> Callable[..., HostLimits]:
    """Return what makes a machine where all is well, but for what the test says; None takes a file away."""

    def make(changes: dict[str, str | None] | None = None, **facts: Any) -> HostLimits:
        for name, text in (GOOD | (changes or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        known: dict[str, Any] = {"limits": (1024, 4096), "cores": 4, "python": (3, 13, 0), "has_psk": True} | facts
        return HostLimits(tmp_path / "proc", tmp_path / "sys", **known)

    return make
