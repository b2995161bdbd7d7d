"""How load is stopped at once on every bee, and how a bee is left as if we had never been there.

Stopping is urgent. The system's ssh is told first, because it is there at once, while our own way takes a second to
load; what ssh cannot do, for whatever reason, our own way does, or says why not.

Promises: only processes that run the bee's own Python, out of the bee's own directory, are ended; only a directory with
our marker in it is removed.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from tempfile import NamedTemporaryFile
from typing import Final

from malaria.ssh.connection import connect, run
from malaria.swarm.hosts.bee_files import shell_path
from malaria.swarm.hosts.bee_layout import MARKER, PID_FILE, VENV
from malaria.swarm.hosts.each_host import HostResult, for_each
from malaria.swarm.hosts.inventory import BeeHost

ALL_AT_ONCE: Final = 1000
ABORT_S: Final = 10.0
ALIAS: Final = "malaria-bee"

OURS: Final = f"""\
cd {{directory}} 2>/dev/null && [ -e {MARKER} ] || {{{{ echo 0; exit 0; }}}}
here=$(pwd -P | sed 's/[][\\.*^$]/\\\\&/g')
# every process whose first word is our Python, the one that says that it is the bee, and all of its session
ours() {{{{
    grep -lsa "^$here/{VENV}[^/]*/bin/" /proc/[0-9]*/cmdline | cut -d/ -f3
    leader=$(cat {PID_FILE} 2>/dev/null) && grep -qsa malaria "/proc/$leader/cmdline" || return
    for stat in /proc/[0-9]*/stat; do
        read -r line 2>/dev/null < "$stat" || continue
        pid=${{{{line%% *}}}}
        set -- ${{{{line##*) }}}}
        [ "$4" = "$leader" ] && echo "$pid"
    done
}}}}
"""
ABORT: Final = (
    OURS
    + f"""\
pids=$(ours | sort -u)
set -- $pids
[ $# -gt 0 ] && kill -TERM "$@" 2>/dev/null
for wait in 1 2 3 4 5 6 7 8; do
    for pid in $pids; do kill -0 "$pid" 2>/dev/null && break; done || break
    sleep 0.1
done
set -- $pids $(ours)
[ $# -gt 0 ] && kill -KILL "$@" 2>/dev/null
rm -f {PID_FILE}
echo $pids | wc -w
"""
)
REMOVE: Final = f"""\
d={{directory}}
[ -e "$d" ] || exit 0
[ -e "$d/{MARKER}" ] || {{{{ echo "$d is not ours: it stays" >&2; exit 1; }}}}
rm -rf -- "$d"
"""


async def abort(
    hosts: Sequence[BeeHost], tell: Callable[[HostResult[int]], None] | None = None
) -> list[HostResult[int]]:
    """Ends all load on every host at once; how many processes there were."""
    return await for_each(hosts, _abort_one, tell, ALL_AT_ONCE)


async def clear_away(
    hosts: Sequence[BeeHost], tell: Callable[[HostResult[None]], None] | None = None
) -> list[HostResult[None]]:
    """Ends the load, and removes the bee's directory if it is ours."""
    return await for_each(hosts, _clear_one, tell)


async def _abort_one(host: BeeHost) -> int:
    script = ABORT.format(directory=shell_path(host))
    said = await _by_ssh(host, script)
    if said is None:
        async with connect(host.destination) as connection:
            said = await run(connection, script, timeout_s=ABORT_S)
    return int(said.split()[-1])


async def _clear_one(host: BeeHost) -> None:
    async with connect(host.destination) as connection:
        await run(connection, ABORT.format(directory=shell_path(host)), timeout_s=ABORT_S)
        await run(connection, REMOVE.format(directory=shell_path(host)))


async def _by_ssh(host: BeeHost, script: str) -> str | None:
    """What the script says; None when ssh is not here, or did not get through."""
    if (ssh := shutil.which("ssh")) is None:
        return None
    with NamedTemporaryFile("w", prefix="malaria-known-") as known:
        known.write(f"{ALIAS} {host.host_key}\n")
        known.flush()
        process = await asyncio.create_subprocess_exec(
            *ssh_command(ssh, host, known.name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(script.encode()), ABORT_S)
        except TimeoutError:
            process.kill()
            return None
    text = said.decode(errors="replace").strip()
    return text if process.returncode == 0 and text.rpartition("\n")[2].strip().isdigit() else None


def ssh_command(ssh: str, host: BeeHost, known: str) -> list[str]:
    """ssh to a bee, a shell there that reads its script. `known`: a file with the host key that the bee must have."""
    options = {"BatchMode": "yes", "StrictHostKeyChecking": "yes", "ConnectTimeout": "5", "ForwardAgent": "no"}
    if host.host_key:
        options |= {"HostKeyAlias": ALIAS, "UserKnownHostsFile": known, "GlobalKnownHostsFile": "/dev/null"}
    command = [ssh, "-T", *(["-F", host.ssh_config] if host.ssh_config else [])]
    command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    for flag, value in (("-p", str(host.port or "")), ("-l", host.user), ("-i", host.key), ("-J", host.jump)):
        command += [flag, value] if value else []
    return [*command, "--", host.host, "exec sh -s"]
