"""`malaria.compare`: two stored results, and two sides that are run alternately by stand-ins for broker and load."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import malaria
from campaign_fakes import Stage
from malaria.analysis.compare.answers import PairAnswer
from malaria.analysis.outcome import Outcome
from malaria.api import quiet_campaign
from malaria.campaigns import CampaignOutcome, conduct_campaign
from malaria.errors import CampaignError, OperatorError, RunError, TargetError
from malaria.records.rows import Progress
from malaria.records.run_meta import RunMeta
from malaria.records.store import RunWriter
from synthetic import Trouble, make_run

A, B = "127.0.0.1:1883", "127.0.0.1:1884"


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """What is asked of broker and load is noted; every attack passes."""
    stage = Stage(pages=True)

    def conduct(request: Any, listener: Any, interrupt: Any) -> CampaignOutcome:
        listener.begin(None, None, "")(None)
        return conduct_campaign(request, listener, interrupt, stage.tools)

    monkeypatch.setattr(quiet_campaign, "conduct_campaign", conduct)
    return stage


def store(directory: Path, trouble: Trouble | None = None, clients: int = 60) -> None:
    run = make_run(seconds=12, workers=1, clients=clients, trouble=trouble)
    with RunWriter.create(directory) as writer:
        writer.describe(run.meta)
        writer.describe(
            RunMeta(warhead_toml=f'[[group]]\nname = "meters"\nclients = {clients}\n', target=f"mqtt://{A}")
        )
        writer.append(run.samples)
        if run.ledger is not None:
            writer.ledger(run.ledger)


# --- two stored results ----------------------------------------------------------------------------------------------


def test_two_stored_runs() -> None:
    store(Path("a"))
    store(Path("b"), "falls-behind")
    result = malaria.compare("a", Path("b"), output="page")
    (level,) = result.levels
    assert (level.verdict_a, level.verdict_b) == ("PASS", "FAIL")
    by_figure = {one.figure: one for one in result.answers}
    acked = by_figure["rates.acked_per_s"]
    assert acked.a is not None
    assert acked.b is not None
    assert acked.estimate == pytest.approx(acked.b / acked.a)
    assert acked.interval is not None
    assert acked.interval[0] <= acked.estimate <= acked.interval[1]
    assert {one.answer for one in result.answers} == {None}  # two single runs prove nothing
    assert result.outcome is Outcome.UNKNOWN
    assert "One run of each cannot tell" in result.compared.cannot_say
    assert result.page == Path("page/report.html")
    assert result._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    with pytest.raises(AttributeError):
        acked.answer = PairAnswer.WORSE  # type: ignore[misc]


def test_runs_that_were_not_measured_alike() -> None:
    store(Path("a"))
    store(Path("b"), clients=90)
    with pytest.raises(RunError, match="not measured alike") as refusal:
        malaria.compare("a", "b")
    assert "(in Python anyway=True)" in refusal.value.remedy
    assert not Path("runs").exists()
    result = malaria.compare("a", "b", anyway=True)
    assert result.compared.changed_conditions == ["warhead: group[0].clients: 60 in A, 90 in B"]
    assert list(Path("runs").glob("*-compare/report.html")) == [result.page]


# --- two sides that are run ------------------------------------------------------------------------------------------


def test_two_targets(stage: Stage) -> None:
    seen: list[Progress] = []
    result = malaria.compare(A, B, ab=True, clients=7, rate=2, pairs=2, hold="4s", output="ab", on_progress=seen.append)
    assert [asked.target.url for asked in stage.requests] == [f"mqtt://{side}" for side in (A, B, B, A)]
    assert {asked.warhead.groups[0].clients for asked in stage.requests} == {7}
    assert (result.outcome, result.answer) == (Outcome.PASS, PairAnswer.UNDECIDED)  # two pairs decide nothing
    ack = {one.figure: one for one in result.answers}["ack.p99"]
    assert (ack.answer, ack.pairs, ack.estimate) == (PairAnswer.UNDECIDED, 2, pytest.approx(1))
    assert {one.figure: one for one in result.answers}["messages.lost"].answer is PairAnswer.SAME
    assert (result.directory, len(result.levels), len(seen)) == (Path("ab"), 4, 1)
    assert "2 of 2 pairs" in result.page.read_text()
    assert "<iframe" in result._repr_html_()


def test_a_worse_side_fails(stage: Stage) -> None:
    stage.outcomes = ["PASS", "FAIL", "FAIL", "PASS"] * 4
    result = malaria.compare(A, B, ab=True, fail_if_worse="5%", hold=4)
    assert (result.outcome, bool(result), result.answer) == (Outcome.FAIL, False, PairAnswer.WORSE)
    acked = {one.figure: one for one in result.answers}["rates.acked_per_s"]
    assert (acked.answer, acked.pairs) == (PairAnswer.WORSE, 8)
    assert acked.interval is not None
    assert acked.interval[0] <= acked.interval[1] < 0.95


def test_it_goes_on_with_more_pairs(stage: Stage) -> None:
    malaria.compare(A, B, ab=True, pairs=1, hold="4s", output="ab")
    result = malaria.compare(resume="ab", pairs=3)
    assert (result.comparison.pairs, len(stage.requests)) == (3, 6)


@pytest.mark.usefixtures("stage")
def test_what_is_no_comparison_does_not_go_on_as_one() -> None:
    malaria.attack(A, clients=1, repeat=2, output="again")
    with pytest.raises(RunError, match="again holds no comparison") as caught:
        malaria.compare(resume="again")
    assert caught.value.remedy == "go on with it by: malaria campaign --resume again"


def test_commands_from_elsewhere_are_not_run_unasked(stage: Stage) -> None:
    Path("a.conf").write_text("listener 1883\n")
    malaria.compare("a.conf", "embedded", ab=True, pairs=1, hold="4s", output="ab")
    shutil.rmtree("home")  # as on another host
    with pytest.raises(CampaignError, match=r"(?s)not made by this user.*mosquitto -c") as caught:
        malaria.compare(resume="ab", pairs=2)
    assert "yes=True" in caught.value.remedy
    assert malaria.compare(resume="ab", pairs=2, yes=True).comparison.pairs == 2


def test_the_target_of_two_warheads(stage: Stage) -> None:
    for name, size in (("small", 10), ("large", 9000)):
        Path(f"{name}.toml").write_text(f'[[group]]\nname = "m"\nclients = 5\nsize = {size}\n')
    malaria.compare("small.toml", Path("large.toml"), ab=True, target=A, pairs=1, hold="4s")
    assert [asked.warhead.groups[0].size for asked in stage.requests] == ["10", "9000"]


def test_a_login_is_for_both_sides_and_not_stored(stage: Stage) -> None:
    malaria.compare(A, B, ab=True, pairs=1, hold="4s", username="me", password="s3cret", output="ab")
    assert [asked.target.password for asked in stage.requests] == [None, None]
    assert {asked.warhead.target.password for asked in stage.requests} == {"s3cret"}
    assert not [path for path in Path("ab").rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (("a", "b"), {"pairs": 8}, "pairs is for ab=True"),
        (("a", "b"), {"clients": 8}, "clients is for ab=True"),
        (("a",), {}, "two results or two sides are needed"),
        ((A, B), {"ab": True, "band": "5%", "fail_if_worse": "2%"}, "state two bands"),
        ((A, B), {"ab": True, "duration": "3s"}, "duration cannot be used"),
        ((A, B), {"ab": True, "pairs": 0}, "pairs"),
        (("a", "b"), {"resume": "c"}, "resume takes no sides"),
        ((), {"resume": "c", "clients": 3}, "clients cannot be used with resume"),
        ((), {"resume": "c", "output": "d"}, "output cannot be used with resume"),
        ((), {"resume": "c", "target": "d"}, "target cannot be used with resume"),
        ((), {"resume": "c", "band": "5%"}, "band cannot be used with resume"),
        ((), {"resume": "c", "require": "ack.p99 < 1s"}, "require cannot be used with resume"),
        (("a", "b"), {}, "holds no run"),
    ],
)
def test_calls_that_are_refused(arguments: tuple[str, ...], keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        malaria.compare(*arguments, **keywords)
    assert not Path("runs").exists()


def test_an_unknown_keyword_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="there is no load option client"):
        malaria.compare(A, B, ab=True, client=3)


def test_a_public_broker_needs_two_confirmations(stage: Stage) -> None:
    Path("side.toml").write_text('[target]\nurl = "mqtt://test.mosquitto.org"\n')
    for side in ("test.mosquitto.org", "side.toml"):
        for confirmations in (0, 1):
            with pytest.raises(TargetError, match=r"test\.mosquitto\.org is a public broker"):
                malaria.compare(A, side, ab=True, i_am_allowed_to_load_this_broker=confirmations)
    assert stage.requests == []
    assert not Path("runs").exists()
    malaria.compare(A, "test.mosquitto.org", ab=True, pairs=1, hold="4s", i_am_allowed_to_load_this_broker=2)


# --- one load, several times -----------------------------------------------------------------------------------------


def test_an_attack_is_repeated(stage: Stage) -> None:
    result = malaria.attack(A, clients=7, duration="4s", repeat=3, output="again", title="meters")
    (repeats,) = result.repeats
    assert (repeats.runs, len(stage.requests)) == (3, 3)
    assert [level.verdict.outcome for level in result.levels] == ["PASS"] * 3
    assert {one.name for one in repeats.figures} >= {"ack.p99", "rates.acked_per_s"}
    assert result.page == Path("again/report.html")


@pytest.mark.parametrize("repeat", [0, 1, 100])
def test_once_is_no_repetition(repeat: int, stage: Stage) -> None:
    with pytest.raises(CampaignError, match=f"repeat: {repeat} is not between 2 and 99"):
        malaria.attack(A, repeat=repeat)
    with pytest.raises(TargetError, match="is a public broker"):
        malaria.attack("test.mosquitto.org", repeat=2)
    assert not Path("runs").exists()
