"""Changes in a warhead: what they say, and what cannot be."""

from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.errors import WarheadError
from malaria.model.fields import duration_text
from malaria.model.planned_change import MOST_CHANGES, PlannedChange, added_clients, describe_planned_change
from malaria.model.wanted_change import Verb, WantedChange
from malaria.model.warhead import Warhead, describe, to_toml, warhead_from_toml
from malaria.units import parse_duration_ns

METERS = '[attack]\nduration = "60s"\nwarmup = "5s"\n[[group]]\nname = "meters"\nclients = 10\ninterval = "6s"\n'
LISTENERS = '[[group]]\nname = "backend"\nrole = "subscribe"\nclients = 2\ntopic = "malaria/#"\n'
PUMPS = '[[group]]\nname = "pumps"\nclients = 4\ninterval = "1s"\n'
EVERY_KIND = ("+500", "-5", "rate=2/s", "pause", "resume", "cut 20%", "cut 50", "storm")


def change(at: str, do: str, group: str = "") -> str:
    return f'[[change]]\nat = "{at}"\ndo = "{do}"\n' + (f'group = "{group}"\n' if group else "")


def warhead(*changes: str, before: str = METERS) -> Warhead:
    return warhead_from_toml(before + "".join(changes), "w.toml")


def test_what_a_change_says() -> None:
    made = warhead(change("10s", "+5"), change("1500ms", "meters: rate=1/3"), change("-2s", "pause", "meters"))
    assert [one.at_ns for one in made.changes] == [10 * NS_PER_S, 1500 * NS_PER_MS, -2 * NS_PER_S]
    assert [one.wanted for one in made.changes] == [
        WantedChange(Verb.ADD, clients=5),
        WantedChange(Verb.RATE, "meters", interval=Fraction(3)),
        WantedChange(Verb.PAUSE, "meters"),
    ]


def test_each_kind_is_written_as_it_was_read() -> None:
    made = warhead(*(change(f"{second}s", do) for second, do in enumerate(EVERY_KIND)), change("50s", "end"))
    again = warhead_from_toml(to_toml(made))
    assert again == made
    assert [str(one.do) for one in again.changes][:2] == ["+500", "-5"]
    assert "change" not in to_toml(warhead())


def test_a_moment_is_exact_to_the_nanosecond() -> None:
    made = warhead(change("1234567891ns", "pause"), change("-1000000001ns", "resume"))
    again = warhead_from_toml(to_toml(made))
    assert [one.at_ns for one in again.changes] == [1_234_567_891, -1_000_000_001]


def test_each_is_a_table_that_people_can_read() -> None:
    text = to_toml(warhead(change("14050973508ns", "+500"), change("20s", "pause")))
    assert text.endswith('[[change]]\nat = "14.050973508s"\ndo = "+500"\n\n[[change]]\nat = "20s"\ndo = "pause"\n')
    assert text.index("[[group]]") < text.index("[[change]]")


@pytest.mark.parametrize("at_ns", [1, 999_999_999, 1_000_000_001, 1_000_001_000, 14_050_973_508, 86_399_999_999_999])
def test_any_moment_reads_back_to_the_same_nanosecond(at_ns: int) -> None:
    assert parse_duration_ns(duration_text(at_ns)) == at_ns


def test_they_are_told_in_the_line_of_the_load() -> None:
    made = warhead(change("10s", "+500"), change("20s", "pause", "meters"), change("30s", "end"))
    assert describe(made).endswith("30 s · +500 clients at 0:10 · meters: pause at 0:20")
    many = warhead(*(change(f"{second}s", "storm") for second in range(8)))
    assert describe(many).endswith("reconnect storm at 0:04 · 3 more changes")
    assert describe_planned_change(PlannedChange(at="-2s", do="-1")) == "−1 client at −0:02"


def test_an_end_is_the_length_of_the_load() -> None:
    assert warhead(change("30s", "end"), change("40s", "end")).length_ns == 30 * NS_PER_S
    assert warhead().length_ns == 60 * NS_PER_S


def test_clients_that_are_added_are_counted_by_group() -> None:
    made = warhead(
        change("1s", "+5", "meters"),
        change("2s", "-3", "meters"),
        change("3s", "pumps: +7"),
        change("4s", "meters: +1"),
        before=METERS + PUMPS,
    )
    assert added_clients(made.changes, made.groups) == {"meters": 6, "pumps": 7}


@pytest.mark.parametrize(
    ("said", "place", "reason"),
    [
        (change("1s", "+5", "pumps"), "change[0].group", "there is no group 'pumps'"),
        (change("1s", "pumps: +5"), "change[0].do", "there is no group 'pumps'"),
        (change("1s", "meters: +5", "meters"), "change[0].group", "cannot be used with 'GROUP:' in do"),
        (change("60s", "+5"), "change[0].at", "the attack ends before: it lasts 1 min"),
        (change("1s", "nobody: rate=2/s"), "change[0].do", "there is no group 'nobody'"),
        (change("-6s", "+5"), "change[0].at", "no load runs then: it begins 5 s before"),
        (change("0", "end"), "change[0].at", "nothing would be measured"),
        (change("9s", "end") + change("9s", "+5"), "change[1].at", "ends the load before: at 9 s"),
        (change("1s", "-11"), "change[0].do", "meters has 10 clients then, and 11 leave"),
        (change("9s", "-8") + change("8s", "-8"), "change[0].do", "meters has 2 clients then, and 8 leave"),
        (change("1s", "stop"), "change[0].do", "'stop' is a change by hand alone"),
        (change("1s", "end", "meters"), "change[0].group", "cannot be used with 'end'"),
        (change("1s", "more"), "change[0].do", "'more' is not a change"),
        (change("1s", "rate=0.000000001"), "change[0].do", "is less than one message in 366 d"),
        (change("soon", "+5"), "change[0].at", "'soon' is not a duration"),
        ('[[change]]\nat = "1s"\ndo = 5\n', "change[0].do", "5 is not a change"),
        ('[[change]]\nat = "1s"\ndo = "+5"\nfor = 3\n', "change[0].for", "unknown key"),
        ('[[change]]\nat = "1s"\n', "change[0].do", "is missing"),
        (change("1s", "pause") * (MOST_CHANGES + 1), "change", "are 1,001 changes"),
    ],
)
def test_what_cannot_be(said: str, place: str, reason: str) -> None:
    with pytest.raises(WarheadError) as caught:
        warhead(said)
    assert caught.value.message.startswith(f"w.toml: {place}: ")
    assert reason in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("do", ["+5", "-1"])
def test_a_change_of_one_group_needs_its_name_where_several_publish(do: str) -> None:
    with pytest.raises(WarheadError) as caught:
        warhead(change("1s", do), before=METERS + PUMPS)
    assert caught.value.message.startswith("w.toml: change[0].group: is missing: ")
    assert warhead(change("1s", do), before=METERS + LISTENERS).changes
    assert warhead(change("1s", "pause"), change("2s", "rate=2/s"), before=METERS + PUMPS).changes


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("interval = 0", "is a closed loop"),
        ('interval = "1s"\nmessages = 5', "sends a stated number of messages"),
        ('interval = "1s"\nrate_ramp = "5s"', "has a rate that grows by itself"),
    ],
)
def test_a_rate_that_cannot_be_changed(key: str, reason: str) -> None:
    before = f'[attack]\nduration = "60s"\n[[group]]\nname = "meters"\nclients = 10\n{key}\n'
    with pytest.raises(WarheadError, match=reason):
        warhead(change("1s", "rate=2/s"), before=before)


def test_the_rate_of_subscribers_cannot_be_changed() -> None:
    with pytest.raises(WarheadError, match="publishes nothing"):
        warhead(change("1s", "backend: rate=2/s"), before=METERS + LISTENERS)


@pytest.mark.parametrize("do", ["cut 20%", "storm"])
def test_clients_that_would_stay_away_cannot_be_cut_off(do: str) -> None:
    """Their messages would be due for ever, and look like a broker that falls behind."""
    for_good = METERS.replace('warmup = "5s"', 'reconnect = "never"')
    with pytest.raises(WarheadError, match="would stay away") as error:
        warhead(change("1s", do), before=for_good)
    assert "take clients away with -N" in error.value.remedy


def test_clients_with_one_id_cannot_become_more() -> None:
    before = METERS.replace("clients = 10", 'clients = 1\nclient_id = "one"')
    with pytest.raises(WarheadError, match="every client of meters has the same id"):
        warhead(change("1s", "+5"), before=before)


def test_clients_of_a_surge_can_be_taken_away_when_they_have_come() -> None:
    surge = '[[surge]]\ngroup = "meters"\nclients = 5\nat = "10s"\nhold = "10s"\n'
    assert warhead(change("15s", "-15"), before=METERS + surge).changes
    with pytest.raises(WarheadError, match="meters has 10 clients then"):
        warhead(change("9s", "-11"), before=METERS + surge)
    # the twelve that left had five of the surge among them
    leaving = (change("15s", "-12"), change("25s", "+5"))
    assert warhead(*leaving, change("30s", "-8"), before=METERS + surge).changes
    with pytest.raises(WarheadError, match="meters has 8 clients then"):
        warhead(*leaving, change("30s", "-9"), before=METERS + surge)


@pytest.mark.parametrize("ids", ['client_id = "m-{identity}"', 'client_id = ""\nprotocol = "5"\ntopic = "t/{index}"'])
def test_ids_by_key_or_by_the_broker_are_no_single_id(ids: str) -> None:
    """A session in which a hand added such clients is stored as a warhead, which must be readable."""
    before = METERS + ids + "\n"
    assert warhead(change("1s", "+5"), before=before).changes
    assert warhead('[[surge]]\ngroup = "meters"\nclients = 5\nat = "10s"\n', before=before).surges
