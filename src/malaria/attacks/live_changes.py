"""Change the load of one attack while it runs, as its warhead states and as hands ask, and store what hands did.

`malaria.control` decides whether a change fits and what it orders. This module takes the questions of the door, sends
the orders of what was taken, and keeps `steered.toml` whole after each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from malaria.attacks.change_door import ChangeDoor
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.preflight import AttackRequest
from malaria.attacks.run_facts import steered_facts
from malaria.attacks.steered_file import SteeredFile, repeat_command
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.conductor import Conductor
from malaria.control.file_changes import FileChanges
from malaria.control.messages import Order
from malaria.control.steering import Steering, TakenChange
from malaria.model.planned_change import MOST_CHANGES
from malaria.model.wanted_change import Verb, WantedChange
from malaria.records.rows import Event, EventKind
from malaria.records.run_meta import RunMeta
from malaria.workers.local import Load


class LiveChanges:
    """`order` sends an order to the workers, `now` is the run time; all is called on the thread of the attack."""

    def __init__(
        self,
        request: AttackRequest,
        load: Load,
        conductor: Conductor,
        order: Callable[[Order], None],
        now: Callable[[], int],
    ) -> None:
        self._warhead = request.warhead
        self._conductor = conductor
        self._order = order
        self._now = now
        self._steering = Steering(load.warhead, conductor, refusal=request.unsteerable)
        self._of_file = FileChanges(request.warhead.changes, conductor, self._steering)
        command = repeat_command(request.target.url, request.directory, request.title)
        self._file = SteeredFile(request.directory, request.warhead, load.identity.seed, command)
        self._is_stored = False
        self._failures: list[Event] = []
        self.door = ChangeDoor()
        if request.unsteerable:
            self.door.close(request.unsteerable)

    def advance(self, at_ns: int) -> list[Order]:
        """Return the orders for the changes of the warhead that are to be announced now."""
        return self._of_file.advance(at_ns)

    def serve(self, interrupt: Interrupt) -> None:
        """Answer everybody who has asked at the door. A wish to stop counts as Ctrl-C."""
        self.door.serve(lambda wanted, by, only_look: self._decide(wanted, by, only_look, interrupt))

    @property
    def taken(self) -> Sequence[TakenChange]:
        """The changes that were taken, in the order in which they take effect."""
        return self._steering.taken

    def events(self) -> list[Event]:
        """Return the marks since the last call."""
        failures, self._failures = self._failures, []
        return self._of_file.events() + failures

    def facts(self) -> RunMeta:
        """Return what the changes have made other than it was planned."""
        facts: dict[str, object] = {}
        if self._of_file.unmade:
            facts["unmade_changes"] = self._of_file.unmade
        if self._is_stored:
            facts["steered"] = self._file.command
        return steered_facts(self._warhead, self._conductor, self.taken).model_copy(update=facts)

    def store(self) -> None:
        """Store what hands have changed so far, to be repeated. At the end it is stored again, with the end."""
        start_ns, end_ns = self._conductor.measure_start_ns, self._conductor.measure_end_ns
        if start_ns is None or not self._file.is_steered:
            return
        planned_ns = self._warhead.length_ns
        early = end_ns is not None and (planned_ns is None or end_ns < start_ns + planned_ns)
        if failure := self._file.write(start_ns, end_ns if early else None, self._of_file.left_out):
            self._failures.append(Event(self._now(), EventKind.OPERATOR, failure))
        else:
            self._is_stored = True

    def _decide(self, wanted: WantedChange, by: str, only_look: bool, interrupt: Interrupt) -> ChangeAnswer:
        """Answer somebody who wants to change the load, and order what was taken."""
        now_ns = self._now()
        if wanted.verb is Verb.STOP:
            interrupt.count += not only_look
            answer = ChangeAnswer(AnswerKind.TAKEN, "the load ends as with Ctrl-C", "", now_ns)
        elif self._file.is_full and wanted.verb is not Verb.END:
            return ChangeAnswer(AnswerKind.CONFLICT, f"a load can have {MOST_CHANGES:,} changes, and this one had them")
        else:
            effect_ns = self._of_file.earliest_ns(now_ns)
            answer, orders = self._steering.decide(wanted, effect_ns, only_look=only_look, by=by)
            for order in orders:  # before the file is written: a disk may be slow, and they have a time
                self._order(order)
        if answer.kind is AnswerKind.TAKEN and not only_look:
            self._file.take(wanted, now_ns if answer.at_ns is None else answer.at_ns)
            self.store()
        return answer
