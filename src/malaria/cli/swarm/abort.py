"""`malaria swarm abort`: stop all load at once."""

from __future__ import annotations

from typing import Final

from malaria.cli.swarm.app import DEFAULT, Chosen, EndOthers, Name, end_on_each, exit_code, hosts_of, say

EXAMPLES: Final = ("malaria swarm abort", "malaria swarm abort --bee bee-3", "malaria swarm abort --force")
REPORT_S: Final = 15.0
"""How long a conductor may take to end its load in order: the wait for messages under way, and its report."""


def abort(chosen: Chosen = None, force: EndOthers = False, name: Name = DEFAULT) -> int:
    """Stop all load at once, on every bee. An attack or a campaign that this host conducts ends, and reports.

    Before the load of another person is ended, you are asked.
    """
    from malaria.swarm.hosts.conductor_lock import stop_conductors, wait_for_conductors
    from malaria.swarm.hosts.teardown import abort as stop

    hosts = hosts_of(name, chosen)
    # with --bee only these hosts stop, and the attack goes on without them
    if not chosen and stop_conductors(name):
        say("  the attack or campaign that this host conducts is stopping, and reports")
        # the load has ended: bees stop within seconds, by its order or because they hear nothing of it. Killed before
        # their last reports, they would be losses, and the deliveries unknown
        if not wait_for_conductors(name, REPORT_S):
            say(f"  it has not reported after {REPORT_S:.0f} s: its bees are stopped all the same")

    def describe(ended: int) -> str:
        return f"{ended} process{'' if ended == 1 else 'es'} ended" if ended else "made no load"

    failed = end_on_each(hosts, describe, lambda bees, report, all_: stop(bees, report, force=all_), force=force)
    return exit_code(failed)
