"""What a warhead needs beside itself, on every bee: its part of the keys, certificates, payloads from files.

Promises: a bee's warhead is the same but for paths, which are the bee's own; private files are readable by their owner
alone; whatever cannot be brought to a bee is refused before any load, with the remedy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.fields import SOURCE_FILE
from malaria.model.key_part import Claim, KeyPart
from malaria.model.swarm import BeeHost
from malaria.model.warhead import Warhead
from malaria.swarm.key_shares import KeyFile, check_part, check_starts, claims_on, headings, part_name, read_key_file
from malaria.swarm.places import FILES, KEYS, put_for, settle
from malaria.swarm.reach import Outcome, on_each, run, shell_path

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

SHARED: Final = ("psk_file", "credentials_file")
"""Keys of [target] that name a file of which each bee has a part."""
COPIED: Final = ("cafile", "cert", "key")
"""Those that name a file that every bee gets."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """The files of a warhead, read here."""

    keys: Mapping[str, KeyFile]  # by the path as the warhead says it
    claims: Mapping[str, tuple[Claim, ...]]
    copies: Mapping[str, tuple[str, bytes]]  # path -> (name on the bee, content)


def gather(warhead: Warhead) -> Belongings:
    """Reads them all. Raises OperatorError for one that cannot be read or brought to a bee."""
    shared, copied = files_of(warhead)
    return Belongings(
        {path: read_key_file(Path(path)) for path in shared},
        {path: claims_on(warhead, path) for path in shared},
        {path: _copy(path) for path in copied},
    )


def files_of(warhead: Warhead) -> tuple[list[str], list[str]]:
    """(those that bees share, those that each gets), as the warhead names them. Raises OperatorError."""
    accesses = [warhead.access_of(group) for group in warhead.groups]
    shared = {path for access in accesses for name in SHARED if (path := getattr(access, name))}
    copied = {path for access in accesses for name in COPIED if (path := getattr(access, name))}
    copied |= {g.payload.removeprefix(SOURCE_FILE) for g in warhead.groups if g.payload.startswith(SOURCE_FILE)}
    for path in copied:
        if "{" in path or Path(path).is_dir():
            raise OperatorError(
                f"{path}: one certificate for each client cannot be shared among bees",
                "let the clients of a swarm have one certificate, or pre-shared keys: malaria keygen",
            )
    return sorted(shared), sorted(copied)


def at_home(warhead: Warhead, paths: Mapping[str, str]) -> Warhead:
    """The same warhead with these paths in place of its own."""
    groups = tuple(
        group.model_copy(
            update={"target": _moved(group.target, paths), "payload": _moved_payload(group.payload, paths)}
        )
        for group in warhead.groups
    )
    return warhead.model_copy(update={"target": _moved(warhead.target, paths), "groups": groups})


async def take_along(hosts: Sequence[BeeHost], warhead: Warhead) -> list[Outcome[Warhead]]:
    """Sees to it that every bee of a swarm, all in its order, has what the warhead needs; the warhead as each sees it.

    Raises OperatorError for what is wrong here; what is wrong with a bee is in its outcome.
    """
    belongings = gather(warhead)
    for path, file in belongings.keys.items():
        needed = max(claim.first + claim.clients for claim in belongings.claims[path])
        if len(file.lines) < needed:
            raise OperatorError(f"{path} has {len(file.lines):,} lines, and the warhead needs {needed:,}", "make more")
        check_starts(path, belongings.claims[path], len(hosts), {claim.first for claim in belongings.claims[path]})
    numbers = {host.name: number for number, host in enumerate(hosts)}
    return await on_each(hosts, partial(_equip, warhead=warhead, belongings=belongings, numbers=numbers))


async def _equip(
    host: BeeHost, connection: SSHClientConnection, warhead: Warhead, belongings: Belongings, numbers: dict[str, int]
) -> Warhead:
    home = await settle(host, connection)
    tags = {path: file.tag for path, file in belongings.keys.items()}
    there = await headings(host, connection, list(tags.values())) if tags else {}
    paths: dict[str, str] = {}
    for path, file in belongings.keys.items():
        wanted = KeyPart(numbers[host.name], len(numbers), len(file.lines), (0,), file.tag)
        check_part(host, wanted, there[file.tag], belongings.claims[path], path)
        paths[path] = f"{home}/{KEYS}/{part_name(file.tag)}"
    await _copy_lacking(host, connection, belongings)
    paths |= {path: f"{home}/{FILES}/{name}" for path, (name, _) in belongings.copies.items()}
    return at_home(warhead, paths)


async def _copy_lacking(host: BeeHost, connection: SSHClientConnection, belongings: Belongings) -> None:
    """A file's name has its digest in it: one that is there is the right one."""
    if not belongings.copies:
        return
    there = set((await run(host, connection, f"ls {shell_path(host, FILES)}")).split("\n"))
    lacking = {f"{FILES}/{name}": content for name, content in belongings.copies.values() if name not in there}
    await put_for(host, connection, lacking)


def _copy(path: str) -> tuple[str, bytes]:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}", "give the path of a file that can be read") from None
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in Path(path).name)
    return f"{hashlib.sha256(content).hexdigest()[:16]}-{kept}", content


def _moved(access: Access, paths: Mapping[str, str]) -> Access:
    stated = {name: getattr(access, name) for name in access.model_fields_set}
    moves = {name: paths[value] for name, value in stated.items() if name in SHARED + COPIED and value in paths}
    return Access(**stated | moves) if moves else access


def _moved_payload(payload: str, paths: Mapping[str, str]) -> str:
    path = payload.removeprefix(SOURCE_FILE)
    return f"{SOURCE_FILE}{paths[path]}" if payload.startswith(SOURCE_FILE) and path in paths else payload
