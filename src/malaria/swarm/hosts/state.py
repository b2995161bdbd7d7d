"""Store the swarms: one TOML file each, readable by its owner alone.

Promises: a file is written whole or not at all; two commands that change a swarm at the same time wait for each other;
of a swarm that is removed no file is left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.errors import SwarmError
from malaria.input_file import read_input_text
from malaria.swarm.hosts.inventory import LARGEST_FILE_BYTES, Swarm, swarm_from_toml, swarm_of, swarm_to_toml

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700


def state_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return $MALARIA_HOME/swarms, $XDG_STATE_HOME/malaria/swarms or ~/.local/state/malaria/swarms."""
    if home := environ.get("MALARIA_HOME"):
        return Path(home) / "swarms"
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "malaria" / "swarms"


def state_file(name: str) -> Path:
    return state_directory() / f"{swarm_of({'name': name}).name}.toml"


def load_swarm(name: str) -> Swarm:
    """Read a swarm. Raises SwarmError for one that is not known, or whose file is damaged."""
    file = state_file(name)
    try:
        text = read_input_text(file, LARGEST_FILE_BYTES)
    except FileNotFoundError:
        known = ", ".join(list_swarms()) or "none yet"
        raise SwarmError(
            f"there is no swarm {name!r}; known: {known}", f"make one: malaria swarm add user@host --swarm {name}"
        ) from None
    except OSError as error:
        raise SwarmError(f"{file}: {error.strerror}", "make the file readable for this user") from None
    except UnicodeDecodeError:
        raise SwarmError(f"{file} is not text in UTF-8", "see `malaria docs swarm` for such a file") from None
    return swarm_from_toml(text, str(file))


def list_swarms() -> list[str]:
    return sorted(file.stem for file in state_directory().glob("*.toml"))


@dataclass(slots=True)
class Draft:
    """A swarm under change; what `swarm` is at the end of the block is stored, unless the swarm is removed."""

    swarm: Swarm
    removed: bool = False

    def store(self) -> None:
        """Write the swarm as it is now: what follows may take long, or fail."""
        save_swarm(self.swarm)


@contextmanager
def changing(name: str) -> Iterator[Draft]:
    """Open a swarm, new if there is none, for a change or its removal during the block; other commands wait."""
    file = state_file(name)
    with _locked(file):
        draft = Draft(load_swarm(name) if file.exists() else Swarm(name=name))
        yield draft
        if draft.removed:
            file.unlink(missing_ok=True)
        else:
            draft.store()


def save_swarm(swarm: Swarm) -> Path:
    """Write a swarm: under another name first, then moved into place."""
    file = state_file(swarm.name)
    file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.new-{os.getpid()}")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE), "w") as out:
        out.write(swarm_to_toml(swarm))
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)
    return file


def open_locked(file: Path) -> int:
    """Make a file if it is missing, wait for the lock on it, and return its descriptor, which holds the lock."""
    file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # its last holder removed it: the next one would lock another file of this name


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    lock = file.with_suffix(".lock")
    descriptor = open_locked(lock)
    try:
        for unfinished in file.parent.glob(f"{file.name}.new-*"):
            unfinished.unlink(missing_ok=True)  # its writer was killed, or it would hold the lock
        yield
    finally:
        if not file.exists():
            lock.unlink(missing_ok=True)
        os.close(descriptor)
