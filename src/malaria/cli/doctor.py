"""`malaria doctor`: check this machine and the target before a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer

from malaria.cli.options import CLIENTS, LOAD, PASSWORD_FLAGS, PASSWORD_VARIABLE, option, takes
from malaria.cli.output import console
from malaria.model.option_table import LoadOptions
from malaria.workers.worker_count import default_workers

EXAMPLES: Final = (
    "malaria doctor",
    "malaria doctor broker:1883 -c 30000",
    "malaria doctor mqtts://broker --psk-file malaria.psk -c 3000",
)
BAD: Final = "BAD"


@dataclass(frozen=True)
class DoctorOptions:
    """The target to check, and the size of the load to check for."""

    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A broker to check as well.", show_default=False)
    ] = None
    clients: Annotated[
        int, option(LOAD, "-c", "--clients", metavar="N", text="Number of clients to check for (1000).", min=1)
    ] = 1000
    workers: Annotated[
        int | None, option(LOAD, "--workers", metavar="N", text="Number of worker processes (one per core).", min=1)
    ] = None
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name for the target.")] = None
    password: Annotated[
        str | None, option(CLIENTS, *PASSWORD_FLAGS, text="Password for the target.", envvar=PASSWORD_VARIABLE)
    ] = None


@takes(DoctorOptions, load="doctor")
def doctor(_: tuple[str, ...], asked: DoctorOptions, load: LoadOptions) -> int:
    """Check whether this machine, and the target if given, can carry a load: measured, needed, remedy.

    Exit code 1 if anything would make the run fail.
    """
    from malaria.doctor import examine
    from malaria.model.group_keys import Role
    from malaria.model.target import parse_target
    from malaria.model.warhead_options import build_warhead
    from malaria.report.terminal.doctor_table import doctor_table

    target = (
        None if asked.target is None else parse_target(asked.target).with_credentials(asked.username, asked.password)
    )
    # clients that only connect: limits depend on their number, not on messages
    warhead = build_warhead(LoadOptions(**load, clients=asked.clients), Role.CONNECT)
    if target is not None:
        warhead = warhead.with_credentials(target.username, target.password)
    findings = examine(target, warhead, asked.workers or default_workers(asked.clients))
    console(None).print(doctor_table(findings))
    # a warning may be all right for this load
    return int(any(finding.status == BAD for finding in findings))


def add_to(app: typer.Typer) -> None:
    app.command("doctor", short_help="check this machine and the target before the run", epilog="\n\n".join(EXAMPLES))(
        doctor
    )
