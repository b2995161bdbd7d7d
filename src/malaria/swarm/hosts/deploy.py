"""Brings this very version of malaria to the bees: a Python, its wheels, a venv; what is there already stays.

Works without internet on the bee and without pip or uv there. A new venv is made beside the old one and takes its
place in one step, so that a deployment that fails leaves a bee as it was.

Promises: a bee that has the same wheels is left alone; wheels that it has are not sent again; what was unpacked is
proven by importing it there before it is used.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.layout import (
    DEPLOYED,
    PYTHON,
    VENV,
    WHEELS,
    Deployed,
    deployed_from_json,
    put_for,
    settle,
    sftp_path,
    shell_path,
)
from malaria.swarm.hosts.pythons import VERSION, portable_python, tarred
from malaria.swarm.hosts.wheels import InstallBundle, Machine, cache_directory, pack

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

AT_ONCE: Final = 8
"""Bees at the same time: our own line to them is what they share."""
INSTALL_S: Final = 300.0
PYTHON_ARCHIVE: Final = "python.tar.gz"

FIND: Final = """\
cd {directory}
right='import sys, ssl, venv; sys.exit("%d.%d" % sys.version_info[:2] != "{version}" or not ssl.HAS_PSK)'
for python in python/bin/python{version} python{version} python3 "$HOME/.local/bin/python{version}" {ours}; do
    if "$python" -c "$right" 2>/dev/null; then
        found=$(command -v "$python")
        break
    fi
done
if [ -z "${{found:-}}" ]; then
    for uv in uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
        found=$("$uv" python find --no-project {version} 2>/dev/null) && break
        found=
    done
fi
case "${{found:-}}" in python/*) found=$(pwd -P)/$found ;; esac
uname -s
uname -m
echo "${{found:-}}"
cat {deployed} 2>/dev/null || echo
[ -x {python} ] && echo there || echo gone
cd {wheels} && sha256sum *.whl 2>/dev/null || shasum -a 256 *.whl 2>/dev/null || true
"""

INSTALL: Final = """\
set -e
cd {directory}
new={venv}-{digest}
rm -rf "$new"
{python} -m venv --without-pip "$new"
"$new/bin/python" - "$new" <<'END'
import pathlib, sys, sysconfig, zipfile
place = pathlib.Path(sysconfig.get_path("purelib"))
for name in {names}:
    with zipfile.ZipFile(pathlib.Path("{wheels}") / name) as wheel:
        wheel.extractall(place)
END
cat > "$new/bin/malaria" <<END
#!/bin/sh
exec "$(pwd -P)/{venv}/bin/python" -m malaria "\\$@"
END
chmod 755 "$new/bin/malaria"
"$new/bin/python" -c 'import malaria.engine.worker, distributed, cryptography'
"$new/bin/python" -c 'import malaria, platform; print(malaria.__version__, platform.python_version())'
rm -f {venv}.new
ln -s "$new" {venv}.new
mv -T {venv}.new {venv} 2>/dev/null || {{ rm -rf {venv}; mv {venv}.new {venv}; }}
for old in {venv}-*; do [ "$old" = "$new" ] || rm -rf "$old"; done
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What a bee is found to have."""

    machine: Machine
    python: str  # a Python that is new enough; empty: none
    deployed: Deployed | None
    wheels: dict[str, str]  # name -> sha256


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of it. `fresh` False: it was there already."""

    version: str
    python: str
    fresh: bool
    sent_bytes: int = 0


class Packer:
    """The baggage of each kind of machine, made once however many bees ask."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or cache_directory()
        self._baggage: dict[Machine, InstallBundle] = {}
        self._pythons: dict[Machine, bytes] = {}
        self._lock = asyncio.Lock()

    async def baggage(self, machine: Machine) -> InstallBundle:
        async with self._lock:
            if machine not in self._baggage:
                self._baggage[machine] = await asyncio.to_thread(pack, machine, self._directory)
            return self._baggage[machine]

    async def python(self, machine: Machine) -> bytes:
        """A Python that can be moved, as a compressed tar file."""
        async with self._lock:
            if machine not in self._pythons:
                found = await asyncio.to_thread(portable_python, machine, self._directory / "python")
                self._pythons[machine] = await asyncio.to_thread(tarred, found)
            return self._pythons[machine]


async def deploy(
    hosts: Sequence[BeeHost], tell: Callable[[HostResult[Delivery]], None] | None = None, packer: Packer | None = None
) -> list[HostResult[Delivery]]:
    """Brings this malaria to every host; a failed one is in its outcome."""
    return await on_each(hosts, partial(deploy_one, packer=packer or Packer()), tell, AT_ONCE)


async def deploy_one(host: BeeHost, connection: SSHClientConnection, packer: Packer) -> Delivery:
    """Raises SshError, or SwarmError for what lacks here."""
    await settle(host, connection)
    site = await look(host, connection)
    baggage = await packer.baggage(site.machine)
    if site.deployed is not None and site.deployed.digest == baggage.digest:
        return Delivery(site.deployed.version, site.deployed.python, fresh=False)
    sent = await _send_wheels(host, connection, baggage, site)
    python = site.python
    if not python:
        archive = await packer.python(site.machine)
        python = await _send_python(host, connection, archive)
        sent += len(archive)
    version, python_version = await _install(host, connection, baggage, python)
    done = Deployed(version, baggage.digest, python_version)
    await put_for(host, connection, {DEPLOYED: done.to_json().encode()})
    return Delivery(version, python_version, fresh=True, sent_bytes=sent)


async def look(host: BeeHost, connection: SSHClientConnection) -> Site:
    """What there is. The bee's directory must be there."""
    ours = quote(
        str(Path(sys.base_prefix) / "bin" / f"python{VERSION}")
    )  # a host that is a twin of this one has it there too
    script = FIND.format(
        directory=shell_path(host), deployed=DEPLOYED, python=PYTHON, wheels=WHEELS, ours=ours, version=VERSION
    )
    return site_of(await run(connection, script))


def site_of(said: str) -> Site:
    """Reads what `FIND` prints."""
    lines = [*said.splitlines(), "", "", "", "", ""]
    sums = (line.split() for line in lines[5:])
    deployed = deployed_from_json(lines[3]) if lines[4] == "there" else None
    machine = Machine(lines[0].strip(), lines[1].strip())
    return Site(machine, lines[2].strip(), deployed, {words[1]: words[0] for words in sums if len(words) == 2})


async def _send_wheels(host: BeeHost, connection: SSHClientConnection, baggage: InstallBundle, site: Site) -> int:
    """Sends those that lack, removes those that are of no use any more; how many bytes were sent."""
    wanted = {wheel.name: wheel for wheel in baggage.wheels}
    lacking = [wheel for name, wheel in wanted.items() if site.wheels.get(name) != wheel.sha256]
    async with connection.start_sftp_client() as sftp:
        for wheel in lacking:
            await sftp.put(str(wheel.path), sftp_path(host, WHEELS, wheel.name))
        for name in site.wheels.keys() - wanted.keys():
            await sftp.remove(sftp_path(host, WHEELS, name))
    return sum(wheel.path.stat().st_size for wheel in lacking)


async def _send_python(host: BeeHost, connection: SSHClientConnection, archive: bytes) -> str:
    await put_for(host, connection, {PYTHON_ARCHIVE: archive})
    script = f"set -e; cd {shell_path(host)}; rm -rf python; tar xzf {PYTHON_ARCHIVE}; rm {PYTHON_ARCHIVE}; pwd -P"
    return (await run(connection, script, timeout_s=INSTALL_S)).strip() + f"/python/bin/python{VERSION}"


async def _install(
    host: BeeHost, connection: SSHClientConnection, baggage: InstallBundle, python: str
) -> tuple[str, str]:
    """(version of malaria, version of Python) as they say themselves."""
    script = INSTALL.format(
        directory=shell_path(host),
        venv=VENV,
        digest=baggage.digest,
        python=quote(python),
        names=json.dumps([wheel.name for wheel in baggage.wheels]),
        wheels=WHEELS,
    )
    said = (await run(connection, script, timeout_s=INSTALL_S)).split()
    if len(said) != 2 or said[0] != baggage.version:
        raise SwarmError(f"what was deployed says {' '.join(said)[:80]!r} of itself", "deploy again")
    return said[0], said[1]
