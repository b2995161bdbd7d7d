"""`malaria doctor`: what stands in the way, before the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import console, default_workers
from malaria.cli.options import CLIENTS, LOAD, PASSWORD_FLAGS, PASSWORD_VARIABLE, Entry, load_options, option, takes

if TYPE_CHECKING:
    from rich.table import Table

    from malaria.doctor import DoctorFinding

EXAMPLES: Final = (
    "malaria doctor",
    "malaria doctor broker:1883 -c 30000",
    "malaria doctor mqtts://broker --psk-file malaria.psk -c 3000",
)
STYLES: Final = {"OK": "green", "WARN": "yellow", "BAD": "red"}
OK: Final = "OK"
BAD: Final = "BAD"


@dataclass(frozen=True)
class DoctorOptions:
    """What is looked at, and for how much."""

    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="The broker to look at too.", show_default=False)
    ] = None
    clients: Annotated[int, option(LOAD, "-c", "--clients", metavar="N", text="For so many clients (1000).", min=1)] = (
        1000
    )
    workers: Annotated[
        int | None, option(LOAD, "--workers", metavar="N", text="In so many processes (one per core).", min=1)
    ] = None
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name to try the target with.")] = (
        None
    )
    password: Annotated[
        str | None, option(CLIENTS, *PASSWORD_FLAGS, text="Its password.", envvar=PASSWORD_VARIABLE)
    ] = None
    protocol: Annotated[
        str | None, option(CLIENTS, "-V", "--protocol", text="MQTT version, 3.1.1 or 5 (3.1.1).", metavar="VERSION")
    ] = None


@takes(DoctorOptions, Entry)
def doctor(_: tuple[str, ...], patient: DoctorOptions, entry: Entry) -> int:
    """Check this machine, and the target if there is one, for a load of that size: measured, needed, remedy.

    Exit code 1 when something would break the run.
    """
    from malaria.doctor import examine
    from malaria.model.group_keys import Role
    from malaria.model.options import build_warhead
    from malaria.model.target import parse_target

    target = None if patient.target is None else parse_target(patient.target)
    place = None if target is None else target.with_credentials(patient.username, patient.password)
    options = replace(load_options(entry), clients=patient.clients, protocol=patient.protocol)
    warhead = build_warhead(options, Role.CONNECT)
    if place is not None:
        warhead = warhead.with_credentials(place.username, place.password)
    findings = examine(place, warhead, patient.workers or default_workers(patient.clients))
    screen = console(None)
    screen.print(_table(findings))
    screen.print()
    screen.print(_remedies(findings))
    return int(any(finding.status == BAD for finding in findings))


def _table(findings: list[DoctorFinding]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("", "checked", "measured", "needed", box=None, pad_edge=False)
    for finding in findings:
        status = Text(str(finding.status), style=STYLES.get(str(finding.status), ""))
        table.add_row(status, Text(finding.name), Text(str(finding.measured)), Text(str(finding.needed)))
    return table


def _remedies(findings: list[DoctorFinding]) -> Table | str:
    """What to do about each trouble, in the order of the table."""
    from rich.table import Table
    from rich.text import Text

    troubles = [finding for finding in findings if finding.remedy and finding.status != OK]
    if not troubles:
        return "no trouble found"
    table = Table.grid(padding=(0, 1))
    for finding in troubles:
        table.add_row(Text(f"{finding.name}:"), Text(str(finding.remedy)))
    return table


def add_to(app: typer.Typer) -> None:
    app.command("doctor", short_help="check this machine and the target before the run", epilog="\n\n".join(EXAMPLES))(
        doctor
    )
