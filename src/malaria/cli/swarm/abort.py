"""`malaria swarm abort`: stop all load at once."""

from __future__ import annotations

from typing import Final

from malaria.cli.swarm.app import DEFAULT, Chosen, Name, exit_code, hosts_of, say, work_on_each

EXAMPLES: Final = ("malaria swarm abort", "malaria swarm abort --bee bee-3")
REPORT_S: Final = 15.0
"""How long a conductor may take to end its load in order: the wait for messages under way, and its report."""


def abort(chosen: Chosen = None, name: Name = DEFAULT) -> int:
    """Stop all load at once, on every bee. An attack or a campaign that this host conducts ends, and reports."""
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
        return f"{ended} processes ended" if ended else "made no load"

    return exit_code(work_on_each(hosts, describe, lambda report: stop(hosts, report)))
