"""`subscribe`: one role alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_fakes import install
from malaria.cli.main import main


def test_one_group_of_that_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    calls = install(monkeypatch)
    assert main(["subscribe", "x", *["-t", "sensors/#", "-q", "0"]]) == 0
    (group,) = calls.requests[0].warhead.groups
    assert (group.name, group.role, group.clients) == ("subscribers", "subscribe", 1)
    assert (group.filters, group.qos) == (("sensors/#",), 0)
    assert calls.requests[0].title == "subscribe"
