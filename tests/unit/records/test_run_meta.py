"""The facts of a run: one type for each key, for the writer and the readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import malaria
from malaria.records.run_meta import BrokerFacts, RunMeta, SurgeFacts
from malaria.records.stored_values import in_words

SOURCE = Path(malaria.__file__).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "run-format.md"


def test_no_module_reads_facts_by_a_string() -> None:
    found = [
        f"{path.relative_to(SOURCE)}: {line.strip()}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.parent != SOURCE / "records"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bmeta(\.get\(|\[)", line)
    ]
    assert found == []


def test_the_document_lists_every_fact() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## Facts (`meta`)")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {key for cell in cells for key in re.findall(r"`(\w+)`", cell)} == set(RunMeta.model_fields)


def test_only_what_is_known_is_stored() -> None:
    facts = RunMeta(title="meters", end_ns=None, notes=(), broker=BrokerFacts(version="2.0"))
    assert facts.known() == {"title": "meters", "notes": (), "broker": {"version": "2.0"}}


def test_a_null_inside_a_fact_is_kept() -> None:
    surge = SurgeFacts(group="meters", clients=5, add_ns=1, added_ns=None)
    assert RunMeta(surges=(surge,)).known()["surges"] == (
        {"group": "meters", "clients": 5, "add_ns": 1, "added_ns": None},
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"clients_planned": "5"}, "clients_planned: Input should be a valid integer"),
        ({"clients_planned": True}, "clients_planned: Input should be a valid integer"),
        ({"end_ns": -1}, "end_ns: Input should be greater than or equal to 0"),
        ({"closed_loop": "yes"}, "closed_loop: Input should be a valid boolean"),
        ({"title": 5}, "title: Input should be a valid string"),
        ({"surges": [{"clients": 1}, {"clients": 1.5}]}, "surges[1].clients: Input should be a valid integer"),
        ({"workers": "12"}, "workers: Input should be a valid tuple"),
        ({"rate_steps": [[1, float("inf")]]}, "rate_steps[0][1]"),
    ],
)
def test_a_fact_of_another_type_is_refused_in_words(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RunMeta.model_validate(facts)
    assert in_words(caught.value).startswith(words)


def test_facts_do_not_change() -> None:
    with pytest.raises(ValidationError):
        RunMeta().title = "other"  # type: ignore[misc]
