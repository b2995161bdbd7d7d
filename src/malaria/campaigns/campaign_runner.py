"""Run a campaign from request to page: step by step as its program decides, the broker as `[broker]` says.

Promises: what can never work is refused before the first step begins; from then on a fault is recorded with the part
that it stopped, and the campaign goes on with the next one; Ctrl-C once finishes what is under way, twice stops at
once; the page shows what was done, and why the rest was not.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Verdict
from malaria.attacks.interrupt import Interrupt, impatient, settled
from malaria.attacks.preflight import dry_run
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import BrokerEndpoint, CleanStart, Lifecycle
from malaria.broker.configuration import queue_limit
from malaria.campaigns.campaign_broker import BrokerWatch, CampaignBroker, broker_facts, observed
from malaria.campaigns.definition import Campaign
from malaria.campaigns.level_brokers import LevelBrokers
from malaria.campaigns.program import Step
from malaria.campaigns.recorder import CampaignRecorder, WriteFiles
from malaria.campaigns.request import CampaignListener, CampaignOutcome, CampaignRequest, PartPlace
from malaria.campaigns.target_drain import TargetDrain
from malaria.campaigns.time_left import TimeLeft
from malaria.clock import NS_PER_S, now_ns
from malaria.errors import HostLimitError, OperatorError, TargetError, UnstoredRunError
from malaria.model.access import Access
from malaria.model.broker import BrokerKind, BrokerTable
from malaria.model.target import parse_target
from malaria.model.warhead import describe
from malaria.outputs.files import write_campaign_files
from malaria.plan.surge_schedule import clients_planned
from malaria.records.campaign_records import INTERRUPTED, PartState
from malaria.records.rows import Progress
from malaria.records.run_meta import BrokerFacts, CleanStartFacts, RunMeta
from malaria.records.store import FILE as RUN_FILE
from malaria.transport.probe import Answer

UNREACHED: Final = 2
PAGE_COST: Final = 20
"""So many times as long as the page of a search took to write, it is not written again, except at the end."""

type Conduct = Callable[[AttackRequest, Callable[[Progress], None], Interrupt], AttackOutcome]


@dataclass(frozen=True, slots=True)
class CampaignTools:
    """The means to carry out a campaign: tests replace parts of them."""

    broker: Callable[[BrokerTable, BrokerEndpoint | None], CampaignBroker] = Lifecycle
    dry_run: Callable[[AttackRequest], Callable[[float], Answer]] = dry_run
    conduct: Conduct = conduct
    write_files: WriteFiles = write_campaign_files
    drain: Callable[[Interrupt], TargetDrain] = TargetDrain


def conduct_campaign(
    request: CampaignRequest, listener: CampaignListener, interrupt: Interrupt, tools: CampaignTools | None = None
) -> CampaignOutcome:
    """Run what is not done yet. Raises OperatorError for what can never work; then nothing has begun."""
    tools = tools or CampaignTools()
    tables = [request.campaign.broker, *(level.broker for level in request.campaign.levels)]
    with LevelBrokers(tables, lambda table: tools.broker(table, _endpoint(table, request, tools))) as brokers:
        # both checks come before the first level, and before anything is written
        brokers.check()
        runner = CampaignRunner(request, brokers, listener, interrupt, tools)
        runner.dry_run()
        return runner.run()


def _endpoint(table: BrokerTable, request: CampaignRequest, tools: CampaignTools) -> BrokerEndpoint | None:
    """Return where a broker lets clients in that the campaign starts and does not configure: its first target."""
    step = next((step for step in request.program.planned if _table(request, step) == table), None)
    # a broker that is configured here has a listener of its own to be checked at
    if table.kind is BrokerKind.NONE or table.tells_its_url or step is None:
        return None
    attack = _attack_request(request, step, step.warhead.target)
    address = attack.target.addresses[0]
    return BrokerEndpoint(address.host, address.port, tools.dry_run(attack))


def _table(request: CampaignRequest, step: Step) -> BrokerTable:
    """Return how the broker of a step is started."""
    return request.campaign.broker if step.broker is None else step.broker


def _attack_request(request: CampaignRequest, step: Step, access: Access) -> AttackRequest:
    """Return the attack of a step whose clients get in by `access`."""
    assert access.url is not None
    warhead = step.warhead.model_copy(update={"target": access})
    return AttackRequest(
        target=parse_target(access.url),
        warhead=warhead,
        directory=request.directory / step.directory,
        workers=request.workers(clients_planned(warhead)),
        # set when the level begins: only then is the way in known
        command="",
        title=step.name,
        observe=step.observe,
        launcher=request.launcher,
        knock_from=request.knock_from,
        wait_for_figures=request.wait_for_figures,
        followers=request.followers,
        staircase=step.trial.staircase if step.trial is not None else None,
        unsteerable=_unsteerable(request.campaign),
    )


def _unsteerable(campaign: Campaign) -> str:
    """Return the reason why no hand may change the loads of a campaign; empty if it may."""
    if campaign.search is not None:
        return "this attack belongs to a search, which sets its loads itself"
    if campaign.comparison is not None:
        return "this attack belongs to a comparison, which needs the same load on both sides"
    return ""


class CampaignRunner:
    """One campaign under way: asks its program for the next step, and does what the step needs."""

    def __init__(
        self,
        request: CampaignRequest,
        brokers: LevelBrokers,
        listener: CampaignListener,
        interrupt: Interrupt,
        tools: CampaignTools,
    ) -> None:
        self._request = request
        self._brokers = brokers
        self._listener = listener
        self._interrupt = interrupt
        self._tools = tools
        self._time_left = TimeLeft()
        self._drain = tools.drain(interrupt)
        self._next_page_ns = 0
        self._stopped = ""  # why nothing more is run
        self._refusal = ""  # the error of a broker that did not start the last time
        self._unreached = 0  # attacks in a row that found no target

    def dry_run(self) -> None:
        """Check every planned step, so that no one waits two hours for a file of keys that is too short.

        Raises OperatorError.
        """
        for step in self._request.program.planned:
            # a staircase is higher than what may ever be needed: its lowest rung must be possible
            lowest = replace(step, warhead=step.warhead.model_copy(update={"surges": ()})) if step.climbs else step
            broker = self._brokers.of(_table(self._request, lowest))
            access = broker.way_in(lowest.warhead.target, lowest.listener)
            if access.url is not None:  # an embedded broker has an address only while it runs
                self._tools.dry_run(_attack_request(self._request, lowest, access))

    def run(self) -> CampaignOutcome:
        with CampaignRecorder(self._request, self._tools.write_files, self._listener.tell) as self._recorder:
            while (step := self._request.program.next(self._recorder.history())) is not None:
                # the operator's Ctrl-C goes before other reasons to stop
                if why := INTERRUPTED if self._interrupt.count else self._stopped:
                    self._recorder.leave_rest(why)
                    if self._stopped:
                        self._listener.tell(self._stopped)
                    break
                if step.skip:
                    self._recorder.change(step, state=PartState.NOT_RUN, why=step.skip)
                    continue
                began_ns = now_ns()
                self._perform(step)
                took_s = (now_ns() - began_ns) / NS_PER_S
                self._recorder.change(step, took_s=took_s)
                self._publish_now_and_then()
                self._note_time(step, took_s)
                if standing := self._request.program.standing(self._recorder.history()):
                    self._listener.tell(standing)
            self._recorder.end()
            self._publish()
            return self._recorder.outcome()

    def _publish_now_and_then(self) -> None:
        """Write the page after each part of a campaign; of a search, which has many, as seldom as its cost asks for.

        The page has all parts so far, so that writing it after each would take a time that grows with their square.
        """
        if self._request.program.length is None and now_ns() < self._next_page_ns:
            return
        began_ns = now_ns()
        self._publish()
        self._next_page_ns = now_ns() + PAGE_COST * (now_ns() - began_ns)

    def _publish(self) -> None:
        """Write the page of what is done. Ctrl-C meanwhile leaves it as it was: the records are stored."""
        try:
            with settled(self._interrupt):
                # after every part: a command that is killed later leaves the page of what is done
                self._recorder.publish()
        except KeyboardInterrupt:
            directory = shlex.quote(str(self._request.directory))
            self._listener.tell(f"stopped; the page of what was stored is made by: malaria report {directory}")

    def _note_time(self, step: Step, took_s: float) -> None:
        # a part that was cut short would make the estimate too short
        if self._recorder.part(step).state is PartState.DONE:
            self._time_left.note(step, took_s)

    def _perform(self, step: Step) -> None:
        directory = self._recorder.fresh_directory(step)
        self._recorder.change(step, state=PartState.RUNNING, directory=None, why="")
        try:
            self._attack(step, directory)
        except KeyboardInterrupt:
            self._give_up(step, directory, INTERRUPTED)
        except OperatorError as error:
            # on a full disk the next part would be lost too
            if isinstance(error, UnstoredRunError):
                self._stopped = "the run before could not be stored"
            self._recorder.change(step, own_limit=isinstance(error, HostLimitError))
            self._note_unreached(step, error)
            self._give_up(step, directory, "; ".join(part for part in (error.message, error.remedy) if part))
        except OSError as error:  # of the disk: the parts before this one are stored, and keep their verdicts
            self._give_up(step, directory, f"{error.filename or directory}: {error.strerror or error}")

    def _give_up(self, step: Step, directory: Path, why: str) -> None:
        """Record why a step failed; the campaign goes on."""
        # an attack that failed late has records, which belong on the page
        stored = (directory / RUN_FILE).exists()
        state = PartState.INTERRUPTED if stored else PartState.NOT_RUN
        self._recorder.change(step, state=state, why=why, directory=directory.name if stored else None)
        self._listener.tell(f"{step.name}: {state}: {why}")

    def _attack(self, step: Step, directory: Path) -> None:
        start = self._begin(step)
        request = self._complete(step, directory, start)
        recorder = self._recorder
        # name and version are known only from the broker that runs
        table = _table(self._request, step)
        broker = self._brokers.of(table)
        recorder.describe_broker(broker_facts(table, broker.running))
        drained = self._let_drain(step, start, request)
        reason = "; ".join(filter(None, (start.reason, drained)))
        began = {"clean": start.clean, "clean_reason": reason, "command": request.command}
        recorder.change(step, directory=directory.name, **began)
        on_progress = self._listener.begin(recorder.part(step), self._place(step), describe(request.warhead))
        with BrokerWatch(broker) as watch:
            outcome = self._tools.conduct(replace(request, news=watch.news), on_progress, self._interrupt)
        recorder.add_run(outcome)
        self._unreached = 0
        aborted = outcome.run.meta.aborted
        recorder.change(step, state=PartState.INTERRUPTED if aborted else PartState.DONE, why=aborted or "")
        self._listener.tell(f"{step.name}: {_verdict_line(outcome.summary.verdict)}")

    def _let_drain(self, step: Step, start: CleanStart, request: AttackRequest) -> str:
        """Wait before a trial until the trial before has left a target that was not started anew."""
        if step.trial is None or start.clean:
            return ""
        drained = self._drain.wait(self._tools.dry_run(request))
        if self._interrupt.count:
            raise KeyboardInterrupt
        return drained

    def _place(self, step: Step) -> PartPlace:
        decided = {result.key for result in self._recorder.history()}
        rest = [later for later in self._request.program.planned if later.key not in decided | {step.key}]
        length = self._request.program.length
        left_s = None if length is None else self._time_left.of([step, *rest])
        return PartPlace(self._recorder.position(step) + 1, length, left_s)

    def _begin(self, step: Step) -> CleanStart:
        """Make the broker ready for a step. Raises KeyboardInterrupt when the operator has pressed Ctrl-C meanwhile."""
        try:
            with impatient(self._interrupt):
                start = self._brokers.begin(_table(self._request, step), step.name)
        except OperatorError as error:
            self._note_refusal(error)
            raise
        self._refusal = ""
        if self._interrupt.count:
            raise KeyboardInterrupt
        return start

    def _note_unreached(self, step: Step, error: OperatorError) -> None:
        """Stop a search whose target lets no client in, twice in succession: every further trial would say the same."""
        self._unreached = self._unreached + 1 if isinstance(error, TargetError) else 0
        if step.trial is not None and self._unreached == UNREACHED:
            self._stopped = f"the target did not let a client in twice: {error.message}"

    def _note_refusal(self, error: OperatorError) -> None:
        """Stop the campaign when the broker does not start twice in succession for the same reason: it never will."""
        # the lines below the first are the broker's output, which differs from start to start
        refusal = error.message.partition("\n")[0]
        if refusal == self._refusal:
            self._stopped = f"the broker did not start twice: {refusal}"
        self._refusal = refusal

    def _complete(self, step: Step, directory: Path, start: CleanStart) -> AttackRequest:
        """Return the attack with what is known only now: where the broker is, its name, and facts for the run."""
        table = _table(self._request, step)
        broker = self._brokers.of(table)
        access = broker.way_in(step.warhead.target, step.listener)
        request = _attack_request(self._request, step, access)
        running = broker.running
        facts = RunMeta(
            note=step.note,
            level=step.level,
            variant=step.variant,
            clean_start=CleanStartFacts(clean=start.clean, reason=start.reason),
        )
        if running is not None:
            known = BrokerFacts(
                name=running.name, version=running.version or None, queue_limit=queue_limit(running.configuration)
            )
            facts = facts.model_copy(update={"broker": known})
        return replace(
            request,
            directory=directory,
            command="\n".join(self._commands(step, directory, access)),
            observe=observed(step.observe, table, running),
            facts=facts,
        )

    def _commands(self, step: Step, directory: Path, access: Access) -> Iterator[str]:
        """Yield the commands that make this attack again: with the campaign's broker, and on a target that is there."""
        yield self._request.repeat.of_level(step.level)
        stated = step.warhead.target.url
        # an address that the campaign chose is gone when the campaign is over
        if stated is not None:
            user = ("-u", access.username) if access.username else ()
            warhead = str(directory / "warhead.toml")
            yield shlex.join(["malaria", "attack", stated, "-w", warhead, *user, *self._request.more])


def _verdict_line(verdict: Verdict) -> str:
    """Return the verdict over a step in one line. The remarks of a PASS are on the page."""
    reasons = verdict.reasons[:1] if verdict.outcome is not Outcome.PASS else ()
    return ": ".join([verdict.outcome, *(reason.text for reason in reasons)])
