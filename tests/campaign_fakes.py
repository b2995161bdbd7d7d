"""A campaign in a test without broker and without load: what would be asked of them is noted, the answers are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest
from malaria.broker import CleanStart
from malaria.campaigns import CampaignRequest, CampaignTools, PartPlace, RepeatCommand
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.levels import Levels
from malaria.campaigns.overrides import overridden
from malaria.campaigns.program import Program
from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.outputs.files import write_campaign_files
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Progress
from malaria.records.run_meta import RungFacts, RunMeta, StaircaseFacts
from malaria.records.store import RunWriter, open_run
from malaria.transport.probe import Answer
from synthetic import make_run

TEXT: Final = """
title = "Meters"
note = "what a reader should know"
[broker]
kind = "mosquitto"
[defaults]
hold = "10s"
[[defaults.warhead.group]]
name = "meters"
clients = 5
[[level]]
note = "the first"
[[level.variant]]
name = "QoS 0"
note = "beside it"
group.meters.qos = 0
[[level]]
clients = 7
[[level]]
clients = 9
"""
SMALLEST: Final = """
title = "One attack"
[target]
url = "127.0.0.1:1"
[defaults]
hold = "4s"
[[defaults.warhead.group]]
name = "g"
clients = 1
[[level]]
"""
REPEAT: Final = RepeatCommand(("malaria", "campaign", "meters.toml"))
URL: Final = "mqtt://127.0.0.1:1883"


def request(directory: Path, text: str = TEXT, program: Program | None = None, **options: Any) -> CampaignRequest:
    campaign = overridden(campaign_from_toml(text, "meters.toml"), options)
    return CampaignRequest(
        campaign=campaign,
        program=program or Levels(campaign),
        directory=directory,
        workers=lambda clients: 1,
        command="malaria campaign meters.toml",
        repeat=REPEAT,
        copy=text,
        options=options,
    )


@dataclass
class FakeBroker:
    """`starts` answers each `begin_level`: how it started, or what it raises; without more of them, cleanly."""

    starts: list[CleanStart | BaseException] = field(default_factory=list)
    ends: list[str | None] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    running: Any = None
    stopped: int = 0
    url: str | None = URL
    unfit: OperatorError | None = None

    def __enter__(self) -> FakeBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped += 1

    def check(self) -> None:
        if self.unfit is not None:
            raise self.unfit

    def way_in(self, stated: Access, listener: str | None = None) -> Access:
        if stated.url is not None or self.url is None:
            return stated
        return Access(url=self.url).overridden(stated)

    def begin_level(self, title: str) -> CleanStart:
        self.began.append(title)
        start = self.starts.pop(0) if self.starts else CleanStart(True, "started for this level")
        if isinstance(start, BaseException):
            raise start
        self.running = SimpleNamespace(
            name="mosquitto", version="2.0", pid=4711, ssh=None, configuration="listener 1883\n"
        )
        return start

    def pause(self) -> None:
        self.running = None

    def death(self) -> str | None:
        return self.ends.pop(0) if self.ends else None


@dataclass
class Stage:
    """`outcomes` decides each attack: PASS, FAIL, INVALID, an abort's reason, or what it raises; then they pass."""

    outcomes: list[str | BaseException] = field(default_factory=list)
    broker: FakeBroker = field(default_factory=FakeBroker)
    interrupt: Interrupt = field(default_factory=Interrupt)
    during: Callable[[AttackRequest], None] = lambda _: None
    requests: list[AttackRequest] = field(default_factory=list)
    carries: int | None = None  # a load: what decides each attack instead of `outcomes`
    recovers: int = 1  # on the way down of a staircase
    dry_runs: list[AttackRequest] = field(default_factory=list)
    endpoints: list[Any] = field(default_factory=list)
    begun: list[tuple[str, int, int]] = field(default_factory=list)
    left_s: list[float | None] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    written: int = 0  # how often the page was
    full: OSError | None = None
    pages: bool = False  # write real pages, which takes its time

    @property
    def tools(self) -> CampaignTools:
        return CampaignTools(self._broker, self._dry_run, self._conduct, self._write_files)

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        self.begun.append((part.title + part.variant, place.number, place.of))
        self.left_s.append(place.left_s)
        return lambda _: None

    def tell(self, text: str) -> None:
        self.lines.append(text)

    def _broker(self, table: object, endpoint: Any) -> FakeBroker:
        self.endpoints.append(endpoint)
        return self.broker

    def _dry_run(self, asked: AttackRequest) -> Callable[[float], Answer]:
        self.dry_runs.append(asked)
        return lambda _: Answer()

    def _write_files(self, *arguments: Any) -> dict[str, Any]:
        self.written += 1
        if self.full is not None:
            raise self.full
        return write_campaign_files(*arguments) if self.pages else {}

    def _conduct(
        self, asked: AttackRequest, on_progress: Callable[[Progress], None], interrupt: Interrupt
    ) -> AttackOutcome:
        self.requests.append(asked)
        outcome = self.outcomes.pop(0) if self.outcomes else self._decided(asked)
        self.during(asked)
        if isinstance(outcome, BaseException):
            raise outcome
        write_run(asked, outcome, self._climbed(asked))
        return _outcome(asked.directory)

    def _decided(self, asked: AttackRequest) -> str:
        if self.carries is None:
            return "PASS"
        group = asked.warhead.publishing[0]
        return "PASS" if group.clients <= self.carries else "FAIL"

    def _climbed(self, asked: AttackRequest) -> StaircaseFacts | None:
        """The rungs of a staircase on a target that carries so many clients."""
        if asked.staircase is None:
            return None
        most = 10**9 if self.carries is None else self.carries
        rungs: list[RungFacts] = []
        for load in asked.staircase.loads:
            rungs.append(_rung(load, len(rungs), upward=True, well=load <= most))
            if load > most:
                break
        for load in [rung.load for rung in reversed(rungs[:-1]) if rungs[-1].well is False]:
            rungs.append(_rung(load, len(rungs), upward=False, well=load <= self.recovers))
            if load <= self.recovers:
                break
        return StaircaseFacts(rungs=tuple(rungs))


def _rung(load: int, place: int, *, upward: bool, well: bool) -> RungFacts:
    begin_ns = place * NS_PER_S
    reason = "" if well else "it fell behind"
    return RungFacts(load=load, upward=upward, from_ns=begin_ns, until_ns=begin_ns + NS_PER_S, well=well, reason=reason)


TROUBLE: Final = {"FAIL": "falls-behind", "INVALID": "generator-limit"}


def write_run(asked: AttackRequest, outcome: str, staircase: StaircaseFacts | None = None) -> None:
    """A run that comes to that verdict; another word than a verdict is why it ended early."""
    trouble: Any = TROUBLE.get(outcome)
    run = make_run(seconds=4, workers=1, clients=180, trouble=trouble)  # more than 100 messages
    aborted = None if outcome in ("PASS", *TROUBLE) else outcome
    with RunWriter.create(asked.directory) as writer:
        for facts in (
            run.meta,
            RunMeta(title=asked.title),
            asked.facts,
            RunMeta(aborted=aborted),
            RunMeta(staircase=staircase),
        ):
            writer.describe(facts)
        writer.append(run.samples)
        for event in run.events:
            writer.event(event)
        if run.ledger is not None:
            writer.ledger(run.ledger)


def _outcome(directory: Path) -> AttackOutcome:
    from malaria.analysis.summary import summarize

    run = open_run(directory)
    return AttackOutcome(directory, run, summarize(run))


def names(stage: Stage) -> Sequence[str]:
    return [asked.directory.name for asked in stage.requests]
