"""Install this version of malaria on the bees: one bundle with its packages, and a Python if needed, in a venv there.

Works without internet on the bee, and without pip or uv there. A new venv is made beside the old one and takes its
place in one step, so that a deployment that fails leaves a bee as it was.

Promises: a bee that has the same files is left alone; what was unpacked is imported there once before it is used.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.swarm.hosts.bee_files import make_directory, put_for, shell_path
from malaria.swarm.hosts.bee_layout import BUNDLE, DEPLOYED, PYTHON, VENV, Deployed, deployed_from_json
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.holding import check_free
from malaria.swarm.hosts.install_bundle import PACKAGES, InstallBundle, make_bundle
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.machine import PYTHON_VERSION, Machine
from malaria.swarm.hosts.portable_python import portable_python

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

AT_ONCE: Final = 8
"""How many bees are sent to at the same time: they share this machine's line."""
INSTALL_S: Final = 300.0

FIND: Final = """\
cd {directory}
right='import sys, ssl, venv; sys.exit("%d.%d" % sys.version_info[:2] != "{version}" or not ssl.HAS_PSK)'
for python in python/bin/python{version} python{version} python3 "$HOME/.local/bin/python{version}" {same_as_here}; do
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
echo "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(stat -c %d:%i . 2>/dev/null)"
"""

INSTALL: Final = """\
set -e
cd {directory}
new={venv}-{digest}
trap 'rm -rf {bundle} unpacked' EXIT
rm -rf "$new" unpacked
mkdir unpacked
python={python}
if [ -n "$python" ]; then
    "$python" -c 'import tarfile; tarfile.open("{bundle}").extractall("unpacked", filter="data")'
else
    tar xzf {bundle} -C unpacked
    rm -rf python
    mv unpacked/python python
    python=$(pwd -P)/python/bin/python{version}
fi
"$python" -m venv --without-pip "$new"
packages=$("$new/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
rm -rf "$packages"
mv unpacked/{packages} "$packages"
cat > "$new/bin/malaria" <<END
#!/bin/sh
exec "$(pwd -P)/{venv}/bin/python" -m malaria "\\$@"
END
chmod 755 "$new/bin/malaria"
"$new/bin/python" -c 'import malaria.engine.worker, malaria.swarm.run.bee_process'
"$new/bin/python" -c 'import malaria, platform; print(malaria.__version__, platform.python_version())'
rm -f {venv}.new
ln -s "$new" {venv}.new
mv -T {venv}.new {venv} 2>/dev/null || {{ rm -rf {venv}; mv {venv}.new {venv}; }}
for old in {venv}-*; do [ "$old" = "$new" ] || rm -rf "$old"; done
"""


@dataclass(frozen=True, slots=True)
class BeeState:
    """The state of a bee before a deployment."""

    machine: Machine
    python: str  # path of a Python of the right version; empty: none
    deployed: Deployed | None
    place: str = ""  # the same for two bees alone if they are one host and one directory


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of a deployment. `fresh` False: the same files were there already."""

    version: str
    python: str
    fresh: bool
    sent_bytes: int = 0


class Packer:
    """The bundles of each kind of machine, each made once however many bees need it."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or cache_directory()
        self._bundles: dict[Machine, InstallBundle] = {}
        self._packed: dict[tuple[Machine, bool], bytes] = {}
        self._lock = asyncio.Lock()

    async def bundle(self, machine: Machine) -> InstallBundle:
        async with self._lock:
            if machine not in self._bundles:
                self._bundles[machine] = await asyncio.to_thread(make_bundle, machine, self._directory)
            return self._bundles[machine]

    async def packed(self, machine: Machine, *, with_python: bool) -> bytes:
        """Return the bundle as it is sent. Raises SwarmError if a Python is needed and none can be had."""
        bundle = await self.bundle(machine)
        async with self._lock:
            if (machine, with_python) not in self._packed:
                python = None
                if with_python:
                    python = await asyncio.to_thread(portable_python, machine, self._directory / "python")
                self._packed[machine, with_python] = await asyncio.to_thread(bundle.pack, python)
            return self._packed[machine, with_python]


def cache_directory() -> Path:
    """Return where fetched packages and Pythons are kept between two deployments."""
    if home := os.environ.get("MALARIA_HOME"):
        return Path(home) / "packages"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "malaria" / "packages"


async def deploy(
    hosts: Sequence[BeeHost],
    report: Callable[[HostResult[Delivery]], None] | None = None,
    packer: Packer | None = None,
    *,
    force: bool = False,
) -> list[HostResult[Delivery]]:
    """Install this malaria on every host; a host that fails has its error in its result.

    A bee on which another person's load is, is left alone without `force`.
    """
    work = partial(deploy_one, packer=packer or Packer(), places=ClaimedPlaces(), force=force)
    return await on_each(hosts, work, report, AT_ONCE)


class ClaimedPlaces:
    """The directories that bees of this deployment have, by host: one host may have been added under two names."""

    def __init__(self) -> None:
        self._bees: dict[str, BeeHost] = {}

    def claim(self, place: str, host: BeeHost) -> None:
        """Note that a bee is there. Raises SwarmError if another one is."""
        other = self._bees.setdefault(place, host) if place else host
        if other is not host:
            raise SwarmError(
                f"it is the same host and directory as {other}",
                f"take one out, then deploy again: malaria swarm remove {host.name}",
            )


async def deploy_one(
    host: BeeHost, connection: SSHClientConnection, packer: Packer, places: ClaimedPlaces, *, force: bool = False
) -> Delivery:
    """Install this malaria on one host. Raises SshError for a failure there, OperatorError for one here."""
    if not force:
        await check_free(host, connection)
    await make_directory(host, connection)
    state = await look(host, connection)
    places.claim(state.place, host)
    bundle = await packer.bundle(state.machine)
    if state.deployed is not None and state.deployed.digest == bundle.digest:
        return Delivery(state.deployed.version, state.deployed.python, fresh=False)
    packed = await packer.packed(state.machine, with_python=not state.python)
    await put_for(host, connection, {BUNDLE: packed})
    version, python_version = await _install(host, connection, bundle, state.python)
    done = Deployed(version, bundle.digest, python_version)
    await put_for(host, connection, {DEPLOYED: done.to_json().encode()})
    return Delivery(version, python_version, fresh=True, sent_bytes=len(packed))


async def look(host: BeeHost, connection: SSHClientConnection) -> BeeState:
    """Return what a bee has. Its directory must exist."""
    # a host set up like this one has its Python at the same path
    same_as_here = quote(str(Path(sys.base_prefix) / "bin" / f"python{PYTHON_VERSION}"))
    script = FIND.format(
        directory=shell_path(host), deployed=DEPLOYED, python=PYTHON, same_as_here=same_as_here, version=PYTHON_VERSION
    )
    return state_from(await run(connection, script))


def state_from(output: str) -> BeeState:
    """Read what `FIND` prints."""
    lines = [*output.splitlines(), "", "", "", "", "", ""]
    deployed = deployed_from_json(lines[3]) if lines[4] == "there" else None
    return BeeState(Machine(lines[0].strip(), lines[1].strip()), lines[2].strip(), deployed, lines[5].strip())


async def _install(
    host: BeeHost, connection: SSHClientConnection, bundle: InstallBundle, python: str
) -> tuple[str, str]:
    """Unpack the bundle that was sent; return the versions of malaria and Python that the new venv reports."""
    script = INSTALL.format(
        directory=shell_path(host),
        venv=VENV,
        digest=bundle.digest,
        python=quote(python),
        bundle=BUNDLE,
        packages=PACKAGES,
        version=PYTHON_VERSION,
    )
    versions = (await run(connection, script, timeout_s=INSTALL_S)).split()
    if len(versions) != 2 or versions[0] != bundle.version:
        raise SwarmError(f"the deployed malaria reports version {' '.join(versions)[:80]!r}", "deploy again")
    return versions[0], versions[1]
