"""Bees of a test: processes of this machine as the hosts of a swarm, each with its directory, joined over loopback."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from malaria.errors import SwarmError
from malaria.model.key_part import KeyPart
from malaria.swarm.bee_layout import BeeLayout
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.spool import kept_name

PID_FILE: Final = "bee.pid"


@dataclass
class LocalQuarters:
    """So many bees on 127.0.0.1. `before` stands before the command of each: another namespace, for example."""

    root: Path
    count: int = 2
    workers: int | None = 1
    scheduler: str = ""
    port: int = 0
    swarm: str = "test"
    before: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"bee-{number}" for number in range(1, self.count + 1))

    def directory(self, name: str) -> Path:
        return self.root / name

    def pid(self, name: str) -> int:
        return int((self.directory(name) / PID_FILE).read_text())

    async def start(self, port: int, papers: Mapping[str, RunCertificates]) -> list[BeeLayout]:
        return list(await asyncio.gather(*(self._start(name, port, papers[name]) for name in self.names)))

    async def _start(self, name: str, port: int, papers: RunCertificates) -> BeeLayout:
        directory = self.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        settings = {"name": name, "scheduler": f"tls://127.0.0.1:{port}", "papers": asdict(papers)}
        command = [*self.before.get(name, []), sys.executable, "-m", "malaria.swarm.run.bee_process", str(directory)]
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, env=dict(os.environ))
        await process.communicate(json.dumps(settings).encode())
        if process.returncode:
            raise SwarmError(f"{name} could not be started")
        return BeeLayout(name, str(directory))

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        return ()

    def sources_of(self, name: str) -> tuple[str, ...]:
        return ()

    async def fetch_kept(self, names: Sequence[str], run_name: str) -> dict[str, bytes]:
        paths = {name: self.directory(name) / "kept" / kept_name(run_name, name) for name in names}
        return {name: path.read_bytes() for name, path in paths.items() if path.exists()}

    async def forget_kept(self, names: Sequence[str], run_name: str) -> None:
        for name in names:
            (self.directory(name) / "kept" / kept_name(run_name, name)).unlink(missing_ok=True)

    async def end(self) -> None:
        """Nothing was needed to start them."""
