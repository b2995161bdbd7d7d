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


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("file:/nonexist", "payload file /nonexist: No such file"),
        ("file:empty", "payload directory empty holds no file"),
        ("nosuch_module:make", "there is no module nosuch_module"),
        ("payloads_of_test:raises", "raised ZeroDivisionError"),
        ("payloads_of_test:text", "returned str, not bytes"),
    ],
)
def test_a_payload_that_cannot_be_made_is_refused_before_the_load(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    payload: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "payloads_of_test.py").write_text(
        "def raises(client, sequence):\n    return 1 / 0\n\n\ndef text(client, sequence):\n    return 'text'\n"
    )
    assert main(["publish", "127.0.0.1:1", "--payload", payload]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
