"""Every check of the machine against made-up trees of /proc and /sys, and the target's against made-up answers."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import malaria.doctor
import malaria.doctor.target_checks
from malaria.doctor import DoctorFinding, HostLimits, Status, examine
from malaria.doctor import host_checks as checks
from malaria.doctor.need import LoadNeed, need_for
from malaria.doctor.sockets import listener_pid, open_files_limit, taken_ports
from malaria.errors import TargetError
from malaria.model.group_keys import Role
from malaria.model.option_table import LoadOptions
from malaria.model.options import build_warhead
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.transport.probe import Answer, ProbeClient
from malaria.transport.route import Endpoint

HERE: Final[Endpoint] = (int(socket.AF_INET), ("127.0.0.1", 1883))
THERE: Final[Endpoint] = (int(socket.AF_INET), ("192.0.2.1", 1883))
NEED: Final = need_for(1000, 2, (HERE,))
TCP_HEAD: Final = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def crowd(clients: int) -> Warhead:
    return build_warhead(LoadOptions(clients=clients), Role.CONNECT)


def tcp_line(local: int, remote: int, state: int, inode: int = 7) -> str:
    return f"   0: 0100007F:{local:04X} 0100007F:{remote:04X} {state:02X} 0:0 00:0 00000000 0 0 {inode} 1 0\n"


GOOD: Final = {
    "proc/sys/fs/file-nr": "1000\t0\t100000\n",
    "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "proc/sys/net/core/somaxconn": "4096\n",
    "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
    "proc/sys/net/netfilter/nf_conntrack_count": "44\n",
    "proc/net/tcp": TCP_HEAD + tcp_line(1883, 0, 0x0A),
    "proc/loadavg": "0.10 0.20 0.30 1/200 4000\n",
    "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., HostLimits]:
    """A machine where all is well, but for what the test says; None takes a file away."""

    def make(changes: dict[str, str | None] | None = None, **facts: Any) -> HostLimits:
        for name, text in (GOOD | (changes or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        known: dict[str, Any] = {"limits": (1024, 4096), "cores": 4, "python": (3, 13, 0), "has_psk": True} | facts
        return HostLimits(tmp_path / "proc", tmp_path / "sys", **known)

    return make


def test_a_machine_where_all_is_well(tree: Callable[..., HostLimits]) -> None:
    findings = checks.examine_host(tree(), NEED)
    assert [finding for finding in findings if finding.status is not Status.OK] == []
    assert [finding.remedy for finding in findings] == [""] * len(checks.CHECKS)
    assert len({finding.name for finding in findings}) == len(findings)


TROUBLES: Final[tuple[tuple[str, dict[str, str | None], dict[str, Any], Status, str, str], ...]] = (
    ("open files", {}, {"limits": (256, 563)}, Status.BAD, "256, raised to 563", "ulimit -Hn 564"),
    ("open files in all", {"proc/sys/fs/file-nr": "99000 0 100000"}, {}, Status.BAD, "1,000 free", "fs.file-max"),
    ("local ports", {"proc/sys/net/ipv4/ip_local_port_range": "32768\t33000"}, {}, Status.BAD, "233 of 233",
     "--source-address"),
    ("accept backlog", {"proc/sys/net/core/somaxconn": "16"}, {}, Status.WARN, "16", "--connects-in-progress 8"),
    ("connection tracking", {"proc/sys/net/netfilter/nf_conntrack_max": "1000"}, {}, Status.BAD, "956 free",
     "nf_conntrack_max=3000"),
    ("clock source", {"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}, {}, Status.WARN,
     "hpet", "clocksource=tsc"),
    ("CPU governor", {"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave"}, {}, Status.WARN,
     "performance, powersave", "cpupower"),
    ("cores", {}, {"cores": 1}, Status.WARN, "1, load 0.10", "--workers 1"),
    ("cores", {"proc/loadavg": "3.50 1 1 1/1 1"}, {}, Status.WARN, "4, load 3.50", "stop other programs"),
    ("memory", {"proc/meminfo": "MemAvailable: 100000 kB"}, {}, Status.BAD, "102 MB free", "fewer clients"),
    ("Python", {}, {"python": (3, 12, 1)}, Status.BAD, "3.12.1, TLS-PSK", "uv python install"),
    ("Python", {}, {"has_psk": False}, Status.WARN, "3.13.0, no TLS-PSK", "PSK"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "files", "facts", "status", "measured", "remedy"), TROUBLES, ids=[f"{t[0]}: {t[4]}" for t in TROUBLES]
)
def test_each_trouble_is_found_and_has_its_remedy(
    tree: Callable[..., HostLimits],
    name: str,
    files: dict[str, str | None],
    facts: dict[str, Any],
    status: Status,
    measured: str,
    remedy: str,
) -> None:
    findings = checks.examine_host(tree(files, **facts), NEED)
    (found,) = [finding for finding in findings if finding.status is not Status.OK]
    assert (found.name, found.status, found.measured) == (name, status, measured)
    assert remedy in found.remedy


def test_what_cannot_be_read_is_unknown_and_no_trouble(tmp_path: Path) -> None:
    host = HostLimits(tmp_path / "proc", tmp_path / "sys", (1024, resource.RLIM_INFINITY), 4, (3, 13, 0), True)
    findings = {finding.name: finding for finding in checks.examine_host(host, NEED)}
    assert {finding.status for finding in findings.values()} == {Status.OK}
    assert findings["memory"].measured == "unknown"
    assert findings["clock source"].measured == "unknown"
    assert findings["connection tracking"].measured == "not loaded"
    assert findings["open files"].measured == "1,024, raised to unlimited"


def test_without_a_target_too_few_ports_are_a_warning_only(tree: Callable[..., HostLimits]) -> None:
    found = checks.local_ports(tree(), need_for(30_000, 2))
    assert (found.status, found.needed) == (Status.WARN, "30,000")


@pytest.mark.parametrize(("remote", "free"), [(1883, "28,231"), (8883, "28,232")])
def test_ports_towards_another_target_are_no_loss(tree: Callable[..., HostLimits], remote: int, free: str) -> None:
    lines = TCP_HEAD + tcp_line(1883, 0, 0x0A) + tcp_line(40000, remote, 1) + tcp_line(1883, 40000, 1)
    assert checks.local_ports(tree({"proc/net/tcp": lines}), NEED).measured == f"{free} of 28,232"


def test_a_need_is_spread_over_workers_sources_and_targets(tree: Callable[..., HostLimits]) -> None:
    need = need_for(30_001, 2, (HERE, THERE), ("127.0.0.1", "127.0.0.2"))
    assert checks.local_ports(tree(), need).needed == "7,501 × 2 sources"
    assert checks.open_files(tree(), need).needed == "15,065 × 2 workers"
    assert (need.ports, need.descriptors, need.broker_is_here) == (7501, 15001 + 64, False)
    assert LoadNeed(10, 3).descriptors == 4 + 64


def test_what_the_kernel_says_about_sockets(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(TCP_HEAD + tcp_line(1883, 0, 0x0A, 4711) + tcp_line(40000, 1883, 6, 0))
    descriptors = tmp_path / "99" / "fd"
    descriptors.mkdir(parents=True)
    (descriptors / "3").symlink_to("socket:[4711]")
    (tmp_path / "100").mkdir()
    (tmp_path / "99/limits").write_text(
        "Limit Soft Limit Hard Limit Units\nMax open files            1024     4096     files\n"
    )
    assert taken_ports(tmp_path, range(32768, 61000), {1883}) == 1
    assert listener_pid(tmp_path, 1883) == 99
    assert listener_pid(tmp_path, 1884) is None
    assert open_files_limit(tmp_path, 99) == 1024
    assert open_files_limit(tmp_path, 100) is None


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
