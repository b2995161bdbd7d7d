"""`doctor`: what is asked, what is shown, and when it is 1."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cli_fakes import install
from malaria.cli.main import main


def finding(status: str, remedy: str = "") -> SimpleNamespace:
    return SimpleNamespace(name=f"{status.lower()} thing", measured="5", needed="7 [red]", status=status, remedy=remedy)


@pytest.mark.parametrize(("statuses", "code"), [(["OK", "WARN"], 0), (["OK", "BAD", "OK"], 1), ([], 0)])
def test_bad_is_1(statuses: list[str], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch).findings.extend(map(finding, statuses))
    assert main(["doctor"]) == code


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = install(monkeypatch)
    monkeypatch.delenv("MALARIA_PASSWORD", raising=False)
    assert main(["doctor", "u@broker", "-c", "30000", "--workers", "2", "-P", "pw"]) == 0
    ((target, warhead, workers),) = calls.examined
    (group,) = warhead.groups
    assert (target.url, target.password, workers) == ("mqtt://u@broker:1883", "pw", 2)
    assert (group.clients, group.username, group.password) == (30000, "u", "pw")
    assert main(["doctor"]) == 0
    assert calls.examined[1][0] is None
    assert calls.examined[1][1].groups[0].clients == 1000
    assert main(["doctor", "broker", "-V", "5"]) == 0
    assert [calls.examined[n][1].attack.protocol for n in (1, 2)] == ["3.1.1", "5"]


def test_what_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).findings.extend([finding("OK", "nothing to do"), finding("WARN", "do [this]")])
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "7 [red]" in shown
    assert "warn thing: do [this]" in shown
    assert "nothing to do" not in shown
    assert "no trouble" not in shown


def test_when_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch).findings.append(finding("OK"))
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("\nno trouble found\n")
