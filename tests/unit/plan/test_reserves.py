"""A reserve is as large as there is room for: keys, certificates, client ids, streams; a larger one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity, groups_of, make_plan
from malaria.plan.reserves import MOST_STREAMS, with_reserves, without_reserves
from malaria.plan.streams import streams_of
from malaria.schedule.share import WHOLE

METERS = {"name": "meters", "clients": 20, "topic": "t/{index}", "size": 100}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 2, "topic": "t/#"}
ME = Identity("run", 1, 1)


def load(*groups: dict[str, Any], **tables: Any) -> Warhead:
    return Warhead.model_validate({"group": list(groups), "attack": {"duration": "9s"}} | tables)


def reserves(*groups: dict[str, Any], **tables: Any) -> list[int]:
    return [group.reserve or 0 for group in with_reserves(load(*groups, **tables)).groups]


def test_the_default_is_as_many_again_and_at_least_a_thousand() -> None:
    assert reserves(METERS, BACKEND) == [1000, 1000]
    assert reserves(METERS | {"clients": 3000}) == [3000]
    assert reserves(METERS | {"reserve": 0}) == [0]
    assert [group.reserve for group in without_reserves(load(METERS, BACKEND)).groups] == [0, 0]


def test_the_changes_of_the_file_are_part_of_it() -> None:
    changes = [{"at": "1s", "do": "meters: +900"}, {"at": "2s", "do": "meters: +700"}]
    assert reserves(METERS, change=changes) == [1600]
    assert reserves(METERS | {"reserve": 5}, change=changes) == [1600]


def test_many_subscribers_leave_less_room_for_further_publishers() -> None:
    assert reserves(METERS | {"clients": 5000}, BACKEND | {"clients": 1000})[0] == MOST_STREAMS // 1000
    assert reserves(METERS | {"inflight": 60_000})[0] == 8_000_000 // 60_000


def keys(tmp_path: Path, lines: int) -> str:
    path = tmp_path / "keys"
    path.write_text("".join(f"id-{i}:{i:08x}\n" for i in range(lines)))
    return str(path)


def test_a_file_of_keys_that_is_long_enough_for_the_clients_is_enough(tmp_path: Path) -> None:
    assert reserves(METERS, target={"psk_file": keys(tmp_path, 20)}) == [0]
    assert reserves(METERS, target={"psk_file": keys(tmp_path, 27)}) == [7]
    assert reserves(METERS, target={"psk_file": keys(tmp_path, 1500)}) == [1000]


def test_a_group_takes_no_keys_of_the_next_one(tmp_path: Path) -> None:
    file = keys(tmp_path, 100)
    first = METERS | {"target": {"psk_file": file}}
    second = METERS | {"name": "more", "target": {"psk_file": file, "first_key": 30}}
    assert reserves(first, second) == [10, 50]


def test_certificates_by_a_pattern_are_counted(tmp_path: Path) -> None:
    for index in range(25):
        (tmp_path / f"{index}.pem").touch()
    assert reserves(METERS, target={"cert": f"{tmp_path}/{{index}}.pem"}) == [5]
    assert reserves(METERS, target={"cert": f"{tmp_path}/0.pem"}) == [1000]  # one for all
    (tmp_path / "21.pem").unlink()
    with pytest.raises(OperatorError, match=r"cannot get 2 more clients: .*pem has certificates for 1 more"):
        with_reserves(load(METERS | {"reserve": 2}, target={"cert": f"{tmp_path}/{{index}}.pem"}))


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"reserve": 8}, "group meters cannot get 8 more clients: .*keys has keys for 7 more"),
        ({"clients": 1, "client_id": "one", "reserve": 1}, "every client of it has the same id"),
    ],
)
def test_a_stated_one_that_cannot_be_is_refused(tmp_path: Path, group: dict[str, Any], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        with_reserves(load(METERS | group, target={"psk_file": keys(tmp_path, 27)}))


def test_ids_of_other_groups_are_not_taken() -> None:
    first = METERS | {"client_id": "m{index}"}
    second = METERS | {"name": "more", "client_id": "m3{index}"}
    assert reserves(first, second) == [0, 1000]
    assert reserves(METERS | {"clients": 1, "client_id": "one"}) == [0]


def test_a_reserve_makes_no_delivery_unknown() -> None:
    """Two publishers of one topic without a header could not be told apart."""
    topics = METERS | {"clients": 2, "topics": ["t/a", "t/b"], "size": 5, "header": False}
    topics.pop("topic")
    assert reserves(topics, BACKEND) == [0, 1000]


def test_the_load_is_the_same_with_a_reserve_and_without() -> None:
    plain = load(METERS, BACKEND, surge=[{"group": "meters", "clients": 4, "at": "1s"}])
    reserved = with_reserves(plain)
    for one, other in zip(groups_of(plain, WHOLE, ME), groups_of(reserved, WHOLE, ME), strict=True):
        assert one.numbers.tolist() == other.numbers.tolist()
        assert one.first_row == other.first_row
    plan = make_plan(reserved, WHOLE, ME)
    assert (plan.clients, plan.rows) == (26, 2026)
    meters, backend = plan.reserves
    assert meters.numbers.tolist() == list(range(26, 1026))
    assert meters.client_id(24) == "malaria-run-meters-24"
    assert (backend.first_row, backend.first_number + backend.first_index) == (1026, 1026)


def test_waves_are_cut_out_of_it_for_any_share() -> None:
    warhead = with_reserves(load(METERS))
    whole = make_plan(warhead, WHOLE, ME).reserves[0].wave(3, 120, 50)
    assert (whole.surge, whole.clients, whole.members.tolist()) == (3, 50, list(range(120, 170)))
    parts = [make_plan(warhead, share, ME).reserves[0].wave(3, 120, 50) for share in WHOLE.split(3)]
    assert sorted(index for part in parts for index in part.members.tolist()) == list(range(120, 170))
    assert all(part.first_index == 120 for part in parts)
    assert [part.rows_of(whole.members).tolist() for part in parts] == [
        list(range(part.first_row, part.first_row + part.count)) for part in parts
    ]


def test_streams_lead_from_reserved_publishers_to_those_that_are_there() -> None:
    plan = make_plan(with_reserves(load(METERS | {"reserve": 3}, BACKEND | {"reserve": 5})), WHOLE, ME)
    streams = streams_of(plan)
    assert streams.first.keys() == {20, 21}
    assert streams.publishers[20].tolist() == [*range(20), 22, 23, 24]


def test_a_reserved_client_may_join_a_shared_subscription_that_is_there() -> None:
    sharing = BACKEND | {"topic": "$share/all/t/#", "reserve": 2}
    streams = streams_of(make_plan(with_reserves(load(METERS | {"reserve": 0}, sharing)), WHOLE, ME))
    assert streams.first == {20: 0, 21: 0, 22: 0, 23: 0}
    alone = BACKEND | {"topic": "$share/{index}/t/#", "reserve": 2}
    streams = streams_of(make_plan(with_reserves(load(METERS | {"reserve": 0}, alone)), WHOLE, ME))
    assert streams.first.keys() == {20, 21}
