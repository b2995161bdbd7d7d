"""Bees for tests: processes of this machine as the hosts of a swarm, each with its directory, joined over loopback."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from malaria.errors import SwarmError
from malaria.model.key_part import KeyPart
from malaria.swarm.hosts.bee_layout import PID_FILE, SPOOL
from malaria.swarm.hosts.holding import holder_now
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.launcher import FetchedSpools
from malaria.swarm.run.spool import spool_name
from malaria.swarm.run.version_check import own_stamp


@dataclass
class LocalLauncher:
    """So many bees on 127.0.0.1. `before` is put before the command of each bee: another namespace, for example."""

    root: Path
    count: int = 2
    workers: int | None = 1
    scheduler: str = ""
    port: int = 0
    swarm: str = "test"
    before: Mapping[str, list[str]] = field(default_factory=dict)

    async def find(self) -> tuple[str, ...]:
        return tuple(f"bee-{number}" for number in range(1, self.count + 1))

    def directory(self, name: str) -> Path:
        return self.root / name

    def pid(self, name: str) -> int:
        return int((self.directory(name) / PID_FILE).read_text())

    async def start(self, port: int, certificates: Mapping[str, RunCertificates], command: str) -> None:
        await asyncio.gather(*(self._start(name, port, certificates[name]) for name in await self.find()))

    async def _start(self, name: str, port: int, certificates: RunCertificates) -> None:
        directory = self.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        settings = {
            "name": name,
            "host": "127.0.0.1",
            "port": port,
            "certificates": asdict(certificates),
            "version": own_stamp().to_table(),
            "holder": asdict(holder_now("a test")),
        }
        command = [*self.before.get(name, []), sys.executable, "-m", "malaria.swarm.run.bee_process", str(directory)]
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=dict(os.environ))
        await process.communicate(json.dumps(settings).encode())
        if process.returncode:
            raise SwarmError(f"{name} could not be started")

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        return ()

    def sources_of(self, name: str) -> tuple[str, ...]:
        return ()

    async def last_words(self, name: str) -> str:
        return ""

    async def fetch_spools(self, names: Sequence[str], run_name: str) -> FetchedSpools:
        paths = {name: self.directory(name) / SPOOL / spool_name(run_name, name) for name in names}
        return FetchedSpools({name: path.read_bytes() for name, path in paths.items() if path.exists()})

    async def remove_spools(self, names: Sequence[str], run_name: str) -> None:
        for name in names:
            (self.directory(name) / SPOOL / spool_name(run_name, name)).unlink(missing_ok=True)

    async def end(self) -> None:
        """Do nothing: no connection is left open."""
