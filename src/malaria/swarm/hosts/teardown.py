"""Stop all load on the bees at once, and remove malaria from them.

Promises: only processes are ended that run the bee's own Python out of the bee's own directory; only a directory with
malaria's marker in it is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from malaria.ssh.connection import connect, run
from malaria.swarm.hosts.bee_files import shell_path
from malaria.swarm.hosts.bee_layout import HOLDER_FILE, MARKER, PID_FILE, VENV
from malaria.swarm.hosts.each_host import HostResult, for_each
from malaria.swarm.hosts.holding import check_free
from malaria.swarm.hosts.inventory import BeeHost

ALL_AT_ONCE: Final = 1000
ABORT_S: Final = 10.0

FIND_PROCESSES: Final = f"""\
cd {{directory}} 2>/dev/null && [ -e {MARKER} ] || {{{{ echo 0; exit 0; }}}}
here=$(pwd -P | sed 's/[][\\.*^$]/\\\\&/g')
# every process whose first word is the bee's Python, the process of the bee, and all of its session
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
    FIND_PROCESSES
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
rm -f {PID_FILE} {HOLDER_FILE}
echo $pids | wc -w
"""
)
REMOVE: Final = f"""\
d={{directory}}
[ -e "$d" ] || exit 0
[ -n "$(ls -A "$d")" ] || {{{{ rmdir -- "$d" 2>/dev/null || :; exit 0; }}}}
[ -e "$d/{MARKER}" ] || {{{{ echo "$d is not malaria's directory: it stays" >&2; exit 1; }}}}
# the marker last: what fails on the way can be done again
find "$d" -mindepth 1 -maxdepth 1 ! -name {MARKER} -exec rm -rf -- {{{{}}}} + || exit 1
rm -f -- "$d/{MARKER}"
# an empty directory may stay where its parent belongs to another, as with /srv/malaria
rmdir -- "$d" 2>/dev/null || :
"""


async def abort(
    hosts: Sequence[BeeHost], report: Callable[[HostResult[int]], None] | None = None, *, force: bool = False
) -> list[HostResult[int]]:
    """End all load on every host; the value of each result is the number of processes that were ended.

    The load of another person is ended with `force` alone; else the host has failed, and is `held`.
    """
    return await for_each(hosts, partial(_abort_one, force), report, ALL_AT_ONCE)


async def clear_away(
    hosts: Sequence[BeeHost], report: Callable[[HostResult[None]], None] | None = None, *, force: bool = False
) -> list[HostResult[None]]:
    """End the load on every host as `abort` does, and remove its bee's directory."""
    return await for_each(hosts, partial(_clear_one, force), report)


async def _abort_one(force: bool, host: BeeHost) -> int:
    async with connect(host.destination) as connection:
        if not force:
            await check_free(host, connection)
        output = await run(connection, ABORT.format(directory=shell_path(host)), timeout_s=ABORT_S)
    return int(output.split()[-1])  # the start-up files of a shell may print before


async def _clear_one(force: bool, host: BeeHost) -> None:
    async with connect(host.destination) as connection:
        if not force:
            await check_free(host, connection)
        await run(connection, ABORT.format(directory=shell_path(host)), timeout_s=ABORT_S)
        await run(connection, REMOVE.format(directory=shell_path(host)))
