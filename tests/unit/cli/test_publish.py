"""`publish`: one role alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from cli_fakes import install
from malaria.cli.main import main


def test_one_group_of_that_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    calls = install(monkeypatch)
    assert main(["publish", "x", *["-r", "10", "-n", "5"]]) == 0
    (group,) = calls.requests[0].warhead.groups
    assert (group.name, group.role, group.clients) == ("publishers", "publish", 10)
    assert (group.interval, group.messages) == (Fraction(1, 10), 5)
    assert calls.requests[0].title == "publish"
