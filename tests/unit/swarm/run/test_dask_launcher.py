"""Bees in a Dask cluster: what is refused before it is asked."""

from __future__ import annotations

import asyncio

import pytest

from malaria.errors import SwarmError
from malaria.swarm.run.dask_launcher import OUT_OF_REACH, DaskLauncher, own_address


def test_our_address_is_the_one_that_the_cluster_sees() -> None:
    assert own_address("tls://127.0.0.1:8786") == "127.0.0.1"


def test_a_scheduler_without_encryption_is_refused() -> None:
    with pytest.raises(SwarmError, match="is not encrypted"):
        asyncio.run(DaskLauncher("tcp://127.0.0.1:1").find())


def test_without_tls_files_it_is_said_what_is_to_be_set() -> None:
    with pytest.raises(SwarmError, match="name no TLS files") as refused:
        asyncio.run(DaskLauncher("tls://127.0.0.1:1").find())
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in refused.value.remedy


def test_the_disks_of_its_workers_are_out_of_reach() -> None:
    fetched = asyncio.run(DaskLauncher("tls://127.0.0.1:1").fetch_spools(["bee-1"], "run"))
    assert fetched.unreachable == {"bee-1": OUT_OF_REACH}
