"""`connect`: one role alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_fakes import install
from malaria.cli.main import main


def test_one_group_of_that_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    calls = install(monkeypatch)
    assert main(["connect", "x", *["-k", "10", "--keep-session"]]) == 0
    (group,) = calls.requests[0].warhead.groups
    assert (group.name, group.role, group.clients) == ("clients", "connect", 10)
    assert (group.keepalive, group.clean_start) == (10, False)
    assert calls.requests[0].title == "connect"
