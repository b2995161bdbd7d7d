"""What a bee sends is read as data, whatever it is: the same messages come out, and nothing else gets in."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.control.messages import Account, Finished, Prepared, Report, SecondReport, Started, WorkerLost
from malaria.control.standing import Standing, SurgeStanding
from malaria.records.histogram import Histogram
from malaria.records.ledger import Published, Received
from malaria.records.rows import Event, EventKind, RunPhase, Sample
from malaria.records.run_meta import EnvironmentFacts
from malaria.schedule.share import WHOLE
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
from malaria.swarm.run.bee_schema import SchemaError, decode_message, decode_report, encode_message, encode_report
from malaria.swarm.run.version_check import own_stamp

JOINED = Joined("bee-1", 2, "/srv", EnvironmentFacts(host="east"), ("10.0.0.3", 4), own_stamp())
KNOCKED = Knocked("bee-1", "mosquitto 2", ("publishers come in over TLSv1.3",))
STANDING = Standing(1, 2, 3, 4, 5, 6, 7, publishing=True, surges=(SurgeStanding(1, 2, 3, 4),))


def histogram() -> bytes:
    made = Histogram()
    made.record(1_500_000)
    return made.to_bytes()


def second(worker: str = "bee-1/1", **changes: Any) -> SecondReport:
    facts: dict[str, Any] = {"counters": {"sent": np.int64(7)}, "histograms": {"ack": histogram()}}
    sample = Sample(worker, 1, 2, RunPhase.MEASURE, **facts | changes)
    return SecondReport(sample, (Event(1, EventKind.TROUBLE, "the broker closed", worker),), {"refused": 2})


def account() -> Account:
    published = Published(np.array([1, 4]), np.array([9, 9]), np.array([True, False]), {4: [7, 8]}, 1)
    received = Received(np.array([1]), np.array([9]), np.array([8]), {0: [(3, 4)]}, {"$share/a/t": (0, 1)})
    return Account((published, published), received, "a note")


def batch(*reports: Report, bee: str = "bee-1") -> ReportBatch:
    return ReportBatch(bee, tuple(SpooledReport(place, f"{bee}/1", report) for place, report in enumerate(reports)))


REPORTS = (Prepared(3), STANDING, second(), Started(5), Finished(), WorkerLost("killed"))


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_arrives_as_it_was(report: Report) -> None:
    assert decode_message(encode_message(batch(report)), "bee-1") == batch(report)
    spooled = SpooledReport(3, "bee-1/2", report) if not isinstance(report, SecondReport) else None
    if spooled is not None:
        assert decode_report(encode_report(spooled), "bee-1") == spooled


@pytest.mark.parametrize("result", [None, 12, JOINED, KNOCKED, Assigned({"bee-1/1": WHOLE}), Refusal("no", "do")])
def test_every_answer_arrives_as_it_was(result: CallResult) -> None:
    assert decode_message(encode_message(CallAnswer(3, result)), "bee-1") == CallAnswer(3, result)


def test_an_account_arrives_with_its_columns() -> None:
    read = decode_message(encode_message(batch(account())), "bee-1")
    assert isinstance(read, ReportBatch)
    (came,) = (one.report for one in read.reports)
    assert isinstance(came, Account)
    assert len(came.published) == 2
    one, wanted = came.published[1], account().published[1]
    assert [one.publisher.tolist(), one.sent.tolist(), one.acknowledged.tolist()] == [[1, 4], [9, 9], [True, False]]
    assert (one.publisher.dtype, one.acknowledged.dtype) == (wanted.publisher.dtype, wanted.acknowledged.dtype)
    assert (dict(one.unacked), one.explained) == ({4: [7, 8]}, 1)
    assert (came.received.holes, came.received.shared, came.note) == ({0: [(3, 4)]}, {"$share/a/t": (0, 1)}, "a note")


class Bomb:
    """Runs a program in the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('the bomb went off')",)


def changed(message: ReportBatch | CallAnswer, old: str, new: str) -> bytes:
    data = encode_message(message)
    assert old.encode() in data
    return data.replace(old.encode(), new.encode())


HOSTILE = {
    "a pickle": pickle.dumps(Bomb()),
    "nothing": b"",
    "no message": b"{}",
    "a list": b"[]",
    "a word too many": b'{"answer": {"number": 1, "run": "id"}}',
    "an answer and a batch": b'{"answer": {"number": 1}, "batch": {"reports": [], "stopped": "", "spool_failure": ""}}',
    "two results": b'{"answer": {"number": 1, "at_ns": 1, "refusal": {"message": "", "remedy": ""}}}',
    "another bee's worker": encode_message(batch(Finished(), bee="bee-2")),
    "another bee": encode_message(CallAnswer(1, Joined("bee-2", 1, "/", EnvironmentFacts(), ("::1", 1), own_stamp()))),
    "another bee's share": encode_message(CallAnswer(1, Assigned({"bee-2/1": WHOLE}))),
    "another worker's record": encode_message(batch(second("bee-1/9"))),
    "a number that no database takes": changed(batch(second()), '"sent":7', '"sent":99999999999999999999'),
    "a histogram of garbage": encode_message(batch(second(histograms={"ack": b"garbage"}))),
    "a share of nothing": changed(CallAnswer(1, Assigned({"bee-1/1": WHOLE})), '"of":1', '"of":0'),
    "text in place of a number": changed(CallAnswer(1, 5), '"at_ns":5', '"at_ns":"5"'),
    "columns that do not fit": changed(batch(account()), '"sent":[9,9]', '"sent":[9]'),
    "a column that no array takes": changed(batch(account()), '"sent":[9,9]', '"sent":[9,99999999999999999999]'),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_message_of_this_bee_is_refused(data: bytes) -> None:
    with pytest.raises(SchemaError):
        decode_message(data, "bee-1")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    for read in (decode_message, decode_report):
        with pytest.raises(SchemaError):
            read(data, "bee-1")


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_message_with_one_other_byte_is_a_message_or_an_error(place: int, value: int) -> None:
    data = bytearray(encode_message(batch(*REPORTS, account())))
    data[place % len(data)] = value
    try:
        read = decode_message(bytes(data), "bee-1")
    except SchemaError:
        return
    assert isinstance(read, ReportBatch)
    assert read.bee == "bee-1"


def test_a_bee_cannot_move_the_cursor_of_the_operators_terminal() -> None:
    read = decode_message(encode_message(CallAnswer(1, Refusal("\x1b[2Jgone", "a\nb"))), "bee-1")
    assert read == CallAnswer(1, Refusal("\ufffd[2Jgone", "a b"))


def test_no_secret_and_no_program_is_in_a_message() -> None:
    data = json.loads(encode_message(batch(*REPORTS)))
    assert set(data) == {"batch"}
