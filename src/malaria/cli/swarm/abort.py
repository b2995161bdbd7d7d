"""`malaria swarm abort`: stop all load at once."""

from __future__ import annotations

from malaria.cli.swarm.app import DEFAULT, Chosen, Name, exit_code, hosts_of, say, work_on_each


def abort(chosen: Chosen = None, name: Name = DEFAULT) -> int:
    """Stop all load at once, on every bee. An attack or a campaign that this host conducts ends, and reports."""
    from malaria.swarm.hosts.conductor_lock import stop_conductors
    from malaria.swarm.hosts.teardown import abort as stop

    hosts = hosts_of(name, chosen)
    if not chosen and stop_conductors(name):
        say("  the attack or campaign that this host conducts was told to stop, and reports")

    def describe(ended: int) -> str:
        return f"{ended} processes ended" if ended else "made no load"

    return exit_code(work_on_each(hosts, describe, lambda report: stop(hosts, report)))
