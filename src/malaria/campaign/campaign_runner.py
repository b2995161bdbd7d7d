"""A campaign from request to page: level by level, the broker as `[broker]` says before each attack.

Promises: what can never work is refused before the first level begins; from then on every trouble is told of the part
that it hit, and the campaign goes on with the next one; Ctrl-C once finishes what is under way, twice stops at once;
what was done is on the page, and the rest says why it was not.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from malaria.analysis.verdict import Outcome
from malaria.attack.interrupt import Interrupt
from malaria.attack.preflight import dry_run
from malaria.attack.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import BrokerEndpoint, CleanStart, Lifecycle
from malaria.campaign.file_tables import OnFail
from malaria.campaign.level_broker import Broker, Watch, broker_facts, observed
from malaria.campaign.recording import CampaignRecorder, Show, Turn, turns
from malaria.campaign.request import CampaignOutcome, CampaignRequest, Listener
from malaria.errors import OperatorError, UnstoredRunError
from malaria.model.access import Access
from malaria.model.broker import BrokerKind, BrokerTable
from malaria.model.target import parse_target
from malaria.model.warhead import describe
from malaria.outputs.files import write_campaign_files
from malaria.plan.timetable import clients_planned
from malaria.records.rows import INTERRUPTED, CampaignPart, PartState, Progress
from malaria.records.run_meta import BrokerFacts, CleanStartFacts, RunMeta
from malaria.records.store import FILE as RUN_FILE
from malaria.transport.probe import Answer

type Conduct = Callable[[AttackRequest, Callable[[Progress], None], Interrupt], AttackOutcome]


@dataclass(frozen=True, slots=True)
class Hands:
    """What a campaign is carried out with."""

    broker: Callable[[BrokerTable, BrokerEndpoint | None], Broker] = Lifecycle
    dry_run: Callable[[AttackRequest], Callable[[float], Answer]] = dry_run
    conduct: Conduct = conduct
    show: Show = write_campaign_files


HANDS: Final = Hands()


def conduct_campaign(
    request: CampaignRequest, audience: Listener, interrupt: Interrupt, hands: Hands = HANDS
) -> CampaignOutcome:
    """Runs what is not done yet. Raises OperatorError for what can never work; then nothing was begun."""
    door = _door(request, hands)
    with hands.broker(request.campaign.broker, door) as broker:
        broker.check()
        tour = CampaignRunner(request, broker, audience, interrupt, hands)
        tour.dry_run()
        return tour.run()


def _door(request: CampaignRequest, hands: Hands) -> BrokerEndpoint | None:
    """Where a broker of ours lets in that we do not configure: at the target of the first attack."""
    table = request.campaign.broker
    if table.kind is BrokerKind.NONE or table.tells_its_url:
        return None
    turn = turns(request.campaign)[0]
    attack = _attack_request(request, turn, turn.attack.warhead.target)
    address = attack.target.addresses[0]
    return BrokerEndpoint(address.host, address.port, hands.dry_run(attack))


def _attack_request(request: CampaignRequest, turn: Turn, access: Access) -> AttackRequest:
    """The attack of a turn, its clients let in so."""
    assert access.url is not None
    warhead = turn.attack.warhead.model_copy(update={"target": access})
    directory = request.directory / turn.directory
    workers = request.workers(clients_planned(warhead))
    return AttackRequest(
        target=parse_target(access.url),
        warhead=warhead,
        directory=directory,
        workers=workers,
        command="",
        title=turn.name,
        observe=turn.level.observe,
        launcher=request.launcher,
    )


class CampaignRunner:
    """One campaign under way."""

    def __init__(
        self, request: CampaignRequest, broker: Broker, audience: Listener, interrupt: Interrupt, hands: Hands
    ) -> None:
        self._request = request
        self._broker = broker
        self._audience = audience
        self._interrupt = interrupt
        self._hands = hands
        self._turns = turns(request.campaign)
        self._stopped = ""  # why nothing more is run
        self._refusal = ""  # what a broker said that has never started

    def dry_run(self) -> None:
        """Nobody waits two hours for a file of keys that is too short for the last level. Raises OperatorError."""
        for turn in self._turns:
            access = self._broker.way_in(turn.attack.warhead.target, turn.attack.listener)
            if access.url is not None:  # an embedded broker has one when it runs
                self._hands.dry_run(_attack_request(self._request, turn, access))

    def run(self) -> CampaignOutcome:
        with CampaignRecorder(self._request, self._hands.show, self._audience.tell) as self._chronicle:
            for turn in self._turns:
                if self._part(turn).state is PartState.DONE:
                    continue
                if why := self._why_not(turn):
                    self._chronicle.change(turn, state=PartState.NOT_RUN, why=why)
                    continue
                self._perform(turn)
                self._chronicle.publish()
            return self._chronicle.close()

    def _part(self, turn: Turn) -> CampaignPart:
        return self._chronicle.records.parts[turn.position]

    def _why_not(self, turn: Turn) -> str:
        """Why this one is not to be run; empty when it is."""
        if self._interrupt.count:
            return INTERRUPTED
        return self._stopped or self._failed_before(turn)

    def _failed_before(self, turn: Turn) -> str:
        """Variants stand beside their level, so they are run whatever became of that."""
        if self._request.campaign.on_fail is not OnFail.STOP:
            return ""
        for earlier in self._turns[: turn.position]:
            failed = self._chronicle.outcome_of(self._part(earlier)) == Outcome.FAIL
            if failed and earlier.level.number != turn.level.number:
                return f'{earlier.name} failed, and on_fail = "stop"'
        return ""

    def _perform(self, turn: Turn) -> None:
        directory = self._chronicle.fresh_directory(turn)
        self._chronicle.change(turn, state=PartState.RUNNING, directory=None, why="")
        try:
            self._attack(turn, directory)
        except KeyboardInterrupt:
            self._give_up(turn, directory, INTERRUPTED)
        except OperatorError as error:
            if isinstance(error, UnstoredRunError):
                self._stopped = "the disk took only a part of the run before"
            self._give_up(turn, directory, "; ".join(part for part in (error.message, error.remedy) if part))

    def _give_up(self, turn: Turn, directory: Path, why: str) -> None:
        """What hit this part is its own: the campaign goes on."""
        kept = (directory / RUN_FILE).exists()
        state = PartState.INTERRUPTED if kept else PartState.NOT_RUN
        self._chronicle.change(turn, state=state, why=why, directory=directory.name if kept else None)
        self._audience.tell(f"{turn.name}: {state}: {why}")

    def _attack(self, turn: Turn, directory: Path) -> None:
        start = self._begin(turn)
        request = self._complete(turn, directory, start)
        self._chronicle.describe_broker(broker_facts(self._request.campaign.broker, self._broker.running))
        began = {"clean": start.clean, "clean_reason": start.reason, "command": request.command}
        self._chronicle.change(turn, directory=directory.name, **began)
        on_progress = self._audience.begin(
            self._part(turn), turn.position + 1, len(self._turns), describe(request.warhead)
        )
        with Watch(self._broker) as watch:
            outcome = self._hands.conduct(replace(request, news=watch.news), on_progress, self._interrupt)
        self._chronicle.add_run(outcome)
        aborted = outcome.records.meta.aborted
        self._chronicle.change(turn, state=PartState.INTERRUPTED if aborted else PartState.DONE, why=str(aborted or ""))
        self._audience.tell(f"{turn.name}: {_said(outcome.summary['verdict'])}")

    def _begin(self, turn: Turn) -> CleanStart:
        """The broker, ready for this part. Raises KeyboardInterrupt when the operator does not want it any more."""
        self._interrupt.impatient = True
        try:
            start = self._broker.begin_level(turn.name)
        except OperatorError as error:
            self._note_refusal(error)
            raise
        finally:
            self._interrupt.impatient = False
        self._refusal = ""
        if self._interrupt.count:
            raise KeyboardInterrupt
        return start

    def _note_refusal(self, error: OperatorError) -> None:
        """A broker that will not start twice in succession, and for the same reason, never will."""
        said = error.message.partition("\n")[0]
        if said == self._refusal:
            self._stopped = f"the broker did not start twice: {said}"
        self._refusal = said

    def _complete(self, turn: Turn, directory: Path, start: CleanStart) -> AttackRequest:
        """The attack as it is made: where the broker now is, what it is called, what the run is to tell."""
        attack = turn.attack
        access = self._broker.way_in(attack.warhead.target, attack.listener)
        request = _attack_request(self._request, turn, access)
        running, part = self._broker.running, self._part(turn)
        facts = RunMeta(
            note=part.note,
            level=part.level,
            variant=part.variant,
            clean_start=CleanStartFacts(clean=start.clean, reason=start.reason),
        )
        if running is not None:
            broker = BrokerFacts(name=running.name, version=running.version or None)
            facts = facts.model_copy(update={"broker": broker})
        return replace(
            request,
            directory=directory,
            command="\n".join(self._commands(turn, directory, access)),
            observe=observed(turn.level.observe, self._request.campaign.broker, running),
            facts=facts,
        )

    def _commands(self, turn: Turn, directory: Path, access: Access) -> Iterator[str]:
        """How to make this attack again: with the campaign's broker, and on a target that is still there alone too."""
        yield self._request.repeat.command(turn.level)
        stated = turn.attack.warhead.target.url
        if stated is not None:
            user = ("-u", access.username) if access.username else ()
            yield shlex.join(["malaria", "attack", stated, "-w", str(directory / "warhead.toml"), *user])


def _said(verdict: Mapping[str, Any]) -> str:
    """The verdict over a part in a line. A PASS may carry remarks, which are on the page."""
    reasons = verdict["reasons"][:1] if verdict["outcome"] != Outcome.PASS else []
    return ": ".join([verdict["outcome"], *reasons])
