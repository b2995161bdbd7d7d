"""Attacks by bees on hosts of their own: real ssh, real Dask, a real broker, real losses."""

from __future__ import annotations

from collections import Counter as Tally
from pathlib import Path

import pytest

from attacking import until
from malaria.attacks.runner import AttackOutcome
from malaria.schedule.payload import HEADER
from malaria.swarm.hosts.inventory import Swarm
from namespaces import Network
from swarm_attacks import AHEAD_NS, attack, listening

MS = 1_000_000


def messages(log: list[bytes]) -> Tally[tuple[int, int, int]]:
    """(client, sequence, run time at which it was due) -> how often."""
    return Tally(tuple(HEADER.unpack_from(payload)[2:5]) for payload in log)


def test_one_bee_and_four_bees_make_the_same_messages(
    settled: Swarm, broker_url: str, hosts: Network, tmp_path: Path
) -> None:
    """And one of the four has a clock that is 80 ms ahead."""
    heard: list[Tally[tuple[int, int]]] = []
    outcomes: list[AttackOutcome] = []
    for name, bees in (("one", None), ("four", settled)):
        with listening(hosts.hosts[-1].address, "t/#") as log:
            outcomes.append(attack(broker_url, tmp_path / name, bees, messages=6))
        heard.append(Tally((client, sequence) for client, sequence, _ in messages(log)))
    one, four = outcomes
    assert four.summary["verdict"] == {"outcome": "PASS", "reasons": []}
    assert heard[0] == heard[1] == dict.fromkeys([(client, n) for client in range(8) for n in range(6)], 1)
    assert four.summary["messages"] == one.summary["messages"]
    assert four.summary["messages"]["delivered"] == 48
    assert four.summary["generator"]["bees"] == 4
    clocks = four.run.meta.clocks
    assert [bee.before.offset_ns // (40 * MS) for bee in clocks.bees] == pytest.approx([0, 0, 0, 2], abs=1)
    for bee, offset_ns in zip(clocks.bees, (0, 0, 0, AHEAD_NS), strict=True):
        for known in (bee.before, bee.last):
            assert abs(known.offset_ns - offset_ns) <= known.error_ns
    assert four.run.meta.start.spread_ns < 250 * MS
    assert not any(sample.counters.get("negative_latency") for sample in four.run.samples)
    for bee in settled.hosts:
        until(lambda place=Path(bee.directory): not (place / "bee.pid").exists(), 10)  # type: ignore[misc]
        assert not (Path(bee.directory) / "dask").exists()
        assert not list((Path(bee.directory) / "spool").iterdir())
