"""Settings of Dask: nothing is made twice, and nobody is let in without a certificate."""

from __future__ import annotations

import dask
import distributed  # noqa: F401  its settings
import pytest

from malaria.swarm.run.certificates import issue
from malaria.swarm.run.dask_settings import SETTINGS, security_of


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_is_one_that_dask_has(key: str) -> None:
    assert dask.config.get(key, default=...) is not ...


def test_nothing_is_done_again_or_moved() -> None:
    assert SETTINGS["distributed.scheduler.allowed-failures"] == 0
    assert SETTINGS["distributed.scheduler.work-stealing"] is False
    assert SETTINGS["distributed.scheduler.worker-ttl"] == "4s"


@pytest.mark.parametrize("role", ["client", "scheduler", "worker"])
def test_every_connection_is_encrypted_and_both_ends_show_papers(role: str) -> None:
    papers = issue(["bee-1"])["bee-1"]
    security = security_of(papers)
    assert security.require_encryption
    arguments = security.get_connection_args(role)
    assert arguments["require_encryption"]
    assert arguments["ssl_context"].verify_mode.name == "CERT_REQUIRED"
