"""Choose the source addresses that clients connect from: each has its own range of local ports."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from malaria.errors import HostLimitError, OperatorError
from malaria.model.fields import AUTO
from malaria.model.target import Address
from malaria.transport.host_limits import ephemeral_ports
from malaria.transport.route import Endpoint
from malaria.transport.socket_address import numeric_host, socket_address


def family_of(sources: Collection[str]) -> int | None:
    """Return the address family that all source addresses have; None if there are none, or of both families."""
    families = {int(socket.AF_INET6 if ":" in source else socket.AF_INET) for source in sources if source != AUTO}
    return families.pop() if len(families) == 1 else None


def choose_sources(wanted: Sequence[str], endpoints: Sequence[Endpoint], clients: int) -> tuple[str, ...]:
    """Return the source addresses to spread clients over; empty: the kernel chooses.

    `auto` takes as many addresses of this host as the clients need ports; so do many clients on 127.0.0.0/8 without it.
    """
    loopback = all(family == socket.AF_INET and ipaddress.ip_address(address[0]).is_loopback
                   for family, address in endpoints)  # fmt: skip
    needed = -(-clients // (_usable_ports() * len(endpoints)))
    if list(wanted) == [AUTO]:
        return _loopback_sources(needed) if loopback else _own_addresses(endpoints, needed)
    if wanted:
        _check_family(wanted, endpoints)
        return tuple(_local_address(address) for address in wanted)
    return _loopback_sources(needed) if loopback and needed > 1 else ()


def _usable_ports() -> int:
    """Return how many clients one source address gets: a quarter of its ports is left for connections that close."""
    ports = ephemeral_ports()
    return max(1, ports - ports // 4)


def _loopback_sources(count: int) -> tuple[str, ...]:
    first = int(ipaddress.IPv4Address("127.0.0.1"))
    return tuple(str(ipaddress.IPv4Address(first + i)) for i in range(count))


def _own_addresses(endpoints: Sequence[Endpoint], needed: int) -> tuple[str, ...]:
    """Return so many addresses of the interface that leads to the target, the one that the kernel would take first."""
    if len({family for family, _ in endpoints}) > 1:
        raise OperatorError(
            "--source-address auto cannot serve targets of IPv4 and IPv6 together",
            "name targets of one family, or the addresses of this host: --source-address 10.0.0.3,10.0.0.4",
        )
    usual = _usual_source(endpoints[0])
    found = list(dict.fromkeys([usual, *_beside(usual)]))
    if len(found) < needed:
        raise HostLimitError(
            f"--source-address auto: the clients need {needed} addresses of this host; the interface of {usual} "
            f"has {len(found)}",
            "add some to it (ip address add ADDRESS dev INTERFACE), use fewer clients, or several hosts: --swarm",
        )
    return tuple(found[:needed])


def _usual_source(endpoint: Endpoint) -> str:
    """Return the address that the kernel connects from. Nothing is sent: a datagram socket only chooses its route."""
    family, address = endpoint
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(socket_address(*address))
            return numeric_host(probe.getsockname())
    except OSError as error:
        raise OperatorError(
            f"--source-address auto: no route to {Address(*address)}: {error.strerror}",
            "check the address and this machine's routes",
        ) from None


def _beside(usual: str) -> Iterator[str]:
    """Yield the addresses of the interface with this address that can be used in its place."""
    import psutil

    link_local = ipaddress.ip_address(usual).is_link_local
    for entries in psutil.net_if_addrs().values():
        if any(entry.address == usual for entry in entries):
            for entry in entries:
                with suppress(ValueError, OperatorError):  # a hardware address, or one that is not ready yet
                    other = ipaddress.ip_address(entry.address)
                    if other.version == ipaddress.ip_address(usual).version and other.is_link_local == link_local:
                        yield _local_address(entry.address)


def _check_family(sources: Sequence[str], endpoints: Sequence[Endpoint]) -> None:
    """Refuse a source address that cannot connect to a target, because one is IPv4 and the other IPv6."""
    for source in sources:
        for _, (host, port) in endpoints:
            if ipaddress.ip_address(source).version != (version := ipaddress.ip_address(host).version):
                raise OperatorError(
                    f"--source-address {source} cannot connect to {Address(host, port)}, which is IPv{version}",
                    f"give IPv{version} addresses of this host, as `ip address` lists them",
                )


def _local_address(address: str) -> str:
    """Return the address if a socket can have it. Raises OperatorError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(socket_address(address, 0))
    except OSError as error:
        raise OperatorError(
            f"--source-address {address}: {error.strerror or error}",
            "give addresses of this host, as `ip address` lists them",
        ) from None
    return address
