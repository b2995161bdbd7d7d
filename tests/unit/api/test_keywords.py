"""Keywords of `malaria.attack` become the options that the command has."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from malaria.api.keywords import Wanted, split_keywords, wanted_warhead
from malaria.errors import WarheadError
from malaria.model.warhead import Warhead
from malaria.model.warhead_options import build_warhead


def made(**keywords: object) -> Warhead:
    return wanted_warhead(*split_keywords("mqtt://broker", keywords))


def test_numbers_may_be_numbers() -> None:
    as_numbers = made(clients=50, rate=4, size=200, qos=2, duration=3, keepalive=30)
    assert as_numbers == made(clients=50, rate="4", size="200", qos=2, duration="3s", keepalive="30s")
    assert as_numbers.groups[0].interval == Fraction(1, 4)
    assert made(rate=0.5, duration=1.5).attack.duration_ns == 1_500_000_000


def test_a_subscriber_comes_along() -> None:
    assert [group.name for group in made().groups] == ["publishers", "subscribers"]
    assert [group.name for group in made(no_subscriber=True).groups] == ["publishers"]


def test_one_condition_or_several() -> None:
    assert list(map(str, made(require="ack.p99 < 200ms").thresholds)) == ["ack.p99 < 200ms"]
    several = made(require=["ack.p99 < 200ms", "messages.lost == 0"], fail_if="ack.max > 1s")
    assert list(map(str, several.thresholds)) == ["ack.max <= 1000ms", "ack.p99 < 200ms", "messages.lost == 0"]
    with pytest.raises(WarheadError, match=r"require: 'ack.p9' is not a figure") as caught:
        made(require="ack.p9 < 3ms")
    assert "ack.p9" in caught.value.remedy


def test_a_warhead_is_a_path_or_a_model(tmp_path: Path) -> None:
    path = tmp_path / "load.toml"
    path.write_text('attack.duration = "5s"\n[[group]]\nname = "meters"\nclients = 7\n')
    assert made(warhead=path, clients=9).groups[0].clients == made(warhead=str(path), clients=9).groups[0].clients == 9
    model = wanted_warhead(Wanted(warhead=path), split_keywords(None, {})[1])
    assert made(warhead=model, qos=0).groups[0].qos == 0
    for warhead in (path, model):
        with pytest.raises(WarheadError, match="--no-subscriber cannot be used with --warhead"):
            made(warhead=warhead, no_subscriber=True)


def test_what_is_wrong_is_told_as_the_command_tells_it() -> None:
    with pytest.raises(TypeError, match="there is no load option client"):
        made(client=3)
    with pytest.raises(WarheadError, match="-c/--clients: 0 is too small"):
        made(clients=0)


def test_the_default_is_that_of_the_command() -> None:
    assert made() == build_warhead(split_keywords(None, {})[1], subscriber=True)
