"""What the levels come to, by rule."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from malaria.analysis.headline import headline
from malaria.analysis.knee import knee
from malaria.report.campaign_conclusions import conclusions
from malaria.report.shown_levels import ShownLevel, shown_parts
from synthetic import (
    HELD,
    STUCK,
    by_directory,
    campaign_summary,
    make_campaign,
    make_run,
    observed,
    with_figures,
    with_meta,
)


def answered(shown: list[ShownLevel]) -> tuple[str, str]:
    parts = tuple(replace(one.part, directory=f"run-{number}") for number, one in enumerate(shown))
    placed = [replace(one, part=part) for one, part in zip(shown, parts, strict=True)]
    campaign = replace(make_campaign([]), parts=parts)
    levels = {str(one.part.directory): (one.run, one.summary) for one in placed}
    answer = headline(campaign_summary(campaign, levels))
    return str(answer.outcome), answer.what


@cache
def one(clients: int, trouble: Any = None) -> ShownLevel:
    records = observed(make_run(seconds=12, workers=1, clients=clients, trouble=trouble))
    return shown_parts(make_campaign([records]), by_directory([records]))[0]


def level(number: int, clients: int, trouble: Any = None, variant: str = "", **summary: Any) -> ShownLevel:
    """Of the broker's figures those in `summary` are others."""
    shown = one(clients, trouble)
    surges = summary.pop("surges", ())
    run = with_meta(shown.run, surges=[{"group": surge.group, "clients": surge.clients} for surge in surges])
    part = replace(shown.part, level=number, title=f"{clients:,} clients", variant=variant)
    return replace(shown, part=part, run=run, summary=with_figures(shown.summary, broker=summary, surges=surges))


def test_all_of_it_was_carried() -> None:
    shown = [level(1, 600), level(2, 1200), level(3, 3000)]
    assert answered(shown) == ("PASS", shown[2].summary.headline)
    assert conclusions(shown) == [
        f"The broker carries 3,000 clients: 500 msg/s, broker CPU 60 % of a core, ack p99 {p99(shown[2])}.",
        "Nothing broke: the limit is above 3,000 clients.",
        "From 600 to 3,000 clients, each 1,000 more cost 20 % of a core.",
    ]


def test_a_broker_at_its_limit_has_no_costs_beyond_it() -> None:
    """Its cgroup allows 5 % of a core, and 1,200 clients use them up."""
    used = {600: 2.0, 800: 3.0, 1000: 4.0, 1200: 5.0, 3000: 5.0}
    shown = [level(n, load, cpu_percent=cpu, cpu_limit_percent=5) for n, (load, cpu) in enumerate(used.items(), 1)]
    said = conclusions(shown)
    assert said[1:] == [
        "The broker was at its limit of 5 % of a core from 1,200 clients on: figures of more load are those of that "
        "limit.",
        "From 600 to 1,000 clients, each 1,000 more cost 5.0 % of a core.",
    ]


def with_p99(shown: ShownLevel, end_to_end: float, ack: float) -> ShownLevel:
    latency = dict(shown.summary.latency_ms)
    latency["end_to_end"] = replace(latency["end_to_end"], p99=end_to_end)
    latency["ack"] = replace(latency["ack"], p99=ack)
    return replace(shown, summary=replace(shown.summary, latency_ms=latency))


@pytest.mark.parametrize(
    ("p99s", "named"),
    [((19.0, 30.0, 36.0), True), ((3.0, 30.0, 36.0), False), ((19.0, 30.0, 300.0), False)],
)
def test_a_plateau_that_does_not_move_with_the_load_is_nagle(p99s: tuple[float, ...], named: bool) -> None:
    shown = [with_p99(level(n, 600 * 2**n), p99, 1.1) for n, p99 in enumerate(p99s, 1)]
    told = "End to end p99 stays at 19 ms to 36 ms at every load, and ack does not: the broker's Nagle algorithm"
    assert any(sentence.startswith(told) for sentence in conclusions(shown)) is named


def p99(shown: ShownLevel) -> str:
    return f"{shown.summary['latency_ms']['ack']['p99']:.1f} ms"


def test_the_first_that_broke_is_named_with_its_reason() -> None:
    shown = [level(1, 600), level(2, 3000, "falls-behind")]
    outcome, words = answered(shown)
    assert outcome == "FAIL"
    assert words.startswith("at 3,000 clients: the broker fell behind")
    assert words.endswith("; holds 600 clients (100 msg/s, ack p99 3.8 ms)")
    assert conclusions(shown)[0].startswith("The broker carries 600 clients")
    assert conclusions(shown)[1].startswith("What broke first, at 3,000 clients: the broker fell behind")


def test_a_level_below_the_first_that_broke_is_not_the_limit() -> None:
    shown = [level(1, 3000, "falls-behind"), level(2, 600), level(3, 6000)]
    assert conclusions(shown)[0].startswith("The broker carries 600 clients")


def test_our_own_limit_is_not_the_brokers() -> None:
    shown = [level(1, 600, "generator-limit")]
    assert conclusions(shown)[0].startswith("600 clients says nothing about the broker: this machine was the limit")
    assert answered(shown)[1].startswith("at 600 clients: this machine was the limit")


def test_a_level_that_says_nothing_is_no_limit_where_more_were_carried() -> None:
    shown = [level(1, 600, "generator-limit"), level(2, 1200, "generator-limit"), level(3, 3000)]
    assert conclusions(shown)[0].startswith("The broker carries 3,000 clients")
    assert conclusions(shown)[1:3] == [
        "Nothing broke: the limit is above 3,000 clients.",
        "600 clients and 1,200 clients say nothing about the broker: the machine that made the load was the limit.",
    ]
    outcome, words = answered(shown)
    assert (outcome, knee(shown)) == ("INVALID", None)
    assert words.startswith("at 600 clients: this machine was the limit")
    assert words.endswith("; holds 3,000 clients (500 msg/s, ack p99 3.6 ms)")


def test_what_passed_above_the_first_that_broke_is_told() -> None:
    shown = [level(1, 3000, "falls-behind"), level(2, 600), level(3, 6000)]
    assert conclusions(shown)[2] == "Above that, 6,000 clients passed."


def test_variants_are_set_against_their_level() -> None:
    shown = [
        level(1, 3000, cpu_percent=71.0),
        level(1, 3000, variant="QoS 0 publishers", cpu_percent=55.0),
        level(1, 3000, variant="without TLS", cpu_percent=70.0),
        level(1, 3000, variant="unseen", cpu_percent=None),
    ]
    assert conclusions(shown)[-2:] == [
        "3,000 clients, QoS 0 publishers: the broker's CPU goes down from 71 % to 55 %.",
        "3,000 clients, without TLS: the broker's CPU hardly changes: 71 % and 70 %.",
    ]


def test_surges_are_told_with_their_level() -> None:
    shown = [level(1, 600), level(2, 3000, surges=[HELD, STUCK])]
    assert conclusions(shown)[-2:] == [
        "3,000 clients: +500 clients at 0:57: the broker held and recovered after 4.1 s.",
        "3,000 clients: +1,000 clients at 0:57: the broker broke and never recovered within 1 min (metastable): "
        "acked <431>; 1,204 dropped.",
    ]


def test_nothing_was_run() -> None:
    assert conclusions([]) == []
