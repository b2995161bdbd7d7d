"""Load is made on Linux only, and that is said before it begins."""

from __future__ import annotations

import select

import pytest

from malaria.errors import HostLimitError
from malaria.model.warhead import Warhead
from malaria.transport.poller import check_system
from malaria.transport.resolver import routes_of


def test_linux_is_taken() -> None:
    check_system()


def test_a_system_without_epoll_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    warhead = Warhead.model_validate(
        {"group": [{"name": "g", "role": "connect", "clients": 1}], "attack": {"duration": "1s"}}
    )
    with pytest.raises(HostLimitError, match=r"Linux only, and this is Darwin") as refused:
        routes_of(warhead, {}, 1, 1)
    assert "--swarm" in refused.value.remedy
    assert refused.value.exit_code == 2
