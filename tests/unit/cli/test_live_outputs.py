"""The options of outputs that follow a load: what is refused before it, and who follows it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cli_fakes import Calls, install
from malaria.cli.live_outputs import LiveOutputs
from malaria.cli.main import main
from malaria.errors import OperatorError

SECRET = "geheim"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={SECRET}")
    monkeypatch.setenv("GRAFANA_TOKEN", SECRET)
    return install(monkeypatch)


@pytest.mark.parametrize("command", ["attack", "publish", "subscribe", "connect"])
def test_each_command_that_makes_load_has_followers(calls: Calls, command: str) -> None:
    options = ["--prometheus", "127.0.0.1:0", "--json-lines", "lines.jsonl", "--otlp", "http://127.0.0.1:1",
               "--grafana", "http://127.0.0.1:1"]  # fmt: skip
    assert main([command, "x", *options]) == 0
    (request,) = calls.requests
    names = [type(follower).__name__ for follower in request.followers]
    assert names == ["LiveFigures", "OtlpPush", "AttackLines", "GrafanaMarks"]
    assert SECRET not in f"{request!r} {request.command}"


def test_without_options_nobody_follows(calls: Calls) -> None:
    assert main(["attack", "x"]) == 0
    assert calls.requests[0].followers == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prometheus", "9464x"], "--prometheus: '9464x' is not an address to listen on"),
        (["--json-lines", "no/such/x.jsonl"], "--json-lines no/such/x.jsonl: it cannot be written"),
        (["--json-lines", "-", "--json", "-"], "--json - and --json-lines - both write to standard output"),
        (["--otlp", "collector:4318"], "--otlp: not a URL of an HTTP server"),
        (["--otlp", f"http://u:{SECRET}@collector"], "--otlp: the URL may hold no login and no query"),
        (["--grafana", f"http://g?token={SECRET}"], "--grafana: the URL may hold no login and no query"),
    ],
)
def test_what_cannot_work_is_refused_before_the_load(
    calls: Calls, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["attack", "x", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert SECRET not in error
    assert calls.requests == []


def test_a_broken_variable_is_refused_without_being_shown(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", SECRET)
    assert main(["attack", "x", "--otlp", "http://127.0.0.1:1"]) == 2
    error = capsys.readouterr().err
    assert "OTEL_EXPORTER_OTLP_HEADERS: entry 1 is not a header" in error
    assert SECRET not in error


def test_a_port_that_is_taken_is_refused(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["attack", "x", "--prometheus", f":{taken.getsockname()[1]}"]) == 2
    assert "Address already in use" in capsys.readouterr().err


def test_a_named_pipe_without_a_reader_is_refused(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["attack", "x", "--json-lines", "pipe"]) == 2
    assert "--json-lines pipe: nobody reads from it\n       start the reader first\n" in capsys.readouterr().err


def test_otlp_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OperatorError, match=r"this needs opentelemetry\.proto") as refusal:
        LiveOutputs(otlp="http://c").check(None)
    assert "mqtt-malaria[otel]" in refusal.value.remedy


def test_lines_on_standard_output_send_the_screen_to_standard_error() -> None:
    assert LiveOutputs(json_lines="-").screen(None) == "-"
    assert LiveOutputs(json_lines="x").screen("-") == "-"
    assert LiveOutputs(json_lines="x").screen("y") is None
