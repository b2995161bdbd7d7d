"""Marks as annotations, at a stub of Grafana on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from live_attack import EPOCH_WALL_NS, StagedAttack, play, progress
from malaria.clock import NS_PER_S
from malaria.outputs.live import background_sink
from malaria.outputs.live.grafana_marks import GrafanaMarks
from malaria.outputs.live.http_endpoint import bearer, endpoint_of
from malaria.records.rows import Event, EventKind
from post_receiver import Receiver, receiving

EPOCH_MS = EPOCH_WALL_NS // 10**6


def marks_to(there: Receiver, root: Path, token: str | None = None) -> GrafanaMarks:
    return GrafanaMarks(endpoint_of("--grafana", there.url, "/api/annotations", bearer("V", token)), root)


def bodies(there: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in there.posts]


def test_marks_the_measured_time_and_stalls_are_posted(tmp_path: Path) -> None:
    with receiving(Receiver(answer=b'{"id":1}')) as there:
        marks = marks_to(there, tmp_path / "run", "geheim")
        attack = StagedAttack(tmp_path / "run")
        marks.event(Event(0, EventKind.OBSERVER, "a gap"))
        play(marks, attack)
        marks.event(Event(2 * NS_PER_S, EventKind.ACT, "+500 clients <b>"))
        marks.event(Event(3 * NS_PER_S, EventKind.PHASE, "drain"))
        assert marks.close() == ""
        path, headers, _ = there.posts[0]
    assert (path, headers["Authorization"]) == ("/api/annotations", "Bearer geheim")
    assert bodies(there) == [
        {"time": EPOCH_MS + 1000, "tags": ["malaria", "run", "phase"], "text": "phase: measure"},
        {
            "time": EPOCH_MS + 1500,  # the load starts a second after the run
            "timeEnd": EPOCH_MS + 3000,
            "tags": ["malaria", "run", "stall"],
            "text": "stall: the broker stood still",
        },
        {"time": EPOCH_MS + 2000, "tags": ["malaria", "run", "act"], "text": "act: +500 clients &lt;b&gt;"},
        {"time": EPOCH_MS + 3000, "tags": ["malaria", "run", "phase"], "text": "phase: drain"},
        {
            "time": EPOCH_MS + 1000,
            "timeEnd": EPOCH_MS + 3000,
            "tags": ["malaria", "run", "measured"],
            "text": "measured: measured time",
        },
    ]
    assert attack.notes == []


def test_troubles_are_no_marks(tmp_path: Path) -> None:
    with receiving(Receiver()) as there:
        marks = marks_to(there, tmp_path)
        marks.begin(StagedAttack(tmp_path))
        for number in range(100):
            marks.event(Event(number, EventKind.TROUBLE, "connection lost"))
        marks.close()
    assert there.posts == []


def test_a_wrong_token_is_one_mark_and_a_sentence_at_the_end(tmp_path: Path) -> None:
    attack = StagedAttack(tmp_path)
    with receiving(Receiver(401)) as there:
        marks = marks_to(there, tmp_path)
        play(marks, attack)
        told = marks.close()
        assert "Authorization" not in there.posts[0][1]
    assert attack.notes == [f"--grafana {there.url}/api/annotations: HTTP 401 Unauthorized; the load goes on"]
    assert told == f"--grafana {there.url}/api/annotations: 2 marks were not taken: HTTP 401 Unauthorized"


def test_a_grafana_that_hangs_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_sink, "CLOSE_S", 0.05)
    with receiving(Receiver(hangs=True)) as there:
        marks = marks_to(there, tmp_path)
        marks.begin(StagedAttack(tmp_path))
        for number in range(2000):
            marks.event(Event(number, EventKind.ACT, "+1 client"))
            marks.progress(progress(number))
        assert "marks were not taken: it was too slow" in marks.close()


def test_an_attack_that_ends_before_it_begins_has_no_mark(tmp_path: Path) -> None:
    with receiving(Receiver()) as there:
        marks = marks_to(there, tmp_path)
        marks.end("the target does not answer")
        assert marks.close() == ""
    assert there.posts == []
