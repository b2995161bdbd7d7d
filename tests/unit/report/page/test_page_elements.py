"""The elements of a page as values."""

from __future__ import annotations

from malaria.report.page.page_elements import TableCell, command_lines, defined, page_table, paragraphs


def test_a_note_has_a_paragraph_for_each_of_its_own() -> None:
    assert paragraphs("What the\n  field has.\n\n\n\nAnd more.\n") == ("What the field has.", "And more.")
    assert paragraphs(" \n") == ()


def test_each_command_has_an_id_of_its_own() -> None:
    commands = command_lines("malaria demo\nmalaria campaign x.toml", "command-2")
    assert [(one.identity, one.line) for one in commands] == [
        ("command-2", "malaria demo"),
        ("command-2-or-1", "malaria campaign x.toml"),
    ]
    assert [one.line for one in command_lines("", "command")] == [""]


def test_a_figure_links_to_its_definition() -> None:
    assert defined("broker_cpu") == TableCell("broker CPU", "def-broker_cpu")
    assert defined("ack", "ack p99") == TableCell("ack p99", "def-ack")


def test_strings_are_cells() -> None:
    table = page_table(["a"], [["1"], [TableCell("2", "x")]], words=(0,))
    assert table.rows == ((TableCell("1"),), (TableCell("2", "x"),))
    assert table.words == {0}
