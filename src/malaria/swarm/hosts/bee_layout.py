"""The files of a bee's directory.

DIR/.malaria-bee     marks the directory as malaria's: no other is written into, and no other is removed
DIR/venv             -> venv-DIGEST: Python with malaria; a bee's processes all run DIR/venv/bin/python
DIR/python/          the Python of the venv, where one was sent
DIR/deployed.json    version, digest and Python of what is deployed
DIR/keys/            the bee's part of each file of keys, 0600
DIR/files/           files that the clients of a run need, 0600, removed when the run ends
DIR/spool/           records of a run until the conductor has them
DIR/bee.pid          the process of the bee while it makes load: leader of its own session
DIR/bee.holder       who makes that load, since when, by which command: a line for each
DIR/bee.log          what that process printed
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

MARKER: Final = ".malaria-bee"
VENV: Final = "venv"
PYTHON: Final = f"{VENV}/bin/python"
BUNDLE: Final = "bundle.tar.gz"
DEPLOYED: Final = "deployed.json"
KEYS: Final = "keys"
PID_FILE: Final = "bee.pid"
HOLDER_FILE: Final = "bee.holder"
LOG_FILE: Final = "bee.log"
RUN_FILES: Final = "files"
SPOOL: Final = "spool"
PRIVATE_DIRECTORY: Final = 0o700


@dataclass(frozen=True, slots=True)
class Deployed:
    """The contents of `deployed.json`."""

    version: str
    digest: str
    python: str

    def to_json(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def deployed_from_json(text: str) -> Deployed | None:
    """Read the contents of `deployed.json`; None for anything else."""
    try:
        table = json.loads(text)
        return Deployed(str(table["version"]), str(table["digest"]), str(table["python"]))
    except (ValueError, KeyError, TypeError):
        return None
