"""A host that ssh can reach: its address and the settings to log in with.

Promises: neither the user nor the host can be taken for an option of a command or for several words of a shell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from malaria.units import NotationError

HOST: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:%-]{0,254}")
USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@\\-]{0,63}")
_DESTINATION: Final = re.compile(
    r"(?:(?P<user>[^@]*)@)?(?:\[(?P<ip6>[^\]]*)\]|(?P<host>[^@:\[\]]*))(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class SshDestination:
    """A host to log in to. An empty value (or a port of None) leaves the choice to the ssh configuration."""

    host: str
    user: str = ""
    port: int | None = None
    jump: str = ""  # `user@a,user@b:2222`: hosts to go through, as `ssh -J` takes them
    key: str = ""  # a file with the private key
    config: str = ""  # an ssh configuration to use in place of ~/.ssh/config
    host_key: str = ""  # the public key that the host must have; empty: one that known_hosts has

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


def parse_destination(text: str) -> SshDestination:
    """Read `user@host:port`, `host`, `user@[fe80::1]:22` or `ssh://user@host/`. Raises NotationError."""
    found = _DESTINATION.fullmatch(text.strip().removeprefix("ssh://").removesuffix("/"))
    host = (found["ip6"] or found["host"] or "") if found else ""
    user = found["user"] if found else ""
    port = int(found["port"]) if found and found["port"] else None
    if not HOST.fullmatch(host) or not (user is None or USER.fullmatch(user)) or port not in (None, *range(1, 65536)):
        raise NotationError(f"{text[:80]!r} is not a host", "write user@host, host or user@host:port")
    return SshDestination(host, user or "", port)
