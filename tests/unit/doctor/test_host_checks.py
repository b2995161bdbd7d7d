"""Every check of the machine against made-up trees of /proc and /sys."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from doctor_rig import NEED, TCP_HEAD, machines_in, tcp_line
from malaria.doctor import HostLimits, Status
from malaria.doctor import host_checks as checks
from malaria.doctor.need import need_for


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., HostLimits]:
    return machines_in(tmp_path)


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
