"""Prepare hosts for load: open files, local ports, accept queue, and a Python where the packages have one.

A shell script does it, as root or with sudo without a password, and reports line by line what it changed and what was
right already. It only raises what is too low, writes two files of its own in /etc, and can be read first: PREPARE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.machine import PYTHON_VERSION

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

PREPARE_S: Final = 300.0
OPEN_FILES: Final = 1_048_576
ETC: Final = "/etc"
NO_ROOT: Final = "malaria: not root"

PREPARE: Final = """\
#!/bin/sh
# Prepares a Linux host to make load with malaria. Run it as root; running it again is harmless. It reports its changes.
# Arguments: the directory of /etc, and no-packages to install none.
etc=${1:-/etc}
install=${2:-packages}
files=1048576
changed() { echo "changed: $*"; }
kept() { echo "kept: $*"; }
lacking() { echo "lacking: $*"; }

# raise a setting to at least so much, now; a higher one stays
at_least() {
    file=/proc/sys/$(echo "$1" | tr . /)
    old=$(cat "$file" 2>/dev/null) || { lacking "$1 cannot be read here"; return; }
    if [ "$old" -ge "$2" ]; then kept "$1 = $old"
    elif echo "$2" 2>/dev/null > "$file"; then changed "$1 = $2 (was $old)"
    else lacking "$1 is $old and may not be changed here; it should be $2"
    fi
}

# write a file in /etc, for after the next start
persist() {
    mkdir -p "$(dirname "$1")"
    if [ "$(cat "$1" 2>/dev/null)" = "$2" ]; then kept "$1"
    elif printf '%s\\n' "$2" 2>/dev/null > "$1"; then changed "$1"
    else lacking "$1 may not be written"
    fi
}

at_least fs.nr_open $files
at_least net.core.somaxconn 4096
range=/proc/sys/net/ipv4/ip_local_port_range
set -- $(cat $range 2>/dev/null) 0 0
if [ "$1" -le 1024 ] && [ "$2" -ge 65535 ]; then kept "net.ipv4.ip_local_port_range = $1 $2"
elif echo "1024 65535" 2>/dev/null > $range; then changed "net.ipv4.ip_local_port_range = 1024 65535 (was $1 $2)"
else lacking "net.ipv4.ip_local_port_range is $1 $2 and may not be changed here; it should be 1024 65535"
fi
persist "$etc/sysctl.d/90-malaria.conf" "fs.nr_open = $files
net.core.somaxconn = 4096
net.ipv4.ip_local_port_range = 1024 65535"

# open files of logins from now on
persist "$etc/security/limits.d/90-malaria.conf" "* hard nofile $files
* soft nofile $files
root hard nofile $files
root soft nofile $files"

# tar unpacks a Python that is sent; a Python of the packages saves sending one
[ "$install" = packages ] || exit 0
packages=
command -v tar >/dev/null || packages=tar
if ! python@VERSION@ -c pass 2>/dev/null && apt-cache show python@VERSION@-venv >/dev/null 2>&1
then packages="$packages python@VERSION@ python@VERSION@-venv"
fi
if [ -n "$packages" ] && command -v apt-get >/dev/null; then
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >/dev/null 2>&1
    then changed "installed $packages"
    else lacking "$packages could not be installed"
    fi
fi
""".replace("@VERSION@", PYTHON_VERSION)

AS_ROOT: Final = f"""\
if [ "$(id -u)" = 0 ]; then exec sh -s -- "{{etc}}" {{packages}}; fi
sudo -n true </dev/null 2>/dev/null && exec sudo -n sh -s -- "{{etc}}" {{packages}}
echo "{NO_ROOT}"
"""


@dataclass(frozen=True, slots=True)
class Preparation:
    """The report of the script, as sentences."""

    changed: tuple[str, ...]
    kept: tuple[str, ...]
    lacking: tuple[str, ...]
    open_files: int | None  # limit of a process of a new login


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """Options of the script: the directory it writes into, and whether it may install packages."""

    etc: str = ETC
    packages: bool = True


async def prepare(
    hosts: Sequence[BeeHost],
    report: Callable[[HostResult[Preparation]], None] | None = None,
    options: PrepareOptions = PrepareOptions(),
) -> list[HostResult[Preparation]]:
    """Prepare every host; a host that fails has its error in its result."""
    done = await on_each(hosts, partial(_prepare_one, options=options))
    # limits count for new logins, so this needs new connections
    again = await on_each([result.host for result in done if not result.failed], _open_files)
    limits = {result.host.name: result.value for result in again}
    results = [_with_limit(result, limits.get(result.host.name)) for result in done]
    for result in results:
        if report is not None:
            report(result)
    return results


async def _prepare_one(host: BeeHost, connection: SSHClientConnection, options: PrepareOptions) -> Preparation:
    script = AS_ROOT.format(etc=options.etc, packages="packages" if options.packages else "no-packages")
    output = await run(connection, script, stdin=PREPARE, timeout_s=PREPARE_S)
    if NO_ROOT in output:
        raise SwarmError(
            "preparing needs root there, or sudo without a password",
            "run it there by hand: malaria swarm prepare --script > prepare.sh; sudo sh prepare.sh",
        )
    return preparation_of(output)


def preparation_of(output: str) -> Preparation:
    """Read what the script prints."""
    sorts: dict[str, list[str]] = {"changed": [], "kept": [], "lacking": []}
    for line in output.splitlines():
        sort, _, sentence = line.partition(": ")
        if sort in sorts:
            sorts[sort].append(sentence)
    return Preparation(tuple(sorts["changed"]), tuple(sorts["kept"]), tuple(sorts["lacking"]), None)


async def _open_files(host: BeeHost, connection: SSHClientConnection) -> int:
    """Return the limit of open files of a new login: a login that is open keeps its old one."""
    limit = (await run(connection, "ulimit -Hn")).strip()
    return int(limit) if limit.isdigit() else OPEN_FILES


def _with_limit(result: HostResult[Preparation], limit: int | None) -> HostResult[Preparation]:
    done = result.value
    if done is None:
        return result
    lacking = done.lacking
    if limit is not None and limit < OPEN_FILES:
        lacking += (
            f"a new login may open {limit:,} files; it should be {OPEN_FILES:,}: if sshd there has UsePAM no, "
            "start it with LimitNOFILE",
        )
    return HostResult(result.host, Preparation(done.changed, done.kept, lacking, limit))
