"""The bees of a swarm: which hosts they are, how to reach them, and the directory of malaria on each.

Promises: a value that cannot be right is refused with its key; no value can be taken for an option of a command or for
several words of a shell. Does not promise that a host exists.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

import tomli_w
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, model_validator

from malaria.errors import SwarmError
from malaria.input_file import read_input_text
from malaria.model.faults import KeyPathError, Location, explain, key_path
from malaria.model.table import Table
from malaria.ssh.destination import HOST, USER, SshDestination, parse_destination
from malaria.units import NotationError

LARGEST_FILE_BYTES: Final = 10**7
DEFAULT_SWARM: Final = "bees"
DEFAULT_DIRECTORY: Final = "~/.malaria"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
_DIRECTORY: Final = re.compile(r"(~/|/)[A-Za-z0-9._/+@-]{1,200}")
_HOST_KEY: Final = re.compile(r"[a-z0-9@.-]{1,64} [A-Za-z0-9+/=]{16,4096}")
_MARK: Final = "malaria swarm"


def _jump(value: Any) -> str:
    """`user@a,user@b:2222`, as ssh -J takes it."""
    if not isinstance(value, str):
        raise NotationError(f"{value!r} is not a jump host", "write user@host:port; several with commas")
    return ",".join(str(parse_destination(part)) for part in value.split(",")) if value else ""


type Jump = Annotated[str, BeforeValidator(_jump)]


class BeeHost(Table):
    """One host that makes load. Empty values are left to the ssh configuration (`ssh_config`, else ~/.ssh/config)."""

    name: str = Field(pattern=_NAME)
    host: str
    user: str = ""
    port: int | None = Field(default=None, strict=True, ge=1, le=65535)
    jump: Jump = ""
    key: str = ""  # file of a private key; the agent's and ssh's usual ones are tried too
    ssh_config: str = ""
    host_key: str = ""  # the public key that it must have; empty: one of known_hosts
    directory: str = DEFAULT_DIRECTORY  # on the bee; malaria writes into no other
    source_addresses: tuple[str, ...] = ()  # of the bee; its clients connect from them
    region: str = ""
    instance: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not HOST.fullmatch(self.host):
            raise KeyPathError("host", f"{self.host[:80]!r} is not a host", "write a name or an address")
        if self.user and not USER.fullmatch(self.user):
            raise KeyPathError("user", f"{self.user[:80]!r} is not a user", "write the name to log in with")
        parts = self.directory.split("/")
        if not _DIRECTORY.fullmatch(self.directory) or ".." in parts or self.directory.rstrip("/") == "~":
            raise KeyPathError(
                "directory",
                f"{self.directory[:80]!r} cannot be the bee's directory",
                f"write one such as {DEFAULT_DIRECTORY}",
            )
        if self.host_key and not _HOST_KEY.fullmatch(self.host_key):
            raise KeyPathError("host_key", "is not a public key", "write it as in known_hosts: ssh-ed25519 AAAA...")
        return self

    @property
    def destination(self) -> SshDestination:
        """Return how ssh reaches the bee."""
        return SshDestination(
            self.host, self.user, self.port, self.jump, self.key, config=self.ssh_config, host_key=self.host_key
        )

    @property
    def of_cloud(self) -> bool:
        """Return whether malaria made the bee as an instance."""
        return bool(self.instance)

    def __str__(self) -> str:
        return f"{self.name} ({self.destination})"


def _bees(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Swarm(Table):
    """The bees of an attack, in their order: bee i carries share i of n."""

    name: str = Field(default=DEFAULT_SWARM, pattern=_NAME)
    region: str = ""  # region of its instances
    bee: Annotated[tuple[BeeHost, ...], BeforeValidator(_bees), PlainSerializer(list)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: set[str] = set()
        places: set[tuple[str, str, int | None, str]] = set()
        for number, bee in enumerate(self.bee):
            if bee.name in seen:
                raise KeyPathError(("bee", number, "name"), f"{bee.name!r} is used twice", "give it another name")
            place = (bee.host, bee.user, bee.port, bee.directory)
            if place in places:
                raise KeyPathError(
                    ("bee", number, "host"),
                    f"{bee.destination} is already a bee",
                    "leave it out, or give its own directory",
                )
            seen.add(bee.name)
            places.add(place)
        return self

    @property
    def hosts(self) -> tuple[BeeHost, ...]:
        return self.bee

    def named(self, name: str) -> BeeHost:
        """Return a bee. Raises SwarmError for a name that the swarm does not have."""
        found = next((bee for bee in self.bee if bee.name == name), None)
        if found is None:
            raise SwarmError(f"swarm {self.name} has no bee {name!r}", f"it has {', '.join(b.name for b in self.bee)}")
        return found

    def chosen(self, names: Iterable[str]) -> tuple[BeeHost, ...]:
        """Return the bees of these names, or all bees if there is no name. Raises SwarmError."""
        wanted = list(names)
        return tuple(self.named(name) for name in wanted) if wanted else self.bee

    def limited_to(self, names: Iterable[str], without: Iterable[str] = ()) -> Swarm:
        """Return the swarm with the chosen bees alone, less those of `without`. Raises SwarmError for an empty rest."""
        left_out = {self.named(name).name for name in without}
        rest = [bee for bee in self.chosen(names) if bee.name not in left_out]
        if not rest:
            raise SwarmError(f"no bee of swarm {self.name} is left", "name fewer bees with --without")
        return self.with_hosts(rest)

    def with_hosts(self, hosts: Iterable[BeeHost]) -> Swarm:
        """Return the same swarm with other bees. Raises SwarmError for two of the same name or directory."""
        return swarm_of({"name": self.name, "region": self.region, "bee": [host.model_dump() for host in hosts]})

    def with_more(self, hosts: Sequence[Mapping[str, Any]]) -> Swarm:
        """Return the swarm with these bees added; one without a name gets the first free name bee-N."""
        tables = [host.model_dump() for host in self.bee]
        taken = {str(table["name"]) for table in tables} | {str(host["name"]) for host in hosts if host.get("name")}
        numbers = (number for number in range(1, 1_000_000) if f"bee-{number}" not in taken)
        tables += [dict(host) if host.get("name") else {"name": f"bee-{next(numbers)}", **host} for host in hosts]
        return swarm_of({"name": self.name, "region": self.region, "bee": tables})


_KNOWN: Final = {"": frozenset(Swarm.model_fields), "bee": frozenset(BeeHost.model_fields)}


def swarm_of(table: Mapping[str, Any], file: str = "") -> Swarm:
    """Make a swarm from a table. Raises SwarmError, which names the key at fault."""
    try:
        return Swarm.model_validate(table)
    except ValidationError as error:
        raise explain(error, lambda location: _place(file, location), _KNOWN, SwarmError) from None


def swarm_from_toml(text: str, file: str = "") -> Swarm:
    """Read a swarm. Raises SwarmError, which names the key at fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SwarmError(f"{file or _MARK}: {error}", "see `malaria docs swarm` for such a file") from None
    return swarm_of(table, file)


def swarm_to_toml(swarm: Swarm) -> str:
    return tomli_w.dumps(swarm.model_dump(exclude_defaults=True) | {"name": swarm.name})


def read_inventory(path: Path) -> list[dict[str, Any]]:
    """Read the bees of an inventory file. Raises SwarmError."""
    try:
        return inventory_from(read_input_text(path, LARGEST_FILE_BYTES), str(path))
    except OSError as error:
        raise SwarmError(f"{path}: {error.strerror}", "name a file of hosts, see `malaria docs swarm`") from None
    except UnicodeDecodeError:
        raise SwarmError(f"{path} is not text in UTF-8", "is it the right file?") from None


def inventory_from(text: str, file: str) -> list[dict[str, Any]]:
    """Read the bees of an inventory: [[bee]] tables of TOML, or one user@host:port per line. Raises SwarmError.

    A bee that has no name there gets none here: the swarm that it is added to gives it the first free one.
    """
    if Path(file).suffix == ".toml":
        tables = _tables(text, file)
        numbered = [{"name": f"bee-{n}", **one} if isinstance(one, dict) else one for n, one in enumerate(tables, 1)]
        bees = swarm_of({"bee": numbered}, file).bee
        return [
            bee.model_dump(exclude_defaults=True, exclude=set() if "name" in table else {"name"})
            for bee, table in zip(bees, tables, strict=True)
        ]
    lines = [(number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [_line(line, f"{file}: line {number}") for number, line in lines if line]


def table_of(address: str) -> dict[str, Any]:
    """Return the table of a bee at `user@host:port`. Raises SwarmError."""
    return _line(address, _MARK)


def _tables(text: str, file: str) -> list[Any]:
    try:
        tables = tomllib.loads(text).get("bee", [])
    except tomllib.TOMLDecodeError as error:
        raise SwarmError(f"{file}: {error}", "write [[bee]] tables, see `malaria docs swarm`") from None
    if not isinstance(tables, list):
        raise SwarmError(f"{file}: bee: is not a list of tables", "write [[bee]] and its keys on the lines below")
    return tables


def _line(text: str, place: str) -> dict[str, Any]:
    try:
        address = parse_destination(text)
    except NotationError as error:
        raise SwarmError(f"{place}: {error.message}", error.remedy) from None
    table: dict[str, Any] = {"host": address.host, "user": address.user}
    return table | ({"port": address.port} if address.port else {})


def _place(file: str, location: Location) -> str:
    return f"{file or 'swarm'}: {key_path(location)}"
