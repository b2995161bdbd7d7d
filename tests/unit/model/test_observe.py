"""What is to be observed, from a table and from options."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from malaria.clock import NS_PER_S as S
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.observe import Observe, ProcessChoice, observe_from_options
from malaria.ssh.destination import SshDestination

PROCESSES = {
    "mosquitto": ProcessChoice(name="mosquitto"),
    "4711": ProcessChoice(pid=4711),
    4711: ProcessChoice(pid=4711),
    ":1883": ProcessChoice(port=1883),
    True: ProcessChoice(),
    "ssh://me@broker": ProcessChoice(ssh=SshDestination("broker", "me")),
    "ssh://me@broker:2222/mosquitto": ProcessChoice(name="mosquitto", ssh=SshDestination("broker", "me", 2222)),
    "ssh://[fe80::1]/:1883": ProcessChoice(port=1883, ssh=SshDestination("fe80::1")),
}


@pytest.mark.parametrize("written", PROCESSES)
def test_a_process(written: Any) -> None:
    assert Observe(process=written).process == PROCESSES[written]


@pytest.mark.parametrize("written", ["", "-1", "0", ":0", ":70000", "99999999", "a/b", "a:b", "ssh://", "x\ny", 3.5])
def test_what_is_no_process(written: Any) -> None:
    with pytest.raises(ValidationError, match=r"not a process|not a host"):
        Observe(process=written)


HOSTILE = ["ssh://-oProxyCommand=x", "ssh://me@-x", "ssh://-l@x", "ssh://a b", "ssh://a;b", "ssh://a?b", "ssh://$(x)@b",
           "ssh://a:99999", "ssh://me@"]  # fmt: skip


@pytest.mark.parametrize("written", HOSTILE)
def test_a_host_cannot_look_like_an_option_of_ssh(written: str) -> None:
    with pytest.raises(ValidationError):
        Observe(host=written)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        Observe(process=written)  # type: ignore[arg-type]


def test_a_password_for_ssh_is_refused_and_not_quoted() -> None:
    with pytest.raises(OperatorError) as caught:
        observe_from_options(["host=ssh://me:sesame@broker"])
    assert "sesame" not in str(caught.value)
    assert "key" in caught.value.remedy


def test_the_table_of_a_file() -> None:
    table = {
        "sys": {"url": "mqtt://broker:1883", "username": "watcher", "password": "p"},
        "host": "ssh://admin@broker",
        "prometheus": {"url": "http://broker:15692/metrics", "series": ["rabbitmq_queue_messages.*"]},
        "docker": "emqx",
        "perf": {"seconds": "5s", "at": "1m"},
        "interval": "2s",
    }
    observe = Observe.model_validate(table)
    assert isinstance(observe.sys, Access)
    assert observe.host == SshDestination("broker", "admin")
    assert observe.perf is not None
    assert (observe.perf.seconds_ns, observe.perf.at_ns, observe.interval_ns) == (5 * S, 60 * S, 2 * S)
    assert observe.is_stated("docker")
    assert not observe.is_stated("process")


@pytest.mark.parametrize(
    "table",
    [
        {"sis": True},
        {"prometheus": "ftp://x"},
        {"prometheus": "http://"},
        {"prometheus": "http://x:y/"},
        {"prometheus": {"url": "http://x", "series": ["("]}},
        {"docker": "a/b"},
        {"perf": {"seconds": "0s"}},
        {"perf": {"seconds": "1h"}},
        {"interval": "1ms"},
        {"host": "broker"},
        {"host": "ssh://a/b"},
        {"sys": {"usr": "x"}},
    ],
)
def test_what_cannot_be_meant_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Observe.model_validate(table)


def test_options() -> None:
    observe = observe_from_options(["sys,process=mosquitto", "prometheus=http://b:15692/metrics,perf=10s@30s,docker=e"])
    assert observe.only_stated
    assert observe.sys is True
    assert observe.process == ProcessChoice(name="mosquitto")
    assert observe.prometheus is not None
    assert observe.perf is not None
    assert (observe.perf.seconds_ns, observe.perf.at_ns) == (10 * S, 30 * S)
    assert observe.docker == "e"
    assert observe.host is None


def test_no_option_is_as_by_default() -> None:
    assert observe_from_options([]) == Observe()
    nothing = observe_from_options(["none"])
    assert (nothing.sys, nothing.host, nothing.process) == (False, False, None)
    assert nothing.is_stated("process")


@pytest.mark.parametrize("text", ["system", "process=", "perf=x", "docker=", "host=broker", "interval=0"])
def test_a_wrong_option_is_named(text: str) -> None:
    with pytest.raises(OperatorError, match="--observe"):
        observe_from_options([text])


def test_the_login_of_a_page_is_in_no_repr() -> None:
    observe = observe_from_options(["prometheus=http://me:sesame@broker/metrics"])
    assert "sesame" not in repr(observe)
