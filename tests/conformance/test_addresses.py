"""The whole command against names and link-local addresses, in namespaces with a hosts file of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "mosquitto"))),
        reason="needs root, unshare, ip and mosquitto",
    ),
]
PREPARE: Final = f"""
set -e
malaria() {{ {sys.executable} -m malaria "$@"; }}
touch hosts; mount --bind hosts /etc/hosts
ip link set lo up
start() {{
    name=$1; shift
    printf 'allow_anonymous true\\n' > $name.conf
    printf 'listener 1883 %s\\n' "$@" >> $name.conf
    mosquitto -c $name.conf > $name.log 2>&1 & PID=$!
    for _ in $(seq 100); do grep -q running $name.log && break; sleep 0.05; done
}}
"""


def run(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a network and a mount namespace of its own."""
    return subprocess.run(
        ["unshare", "-n", "-m", "bash", "-c", PREPARE + script],
        cwd=directory, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def summary(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "summary.json").read_text())
    return found


def test_clients_are_spread_over_the_addresses_of_a_name_and_fall_back_to_the_other_family(tmp_path: Path) -> None:
    script = """
    printf '127.0.0.2 two.test\\n127.0.0.3 two.test\\n127.0.0.4 six.test\\n::1 six.test\\n' > hosts
    start a 127.0.0.2; start b 127.0.0.3; start c ::1
    malaria attack two.test -c 4 -I 50ms -n 10 --no-subscriber --observe none -o two || test $? = 3
    malaria attack six.test -c 4 -I 50ms -n 10 --no-subscriber --observe none -o six || test $? = 3
    malaria attack 127.0.0.9 -c 4 -n 1 -o none || test $? = 2
    kill $(jobs -p)
    """
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing listens at this port" in done.stderr
    two, six = summary(tmp_path / "two"), summary(tmp_path / "six")
    assert two["addresses"] == ["127.0.0.2:1883", "127.0.0.3:1883"]
    assert six["addresses"] == ["[::1]:1883"]
    assert two["messages"]["acked"] == six["messages"]["acked"] == 40
    assert [(tmp_path / f"{name}.log").read_text().count(" as malaria-") for name in "abc"] == [3, 3, 5]
    page = (tmp_path / "six/report.md").read_text()
    assert "six.test: 127.0.0.4:1883 was left out before the load: nothing listens at this port" in page


def test_a_name_that_moves_is_followed_when_clients_connect_again(tmp_path: Path) -> None:
    script = """
    echo '127.0.0.2 moved.test' > hosts
    start b 127.0.0.3; start a 127.0.0.2; old=$PID
    malaria attack moved.test -c 4 -I 100ms -d 7s --no-subscriber --observe none -o run & load=$!
    until grep -q -m 4 ' as malaria-' a.log; do sleep 0.1; done
    sleep 2
    echo '127.0.0.3 moved.test' > hosts
    kill $old
    wait $load || true
    kill $(jobs -p)
    """
    run(tmp_path, script)
    assert summary(tmp_path / "run")["clients"]["connected"] == 4
    assert "moved.test has new addresses: 127.0.0.3:1883" in (tmp_path / "run/report.md").read_text()
    assert (tmp_path / "b.log").read_text().count(" as malaria-") == 4


def test_link_local_addresses_and_aliases_of_ipv6(tmp_path: Path) -> None:
    script = """
    ip link add va type veth peer name vb
    ip address add fe80::a/64 dev va nodad; ip address add fe80::b/64 dev vb nodad
    ip address add fd00::1/128 dev lo; ip address add fd00::2/128 dev lo
    ip link set va up; ip link set vb up
    echo '8000 8099' > /proc/sys/net/ipv4/ip_local_port_range
    start a ::
    malaria attack 'mqtt://[fe80::a%25va]' -c 4 -I 50ms -n 10 --no-subscriber --observe none -o link || test $? = 3
    malaria connect '[::1]' -c 200 -d 1s --source-address auto --observe none -o aliases || test $? = 3
    malaria connect '[::1]' -c 2000 -d 1s --source-address auto --observe none || test $? = 2
    kill $(jobs -p)
    """
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the clients need 27 addresses of this host; the interface of ::1 has 3" in done.stderr
    assert summary(tmp_path / "link")["messages"]["acked"] == 40
    assert summary(tmp_path / "aliases")["clients"]["connected"] == 200
    log = (tmp_path / "a.log").read_text()
    assert all(f"from {source}:" in log for source in ("fe80::a", "::1", "fd00::1", "fd00::2"))
