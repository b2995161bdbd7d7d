"""The times that changes of a running load account for."""

from __future__ import annotations

import pytest

from malaria.analysis.steered_times import without_own_waits, without_pauses
from malaria.clock import NS_PER_S
from malaria.records.run import Run
from malaria.records.run_meta import ChangeFacts, RunMeta

S = NS_PER_S


def run(*changes: tuple[int, str]) -> Run:
    facts = tuple(ChangeFacts(at_ns=s * S, verb=text.rpartition(" ")[2], change=text) for s, text in changes)
    return Run(RunMeta(changes=facts), (), (), None)


@pytest.mark.parametrize(
    ("changes", "span", "left"),
    [
        ([], (1, 9), (1, 9)),
        ([(2, "pause"), (5, "resume")], (2, 5), (5, 5)),
        ([(2, "pause"), (5, "resume")], (1, 5), (1, 2)),
        ([(2, "pause"), (5, "resume")], (2, 9), (5, 9)),
        ([(2, "pause"), (5, "resume")], (6, 9), (6, 9)),
        ([(2, "a: pause"), (3, "b: pause"), (4, "a: resume"), (6, "resume")], (2, 7), (6, 7)),
        ([(2, "pause")], (2, 9), (9, 9)),
        ([(2, "storm"), (3, "cut 20%")], (1, 9), (1, 9)),
    ],
)
def test_the_time_of_a_pause_is_taken_out(
    changes: list[tuple[int, str]], span: tuple[int, int], left: tuple[int, int]
) -> None:
    since_ns, until_ns = without_pauses(run(*changes), (span[0] * S, span[1] * S))
    assert until_ns - since_ns == (left[1] - left[0]) * S
    if left[1] > left[0]:
        assert (since_ns, until_ns) == (left[0] * S, left[1] * S)


@pytest.mark.parametrize(
    ("changes", "reconnect", "left"),
    [
        ([(3, "storm")], None, (4, 9)),
        ([(3, "meters: cut 100%")], '["2s", "30s"]', (5, 9)),
        ([(3, "storm")], '"never"', (3, 3)),
        ([(8, "storm")], '["500ms", "1s"]', (3, 8)),
        ([(3, "cut 20%"), (3, "cut 5")], None, (3, 9)),
        ([(1, "storm")], None, (3, 9)),
        ([], None, (3, 9)),
        ([(3, "storm")], '"damaged"', (4, 9)),
        ([(3, "storm")], "[", (4, 9)),
    ],
)
def test_the_wait_of_clients_that_we_broke_is_taken_out(
    changes: list[tuple[int, str]], reconnect: str | None, left: tuple[int, int]
) -> None:
    toml = "[attack]\n" + ("" if reconnect is None else f"reconnect = {reconnect}\n")
    facts = tuple(
        ChangeFacts(at_ns=s * S, verb=text.split()[-1].strip("0123456789%"), change=text) for s, text in changes
    )
    stormed = Run(RunMeta(changes=facts, warhead_toml=toml), (), (), None)
    since_ns, until_ns = without_own_waits(stormed, (3 * S, 9 * S))
    assert until_ns - since_ns == (left[1] - left[0]) * S
    if left[1] > left[0]:
        assert (since_ns, until_ns) == (left[0] * S, left[1] * S)
