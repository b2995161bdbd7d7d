"""How long one client waits for an answer; what it makes of answers is tried on real ports in tests/fault."""

from __future__ import annotations

import pytest

from malaria.model.attack import Attack
from malaria.transport.probe import TIMEOUT_S, patience_s


@pytest.mark.parametrize(
    ("stated", "waits_s"),
    [({}, TIMEOUT_S), ({"connect_timeout": "8s"}, TIMEOUT_S), ({"connect_timeout": "500ms"}, 0.5),
     ({"connect_timeout": "30s"}, 30.0)],
    ids=["by default", "shortened, but longer than needed", "impatient", "a slow broker"],
)  # fmt: skip
def test_a_silent_port_is_given_up_soon_but_not_before_a_slow_broker(stated: dict[str, str], waits_s: float) -> None:
    assert patience_s(Attack.model_validate(stated)) == waits_s
