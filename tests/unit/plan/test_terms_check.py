"""What a broker's terms exclude, each with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.engine.template5 import make_template5
from malaria.model.warhead import Warhead
from malaria.mqtt.packets import Connack, Protocol
from malaria.mqtt.terms import UNLIMITED, Terms
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.plan.terms_check import REMEDIES, excluded, largest_packet, smallest_packet
from malaria.schedule.share import WHOLE
from malaria.transport.failures import refusal, remedies

SPEAKER = {"name": "g", "clients": 2, "size": 100, "topic": "t/{index}", "qos": 2, "retain": True}
LISTENER = {"name": "g", "clients": 2, "role": "subscribe", "filters": ["$share/s/a/+"], "subscription_identifier": 1}


def plan_of(**keys: Any) -> GroupPlan:
    table = {"group": [keys], "attack": {"duration": "1s", "protocol": "5"}}
    return make_plan(Warhead.model_validate(table), WHOLE, Identity("run", 7, 1)).groups[0]


CASES: dict[str, tuple[dict[str, Any], Terms, str]] = {
    "QoS": (SPEAKER, Terms(maximum_qos=1), "no message over QoS 1"),
    "retain": (SPEAKER, Terms(retain_available=False), "no retained messages"),
    "size": (SPEAKER, Terms(maximum_packet_size=100), "no packet over 100 bytes"),
    "wildcards": (LISTENER, Terms(wildcard_subscription_available=False), "no filters with wildcards"),
    "shares": (LISTENER, Terms(shared_subscription_available=False), "no shared subscriptions"),
    "identifiers": (LISTENER, Terms(subscription_identifier_available=False), "no subscription identifiers"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_excluded_is_said_with_a_remedy(case: str) -> None:
    keys, terms, text = CASES[case]
    plan = plan_of(**keys)
    assert excluded(plan, 0, UNLIMITED) == ""
    cause = excluded(plan, 0, terms)
    assert cause == f"the broker's terms: {text}"
    assert remedies([cause])[cause]


def test_a_refusal_with_more_words_has_the_same_remedy() -> None:
    plain = Connack(False, 0x9D)
    for more in ({"reason_string": "moved house"}, {"server_reference": "other:1883"}):
        cause = refusal(Connack(False, 0x9D, more), Protocol.V5)
        assert cause != refusal(plain, Protocol.V5)
        assert remedies([cause])[cause] == "attack the server that it refers to"


def test_every_remedy_has_a_case() -> None:
    causes = [excluded(plan_of(**keys), 0, terms) for keys, terms, _ in CASES.values()]
    assert all(any(cause.startswith(start) for cause in causes) for start in REMEDIES)


def test_terms_about_what_a_group_does_not_do_exclude_nothing() -> None:
    listener = plan_of(name="g", clients=1, role="subscribe", topic="a")
    speaker = plan_of(name="g", clients=1, topic="a", qos=0)
    strict = Terms(1, 100_000, 0, 0, False, False, False, False)
    assert excluded(listener, 0, strict) == excluded(speaker, 0, strict) == ""


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("size", ["100", "50-200"])
def test_sizes_are_those_of_packets(qos: int, size: str) -> None:
    plan = plan_of(**SPEAKER | {"qos": qos, "size": size, "user_properties": {"a": "b" * 120}})
    template = make_template5(plan)
    lengths = [len(template.packet(0, 1, sequence, 0)) for sequence in range(200)]
    assert smallest_packet(plan, 0) <= min(lengths) <= max(lengths) <= largest_packet(plan, 0)
    if size == "100":
        assert smallest_packet(plan, 0) == largest_packet(plan, 0) == lengths[0]
