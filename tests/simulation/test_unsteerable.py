"""A load that no hand may change, such as one side of a comparison: the changes of its own warhead are made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from attacking import request_for
from simulation import Simulation

WHY = "this attack belongs to a comparison"


def test_its_own_changes_are_made(tmp_path: Path) -> None:
    """Five clients come at 1 s and publish from 2 s on, when their pace and a second are over; all leave at 3 s."""
    changes = [("0s", "+5"), ("3s", "-5")]
    request = request_for(1883, tmp_path, clients=10, rate="10", duration="4s", connect_rate=0, changes=changes)
    outcome = Simulation().carry_out(replace(request, unsteerable=WHY))
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["acked"] == 4 * 10 * 10 + 2 * 5 * 10
    assert outcome.run.meta.unmade_changes == ()
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_hand_is_refused(tmp_path: Path) -> None:
    asked = []

    class Hand:
        def begin(self, attack: object) -> None:
            asked.append(attack.door.submit("rate=5/s", "key").result(0))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return lambda *_: None

    request = replace(request_for(1883, tmp_path, clients=1, duration="1s"), unsteerable=WHY, followers=(Hand(),))  # type: ignore[arg-type]
    outcome = Simulation().carry_out(request)
    assert [(answer.kind, answer.text) for answer in asked] == [("conflict", WHY)]
    assert outcome.run.meta.steered is None
