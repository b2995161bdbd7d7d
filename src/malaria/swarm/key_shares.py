"""Each bee gets its own part of a file of keys (or of users), and no other: who is who stays as on one machine.

Promises: the parts hold every line once; each is readable by its owner alone, and holds nothing of another bee's; the
whole file never leaves this machine. Before a load it is seen whether each bee has the lines that its clients need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.credentials import part_of_file, read_keys, read_lines, read_logins
from malaria.errors import OperatorError, SwarmError
from malaria.model.key_part import Claim, KeyPart, misplaced, parts_of, read_heading
from malaria.model.swarm import BeeHost
from malaria.swarm.places import KEYS, put_for, settle
from malaria.swarm.reach import BeeError, Outcome, on_each, run, shell_path

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from malaria.model.warhead import Warhead

TAG_LENGTH: Final = 16
HEADINGS: Final = (["user", "password"], ["username", "password"])


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A whole file: its lines that count, and the tag that tells it from others."""

    path: Path
    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return f"KeyFile({self.path}, {len(self.lines)} lines)"

    @property
    def tag(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:TAG_LENGTH]

    def parts(self, bees: int, starts: Iterable[int] = ()) -> tuple[KeyPart, ...]:
        return parts_of(len(self.lines), bees, starts, self.tag)

    def text_of(self, part: KeyPart) -> str:
        """What the bee's file holds."""
        return "".join(f"{line}\n" for line in (part.heading, *(self.lines[index] for index in part.members())))


def read_key_file(path: Path) -> KeyFile:
    """A file of keys or of users, looked through. Raises OperatorError for one that is wrong, or a part already."""
    if part_of_file(path) is not None:
        raise OperatorError(f"{path} is one bee's part already", "give the whole file")
    lines = [line for _, line in read_lines(path)]
    if not lines:
        raise OperatorError(f"{path} has no keys", "malaria keygen makes them")
    cells = [cell.strip().lower() for cell in lines[0].split(",")[:2]]
    if "," in lines[0]:
        read_logins(path)
        lines = lines[1:] if cells in HEADINGS else lines
    else:
        read_keys(path)
    return KeyFile(path, tuple(lines))


def claims_on(warhead: Warhead, path: str) -> tuple[Claim, ...]:
    """The lines that the groups of a warhead take out of one file."""
    named = [(group, warhead.access_of(group)) for group in warhead.groups]
    return tuple(
        Claim(group.name, access.first_key, warhead.clients_of(group))
        for group, access in named
        if path in (access.psk_file, access.credentials_file)
    )


def starts_for(warhead: Warhead, path: str) -> tuple[int, ...]:
    """Where turns have to begin in a file, so that every group of a warhead finds its lines on its own bees."""
    return tuple(sorted({0, *(claim.first for claim in claims_on(warhead, path))}))


async def share_keys(
    hosts: Sequence[BeeHost],
    file: KeyFile,
    starts: Iterable[int] = (),
    tell: Callable[[Outcome[KeyPart]], None] | None = None,
) -> list[Outcome[KeyPart]]:
    """Gives each host its part, all hosts being the swarm in its order. Raises OperatorError for too few lines."""
    if len(file.lines) < len(hosts):
        raise OperatorError(
            f"{file.path} has {len(file.lines):,} lines for {len(hosts):,} bees: some would get none", "make more keys"
        )
    parts = {host.name: part for host, part in zip(hosts, file.parts(len(hosts), starts), strict=True)}
    return await on_each(hosts, partial(_give, file=file, parts=parts), tell)


async def _give(host: BeeHost, connection: SSHClientConnection, file: KeyFile, parts: dict[str, KeyPart]) -> KeyPart:
    await settle(host, connection)
    part = parts[host.name]
    await put_for(host, connection, {f"{KEYS}/{part_name(file.tag)}": file.text_of(part).encode()})
    return part


def part_name(tag: str) -> str:
    return f"{tag}.part"


def check_part(host: BeeHost, wanted: KeyPart, heading: str, claims: Sequence[Claim], path: str) -> None:
    """Raises BeeError when the part that a bee has is not what its clients need of `path`.

    `wanted` is the part by its number, whatever its starts; `heading` the first line of what is there, or nothing.
    """
    again = f"malaria swarm share-keys {path}"
    part = read_heading(heading)
    if part is None or part.file != wanted.file:
        raise BeeError(host, f"it has no part of {path} as it is now", again)
    if (part.number, part.parts) != (wanted.number, wanted.parts):
        raise BeeError(
            host,
            f"it has part {part.number + 1} of {part.parts} of {path}, and would need part {wanted.number + 1} of "
            f"{wanted.parts}",
            f"the swarm has changed since: {again}",
        )
    check_starts(path, claims, part.parts, part.starts)
    check_starts(path, claims, part.parts, part.starts)


def check_starts(path: str, claims: Sequence[Claim], parts: int, starts: Iterable[int]) -> None:
    """Raises SwarmError when clients of a group would need lines that other bees have."""
    if (wrong := misplaced(claims, parts, starts)) is None:
        return
    best = {claim.first for claim in claims}
    if misplaced(claims, parts, best) is None:
        remedy = f"share them for this warhead: malaria swarm share-keys {path} -w WARHEAD"
    else:
        remedy = (
            f"let first_key of groups that share lines differ by a multiple of {parts}, or give them files of their own"
        )
    raise SwarmError(
        f"{path}: group {wrong.group} begins at first_key = {wrong.first}, so its clients need keys of other bees",
        remedy,
    )


async def headings(host: BeeHost, connection: SSHClientConnection, tags: Sequence[str]) -> dict[str, str]:
    """Tag -> first line of the bee's part of that file; empty when it has none."""
    names = " ".join(part_name(tag) for tag in tags)  # hexadecimal: no word of a shell's
    script = (
        f'cd {shell_path(host, KEYS)} || exit 0; for part in {names}; do head -n 1 "$part" 2>/dev/null || echo; done'
    )
    said = [*(await run(host, connection, script)).splitlines(), *("" for _ in tags)]
    return dict(zip(tags, said, strict=False))
