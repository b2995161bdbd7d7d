"""Checks of the target: it answers, speaks MQTT, lets a client in, and may open enough files for all clients."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from malaria.doctor.finding import DoctorFinding, Status
from malaria.doctor.host_checks import HostLimits
from malaria.doctor.need import LoadNeed
from malaria.doctor.sockets import listener_pid, open_files_limit
from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.schedule.share import WHOLE
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.probe import ProbeClient, patience_s, probe
from malaria.transport.route import Route, TargetHost, address_text
from malaria.units import format_count

DESCRIPTORS_OF_THE_BROKER: Final = 32


def examine_target(host: HostLimits, route: Route, warhead: Warhead, need: LoadNeed) -> list[DoctorFinding]:
    """Check each address of the target, and the limits of a broker on this machine."""
    (plan,) = make_plan(warhead, WHOLE, Identity("doctor", 0, 0)).groups
    answers = [finding for target in route.hosts for finding in _examine_host(plan, route, target, warhead)]
    return answers + (examine_local_broker(host, need) if need.broker_is_here else [])


def _examine_host(plan: GroupPlan, route: Route, host: TargetHost, warhead: Warhead) -> list[DoctorFinding]:
    """Check each address of one host. One that takes no connection is a warning if another one does."""
    checked = [
        examine_address(plan, replace(route, hosts=(replace(host, endpoints=(endpoint,)),)), warhead)
        for endpoint in host.endpoints
    ]
    some_reached = any(reached for _, reached in checked)
    return [
        finding
        if reached or not some_reached
        else replace(finding, status=Status.WARN, remedy=f"clients use the other addresses of {host.address.host}")
        for finding, reached in checked
    ]


def examine_address(plan: GroupPlan, route: Route, warhead: Warhead) -> tuple[DoctorFinding, bool]:
    """Log in at one address as the first client of the group would. Return also whether it took the connection."""
    endpoint = route.endpoints[0]
    name, needed = f"target {address_text(endpoint)}", plan.protocol.title
    try:
        setup = ConnectionSetup(plan, route, warhead)
    except OperatorError as error:
        return DoctorFinding(name, error.message, needed, Status.BAD, error.remedy), True
    client = ProbeClient("", *setup.credentials.login_at(0), plan.protocol)
    answer = probe(endpoint, client, setup, patience_s(warhead.attack))
    if answer.problem:
        return DoctorFinding(name, answer.problem, needed, Status.BAD, answer.remedy), answer.reached
    way = f" ({answer.way})" if answer.way else ""
    return DoctorFinding(name, f"{answer.version or 'a broker'}, lets a client in{way}", needed), True


def examine_local_broker(host: HostLimits, need: LoadNeed) -> list[DoctorFinding]:
    """Check whether the limit of open files of a broker on this machine allows all clients."""
    share = -(-need.clients // len(need.endpoints)) + DESCRIPTORS_OF_THE_BROKER
    findings = []
    for port in sorted({address[1] for _, address in need.endpoints}):
        pid = listener_pid(host.proc, port)
        if pid is not None and (limit := open_files_limit(host.proc, pid)) is not None:
            command = host.text(host.proc / str(pid) / "comm")
            owner = f"{command}, pid {pid}" if command else f"pid {pid}"
            findings.append(_broker_limit(pid, limit, share, owner))
    return findings


def _broker_limit(pid: int, limit: int, share: int, owner: str) -> DoctorFinding:
    name = "listener's open files"  # the process that listens may be a proxy: its own name is shown
    measured, needed = f"{format_count(limit)} ({owner})", format_count(share)
    if limit >= share:
        return DoctorFinding(name, measured, needed)
    remedy = f"raise the broker's limit: prlimit --pid {pid} --nofile={share}:{share}, or LimitNOFILE= in its service"
    return DoctorFinding(name, measured, needed, Status.BAD, remedy)
