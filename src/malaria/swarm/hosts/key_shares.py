"""Give each bee its part of a file of keys (or of users): every client has the same line as on one machine.

Promises: the parts hold every line once; each is readable by its owner alone, and holds no line of another bee; the
whole file never leaves this machine. An attack whose clients find their lines in the parts on the bees sends none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.errors import OperatorError
from malaria.model.key_part import Claim, KeyPart, misplaced, parts_of, read_heading
from malaria.plan.credentials import part_of_file, read_keys, read_lines, read_logins
from malaria.schedule.share import Share
from malaria.ssh.connection import run
from malaria.swarm.hosts.bee_files import make_directory, put_for, shell_path
from malaria.swarm.hosts.bee_layout import KEYS
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from malaria.model.warhead import Warhead

TAG_LENGTH: Final = 16
HEADINGS: Final = (["user", "password"], ["username", "password"])


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A whole file: its lines without comments and headings. The tag identifies it."""

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
        """Return the contents of a bee's file."""
        return "".join(f"{line}\n" for line in (part.heading, *(self.lines[index] for index in part.members())))


def read_key_file(path: Path) -> KeyFile:
    """Read and check a file of keys or of users. Raises OperatorError for one that is wrong, or already a part."""
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


def starts_of(warhead: Warhead, path: Path) -> tuple[int, ...]:
    """Return the lines at which dealing begins anew, so that every group of a warhead finds its lines on its bees.

    A group that names no file counts too: the file may be given as an option of the attack.
    """
    firsts = {0}
    for group in warhead.groups:
        access = warhead.access_of(group)
        named = access.psk_file or access.credentials_file
        if named is None or Path(named).resolve() == path.resolve():
            firsts.add(access.first_key)
    return tuple(sorted(firsts))


async def share_keys(
    hosts: Sequence[BeeHost],
    file: KeyFile,
    starts: Iterable[int] = (),
    report: Callable[[HostResult[KeyPart]], None] | None = None,
) -> list[HostResult[KeyPart]]:
    """Give each host its part; `hosts` are the whole swarm in its order. Raises OperatorError for too few lines."""
    if len(file.lines) < len(hosts):
        raise OperatorError(
            f"{file.path} has {len(file.lines):,} lines for {len(hosts):,} bees: some would get none", "make more keys"
        )
    parts = {host.name: part for host, part in zip(hosts, file.parts(len(hosts), starts), strict=True)}
    return await on_each(hosts, partial(_give, file=file, parts=parts), report)


async def _give(host: BeeHost, connection: SSHClientConnection, file: KeyFile, parts: dict[str, KeyPart]) -> KeyPart:
    await make_directory(host, connection)
    part = parts[host.name]
    await put_for(host, connection, {f"{KEYS}/{part_name(file.tag)}": file.text_of(part).encode()})
    return part


def part_name(tag: str) -> str:
    return f"{tag}.part"


async def parts_there(host: BeeHost, connection: SSHClientConnection) -> tuple[KeyPart, ...]:
    """Return the parts that a bee has, of any file."""
    script = f'for part in {shell_path(host, KEYS)}/*.part; do head -n 1 "$part" 2>/dev/null; done; :'
    found = (read_heading(line) for line in (await run(connection, script)).splitlines())
    return tuple(part for part in found if part is not None)


def serves(part: KeyPart, tag: str, share: Share, claim: Claim) -> bool:
    """Return whether a part has all lines of the file of that tag that a group's clients of a share need."""
    of_the_share = (part.number, part.number + 1, part.parts) == (share.first, share.last, share.of)
    long_enough = claim.first + claim.clients <= part.lines
    return part.file == tag and of_the_share and long_enough and misplaced([claim], part.parts, part.starts) is None
