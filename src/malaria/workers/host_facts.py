"""Describe the host that makes the load: kernel, processor, limits, versions. It is stored in every run."""

from __future__ import annotations

import os
import platform
import resource
import socket
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil

from malaria import __version__

type Fact = str | int | float | Mapping[str, str | int | float]


def describe_host() -> dict[str, Fact]:
    """Return the facts of this host. Those that cannot be read are left out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    facts: dict[str, Fact] = {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
        "open_files_limit": {"soft": soft, "hard": hard},
        "clock_source": _first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "ephemeral_ports": _first_line("/proc/sys/net/ipv4/ip_local_port_range").replace("\t", "–"),
        "accept_backlog": _first_line("/proc/sys/net/core/somaxconn"),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "openssl": ssl.OPENSSL_VERSION,
        "numpy": np.__version__,
        "malaria": __version__,
    }
    return {name: fact for name, fact in facts.items() if fact not in ("", 0)}


def _processor() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _first_line(path: str) -> str:
    return _text(path).partition("\n")[0]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
