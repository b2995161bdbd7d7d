"""--web on the command line: a value that may be absent, and nothing of a server without it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from malaria.cli.main import main
from malaria.cli.web_view import LiveWeb, WebView, with_web_address
from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.records.rows import Observation
from malaria.report.terminal.latest_readings import LatestReadings


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
        assert (web, web.note) == (LiveWeb(), "")
    web.hand_over(Path("report.html"))


def test_what_lacks_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OperatorError, match="starlette") as refusal, WebView("auto").serving("attack", Path("run")):
        raise AssertionError
    assert "mqtt-malaria[web]" in refusal.value.remedy


def test_a_watch_is_shown_on_the_screen_and_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    latest, shown = LatestReadings(), []
    row = Observation("host", NS_PER_S, {"cpu_percent": 40.0})
    with WebView(":0").watching("malaria watch broker", latest) as web:
        web.watching(lambda at_ns, rows: shown.append((at_ns, rows)))(2 * NS_PER_S, [row])
        assert shown == [(2 * NS_PER_S, [row])]
        assert web.feed is not None
        web.feed.catch_up()
        assert web.feed.view().columns["host_cpu_percent"] == [40.0, None]
        note = web.note
    said = capsys.readouterr().err
    assert "live page  http://127.0.0.1:" in said
    # what stays in view leads to the same page, and holds no secret
    address, _, token = said.split()[-1].partition("/?token=")
    assert address in note
    assert token not in note


def test_lines_between_attacks_are_on_the_page_as_well() -> None:
    told: list[str] = []

    class Screen:
        def begin(self, *_: object) -> None:
            told.append("begin")

        def tell(self, text: str) -> None:
            told.append(text)

    with WebView(":0").serving("malaria campaign", Path("runs/none"), campaign=True, tell=told.append) as web:
        listener = web.listening(Screen())  # type: ignore[arg-type]
        listener.tell("level 1: PASS")
        assert web.feed is not None
        assert web.feed.view().status.note == "level 1: PASS"
        assert [type(one).__name__ for one in web.followers] == ["LiveFeed", "LiveFigures"]
    assert told[0].startswith("live page  http://")
    assert told[1:] == ["level 1: PASS"]
