"""`malaria swarm deploy`: install this malaria on the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from malaria.cli.swarm.app import DEFAULT, Chosen, EndOthers, Name, end_on_each, exit_code, hosts_of

if TYPE_CHECKING:
    from malaria.swarm.hosts.deployment import Delivery

EXAMPLES: Final = ("malaria swarm deploy", "malaria swarm deploy --bee bee-3")


def deploy(chosen: Chosen = None, force: EndOthers = False, name: Name = DEFAULT) -> int:
    """Install this version of malaria on the hosts, with its Python if needed. They need no internet.

    Before anything is replaced on a bee on which another person's load is, you are asked.
    """
    from malaria.swarm.hosts.deployment import deploy as deploy_to
    from malaria.units import format_bytes

    def describe(done: Delivery) -> str:
        # the Python is named too: a bee may have been given one
        what = f"malaria {done.version} on Python {done.python}"
        return f"{what}, {format_bytes(done.sent_bytes)} sent" if done.fresh else f"{what} is there already"

    hosts = hosts_of(name, chosen)
    failed = end_on_each(hosts, describe, lambda bees, report, all_: deploy_to(bees, report, force=all_), force=force)
    return exit_code(failed)
