"""The schema of what a bee sends or keeps: JSON that is checked field by field. A pickle would be a program.

Promises: what does not fit the schema raises `SchemaError` and has no other effect; a bee speaks of its own workers
alone. Figures are taken as the bee states them: a bee can lie about its own share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from malaria.control.messages import Account, Finished, Prepared, Report, SecondReport, Started, WorkerLost
from malaria.control.standing import Standing
from malaria.printable import printable
from malaria.records.histogram import Histogram
from malaria.records.ledger import Published, Received
from malaria.records.rows import Sample
from malaria.schedule.arrays import Ints
from malaria.swarm.run.bee_messages import (
    Assigned,
    CallAnswer,
    CallResult,
    Joined,
    Knocked,
    Refusal,
    ReportBatch,
    SpooledReport,
)

LARGEST: Final = 2**63 - 1
LONGEST_TEXT: Final = 2000

type Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
type Natural = Annotated[int, Field(ge=0, le=LARGEST)]
type Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class SchemaError(Exception):
    """Bytes that are no message of this bee."""


class _Form(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64"
    )


class _PublishedForm(_Form):
    publisher: list[Whole]
    sent: list[Whole]
    acknowledged: list[bool]
    unacked: Mapping[int, Sequence[Whole]]
    explained: Natural
    cut_off: Mapping[int, Sequence[Whole]] = Field(default_factory=dict)


class _ReceivedForm(_Form):
    publisher: list[Whole]
    next_sequence: list[Whole]
    received: list[Whole]
    holes: Mapping[int, Sequence[tuple[Whole, Whole]]]
    shared: Mapping[str, tuple[Natural, Natural]]


class _AccountForm(_Form):
    published: list[_PublishedForm]
    received: _ReceivedForm
    note: Text


class _ReportForm(_Form):
    """A numbered report. Exactly one of the other fields is there."""

    sequence: Natural
    worker: Text
    prepared: Prepared | None = None
    standing: Standing | None = None
    second: SecondReport | None = None
    account: _AccountForm | None = None
    started: Started | None = None
    finished: Finished | None = None
    lost: WorkerLost | None = None


class _BatchForm(_Form):
    reports: list[_ReportForm]
    stopped: Text
    spool_failure: Text


class _AnswerForm(_Form):
    """An answer; without any result the call has been carried out."""

    number: Natural
    joined: Joined | None = None
    knocked: Knocked | None = None
    assigned: Assigned | None = None
    at_ns: Whole | None = None
    refusal: Refusal | None = None


class _MessageForm(_Form):
    """One message of a bee: an answer or a batch."""

    answer: _AnswerForm | None = None
    batch: _BatchForm | None = None


REPORT_FIELDS: Final[Mapping[type, str]] = {
    Prepared: "prepared",
    Standing: "standing",
    SecondReport: "second",
    Started: "started",
    Finished: "finished",
    WorkerLost: "lost",
}
RESULT_FIELDS: Final[Mapping[type, str]] = {
    Joined: "joined",
    Knocked: "knocked",
    Assigned: "assigned",
    int: "at_ns",
    Refusal: "refusal",
}


# --- on the bee ------------------------------------------------------------------------------------------------------


def encode_message(message: CallAnswer | ReportBatch) -> bytes:
    """Return a message as the conductor reads it."""
    if isinstance(message, ReportBatch):
        reports = [_report_form(report) for report in message.reports]
        batch = _BatchForm.model_construct(
            reports=reports, stopped=_short(message.stopped), spool_failure=_short(message.spool_failure)
        )
        return _encoded(_MessageForm.model_construct(batch=batch))
    result: Any = {} if message.result is None else {RESULT_FIELDS[type(message.result)]: message.result}
    return _encoded(_MessageForm.model_construct(answer=_AnswerForm.model_construct(number=message.number, **result)))


def encode_report(report: SpooledReport) -> bytes:
    """Return a report as one line, for a bee's disk."""
    return _encoded(_report_form(report))


def _report_form(numbered: SpooledReport) -> _ReportForm:
    report = numbered.report
    content: Any
    if isinstance(report, Account):
        content = {"account": _account_form(report)}
    else:
        content = {REPORT_FIELDS[type(report)]: report}
    return _ReportForm.model_construct(sequence=numbered.sequence, worker=numbered.worker, **content)


def _account_form(account: Account) -> _AccountForm:
    received = account.received
    return _AccountForm.model_construct(
        published=[_published_form(one) for one in account.published],
        received=_ReceivedForm.model_construct(
            publisher=received.publisher.tolist(),
            next_sequence=received.next_sequence.tolist(),
            received=received.received.tolist(),
            holes={row: list(holes) for row, holes in received.holes.items()},
            shared=received.shared,
        ),
        note=_short(account.note),
    )


def _published_form(published: Published) -> _PublishedForm:
    return _PublishedForm.model_construct(
        publisher=published.publisher.tolist(),
        sent=published.sent.tolist(),
        acknowledged=published.acknowledged.tolist(),
        unacked={publisher: list(sequences) for publisher, sequences in published.unacked.items()},
        explained=published.explained,
        cut_off={publisher: list(sequences) for publisher, sequences in published.cut_off.items()},
    )


def _encoded(form: _Form) -> bytes:
    # counters may be NumPy's integers
    return form.model_dump_json(exclude_none=True, warnings=False, fallback=lambda value: value.item()).encode()


def _short(text: str) -> str:
    return text[:LONGEST_TEXT]


# --- on the conductor ------------------------------------------------------------------------------------------------


def decode_message(data: bytes, bee: str) -> CallAnswer | ReportBatch:
    """Read a message of a bee. Raises SchemaError."""
    form = _read(_MessageForm, data)
    if form.batch is not None and form.answer is None:
        reports = tuple(_report_of(one, bee) for one in form.batch.reports)
        return ReportBatch(bee, reports, printable(form.batch.stopped), printable(form.batch.spool_failure))
    if form.answer is None or form.batch is not None:
        raise SchemaError("a message is an answer or a batch")
    return CallAnswer(form.answer.number, _result_of(form.answer, bee))


def decode_report(data: bytes, bee: str) -> SpooledReport:
    """Read a report of a bee from its disk. Raises SchemaError."""
    return _report_of(_read(_ReportForm, data), bee)


def _result_of(form: _AnswerForm, bee: str) -> CallResult:
    result: Any = _only([form.joined, form.knocked, form.assigned, form.at_ns, form.refusal], optional=True)
    if isinstance(result, Joined | Knocked) and result.bee != bee:
        raise SchemaError(f"it calls itself {printable(result.bee)}")
    if isinstance(result, Knocked):
        version = None if result.version is None else printable(_short(result.version))
        return Knocked(bee, version, tuple(printable(_short(note)) for note in result.notes))
    if isinstance(result, Assigned):
        for worker in result.workers:
            _check_owner(worker, bee)
    if isinstance(result, Refusal):
        return Refusal(printable(result.message), printable(result.remedy))
    return result  # type: ignore[no-any-return]


def _report_of(form: _ReportForm, bee: str) -> SpooledReport:
    _check_owner(form.worker, bee)
    account = None if form.account is None else _account_of(form.account)
    parts = [form.prepared, form.standing, form.second, account, form.started, form.finished, form.lost]
    report: Report = _only(parts)
    if isinstance(report, SecondReport):
        _check_second(report, form.worker)
    if isinstance(report, WorkerLost):
        report = WorkerLost(printable(report.reason))  # whether its bee is lost is for the conductor to say
    return SpooledReport(form.sequence, form.worker, report)


def _check_owner(worker: str, bee: str) -> None:
    if worker.partition("/")[0] != bee:
        raise SchemaError(f"it speaks for {printable(worker)}")


def _check_second(second: SecondReport, worker: str) -> None:
    """Refuse what the record could not hold, or what is another worker's."""
    sample: Sample = second.sample
    if {sample.worker, *(event.worker for event in second.events)} - {worker, ""}:
        raise SchemaError("a record of another worker")
    numbers = [sample.start_ns, sample.end_ns, *sample.counters.values(), *sample.gauges.values()]
    numbers += [number for event in second.events for number in (event.at_ns, event.count)]
    if any(abs(number) > LARGEST for number in (*numbers, *second.failures.values())):
        raise SchemaError("a number beyond 64 bits")
    try:
        for packed in sample.histograms.values():
            Histogram.check(packed)
    except ValueError as error:
        raise SchemaError(f"a histogram that cannot be read: {error}") from None


def _account_of(form: _AccountForm) -> Account:
    received = form.received
    publisher, next_sequence, counts = _columns(received.publisher, received.next_sequence, received.received)
    return Account(
        tuple(_published_of(one) for one in form.published),
        Received(
            publisher,
            next_sequence,
            counts,
            {row: [(first, end) for first, end in holes] for row, holes in received.holes.items()},
            dict(received.shared),
        ),
        printable(form.note),
    )


def _published_of(form: _PublishedForm) -> Published:
    publisher, sent = _columns(form.publisher, form.sent)
    if len(form.acknowledged) != len(publisher):
        raise SchemaError("columns of different lengths")
    unacked = {one: list(sequences) for one, sequences in form.unacked.items()}
    cut_off = {one: list(sequences) for one, sequences in form.cut_off.items()}
    return Published(publisher, sent, np.array(form.acknowledged, np.bool_), unacked, form.explained, cut_off)


def _columns(*columns: list[int]) -> list[Ints]:
    if len({len(column) for column in columns}) != 1:
        raise SchemaError("columns of different lengths")
    return [np.array(column, np.int64) for column in columns]


def _only(parts: Sequence[Any], *, optional: bool = False) -> Any:
    """Return the one part that is there; None for none of them with `optional`."""
    there = [part for part in parts if part is not None]
    if len(there) > 1 or not (there or optional):
        raise SchemaError(f"{len(there)} contents in one message")
    return there[0] if there else None


def _read[T: _Form](form: type[T], data: bytes) -> T:
    try:
        return form.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SchemaError(printable(f"{where}: {first['msg']}" if where else first["msg"])[:LONGEST_TEXT]) from None
