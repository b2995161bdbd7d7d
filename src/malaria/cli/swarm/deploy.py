"""`malaria swarm deploy`: install this malaria on the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from malaria.cli.swarm.app import DEFAULT, Chosen, Name, exit_code, hosts_of, work_on_each

if TYPE_CHECKING:
    from malaria.swarm.hosts.deployment import Delivery

EXAMPLES: Final = ("malaria swarm deploy", "malaria swarm deploy --bee bee-3")


def deploy(chosen: Chosen = None, name: Name = DEFAULT) -> int:
    """Install this version of malaria on the hosts, with its Python if needed. They need no internet."""
    from malaria.swarm.hosts.deployment import deploy as deploy_to
    from malaria.units import format_bytes

    def describe(done: Delivery) -> str:
        # the Python is named too: a bee may have been given one
        what = f"malaria {done.version} on Python {done.python}"
        return f"{what}, {format_bytes(done.sent_bytes)} sent" if done.fresh else f"{what} is there already"

    hosts = hosts_of(name, chosen)
    return exit_code(work_on_each(hosts, describe, lambda report: deploy_to(hosts, report)))
