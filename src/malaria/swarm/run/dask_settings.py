"""Settings that make Dask carry messages and nothing else.

Dask's defaults serve calculations: it measures its workers a hundred times a second, moves work to idle workers, and
repeats work that was lost. A load that is made twice is a wrong measurement, and every wake-up of Dask's loop takes
time from the engine on the same host.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from malaria.swarm.run.certificates import RunCertificates

if TYPE_CHECKING:
    from distributed import Security

WORKER_TTL_S: Final = 4
SETTINGS: Final[dict[str, Any]] = {
    # repeat, move and restart nothing
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.lifetime.restart": False,
    # notice a worker that is gone; our own heartbeats are quicker
    "distributed.scheduler.worker-ttl": f"{WORKER_TTL_S}s",
    "distributed.comm.timeouts.tcp": "11s",  # Dask takes no less
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.retry.count": 0,
    # no measurements: they would cost time and are not used
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.tick.limit": "1h",
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.low-level-log-length": 16,  # reports that were passed on
    "distributed.diagnostics.nvml": False,
    "distributed.comm.compression": False,  # our histograms are compressed
    # serve no pages: they would be open to everybody
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
NO_PAGES: Final = "127.0.0.1:0"
"""The address of Dask's web server, which cannot be left out."""

LOGGERS: Final = ("distributed", "distributed.client", "tornado", "tornado.application")


def quieten(level: int) -> None:
    """Silence Dask's log below a level: what happens to bees is reported by the attack."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)


def security_of(certificates: RunCertificates) -> Security:
    """Return TLS settings for every connection that trust this run's authority alone."""
    from distributed import Security

    return Security(
        require_encryption=True,
        tls_ca_file=certificates.authority,
        **{f"tls_{role}_cert": certificates.certificate for role in ("client", "scheduler", "worker")},
        **{f"tls_{role}_key": certificates.key for role in ("client", "scheduler", "worker")},
    )
