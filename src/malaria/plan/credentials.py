"""The credentials of each client of a group: user and password, pre-shared key, certificate; from patterns or files.

Promises: client i of a group takes line i (plus `first_key`) of a file; too few lines are refused with both numbers; a
wrong file is refused with the number of the line; no secret is in a `repr` or an error.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, overload

from malaria.errors import OperatorError, WarheadError
from malaria.input_file import read_input_text
from malaria.model.access import LARGEST_KEY_BYTES, Access
from malaria.model.group import Group
from malaria.model.key_part import KeyPart, read_heading
from malaria.model.placeholders import fill
from malaria.mqtt.wire import text_fault

LARGEST_FILE_BYTES: Final = 10**9
CERTIFICATE_SUFFIXES: Final = (".pem", ".crt", ".cer", ".cert")
LONGEST_IDENTITY_BYTES: Final = 256
"""What OpenSSL takes (PSK_MAX_IDENTITY_LEN)."""
LONGEST_HEADING_BYTES: Final = 1 << 16

type PskEntry = tuple[str, bytes]
"""(identity, key)"""
type Login = tuple[str | None, str | None]
"""(user name, password)"""
type Certificate = tuple[str, str | None]
"""(file of the chain, file of the key, or None when it is in the same)"""


@dataclass(frozen=True, slots=True)
class PartLines[Line](Sequence[Line]):
    """The lines of one bee's part, by their place in the whole file; its length is that of the whole file."""

    path: Path
    part: KeyPart
    lines: Sequence[Line] = field(repr=False)

    def __len__(self) -> int:
        return self.part.lines

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        """Return a line. Raises OperatorError for a line that another bee has."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        try:
            return self.lines[self.part.place_of(index)]
        except KeyError:
            raise OperatorError(
                f"{self.path} is part {self.part.number + 1} of {self.part.parts}, and line {index + 1:,} of the whole "
                f"file is in part {self.part.owner_of(index) + 1}",
                "give the whole file; malaria swarm share-keys makes the parts",
            ) from None


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of all clients of a group, by index. A kind that is not used is empty."""

    access: Access
    group: Group
    run: str
    keys: Sequence[PskEntry] = field(default=(), repr=False)
    logins: Sequence[Login] = field(default=(), repr=False)
    certificates: Sequence[Certificate] = ()

    def psk_at(self, index: int) -> PskEntry | None:
        """Return identity and key of a client, or None without pre-shared keys."""
        # line i of the file belongs to client i, whatever worker or bee carries it
        if self.keys:
            return self.keys[self.access.first_key + index]
        if self.access.psk_identity is None or self.access.psk is None:
            return None
        return fill(self.access.psk_identity, self._values(index)), bytes.fromhex(self.access.psk)

    def login_at(self, index: int) -> Login:
        """Return user name and password: the group's, else those of its target, else those of the file."""
        if self.group.username is not None:
            return self.group.credentials_at(index, self.run, self.identity_at(index))
        if self.logins:
            return self.logins[self.access.first_key + index]
        values = self._values(index)
        username, password = self.access.username, self.access.password
        return (
            None if username is None else fill(username, values),
            None if password is None else fill(password, values),
        )

    def certificate_at(self, index: int) -> Certificate | None:
        """Return the client's own certificate, or None without certificates."""
        if self.certificates:
            return self.certificates[self.access.first_key + index]
        if self.access.cert is None:
            return None
        values = self._values(index)
        return fill(self.access.cert, values), None if self.access.key is None else fill(self.access.key, values)

    def identity_at(self, index: int) -> str:
        """Return the value of `{identity}`; empty without a file of pre-shared keys."""
        return self.keys[self.access.first_key + index][0] if self.keys else ""

    def _values(self, index: int) -> dict[str, str | int]:
        return self.group.values_at(index, self.run, self.identity_at(index))


def load_credentials(access: Access, group: Group, clients: int, run: str) -> Credentials:
    """Read the credential files that a group names, for this number of clients.

    Raises OperatorError for one that is wrong or too short.
    """
    keys: Sequence[PskEntry] = ()
    logins: Sequence[Login] = ()
    certificates: Sequence[Certificate] = ()
    needed = access.first_key + clients
    if access.psk_file is not None:
        keys = read_keys(Path(access.psk_file))
        _enough(access.psk_file, len(keys), "keys", group, needed, f"malaria keygen -n {needed} makes as many")
    if access.credentials_file is not None:
        logins = read_logins(Path(access.credentials_file))
        _enough(access.credentials_file, len(logins), "users", group, needed, "malaria keygen --format csv makes them")
    # a single file, or a template with {index}, needs no list
    if access.cert is not None and Path(access.cert).is_dir():
        certificates = find_certificates(Path(access.cert))
        _enough(
            access.cert,
            len(certificates),
            "certificates",
            group,
            needed,
            "add certificates, or share one: name its file",
        )
    return Credentials(access, group, run, keys, logins, certificates)


def read_keys(path: Path) -> Sequence[PskEntry]:
    """Read a file of `identity:hexkey` lines, or a part of one. Empty lines and lines that begin with # are skipped."""
    keys: list[PskEntry] = []
    seen: set[str] = set()
    for number, line in read_lines(path):
        # an identity may hold colons, the key cannot
        identity, colon, text = line.rpartition(":")
        if not colon or not identity or "\0" in identity or len(identity.encode()) > LONGEST_IDENTITY_BYTES:
            raise OperatorError(f"{path}: line {number} is not identity:hexkey", "malaria keygen writes such a file")
        try:
            key = bytes.fromhex(text)
        except ValueError:
            # refused below together with keys that are too long
            key = b""
        if not 0 < len(key) <= LARGEST_KEY_BYTES:
            raise OperatorError(
                f"{path}: line {number}: the key of {identity!r} cannot be one",
                f"write 1 to {LARGEST_KEY_BYTES} bytes in hexadecimal; malaria keygen makes keys",
            )
        if identity in seen:
            raise OperatorError(
                f"{path}: line {number}: {identity!r} comes a second time", "give each client its own identity"
            )
        # two clients with one identity would look like one to the broker
        seen.add(identity)
        keys.append((identity, key))
    return _placed(path, tuple(keys))


def read_logins(path: Path) -> Sequence[Login]:
    """Read a CSV file of user,password (with or without a header line), lines of `user:password`, or a part of one."""
    return _placed(path, _logins(path))


def part_of_file(path: Path) -> KeyPart | None:
    """Return which part a file is, or None for a whole file. Raises OperatorError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return read_heading(file.readline(LONGEST_HEADING_BYTES).decode(errors="replace"))
    except OSError as error:
        raise _unreadable(path, error) from None


def _placed[Line](path: Path, lines: tuple[Line, ...]) -> Sequence[Line]:
    """Return the lines by their place in the whole file. Raises OperatorError if a part lacks lines."""
    part = part_of_file(path)
    if part is None:
        return lines
    # a part that was cut short would give clients the keys of others
    if part.count != len(lines):
        raise OperatorError(
            f"{path} has {len(lines):,} lines, and its first line says {part.count:,}",
            "share the keys again: malaria swarm share-keys",
        )
    return PartLines(path, part, lines)


def _logins(path: Path) -> tuple[Login, ...]:
    lines = [line for _, line in read_lines(path)]
    if not lines:
        return ()
    logins = [_login_of_line(line) for line in lines] if _is_colon_format(path, lines[0]) else _csv_logins(path, lines)
    for number, login in enumerate(logins, 1):
        for what, text in zip(("user name", "password"), login, strict=True):
            if fault := text_fault(text):
                raise OperatorError(f"{path}: the {what} of user {number} {fault}", "MQTT cannot carry that: change it")
    return tuple(logins)


def _is_colon_format(path: Path, first: str) -> bool:
    """Tell whether lines are `user:password`, not CSV. Raises OperatorError if the first line could be either."""
    # the header line makes it CSV, whatever its fields hold
    if _is_header(first.split(",")):
        return False
    before, comma, _ = first.partition(",")
    if comma and ":" in before and not first.startswith('"'):
        raise OperatorError(
            f"{path}: the first line could be user:password or user,password",
            'write CSV: begin the file with the line user,password, and put a field that holds a comma in quotes "..."',
        )
    return not comma and ":" in first


def _csv_logins(path: Path, lines: list[str]) -> list[tuple[str, str]]:
    try:
        rows = [row for row in csv.reader(lines) if row]
    except csv.Error as error:  # such as a field over 131,072 characters
        raise OperatorError(f"{path} is not a CSV file of users: {error}", "write user,password on each line") from None
    if _is_header(rows[0]):
        rows = rows[1:]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or not row[0]:
            raise OperatorError(
                f"{path}: user {number} is not a pair of user and password", "write user,password on each line"
            )
    return [(row[0], row[1]) for row in rows]


def _is_header(cells: Sequence[str]) -> bool:
    return [cell.strip().lower() for cell in cells[:2]] in (["user", "password"], ["username", "password"])


def find_certificates(directory: Path) -> tuple[Certificate, ...]:
    """List the certificates of a directory by name; the key of `a.crt` is in `a.key`, or in the same file."""
    found = sorted(path for path in directory.iterdir() if path.suffix in CERTIFICATE_SUFFIXES)
    return tuple((str(path), str(key) if (key := path.with_suffix(".key")).exists() else None) for path in found)


def _login_of_line(line: str) -> tuple[str, str]:
    username, _, password = line.partition(":")
    return username, password


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Read the lines that count, each with its number. Raises OperatorError for a file that cannot be read."""
    try:
        text = read_input_text(path, LARGEST_FILE_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError:
        raise OperatorError(f"{path} is not text in UTF-8", "is it the right file?") from None
    lines = enumerate(text.splitlines(), 1)
    return [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]


def _unreadable(path: Path, error: OSError) -> OperatorError:
    return OperatorError(f"{path}: {error.strerror}", "give the path of a file that can be read")


def _enough(path: str, have: int, what: str, group: Group, needed: int, remedy: str) -> None:
    if have < needed:
        raise WarheadError(f"{path} has {have:,} {what}, and group {group.name} needs {needed:,}", remedy)
