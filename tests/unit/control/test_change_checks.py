"""Changes that a person may ask for, and those that a load cannot make."""

from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.control.change_checks import check_change
from malaria.control.changes import ChangeRate, DisconnectClients
from malaria.errors import OperatorError
from malaria.model.warhead import Warhead

FASTER = ChangeRate("meters", Fraction(1, 2))
LOAD = Warhead.model_validate(
    {
        "group": [
            {"name": "meters", "clients": 5},
            {"name": "flat", "clients": 1, "interval": 0},
            {"name": "counted", "clients": 1, "messages": 5},
            {"name": "growing", "clients": 1, "rate_ramp": "5s"},
            {"name": "backend", "clients": 1, "role": "subscribe"},
        ],
        "attack": {"duration": "30s"},
    }
)


@pytest.mark.parametrize("change", [FASTER, DisconnectClients("meters", 1), DisconnectClients("backend", 7)])
def test_changes_that_can_be_made(change: ChangeRate | DisconnectClients) -> None:
    check_change(change, LOAD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ChangeRate("other", Fraction(1)), "there is no group 'other'"),
        (ChangeRate("meters", Fraction(0)), "cannot have that interval"),
        (ChangeRate("meters", Fraction(10**9)), "cannot have that interval"),
        (ChangeRate("flat", Fraction(1)), "is a closed loop"),
        (ChangeRate("counted", Fraction(1)), "sends a stated number of messages"),
        (ChangeRate("growing", Fraction(1)), "grows by itself"),
        (ChangeRate("backend", Fraction(1)), "publishes nothing"),
        (DisconnectClients("meters", 0), "0 clients cannot be disconnected"),
    ],
)
def test_changes_that_cannot_be_made(change: ChangeRate | DisconnectClients, message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        check_change(change, LOAD)
