"""Run the process of a bee: `python -m malaria.swarm.run.bee_process DIRECTORY`.

Its settings (JSON, keys among them) come on stdin.

It leaves its parent at once: an ssh connection that breaks must not end a load that its conductor still leads, and one
that has lost its conductor ends its load by itself. DIRECTORY/bee.pid holds its process group while it lives, and
DIRECTORY/bee.log what it had to say. One worker of Dask, without a nanny: what is gone stays gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

PID_FILE: Final = "bee.pid"
LOG_FILE: Final = "bee.log"
SCRATCH: Final = "dask"
OTHER_S: Final = 15.0
"""How long another bee in the same directory may take to end."""
PATIENCE_S: Final = 30
"""How long the scheduler may take to be reached."""


def main() -> None:
    directory = Path(sys.argv[1])
    settings = json.load(sys.stdin)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if other := _wait_for_other(directory / PID_FILE):
        sys.exit(f"a bee is at work there already (process {other})")
    if os.fork():
        return
    os.setsid()
    _redirect(directory / LOG_FILE)
    pid_file = directory / PID_FILE
    pid_file.write_text(f"{os.getpid()}\n")
    try:
        asyncio.run(_serve(settings, directory))
    except Exception:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            if pid_file.read_text().strip() == str(os.getpid()):
                pid_file.unlink()
    sys.stdout.flush()
    os._exit(0)  # nothing is left to do, and Dask's threads need not be waited for


def _wait_for_other(pid_file: Path) -> int | None:
    """The bee that is at work in this directory, unless it ends soon: that of the attack before may be about to."""
    end_s = time.monotonic() + OTHER_S
    while (other := _living(pid_file)) is not None and time.monotonic() < end_s:
        time.sleep(0.05)
    return other


def _living(pid_file: Path) -> int | None:
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        return pid if b"malaria" in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    return pid


def _redirect(log: Path) -> None:
    """Away from the terminal or connection that we were started from."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor, place in ((nothing, 0), (sink, 1), (sink, 2)):
        os.dup2(descriptor, place)


async def _serve(settings: dict[str, Any], directory: Path) -> None:
    """The life of the Dask worker: until it is told to close, or has lost its scheduler."""
    import dask
    from distributed import Worker

    from malaria.swarm.run.bee_actor import lodged
    from malaria.swarm.run.certificates import RunCertificates
    from malaria.swarm.run.dask_settings import NO_PAGES, SETTINGS, quieten, security_of

    dask.config.set(SETTINGS)
    quieten(logging.WARNING)
    worker = Worker(
        settings["scheduler"],
        name=settings["name"],
        nthreads=1,
        host=own_address(settings["scheduler"]),
        port=settings.get("port") or None,
        security=security_of(RunCertificates(**settings["papers"])),
        memory_limit=0,
        dashboard=False,
        dashboard_address=NO_PAGES,
        death_timeout=PATIENCE_S,
        local_directory=str(directory / SCRATCH),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(worker.close(nanny=False)))
    async with worker:
        await worker.finished()
    for lodging in lodged:
        await asyncio.to_thread(lodging.stop, "lost its conductor: the connection ended")
        await asyncio.to_thread(lodging.close)


def own_address(scheduler: str) -> str:
    """Our address as the scheduler sees it: the one from which packets to it leave."""
    parts = urlsplit(scheduler)
    family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port))
        return str(probe.getsockname()[0])


if __name__ == "__main__":
    main()
