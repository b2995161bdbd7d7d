"""The facts that an attack stores with its samples: those before the first client, and the state since. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from malaria import __version__
from malaria.attacks.address_notes import used_addresses
from malaria.attacks.due_rate import DueRate
from malaria.attacks.preflight import AttackRequest, TargetInfo
from malaria.clock import NS_PER_S
from malaria.control.conductor import Conductor, WorkerState
from malaria.control.steering import TakenChange
from malaria.model.wanted_change import Verb
from malaria.model.warhead import Warhead, describe, to_toml
from malaria.plan.clients import Identity, make_plan
from malaria.plan.streams import delivery_note
from malaria.plan.surge_schedule import SurgeTimes, base_rate, clients_planned, clients_steered
from malaria.records.first_texts import most_common
from malaria.records.rows import UNCOUNTED
from malaria.records.run_meta import BrokerFacts, ChangeFacts, LostWorker, RunMeta, StartFacts, WorkerFacts
from malaria.schedule.share import WHOLE
from malaria.transport.failures import own_shortages, remedies


def planned_facts(request: AttackRequest, target_info: TargetInfo) -> RunMeta:
    """Return what the request says about its run."""
    warhead = request.warhead
    publishers = [group for group in make_plan(warhead, WHOLE, Identity("", 0, 0)).groups if group.group.publishes]
    intervals = [plan.group.interval for plan in publishers if not plan.group.closed_loop]
    duration_ns, rate = warhead.length_ns, base_rate(warhead)
    return RunMeta(
        malaria_version=__version__,
        command=request.command,
        target=request.target.url,
        addresses=used_addresses(target_info.routes.values()),
        title=request.title,
        load=describe(warhead),
        closed_loop=any(plan.group.closed_loop for plan in publishers),
        tracked=bool(publishers) and not delivery_note(warhead),
        publishing=bool(publishers),
        acknowledged=bool(publishers) and all(plan.group.qos for plan in publishers),
        subscribing=any(group.subscribes for group in warhead.groups),
        clients_planned=clients_planned(warhead),
        publishers_planned=sum(group.clients for group in warhead.publishing),
        own_client_ids=all(group.own_client_ids for group in warhead.groups),
        interval_s=float(min(intervals)) if intervals else None,
        rate_planned_per_s=None if rate is None else float(rate),
        duration_planned_s=None if duration_ns is None else duration_ns / 1e9,
        thresholds=tuple(str(threshold) for threshold in warhead.thresholds),
        warhead_toml=to_toml(warhead),
        own_lag_limit_ns=warhead.attack.own_lag_limit_ns,
        broker=BrokerFacts(version=target_info.version) if target_info.version else BrokerFacts(),
        notes=target_info.notes,
    )


def uncounted(warhead: Warhead) -> list[str]:
    """Return the sentence on deliveries that cannot be counted; empty if they can be."""
    note = delivery_note(warhead)
    return [f"{UNCOUNTED[0].lower()}{UNCOUNTED[1:]}: {note}"] if note else []


def unplanned_surges(conductor: Conductor) -> tuple[SurgeTimes, ...] | None:
    """Return the surges that have come, if the load does not go by its warhead alone."""
    schedule = conductor.change_schedule
    return schedule.surges_come() if schedule.steered or conductor.timing.stepwise else None


def run_state(
    conductor: Conductor,
    due_rate: DueRate,
    failures: Mapping[str, Mapping[str, int]],
    share_of: Callable[[str], object],
) -> RunMeta:
    """Return how the run stands; what is not known yet is None.

    `failures` has the failed connects of each worker, by its name and their reason; `share_of` gives the share of a
    worker or bee.
    """
    total = most_common(_added(failures.values()))
    schedule, measured = conductor.change_schedule, (conductor.measure_start_ns, conductor.measure_end_ns)
    milestones = conductor.milestones
    state = RunMeta(
        measure_start_ns=measured[0],
        measure_end_ns=measured[1],
        first_connect_ns=milestones.first_connect_ns,
        last_connack_ns=milestones.last_connack_ns,
        first_due_ns=milestones.first_due_ns,
        last_done_ns=milestones.last_done_ns,
        last_delivered_ns=milestones.last_delivered_ns,
        due_measured=None if milestones.first_due_ns is None else milestones.due,
        sent_measured=None if milestones.first_due_ns is None else milestones.sent,
        connect_failures=total,
        remedies=remedies(total),
        own_shortages=own_shortages(total) or None,
        lost_workers=_losses(conductor.workers, share_of),
        worker_facts=tuple(_worker_facts(name, one, failures) for name, one in conductor.workers.items()),
        aborted=conductor.aborted or None,
        stalled=conductor.stalled or None,
        rate_steps=due_rate.steps(*measured, schedule.load_changes, unplanned_surges(conductor)),
        start=_start_spread(conductor.starts_ns),
    )
    known: dict[str, object] = {}
    if surges := conductor.surge_facts():
        known["surges"] = surges
    return state.model_copy(update=known)


def steered_facts(warhead: Warhead, conductor: Conductor, taken: Sequence[TakenChange]) -> RunMeta:
    """Return what changes of the running load have made other than it was planned; nothing without any.

    A change that had not taken effect when the load ended did not happen.
    """
    start_ns, end_ns, schedule = conductor.measure_start_ns, conductor.measure_end_ns, conductor.change_schedule
    made = [change for change in taken if end_ns is None or change.effect_ns <= end_ns]
    if start_ns is None or not made:
        return RunMeta()
    facts: dict[str, object] = {"changes": tuple(_change_facts(change) for change in made)}
    length_ns = None if end_ns is None else end_ns - start_ns
    if schedule.steered:
        changes = [replace(change, at_ns=change.at_ns - start_ns) for change in schedule.load_changes]
        surges = [surge.moved(-start_ns) for surge in schedule.surges_come()]
        facts["clients_planned"] = clients_steered(warhead, changes, surges, length_ns)
    if length_ns is not None and any(change.wanted.verb is Verb.END for change in made):
        facts["duration_planned_s"] = length_ns / NS_PER_S
    return RunMeta.model_validate(facts)


def _change_facts(taken: TakenChange) -> ChangeFacts:
    wanted = taken.wanted
    return ChangeFacts(at_ns=taken.effect_ns, verb=wanted.verb.value, change=str(wanted), by=taken.by)


def _losses(workers: Mapping[str, WorkerState], share_of: Callable[[str], object]) -> tuple[LostWorker, ...]:
    """Return each loss with what its workers had; of several, the earliest last sample counts."""
    losses: list[LostWorker] = []
    for name, reason in lost_workers({name: worker.lost for name, worker in workers.items()}).items():
        gone = [worker for key, worker in workers.items() if name in (key, key.partition("/")[0])]
        losses.append(
            LostWorker(
                worker=name,
                share=str(share_of(name)),
                reason=reason,
                since_ns=min(worker.sampled_ns for worker in gone),
                clients=sum(worker.clients for worker in gone) if all(worker.prepared for worker in gone) else None,
            )
        )
    return tuple(losses)


def _worker_facts(name: str, worker: WorkerState, failures: Mapping[str, Mapping[str, int]]) -> WorkerFacts:
    return WorkerFacts(
        worker=name,
        clients=worker.clients if worker.prepared else None,
        started_ns=worker.started_ns,
        connect_failures=most_common(failures.get(name, {})),
    )


def lost_workers(reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the losses and their reasons: a bee that lost all workers for one reason is one loss, under its name.

    `reasons` has every worker; an empty reason means that it is not lost. The bee of `bee-1/2` is `bee-1`.
    """
    losses: dict[str, str] = {}
    for name, reason in reasons.items():
        if reason:
            bee = name.partition("/")[0]
            whole = all(other == reason for worker, other in reasons.items() if worker.partition("/")[0] == bee)
            losses[bee if whole else name] = reason
    return losses


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


def _start_spread(starts_ns: Mapping[str, int]) -> StartFacts | None:
    """Return how far apart the workers began, each by its own clock as the conductor knows it."""
    if len(starts_ns) < 2:
        return None
    first_ns, last_ns = min(starts_ns.values()), max(starts_ns.values())
    return StartFacts(first_ns=first_ns, last_ns=last_ns, spread_ns=last_ns - first_ns)
