"""The HTTP interface: who may come in, what changes answer, and that nothing of it can be bent."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from openapi_spec_validator import validate
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.testclient import TestClient

from live_runs import Playback, ScriptedDoor
from malaria.attacks.change_door import ChangeDoor
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.outputs.own_host import is_own_host
from malaria.outputs.prometheus_export import MetricsPage
from malaria.web.event_stream import EventClock
from malaria.web.gate import Tokens
from malaria.web.http_models import ChangeReply, RefusalReply, RunView
from malaria.web.live_feed import LiveFeed
from malaria.web.openapi_document import openapi_document
from malaria.web.web_app import WebApp, WebOptions

PORT = 7654
HOST = f"127.0.0.1:{PORT}"
TOKENS = Tokens()
BEARER = {"Authorization": f"Bearer {TOKENS.full}"}
SITE = f"http://{HOST}"


class Site:
    """A server with an attack that runs, and a browser that has come in with the token."""

    def __init__(self, *, read_only: bool = False) -> None:
        self.door: Any = ScriptedDoor()
        self.feed = LiveFeed("attack")
        self.playback = Playback(self.feed, door=self.door)
        self.playback.play(12)
        self.app = WebApp(self.feed, TOKENS, EventClock(self.feed), WebOptions(read_only))
        self.stranger = TestClient(self.app.behind_gate(PORT), base_url=SITE, follow_redirects=False)
        self.browser = TestClient(self.app.behind_gate(PORT), base_url=SITE)
        self.browser.get("/", params={"token": TOKENS.full})

    def change(self, body: Any, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.browser.post("/changes", content=content, headers={"Content-Type": "application/json", **headers})


class OneFigure(Collector):
    """Metrics with one figure."""

    def collect(self) -> Iterable[Any]:
        yield GaugeMetricFamily("malaria_clients", "clients", 7)


def test_metrics_are_for_scrapers_that_have_the_token(site: Site) -> None:
    refused(site.stranger.get("/metrics"), 401)
    refused(site.browser.get("/metrics"), 404)
    options = WebOptions(metrics=MetricsPage(OneFigure()))
    app = WebApp(site.feed, TOKENS, EventClock(site.feed), options)
    answer = TestClient(app.behind_gate(PORT), base_url=SITE).get("/metrics", headers=BEARER)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "malaria_clients 7.0" in answer.text


@pytest.fixture
def site() -> Site:
    return Site()


def refused(answer: Any, status: int) -> RefusalReply:
    assert answer.status_code == status
    reply = RefusalReply.model_validate(answer.json())
    assert reply.reason
    return reply


# --- who comes in --------------------------------------------------------------------------------------------------


def test_the_token_becomes_a_cookie_and_leaves_the_address(site: Site) -> None:
    answer = site.stranger.get("/", params={"token": TOKENS.full})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"malaria-{PORT}={TOKENS.full}; HttpOnly;")
    assert "SameSite=strict" in cookie
    assert site.stranger.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/run", "/events", "/report", "/campaign", "/openapi.json", "/nothing"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": f"malaria-{PORT}=Ä"}])
def test_without_the_token_nothing_is_told(site: Site, path: str, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    reply = refused(site.stranger.get(path, headers=raw), 401)
    assert "Authorization: Bearer" in reply.remedy
    assert "meters" not in site.stranger.get(path, headers=raw).text


def test_a_wrong_token_in_the_address_is_refused(site: Site) -> None:
    refused(site.stranger.get("/", params={"token": "wrong"}), 401)
    refused(site.stranger.get("/", params={"token": "ä\N{SNOWMAN}"}), 401)
    refused(site.stranger.get("/run", params={"token": TOKENS.full}), 401)  # only the page itself takes it so


def test_health_needs_no_token(site: Site) -> None:
    assert site.stranger.get("/healthz").text == "ok"


def test_programs_send_the_token_in_a_header(site: Site) -> None:
    assert site.stranger.get("/run", headers=BEARER).json()["facts"]["title"] == "meters"


@pytest.mark.parametrize("host", ["evil.example:7654", "evil.example", "", "localhost.evil.example:7654", "[::1.evil]"])
def test_another_host_is_refused(site: Site, host: str) -> None:
    for path in ("/run", "/healthz"):
        reply = refused(site.stranger.get(path, headers=BEARER | {"Host": host}), 403)
        assert "is not this machine" in reply.reason


def test_hosts_that_are_this_machine() -> None:
    for host in ("localhost:1", "LOCALHOST:1", "127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "localhost", gethostname()):
        assert is_own_host(host)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:7654", "http://127.0.0.1:7655"])
def test_a_post_of_another_site_is_refused(site: Site, origin: str) -> None:
    refused(site.change({"change": "stop"}, Origin=origin), 403)
    assert site.door.asked == []


def test_the_view_token_shows_and_cannot_change(site: Site) -> None:
    view = {"view": TOKENS.view}
    assert site.stranger.get("/run", params=view).status_code == 200
    page = site.stranger.get("/", params=view | {"embed": "1"})
    assert page.status_code == 200
    assert "frame-ancestors *" in page.headers["content-security-policy"]
    assert "<button" not in page.text
    assert TOKENS.full not in page.text
    refused(site.stranger.post("/changes", params=view, json={"change": "stop"}), 401)
    refused(site.stranger.get("/openapi.json", params=view), 401)


def test_only_charts_alone_may_stand_in_a_frame(site: Site) -> None:
    headers = site.browser.get("/").headers
    assert headers["content-security-policy"] == "frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


# --- the page ------------------------------------------------------------------------------------------------------


def inside(page: str) -> Any:
    found = re.search(r'id="data">([^<]*)<', page)
    assert found
    return json.loads(json.loads(gzip.decompress(base64.b64decode(found[1])))["files"]["view"])


def test_a_page_that_is_opened_in_the_middle_has_the_run_from_its_start(site: Site) -> None:
    view = RunView.model_validate(inside(site.browser.get("/").text))
    assert view.first_row == 0
    assert view.columns["t_s"][0] == 1
    assert len(view.columns["t_s"]) >= 11


def test_a_page_allows_its_own_scripts_and_no_other_server(site: Site) -> None:
    page = site.browser.get("/").text
    assert "connect-src 'self'" in page.replace("&#39;", "'")
    assert re.findall(r"""(?:src|href)=["']?https?:""", page) == []
    assert TOKENS.full not in page


def test_after_the_end_the_page_is_the_report(site: Site, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_bytes("<!doctype html>é".encode())
    refused(site.browser.get("/report"), 404)
    site.feed.report = report
    for path in ("/", "/report"):
        answer = site.browser.get(path)
        assert answer.content == report.read_bytes()
    assert site.app.reports_read == 2


def test_a_report_that_is_gone_is_not_found(site: Site, tmp_path: Path) -> None:
    site.feed.report = tmp_path / "gone.html"
    refused(site.browser.get("/"), 404)


# --- changes -------------------------------------------------------------------------------------------------------


def test_a_change_is_taken_with_its_mark(site: Site) -> None:
    answer = site.change({"change": "+500", "group": "meters"})
    assert answer.status_code == 202
    reply = ChangeReply.model_validate(answer.json())
    assert (reply.mark.run_s, reply.look) == (7.0, False)
    assert site.door.asked == [("meters: +500", "browser")]
    site.stranger.post("/changes", headers=BEARER, json={"change": "pause"})
    assert site.door.asked[-1] == ("pause", "http")


def test_a_look_changes_nothing(site: Site) -> None:
    answer = site.change({"change": "+500", "look": True})
    assert answer.status_code == 200
    assert answer.json()["text"] == "500 more clients connect over 5 s"
    assert site.door.asked == [("+500", "look")]


@pytest.mark.parametrize(("kind", "status"), [(AnswerKind.CONFLICT, 409), (AnswerKind.REFUSED, 422)])
def test_what_is_not_taken_has_reason_and_remedy(site: Site, kind: AnswerKind, status: int) -> None:
    site.door.answer = ChangeAnswer(kind, "there is no group 'x'", "there is meters")
    reply = refused(site.change({"change": "+500"}), status)
    assert (reply.reason, reply.remedy) == ("there is no group 'x'", "there is meters")


def test_an_attack_that_has_ended(site: Site) -> None:
    site.door = ChangeDoor()
    Playback(site.feed, door=site.door)
    site.door.close()
    assert refused(site.change({"change": "+500"}), 409).reason == "the attack has ended"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 3000, 400),
        (b"x" * 100_000, 413),
        ([], 422),
        ({}, 422),
        ({"change": 5}, 422),
        ({"change": "+1", "look": "yes"}, 422),
        ({"change": "+1", "group": "a: stop"}, 422),
        ({"change": "x" * 300}, 422),
        ({"change": "+1", "more": 1}, 422),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_is_no_change(site: Site, body: Any, status: int) -> None:
    refused(site.change(body), status)
    assert site.door.asked == []


def test_a_body_that_is_not_said_to_be_json(site: Site) -> None:
    refused(site.browser.post("/changes", data={"change": "stop"}), 415)
    refused(site.browser.post("/changes", content=b'{"change":"stop"}', headers={"Content-Type": "text/plain"}), 415)


def test_a_page_that_only_shows() -> None:
    site = Site(read_only=True)
    assert "--web-readonly" in refused(site.change({"change": "stop"}), 403).reason
    assert "<button data-verb" not in site.browser.get("/").text
    assert "<button data-verb" in Site().browser.get("/").text


def test_two_who_steer_at_once_are_both_answered() -> None:
    site = Site()
    meet = threading.Barrier(2, timeout=30)

    class Slow(ScriptedDoor):
        def ask(self, text: str, by: str) -> ChangeAnswer:
            meet.wait()  # both are at the door at one time
            return super().ask(text, by)

    door = Slow()
    Playback(site.feed, door=door)
    with ThreadPoolExecutor(2) as people:
        codes = [answer.status_code for answer in people.map(lambda text: site.change({"change": text}), ("+1", "-1"))]
    assert codes == [202, 202]
    assert {text for text, _ in door.asked} == {"+1", "-1"}


def test_no_more_pages_than_can_be_served(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malaria.web.event_stream.MOST_READERS", 0)
    assert refused(site.browser.get("/events"), 503).reason == "too many pages show this run"


# --- what there is -------------------------------------------------------------------------------------------------


def test_unknown_paths_and_methods_say_what_there_is(site: Site) -> None:
    assert "openapi" in refused(site.browser.get("/nothing"), 404).remedy
    refused(site.browser.get("/changes"), 405)
    refused(site.browser.delete("/run"), 405)


def test_the_description_is_valid_and_complete(site: Site) -> None:
    document = site.browser.get("/openapi.json").json()
    assert document == json.loads(json.dumps(openapi_document()))
    validate(document)
    paths = {route.path for route in site.app.routes()} - {"/"}
    assert document["paths"].keys() == paths


def test_the_run_so_far_and_what_is_new(site: Site) -> None:
    view = RunView.model_validate(site.browser.get("/run").json())
    assert view.facts is not None
    assert [group.name for group in view.facts.groups] == ["publishers", "subscribers"]
    assert [group.rate for group in view.facts.groups] == ["1", ""]  # a subscriber has none
    site.playback.play(14)
    news = RunView.model_validate(site.browser.get("/run", params={"since": view.id}).json())
    assert news.first_row == len(view.columns["t_s"])
    assert news.epoch == view.epoch
