"""The bees of a swarm in words."""

from __future__ import annotations

from malaria.analysis.summary import summarize
from malaria.report.bees_text import BEES_HEAD, bee_remarks, bee_rows
from malaria.report.markdown.run_markdown import render_run_markdown
from malaria.report.page.run_page import render_run_page
from synthetic import made_by_bees, make_run

SWARM = made_by_bees(make_run(seconds=12, clients=600, trouble="lost-worker"))


def test_a_row_for_each_bee() -> None:
    first, second = (dict(zip(BEES_HEAD, row, strict=True)) for row in bee_rows(SWARM, summarize(SWARM)))
    assert first["clock"] == "−12 ms ± 0.20 ms"
    assert (first["host"], first["malaria"], first["cores"], first["clients"]) == ("host-1", "0.1.0", "4", "300")
    assert (first["began"], second["began"]) == ("+0 ms", "+0.20 ms")
    assert first["limits"] == "1,048,576 open files, local ports 1024–65535"
    assert (first["lost"], second["lost"]) == ("", "from 0:06 on: went silent")


def test_clients_that_were_not_there_and_clocks_that_jumped_are_said() -> None:
    facts = [{"worker": f"bee-{number}/1", "clients": 310} for number in (1, 2)]
    clocks = {"bees": [{"bee": "bee-1", "last": {"offset_ns": 90_000_000_000}, "steps": 39}]}
    records = made_by_bees(make_run(seconds=12, clients=600), worker_facts=facts, clocks=clocks)
    first, _ = (dict(zip(BEES_HEAD, row, strict=True)) for row in bee_rows(records, summarize(records)))
    assert (first["clients"], first["clock"]) == ("300 of 310", "+90.0 s, 39 steps")


def test_a_start_wider_than_the_clocks_is_told_from_one_that_is_not() -> None:
    assert bee_remarks(SWARM)[0] == (
        "The workers began within 0.20 ms of each other, as far as their clocks tell (± 0.40 ms)."
    )
    late = made_by_bees(make_run(seconds=12, clients=600), start={"spread_ns": 3_000_000})
    assert bee_remarks(late)[0].endswith(
        "more than the error of their clocks (0.40 ms): they did not begin at one moment."
    )


def test_page_and_markdown_have_the_bees_and_their_hosts() -> None:
    for text in (render_run_page(SWARM, summarize(SWARM)), render_run_markdown(SWARM, summarize(SWARM))):
        assert "went silent" in text
        assert "host-2" in text
        assert "Linux 6.8 x86" in text
    alone = make_run(seconds=12, clients=600)
    assert bee_rows(alone, summarize(alone)) == []
    assert "bee-1" not in render_run_page(alone, summarize(alone))
