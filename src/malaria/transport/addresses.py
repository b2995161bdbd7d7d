"""Resolve the target's name, choose source addresses, and check the limits of this host before they are hit."""

from __future__ import annotations

import ipaddress
import resource
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from malaria.errors import HostLimitError, OperatorError, TargetError
from malaria.model.target import Address, Target
from malaria.model.warhead import Warhead
from malaria.transport.poller import check_system
from malaria.transport.route import Endpoint, Route

DESCRIPTORS_OF_OUR_OWN: Final = 64
WORKER_BYTES: Final = 64 << 20
CLIENT_BYTES: Final = 16 << 10
"""Ours and the kernel's for one plain connection; about twice what an idle one was seen to take."""
TLS_BYTES: Final = 16 << 10
"""More for one over TLS (13 to 16 KiB were seen)."""
SPREAD_AT: Final = 20_000
"""Clients per source address from which on loopback addresses are spread: below the usual 28,232 ephemeral ports."""
PORT_RANGE_FILE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def resolve(target: Target) -> tuple[Endpoint, ...]:
    """The numeric addresses of the target, one per address named. Raises TargetError for an unknown name."""
    return tuple(_resolve_one(address) for address in target.addresses)


def route_to(target: Target, sources: tuple[str, ...] = ()) -> Route:
    """The way to a target. Raises TargetError for an unknown name."""
    names = tuple(address.host for address in target.addresses)
    return Route(resolve(target), sources, target.scheme, names, target.path)


def routes_of(warhead: Warhead, targets: Mapping[str, Target], clients: int, workers: int) -> dict[str, Route]:
    """The way of each group from this host, for so many clients of them all on so many workers.

    Raises TargetError for an unknown name, HostLimitError where this is not Linux, or descriptors or ports
    cannot suffice, OperatorError for a source address that this host does not have.
    """
    check_system()
    endpoints = sorted({endpoint for target in targets.values() for endpoint in resolve(target)})
    sources = choose_sources(warhead.attack.source_addresses, endpoints, clients)
    check_limits(clients, workers, endpoints, sources)
    return {name: route_to(target, sources) for name, target in targets.items()}


def _resolve_one(address: Address) -> Endpoint:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TargetError(
            f"unknown host {address.host!r}: {reason}", "check the spelling and the name server, or give an IP address"
        ) from None
    family, _, _, _, sockaddr = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return int(family), (str(sockaddr[0]), int(sockaddr[1]))


def choose_sources(wanted: Sequence[str], endpoints: Sequence[Endpoint], clients: int) -> tuple[str, ...]:
    """The source addresses to spread clients over; empty: as the kernel likes.

    `auto` (and, for many clients on loopback, no word at all) takes as many of 127.0.0.0/8 as the ports need.
    """
    loopback = all(ipaddress.ip_address(address[0]).is_loopback and family == socket.AF_INET
                   for family, address in endpoints)  # fmt: skip
    if list(wanted) == ["auto"]:
        if not loopback:
            raise OperatorError(
                "--source-address auto works only for a target on 127.0.0.0/8",
                "name the addresses of this host, for example --source-address 10.0.0.3,10.0.0.4",
            )
        return _loopback_sources(clients)
    if wanted:
        _check_family(wanted, endpoints)
        return tuple(_local_address(address) for address in wanted)
    return _loopback_sources(clients) if loopback and clients > SPREAD_AT else ()


def _check_family(sources: Sequence[str], endpoints: Sequence[Endpoint]) -> None:
    """Refuse a source address that cannot connect to a target, because one is IPv4 and the other IPv6."""
    for source in sources:
        for _, (host, port) in endpoints:
            if ipaddress.ip_address(source).version != (version := ipaddress.ip_address(host).version):
                raise OperatorError(
                    f"--source-address {source} cannot connect to {Address(host, port)}, which is IPv{version}",
                    f"give IPv{version} addresses of this host, as `ip address` lists them",
                )


def _loopback_sources(clients: int) -> tuple[str, ...]:
    first = int(ipaddress.IPv4Address("127.0.0.1"))
    return tuple(str(ipaddress.IPv4Address(first + i)) for i in range(-(-clients // SPREAD_AT)))


def _local_address(address: str) -> str:
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"--source-address {address}: {error}", "give addresses of this host, as `ip address` lists them"
        ) from None
    return address


def check_limits(clients: int, workers: int, endpoints: Sequence[Endpoint], sources: Sequence[str]) -> None:
    """Raises HostLimitError when descriptors or ports cannot suffice for this many clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = -(-clients // workers) + DESCRIPTORS_OF_OUR_OWN
    if hard != resource.RLIM_INFINITY and needed > hard:
        more = -(-clients // max(1, hard - DESCRIPTORS_OF_OUR_OWN))
        raise HostLimitError(
            f"{clients:,} clients on {workers} workers need {needed:,} open files each; the limit is {hard:,}",
            f"add --workers {more}, or raise the limit: ulimit -Hn {needed} as root (see: malaria doctor)",
        )
    ports = ephemeral_ports()
    room = ports * len(endpoints) * max(1, len(sources))
    if clients > room:
        raise HostLimitError(
            f"{clients:,} clients need as many local ports; there are {ports:,} per source and target address",
            "add --source-address (auto on loopback), or see: malaria doctor TARGET -c N",
        )


def ephemeral_ports(path: Path = PORT_RANGE_FILE) -> int:
    """Return how many local ports the kernel hands out per (source, target) pair."""
    try:
        low, high = map(int, path.read_text().split())
    except (OSError, ValueError):
        return 16_384  # IANA's dynamic range, what other systems use
    return high - low + 1
