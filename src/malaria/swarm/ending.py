"""How load is stopped at once on every bee, and how a bee is left as if we had never been there.

Promises: only processes that run the bee's own Python, out of the bee's own directory, are ended; only a directory with
our marker in it is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from malaria.model.swarm import BeeHost
from malaria.swarm.places import MARKER, PID_FILE, VENV
from malaria.swarm.reach import Outcome, on_each, run, shell_path

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

ALL_AT_ONCE: Final = 1000
ABORT_S: Final = 10.0

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


async def abort(hosts: Sequence[BeeHost], tell: Callable[[Outcome[int]], None] | None = None) -> list[Outcome[int]]:
    """Ends all load on every host at once; how many processes there were."""
    return await on_each(hosts, _abort_one, tell, ALL_AT_ONCE)


async def clear_away(
    hosts: Sequence[BeeHost], tell: Callable[[Outcome[None]], None] | None = None
) -> list[Outcome[None]]:
    """Ends the load, and removes the bee's directory if it is ours."""
    return await on_each(hosts, _clear_one, tell)


async def _abort_one(host: BeeHost, connection: SSHClientConnection) -> int:
    said = await run(host, connection, ABORT.format(directory=shell_path(host)), timeout_s=ABORT_S)
    return int(said.split()[-1])


async def _clear_one(host: BeeHost, connection: SSHClientConnection) -> None:
    await _abort_one(host, connection)
    await run(host, connection, REMOVE.format(directory=shell_path(host)))
