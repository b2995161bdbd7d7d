"""Checks of the target against made-up answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import malaria.doctor
import malaria.doctor.target_checks
from doctor_rig import crowd, machines_in
from malaria.doctor import DoctorFinding, HostLimits, Status, examine
from malaria.doctor import host_checks as checks
from malaria.errors import TargetError
from malaria.model.target import parse_target
from malaria.transport.probe import Answer, ProbeClient
from malaria.transport.route import Endpoint, Route
from routes import host_at


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., HostLimits]:
    return machines_in(tmp_path)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[tuple[Any, ...]]]:
    """What the target answers, and how it was asked."""

    def set_answer(answer: Answer) -> list[tuple[Any, ...]]:
        asked: list[tuple[Any, ...]] = []

        def probe(*how: Any, **_: Any) -> Answer:
            asked.append(how)
            return answer

        monkeypatch.setattr(malaria.doctor.target_checks, "probe", probe)
        return asked

    return set_answer


def of_target(findings: list[DoctorFinding]) -> list[DoctorFinding]:
    return findings[len(checks.CHECKS) :]


def test_a_target_that_lets_us_in(
    tree: Callable[..., HostLimits], answers: Callable[[Answer], list[tuple[Any, ...]]]
) -> None:
    asked = answers(Answer(version="mosquitto version 2.0.21"))
    target = parse_target("mqtt://u:p@127.0.0.1:1883,127.0.0.2:1883")
    findings = of_target(examine(target, crowd(10).with_credentials("u", "p"), 1, tree()))
    assert [finding.name for finding in findings] == ["target 127.0.0.1:1883", "target 127.0.0.2:1883"]
    assert {finding.measured for finding in findings} == {"mosquitto version 2.0.21, lets a client in"}
    assert [how[1] for how in asked] == [ProbeClient(username="u", password="p")] * 2


def test_a_target_that_does_not_is_told_with_cause_and_remedy(
    tree: Callable[..., HostLimits], answers: Callable[[Answer], list[tuple[Any, ...]]]
) -> None:
    answers(Answer("this port speaks TLS", "use the plain listener"))
    (found,) = of_target(examine(parse_target("127.0.0.1"), crowd(10), 1, tree()))
    assert (found.status, found.measured) == (Status.BAD, "this port speaks TLS")
    assert found.remedy == "use the plain listener"


def test_a_name_that_nobody_knows(tree: Callable[..., HostLimits], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise TargetError("unknown host 'nowhere'", "check the spelling")

    monkeypatch.setattr(malaria.doctor, "route_to", unknown)
    (found,) = of_target(examine(parse_target("nowhere"), crowd(10), 1, tree()))
    assert (found.status, found.measured, found.remedy) == (Status.BAD, "unknown host 'nowhere'", "check the spelling")


@pytest.mark.parametrize(("limit", "status"), [(1024, Status.OK), (512, Status.BAD)])
def test_a_broker_on_this_machine_must_be_allowed_to_hold_all(
    tree: Callable[..., HostLimits],
    answers: Callable[[Answer], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    status: Status,
) -> None:
    answers(Answer())
    monkeypatch.setattr(malaria.doctor.target_checks, "listener_pid", lambda proc, port: 99)
    monkeypatch.setattr(malaria.doctor.target_checks, "open_files_limit", lambda proc, pid: limit)
    found = of_target(examine(parse_target("127.0.0.1"), crowd(600), 1, tree({"proc/99/comm": "mosquitto\n"})))[-1]
    assert (found.name, found.needed, found.status) == ("listener's open files", "632", status)
    assert found.measured == f"{limit:,} (mosquitto, pid 99)"
    assert ("prlimit --pid 99" in found.remedy) == (status is Status.BAD)


def test_an_address_that_takes_no_connection_is_a_warning_beside_one_that_does(
    tree: Callable[..., HostLimits], monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(endpoint: Endpoint, *_: object) -> Answer:
        dead = endpoint[1][0] == "127.0.0.2"
        return Answer("nothing listens at this port", "is it running?") if dead else Answer(reached=True)

    route = Route((host_at("two.test", 1883, "127.0.0.2", "127.0.0.3"),))
    monkeypatch.setattr(malaria.doctor.target_checks, "probe", probe)
    monkeypatch.setattr(malaria.doctor, "route_to", lambda *_, **__: route)
    dead, good = of_target(examine(parse_target("two.test"), crowd(10), 1, tree()))[:2]
    assert (dead.name, dead.status) == ("target 127.0.0.2:1883", Status.WARN)
    assert dead.remedy == "clients use the other addresses of two.test"
    assert (good.name, good.status) == ("target 127.0.0.3:1883", Status.OK)
