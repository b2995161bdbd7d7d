"""A swarm of hosts by ssh from `add` to `down`: real sshd, real packages, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import tomli_w

import malaria
from malaria.cli.main import main
from malaria.model.key_part import Claim
from malaria.plan.credentials import read_keys
from malaria.schedule.share import WHOLE
from malaria.ssh.connection import SshTimeouts
from malaria.swarm.hosts.each_host import on_each
from malaria.swarm.hosts.inventory import Swarm
from malaria.swarm.hosts.key_shares import part_name, parts_there, read_key_file, serves
from malaria.swarm.hosts.state import load_swarm, state_file
from namespaces import Network

KEYS = [f"meter-{n}:{n:04x}" for n in range(10)]


@pytest.fixture
def named(swarm: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swarm:
    """The four bees, added through an inventory."""
    monkeypatch.delenv("MALARIA_HOME", raising=False)  # fetched Pythons are kept between sessions
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inventory = tmp_path / "bees.toml"
    bees = [bee.model_dump(exclude_defaults=True) for bee in swarm.hosts]
    inventory.write_text(tomli_w.dumps({"bee": bees}))
    assert main(["swarm", "add", "--inventory", str(inventory)]) == 0
    return load_swarm("bees")


def place_of(swarm: Swarm, number: int) -> Path:
    return Path(swarm.hosts[number - 1].directory)


def private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def gone(processes: Sequence[subprocess.Popen[bytes]]) -> bool:
    end = time.monotonic() + 10
    while any(process.poll() is None for process in processes) and time.monotonic() < end:
        time.sleep(0.01)
    return all(process.poll() is not None for process in processes)


def is_over(pid: int) -> bool:
    """Return whether a process is gone, or is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def test_hosts_are_readied_deployed_and_left_as_they_were(
    named: Swarm,
    hosts: Network,
    broker_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    etc = tmp_path / "etc"
    prepare = ["swarm", "prepare", "--no-packages", "--etc", str(etc), "--bee", "bee-1"]
    assert main(prepare) == 0
    assert "net.ipv4.ip_local_port_range = 1024 65535 (was" in capsys.readouterr().out
    assert main(prepare) == 0
    assert "(was" not in capsys.readouterr().out
    assert hosts.hosts[0].run("cat", "/proc/sys/net/ipv4/ip_local_port_range").split() == ["1024", "65535"]
    assert "hard nofile 1048576" in (etc / "security/limits.d/90-malaria.conf").read_text()

    # one that we may not write to is named, and the other one is deployed to
    strange = place_of(named, 2)
    strange.mkdir()
    (strange / "thesis.tex").write_text("mine")
    assert main(["swarm", "deploy", "--bee", "bee-1", "--bee", "bee-2"]) == 1
    said = capsys.readouterr().out
    assert f"malaria {malaria.__version__} on Python {sys.version_info[0]}.{sys.version_info[1]}." in said
    assert "FAIL  bee-2" in said
    assert "holds files that are not malaria" in said
    python = place_of(named, 1) / "venv/bin/python"
    where = hosts.hosts[0].run(str(python), "-c", "import malaria, distributed; print(malaria.__file__)").strip()
    assert Path(where).is_relative_to(place_of(named, 1).resolve())
    assert main(["swarm", "deploy", "--bee", "bee-1"]) == 0
    assert "is there already" in capsys.readouterr().out

    # what was deployed makes load, and has the version of its conductor
    load = ["-c", "4", "-I", "200ms", "-d", "2s", "--observe", "none", "--quiet", "-o", str(tmp_path / "run")]
    main(["attack", broker_url, *load, "--swarm", "bees", "--bee", "bee-1", "--workers", "1"])
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["messages"]["acked"] == summary["messages"]["due"] > 0
    capsys.readouterr()

    # status tells the bees apart
    assert main(["swarm", "status", "--json", "-"]) == 0
    bees = json.loads(capsys.readouterr().out)
    assert [bee["standing"]["deployed"] is not None for bee in bees] == [True, False, False, False]
    assert bees[0]["standing"]["ports"] == 64512
    assert all(bee["clients"] > 0 for bee in bees)
    monkeypatch.setattr("malaria.ssh.connection.TIMEOUTS", SshTimeouts(connect_s=6.0))
    hosts.hosts[3].cut()
    try:
        assert main(["swarm", "status", "--bee", "bee-3", "--bee", "bee-4"]) == 1
    finally:
        hosts.hosts[3].join()
    said = capsys.readouterr().out
    assert "not reached" in said
    assert "10.77." in said
    assert "this swarm can make" in said
    print(said)

    # abort ends what runs our Python, also what does not listen, and nothing else
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    ours = [
        subprocess.Popen(hosts.hosts[0].argv(str(python), "-c", program), stdout=subprocess.PIPE)
        for program in ("import time; print(flush=True); time.sleep(60)", deaf)
    ]
    other = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    family = "import subprocess; print(subprocess.Popen(['sleep', '60'], process_group=0).pid, flush=True); input()"
    leader = subprocess.Popen(
        [sys.executable, "-c", family, "malaria"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    (place_of(named, 1) / "bee.pid").write_text(f"{leader.pid}\n")
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    try:
        for process in (*ours, other):
            assert process.stdout is not None
            process.stdout.readline()
        assert main(["swarm", "abort"]) == 0
        assert "bee-1  4 processes ended" in capsys.readouterr().out
        assert gone([*ours, leader])
        assert is_over(child)
        assert other.poll() is None
    finally:
        for process in (*ours, other, leader):
            process.kill()
            process.wait()

    # down leaves what is not ours
    assert main(["swarm", "down"]) == 1
    assert not place_of(named, 1).exists()
    assert (strange / "thesis.tex").exists()
    assert [bee.name for bee in load_swarm("bees").hosts] == ["bee-2"]
    (strange / "thesis.tex").unlink()
    strange.rmdir()
    assert main(["swarm", "down"]) == 0
    assert not state_file("bees").exists()


def test_each_bee_has_its_part_of_the_keys_and_no_other(
    named: Swarm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, warhead = tmp_path / "malaria.psk", tmp_path / "w.toml"
    file.write_text("".join(f"{line}\n" for line in KEYS))
    warhead.write_text(f"""
        [target]
        psk_file = "{file}"
        [[group]]
        name = "first"
        clients = 3
        [[group]]
        name = "rest"
        clients = 7
        target = {{ first_key = 3 }}
        [attack]
        duration = "1s"
    """)
    assert main(["swarm", "share-keys", str(file), "-w", str(warhead)]) == 0
    assert "part 4 of 4: 1 of 10 lines" in capsys.readouterr().out
    there = asyncio.run(on_each(named.hosts, parts_there))
    seen: list[str] = []
    tag = read_key_file(file).tag
    for number, (outcome, share) in enumerate(zip(there, WHOLE.split(4), strict=True), 1):
        assert outcome.value is not None, outcome.error
        assert all(serves(outcome.value[0], tag, share, claim) for claim in (Claim("first", 0, 3), Claim("rest", 3, 7)))
        part = place_of(named, number) / "keys" / part_name(tag)
        assert private(part)
        assert private(place_of(named, number))
        keys = read_keys(part)
        for first, clients in ((0, 3), (3, 7)):
            for index in share.members(clients).tolist():
                identity, key = keys[first + index]
                assert f"{identity}:{key.hex()}" == KEYS[first + index]
        seen += [line for line in part.read_text().splitlines() if not line.startswith("#")]
    assert sorted(seen) == sorted(KEYS)
