"""--web on the command line: a value that may be absent, and nothing of a server without it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from malaria.cli.main import main
from malaria.cli.web_view import LiveWeb, WebView, with_web_address
from malaria.errors import OperatorError


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("attack broker --web", "attack broker --web=auto"),
        ("attack --web broker", "attack --web=auto broker"),
        ("attack --web broker:1883", "attack --web=auto broker:1883"),
        ("attack --web -c 5 broker", "attack --web=auto -c 5 broker"),
        ("attack broker --web :8080", "attack broker --web :8080"),
        ("attack broker --web 8080", "attack broker --web 8080"),
        ("attack broker --web 0.0.0.0:8080", "attack broker --web 0.0.0.0:8080"),
        ("attack broker --web [::1]:8080", "attack broker --web [::1]:8080"),
        ("attack broker --web=:8080", "attack broker --web=:8080"),
        ("attack broker --web-readonly", "attack broker --web-readonly"),
        ("attack -- --web", "attack -- --web"),
    ],
)
def test_the_address_may_be_absent(typed: str, read: str) -> None:
    assert with_web_address(typed.split()) == read.split()


def test_an_address_that_is_none_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["attack", "127.0.0.1:1", "--web=here", "-o", str(tmp_path / "run")])
    assert code == 2
    assert "--web: 'here' is not an address to listen on" in capsys.readouterr().err


def test_read_only_needs_a_page() -> None:
    with pytest.raises(OperatorError, match="--web-readonly says how --web is served"), \
            WebView(web_readonly=True).serving("attack", Path("run")):  # fmt: skip
        raise AssertionError


def test_without_it_nobody_follows() -> None:
    with WebView().serving("attack", Path("run")) as web:
        assert web == LiveWeb()
    web.hand_over(Path("report.html"))


def test_what_lacks_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OperatorError, match="starlette") as refusal, WebView("auto").serving("attack", Path("run")):
        raise AssertionError
    assert "mqtt-malaria[web]" in refusal.value.remedy
