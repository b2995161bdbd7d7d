"""Pack the files that clients need for a bee: keys, passwords, certificates, payloads.

A bee gets the files of its own clients and nothing of the others. Of a file with a line for each client it gets its
part, whose first line says which lines it has. Promises: the warhead that goes with the files names each of them by its
path on the bee. Reads files; writes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError, WarheadError
from malaria.model.group import Group
from malaria.model.key_part import Claim, KeyPart
from malaria.model.placeholders import fill
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.schedule.payload import read_payload_files
from malaria.schedule.share import Share
from malaria.swarm.hosts.bee_layout import KEYS, RUN_FILES
from malaria.swarm.hosts.key_shares import KeyFile, part_name, read_key_file, serves

OF_ONE_RUN: Final = "0" * 16
"""The tag of a part that is packed for one run: no other part can be mistaken for it."""
FROM_FILE: Final = "file:"
WHOLE_FILES: Final = ("cafile",)
CLIENT_FILES: Final = ("cert", "key")
type Packed = tuple[Warhead, dict[str, bytes]]
"""(the warhead as a bee sees it, the files that go with it)"""


class LoadBundle:
    """The files of one load, packed for one bee after the other; each is read once."""

    def __init__(self, warhead: Warhead, identity: Identity) -> None:
        self._warhead = warhead
        self._identity = identity
        self._bytes = cache(_read)
        self._payloads = cache(lambda path: read_payload_files(Path(path).expanduser()))
        self._files = cache(_read_lines)

    def pack(self, share: Share, directory: str, there: Sequence[KeyPart] = ()) -> Packed:
        """Return the warhead for the bee with that directory, and its files by name.

        `there` are the parts of files of keys that the bee has already: their lines are not sent.
        Raises OperatorError for a file that cannot be read or cannot be shared out.
        """
        packing = _Packing(directory, there)
        groups = tuple(self._pack_group(group, share, packing) for group in self._warhead.groups)
        return self._warhead.model_copy(update={"groups": groups}), packing.files

    def _pack_group(self, group: Group, share: Share, packing: _Packing) -> Group:
        """Return the group with a target of its own, so that its files can differ from those of the common target."""
        access = self._warhead.access_of(group)
        mine = share.members(self._warhead.dealt_to(group)).tolist()
        changes: dict[str, object] = {}
        if access.psk_file is not None:
            changes |= self._pack_shared("psk_file", group, share, packing)
        if access.credentials_file is not None:
            changes |= self._pack_shared("credentials_file", group, share, packing)
        for name in (name for name in WHOLE_FILES if getattr(access, name) is not None):
            changes[name] = packing.put(f"{group.name}.{name}", self._bytes(getattr(access, name)))
        for name in (name for name in CLIENT_FILES if getattr(access, name) is not None):
            changes[name] = self._pack_pattern(name, getattr(access, name), group, mine, packing)
        payload = group.payload
        if payload.startswith(FROM_FILE):
            payload = FROM_FILE + self._pack_payload(f"{group.name}.payload", payload.removeprefix(FROM_FILE), packing)
        return group.model_copy(update={"target": access.model_copy(update=changes), "payload": payload})

    def _pack_payload(self, name: str, path: str, packing: _Packing) -> str:
        """Pack a file of payloads, or a directory of them, whose order the names on the bee keep."""
        contents = self._payloads(path)
        if not Path(path).expanduser().is_dir():
            return packing.put(name, contents[0])
        for number, content in enumerate(contents):
            packing.put(f"{name}/{number:06}", content)
        return packing.path(name)

    def _pack_shared(self, name: str, group: Group, share: Share, packing: _Packing) -> dict[str, object]:
        """Pack a file with a line for each client: name the part that the bee has, or send the lines of this group."""
        access = self._warhead.access_of(group)
        file, tag = self._files(getattr(access, name))
        claim = Claim(group.name, access.first_key, self._warhead.dealt_to(group))
        # keys that are there already need not go over the network again
        if any(serves(part, tag, share, claim) for part in packing.there):
            return {name: f"{packing.home}/{KEYS}/{part_name(tag)}"}
        lines = self._lines_of(file.lines, claim, share)
        return {name: packing.put(f"{group.name}.{name}", lines), "first_key": 0}

    @staticmethod
    def _lines_of(lines: Sequence[str], claim: Claim, share: Share) -> bytes:
        own = lines[claim.first : claim.first + claim.clients]
        part = KeyPart(share.first, share.of, len(own), (0,), OF_ONE_RUN)
        return "".join(f"{line}\n" for line in (part.heading, *(own[place] for place in part.members()))).encode()

    def _pack_pattern(self, name: str, path: str, group: Group, mine: Sequence[int], packing: _Packing) -> str:
        """Pack one file for all clients, or one for each client by a pattern."""
        if Path(path).is_dir():
            raise WarheadError(
                f"{path} is a directory of certificates, which bees elsewhere cannot share",
                f"name them by a pattern, such as {path}/client-{{index}}.pem",
            )
        paths = {index: fill(path, self._values(group, index)) for index in mine}
        # a pattern without a placeholder: one file for all clients
        if len(set(paths.values())) == 1 and len(paths) > 1:
            return packing.put(f"{group.name}.{name}", self._bytes(next(iter(paths.values()))))
        for index, one in paths.items():
            packing.put(f"{group.name}-{index}.{name}", self._bytes(one))
        return packing.path(f"{group.name}-{{index}}.{name}")

    def _values(self, group: Group, index: int) -> dict[str, str | int]:
        return group.values_at(index, self._identity.name, self._identity.of_client(group, index))


class _Packing:
    """The files that have been packed for one bee."""

    def __init__(self, home: str, there: Sequence[KeyPart]) -> None:
        self.files: dict[str, bytes] = {}
        self.there = there
        self.home = home
        # the path becomes part of a pattern, in which braces of its own must stay braces
        self._directory = f"{home}/{RUN_FILES}".replace("{", "{{").replace("}", "}}")

    def put(self, name: str, data: bytes) -> str:
        """Add a file; return its path on the bee."""
        self.files[name] = data
        return self.path(name)

    def path(self, name: str) -> str:
        return f"{self._directory}/{name}"


def _read_lines(path: str) -> tuple[KeyFile, str]:
    """Read a file of keys; return it with its tag, which costs a hash over all lines."""
    file = read_key_file(Path(path))
    return file, file.tag


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}", "give the path of a file that can be read") from None
