"""Which parties are let into a run, and which are not."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from distributed import Client

from malaria.errors import SwarmError
from malaria.swarm.run.certificates import RunCertificates, issue
from malaria.swarm.run.cluster import Cluster
from malaria.swarm.run.dask_settings import security_of


async def is_let_in(port: int, certificates: RunCertificates) -> bool:
    try:
        client = await Client(
            f"tls://127.0.0.1:{port}",
            security=security_of(certificates),
            asynchronous=True,
            timeout=5,
            set_as_default=False,
        )
    except OSError:
        return False
    await client.close()
    return True


async def is_answered(port: int) -> bool:
    """Return whether a caller without a certificate is sent anything."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            data = await reader.read(1)
            writer.close()
            return bool(data)
    except (OSError, TimeoutError):
        return False


def test_only_a_certificate_of_this_run_lets_in() -> None:
    async def play() -> tuple[bool, bool, bool]:
        certificates, strangers = issue(["conductor", "bee-1"]), issue(["bee-1"])
        cluster = Cluster("run")
        port = await cluster.open_own(0, certificates["conductor"])
        try:
            ours, others = await is_let_in(port, certificates["bee-1"]), await is_let_in(port, strangers["bee-1"])
            return ours, others, await is_answered(port)
        finally:
            await cluster.close(dismiss=True)

    assert asyncio.run(play()) == (True, False, False)


def test_a_cluster_without_encryption_is_refused() -> None:
    with pytest.raises(SwarmError, match="is not encrypted"):
        asyncio.run(Cluster("run").open_running("tcp://127.0.0.1:8786"))


def test_a_cluster_without_tls_files_is_refused() -> None:
    with pytest.raises(SwarmError, match="name no TLS files"):
        asyncio.run(Cluster("run").open_running("tls://127.0.0.1:8786"))
