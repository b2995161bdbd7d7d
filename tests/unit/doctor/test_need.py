"""How a load is spread over workers, source addresses and targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doctor_rig import HERE, THERE, machines_in
from malaria.doctor import HostLimits
from malaria.doctor import host_checks as checks
from malaria.doctor.need import LoadNeed, need_for


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., HostLimits]:
    return machines_in(tmp_path)


def test_a_need_is_spread_over_workers_sources_and_targets(tree: Callable[..., HostLimits]) -> None:
    need = need_for(30_001, 2, (HERE, THERE), ("127.0.0.1", "127.0.0.2"))
    assert checks.local_ports(tree(), need).needed == "7,501 × 2 sources"
    assert checks.open_files(tree(), need).needed == "15,065 × 2 workers"
    assert (need.ports, need.descriptors, need.broker_is_here) == (7501, 15001 + 64, False)
    assert LoadNeed(10, 3).descriptors == 4 + 64
