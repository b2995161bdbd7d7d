"""A campaign from request to page, with tools that start no broker and make no load."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaign_fakes import TEXT, FakeBroker, Stage, names, request
from malaria.broker import CleanStart
from malaria.campaigns import CampaignOutcome, CampaignRequest, conduct_campaign, resumed_request
from malaria.campaigns.program import Step, StepResult
from malaria.errors import HostLimitError, OperatorError, RunError, TargetError, UnstoredRunError
from malaria.model.observe import ProcessChoice
from malaria.records.campaign_records import INTERRUPTED, PartState
from malaria.records.campaign_store import open_campaign

STORED = Path(__file__).parents[2] / "data" / "campaign"
REFUSAL = OperatorError("mosquitto ended at once with exit code 3. Its last words:\n17: no", "mend what mosquitto says")
DONE, CUT, NOT_RUN = PartState.DONE, PartState.INTERRUPTED, PartState.NOT_RUN


def run(stage: Stage, directory: Path, text: str = TEXT, **options: Any) -> CampaignOutcome:
    return conduct_campaign(request(directory, text, **options), stage, stage.interrupt, stage.tools)


def states(outcome: CampaignOutcome) -> list[tuple[PartState, str]]:
    return [(part.state, part.why) for part in outcome.records.parts]


def test_every_level_in_order_its_variants_behind_it(tmp_path: Path) -> None:
    stage = Stage()
    outcome = run(stage, tmp_path)
    assert names(stage) == ["level-1", "level-1-variant-1", "level-2", "level-3"]
    assert stage.broker.began == ["5 clients", "5 clients · QoS 0", "7 clients", "9 clients"]
    assert stage.begun[1] == ("5 clientsQoS 0", 2, 4)
    assert [asked.warhead.groups[0].qos for asked in stage.requests] == [1, 0, 1, 1]
    assert states(outcome) == [(DONE, "")] * 4
    assert stage.lines[-1] == "9 clients: PASS"
    assert stage.broker.stopped == 1


def test_what_a_run_is_told_of_its_campaign(tmp_path: Path) -> None:
    stage = Stage(broker=FakeBroker(starts=[CleanStart(None, "it was not ours to start")]))
    outcome = run(stage, tmp_path)
    first, second = stage.requests[:2]
    assert first.facts.known() == {
        "note": "the first", "level": 1, "variant": "",
        "broker": {"name": "mosquitto", "version": "2.0", "queue_limit": None},
        "clean_start": {"clean": None, "reason": "it was not ours to start"},
    }  # fmt: skip
    assert (second.facts.variant, second.facts.note, second.title) == ("QoS 0", "beside it", "5 clients · QoS 0")
    assert first.observe.process == ProcessChoice(pid=4711)
    part = outcome.records.parts[0]
    assert (part.clean, part.clean_reason) == (None, "it was not ours to start")
    assert part.command == "malaria campaign meters.toml --levels level-1"
    assert outcome.records.broker == {
        "kind": "mosquitto", "name": "mosquitto", "version": "2.0", "settings": "listener 1883\n",
    }  # fmt: skip


def test_the_last_figures_of_no_level_are_waited_for(tmp_path: Path) -> None:
    for waits in (True, False):
        stage = Stage()
        asked = replace(request(tmp_path / str(waits)), wait_for_figures=waits)
        conduct_campaign(asked, stage, stage.interrupt, stage.tools)
        assert [attack.wait_for_figures for attack in stage.requests] == [waits] * 4


def test_files_stand_after_every_level(tmp_path: Path) -> None:
    seen: list[tuple[bool, list[str], str | None]] = []

    def look(_: object) -> None:
        stored = open_campaign(tmp_path)
        summary = tmp_path / "summary.json"
        verdict = json.loads(summary.read_text())["levels"][0]["verdict"]["outcome"] if summary.exists() else None
        seen.append(((tmp_path / "report.html").exists(), [part.state for part in stored.parts], verdict))

    outcome = run(Stage(during=look, pages=True), tmp_path)
    assert seen[0] == (False, ["running", "not run", "not run", "not run"], None)
    assert seen[3] == (True, ["done", "done", "done", "running"], "PASS")
    assert open_campaign(tmp_path) == outcome.records
    assert outcome.records.ended
    assert (tmp_path / "campaign.toml").read_text() == TEXT
    assert json.loads((tmp_path / "summary.json").read_text()) == outcome.summary
    assert "9 clients" in (tmp_path / "report.md").read_text()


def test_a_level_that_fails_stops_it_where_the_file_says_so(tmp_path: Path) -> None:
    text = 'on_fail = "stop"\n' + TEXT
    stage = Stage(outcomes=["FAIL"])
    outcome = run(stage, tmp_path / "stop", text)
    assert names(stage) == ["level-1", "level-1-variant-1"]
    assert states(outcome)[2:] == [(NOT_RUN, '5 clients failed, and on_fail = "stop"')] * 2
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    going_on = Stage(outcomes=["FAIL"])
    assert states(run(going_on, tmp_path / "continue")) == [(DONE, "")] * 4


def test_a_broker_that_does_not_start_hits_its_level_alone(tmp_path: Path) -> None:
    stage = Stage(broker=FakeBroker(starts=[CleanStart(True, ""), REFUSAL]))
    outcome = run(stage, tmp_path)
    state, why = states(outcome)[1]
    assert state is NOT_RUN
    assert why == f"{REFUSAL.message}; {REFUSAL.remedy}"
    assert names(stage) == ["level-1", "level-2", "level-3"]
    assert outcome.records.parts[1].directory is None
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert "5 clients · QoS 0: not run: mosquitto ended at once" in outcome.summary["verdict"]["reasons"][0]


def test_one_that_refuses_twice_never_will(tmp_path: Path) -> None:
    again = OperatorError(REFUSAL.message.replace("17:", "18:"), REFUSAL.remedy)
    stage = Stage(broker=FakeBroker(starts=[REFUSAL, again]), pages=True)
    outcome = run(stage, tmp_path)
    assert stage.requests == []
    assert len(stage.broker.began) == 2
    assert states(outcome)[3] == (NOT_RUN, "the broker did not start twice: mosquitto ended at once with exit code 3. "
                                           "Its last words:")  # fmt: skip
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert (tmp_path / "report.html").exists()


def test_a_target_that_refuses_hits_its_level_alone(tmp_path: Path) -> None:
    stage = Stage(
        outcomes=[TargetError("mqtt://x: not authorised", "look at its user"), HostLimitError("no ports", "")]
    )
    outcome = run(stage, tmp_path)
    assert states(outcome)[:3] == [
        (NOT_RUN, "mqtt://x: not authorised; look at its user"), (NOT_RUN, "no ports"), (DONE, ""),
    ]  # fmt: skip
    assert stage.lines[0] == "5 clients: not run: mqtt://x: not authorised; look at its user"


def test_a_full_disk_ends_it(tmp_path: Path) -> None:
    def keep_something(asked: Any) -> None:
        asked.directory.mkdir()
        (asked.directory / "run.db").touch()

    stage = Stage(outcomes=[UnstoredRunError("stored only in part", "make room")], during=keep_something)
    outcome = run(stage, tmp_path)
    assert states(outcome)[0] == (CUT, "stored only in part; make room")
    assert outcome.records.parts[0].directory == "level-1"
    assert states(outcome)[1] == (NOT_RUN, "the run before could not be stored")
    assert len(stage.requests) == 1


def test_a_disk_that_refuses_the_files_of_one_part_leaves_the_others(tmp_path: Path) -> None:
    stage = Stage(outcomes=[OSError(28, "No space left on device", "warhead.toml")])
    outcome = run(stage, tmp_path)
    assert states(outcome) == [(NOT_RUN, "warhead.toml: No space left on device"), *[(DONE, "")] * 3]


def test_a_page_that_cannot_be_written_is_told_and_tried_again(tmp_path: Path) -> None:
    stage = Stage(full=OSError(28, "No space left on device"))
    outcome = run(stage, tmp_path)
    assert states(outcome) == [(DONE, "")] * 4
    assert stage.written == 5
    assert "the page could not be written: No space left on device" in " ".join(stage.lines)


# --- the operator --------------------------------------------------------------------------------------------------


def test_ctrl_c_finishes_the_level_and_leaves_the_rest(tmp_path: Path) -> None:
    stage = Stage(outcomes=["PASS", INTERRUPTED])
    stage.during = lambda asked: setattr(stage.interrupt, "count", int(asked.directory.name != "level-1"))
    outcome = run(stage, tmp_path)
    assert states(outcome) == [(DONE, ""), (CUT, INTERRUPTED), (NOT_RUN, INTERRUPTED), (NOT_RUN, INTERRUPTED)]
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert outcome.summary["verdict"]["reasons"][0] == "interrupted by the operator: 1 of 4 parts were run"
    assert outcome.records.parts[1].directory == "level-1-variant-1"


def test_ctrl_c_while_the_broker_starts(tmp_path: Path) -> None:
    stage = Stage(broker=FakeBroker(starts=[KeyboardInterrupt()]))
    stage.interrupt.count = 0
    broker = stage.broker
    begin = broker.begin_level

    def pressed(title: str) -> CleanStart:
        assert stage.interrupt.raises_from == 2
        stage.interrupt.count = 2
        return begin(title)

    broker.begin_level = pressed  # type: ignore[method-assign]
    outcome = run(stage, tmp_path)
    assert states(outcome) == [(NOT_RUN, INTERRUPTED)] * 4
    assert stage.interrupt.raises_from is None
    assert broker.stopped == 1
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"


def test_an_attack_that_ended_early_is_not_done(tmp_path: Path) -> None:
    outcome = run(Stage(outcomes=["every worker is lost"]), tmp_path)
    assert states(outcome)[:2] == [(CUT, "every worker is lost"), (DONE, "")]


# --- going on ------------------------------------------------------------------------------------------------------


def resume(stage: Stage, directory: Path) -> CampaignOutcome:
    again = resumed_request(directory, {}, lambda clients: 1)
    return conduct_campaign(again, stage, stage.interrupt, stage.tools)


def test_what_is_done_is_not_repeated_and_what_was_cut_short_is(tmp_path: Path) -> None:
    cut = Stage(outcomes=["PASS", INTERRUPTED])
    cut.during = lambda asked: setattr(cut.interrupt, "count", int(asked.directory.name != "level-1"))
    before = run(cut, tmp_path, hold="5s")
    stage = Stage()
    outcome = resume(stage, tmp_path)
    assert names(stage) == ["level-1-variant-1-run-2", "level-2", "level-3"]
    assert {asked.warhead.attack.duration_ns for asked in stage.requests} == {5 * 10**9}
    assert states(outcome) == [(DONE, "")] * 4
    assert outcome.records.started == before.records.started
    assert outcome.records.parts[0] == before.records.parts[0]
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert stage.begun[0][1:] == (2, 4)


def test_a_campaign_that_was_killed_goes_on(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(Stage(outcomes=["PASS", SystemExit()]), tmp_path)
    assert [part.state for part in open_campaign(tmp_path).parts] == ["done", "running", "not run", "not run"]
    stage = Stage()
    assert states(resume(stage, tmp_path)) == [(DONE, "")] * 4
    assert len(stage.requests) == 3


def test_a_failure_of_before_still_stops_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(Stage(outcomes=["FAIL", SystemExit()]), tmp_path, 'on_fail = "stop"\n' + TEXT)
    stage = Stage()
    assert [state for state, _ in states(resume(stage, tmp_path))] == [DONE, DONE, NOT_RUN, NOT_RUN]


def test_a_done_level_whose_run_is_damaged_is_run_anew(tmp_path: Path) -> None:
    run(Stage(), tmp_path)
    (tmp_path / "level-2" / "run.db").write_text("no database")
    stage = Stage()
    outcome = resume(stage, tmp_path)
    assert names(stage) == ["level-2-run-2"]
    assert states(outcome) == [(DONE, "")] * 4
    assert "is run again" in stage.lines[0]


def test_two_do_not_go_on_with_the_same_one(tmp_path: Path) -> None:
    refused: list[str] = []

    def meddle(_: object) -> None:
        with pytest.raises(RunError, match="another command runs this campaign") as caught:
            resume(Stage(), tmp_path)
        refused.append(caught.value.message)

    assert states(run(Stage(during=meddle), tmp_path)) == [(DONE, "")] * 4
    assert len(refused) == 4


def test_nothing_is_left_to_do(tmp_path: Path) -> None:
    before = run(Stage(), tmp_path)
    stage = Stage()
    outcome = resume(stage, tmp_path)
    assert stage.requests == []
    assert outcome.summary == before.summary


# --- a program that depends on its results ---------------------------------------------------------------------------


class Doubling:
    """Twice as many clients after each PASS; plans nothing ahead."""

    def __init__(self, first: Step) -> None:
        self._first = first

    @property
    def planned(self) -> Sequence[Step]:
        return ()

    @property
    def length(self) -> None:
        return None

    def standing(self, history: Sequence[StepResult]) -> str:
        return ""

    def next(self, history: Sequence[StepResult]) -> Step | None:
        if any(result.verdict == "FAIL" for result in history):
            return None
        clients = 5 * 2 ** len(history)
        number = len(history) + 1
        title, directory = f"{clients} clients", f"step-{number}"
        return replace(self._first, level=number, title=title, clients=clients, directory=directory)


def doubling(directory: Path) -> CampaignRequest:
    return request(directory, program=Doubling(request(directory).program.planned[0]))


def test_a_step_is_recorded_when_it_is_asked_for(tmp_path: Path) -> None:
    stage = Stage(outcomes=["PASS", "PASS", "FAIL"])
    outcome = conduct_campaign(doubling(tmp_path), stage, stage.interrupt, stage.tools)
    assert names(stage) == ["step-1", "step-2", "step-3"]
    assert [(part.title, part.state) for part in open_campaign(tmp_path).parts] == [
        ("5 clients", DONE), ("10 clients", DONE), ("20 clients", DONE),
    ]  # fmt: skip
    assert outcome.summary["verdict"]["outcome"] == "FAIL"


def test_it_goes_on_from_its_record_as_if_it_had_not_been_cut(tmp_path: Path) -> None:
    cut = Stage(outcomes=["PASS", SystemExit()])
    with pytest.raises(SystemExit):
        conduct_campaign(doubling(tmp_path), cut, cut.interrupt, cut.tools)
    stage = Stage(outcomes=["PASS", "FAIL"])
    again = replace(doubling(tmp_path), before=open_campaign(tmp_path))
    outcome = conduct_campaign(again, stage, stage.interrupt, stage.tools)
    assert names(stage) == ["step-2", "step-3"]
    assert [part.clients for part in outcome.records.parts] == [5, 10, 20]


# --- what version 0.1 stored -----------------------------------------------------------------------------------------


def test_a_campaign_of_version_0_1_is_read_and_resumed(tmp_path: Path) -> None:
    shutil.copytree(STORED, tmp_path / "run")
    stage = Stage()
    outcome = resume(stage, tmp_path / "run")
    assert stage.requests == []
    assert states(outcome) == [(DONE, "")] * 2
    assert outcome.summary["verdict"] == json.loads((STORED / "summary.json").read_text())["verdict"]


def test_a_campaign_of_version_0_1_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    shutil.copytree(STORED, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "level-2")
    stage = Stage()
    assert states(resume(stage, tmp_path / "run")) == [(DONE, "")] * 2
    assert names(stage) == ["level-2"]


# --- before the first level ----------------------------------------------------------------------------------------


def test_everything_is_rehearsed_before_anything_begins(tmp_path: Path) -> None:
    stage = Stage()
    run(stage, tmp_path)
    assert [asked.title for asked in stage.dry_runs] == ["5 clients", "5 clients · QoS 0", "7 clients", "9 clients"]
    assert {asked.target.url for asked in stage.dry_runs} == {"mqtt://127.0.0.1:1883"}


@pytest.mark.parametrize("where", ["check", "rehearsal"])
def test_what_can_never_work_leaves_nothing_behind(tmp_path: Path, where: str) -> None:
    stage = Stage()
    unfit = OperatorError("it can never work", "mend it")
    tools = stage.tools
    if where == "check":
        stage.broker.unfit = unfit
    else:
        stage.dry_runs = _Refusing(unfit)
    directory = tmp_path / "run"
    with pytest.raises(OperatorError, match="it can never work"):
        conduct_campaign(request(directory), stage, stage.interrupt, tools)
    assert not directory.exists()
    assert stage.broker.stopped == 1
    assert stage.broker.began == []


class _Refusing(list[Any]):
    """Takes two, and no third one."""

    def __init__(self, error: OperatorError) -> None:
        super().__init__()
        self._error = error

    def append(self, asked: Any) -> None:
        if len(self) == 2:
            raise self._error
        super().append(asked)


def test_an_embedded_broker_has_no_way_in_until_it_runs(tmp_path: Path) -> None:
    stage = Stage()
    stage.broker.url = None
    begin = stage.broker.begin_level

    def started(title: str) -> CleanStart:
        stage.broker.url = "mqtt://127.0.0.1:4444"
        return begin(title)

    stage.broker.begin_level = started  # type: ignore[method-assign]
    run(stage, tmp_path, TEXT.replace('"mosquitto"', '"embedded"'))
    assert stage.dry_runs == []
    assert stage.requests[0].target.url == "mqtt://127.0.0.1:4444"


def test_a_broker_that_we_do_not_configure_is_looked_for_at_the_target(tmp_path: Path) -> None:
    text = TEXT.replace(
        'kind = "mosquitto"', 'kind = "command"\ncommand = "broker --now"\n[target]\nurl = "broker:1999"'
    )
    stage = Stage()
    outcome = run(stage, tmp_path, text)
    (endpoint,) = stage.endpoints
    assert (endpoint.host, endpoint.port, endpoint.check(1.0).problem) == ("broker", 1999, "")
    campaign, attack = outcome.records.parts[0].command.splitlines()
    assert campaign == "malaria campaign meters.toml --levels level-1"
    assert shlex.split(attack) == ["malaria", "attack", "broker:1999", "-w", str(tmp_path / "level-1" / "warhead.toml")]


def test_two_campaigns_do_not_share_a_directory(tmp_path: Path) -> None:
    run(Stage(), tmp_path)
    with pytest.raises(RunError, match="holds a campaign or a run already") as caught:
        run(Stage(), tmp_path)
    assert f"--resume {tmp_path}" in caught.value.remedy


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot write a campaign to"):
        run(Stage(), tmp_path / "file" / "run")


# --- the broker dies -----------------------------------------------------------------------------------------------


def test_the_death_of_the_broker_is_told_to_the_attack_once(tmp_path: Path) -> None:
    stage = Stage()
    stage.broker.ends = [None, "signal KILL"]
    heard: list[str] = []

    def listen(asked: Any) -> None:
        while not heard:
            heard.extend(asked.news())
        heard.extend(asked.news())

    stage.during = listen
    text = TEXT.partition("[[level.variant]]")[0]
    outcome = run(stage, tmp_path, text)
    assert heard == ["mosquitto ended with signal KILL"]
    assert states(outcome) == [(DONE, "")]
