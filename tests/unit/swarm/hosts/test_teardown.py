"""The scripts that end a load and clean a host."""

from __future__ import annotations

import subprocess

import pytest

from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.teardown import ABORT, REMOVE, ssh_command


@pytest.mark.parametrize("script", [ABORT, REMOVE])
def test_the_scripts_are_for_any_shell(script: str) -> None:
    filled = script.format(directory='"$HOME"/.malaria')
    done = subprocess.run(["sh", "-n"], input=filled, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "{{" not in filled


def test_ssh_checks_the_host_key_whatever_a_configuration_says() -> None:
    plain = ssh_command("ssh", BeeHost(name="b", host="10.0.0.3"), "/known")
    assert "StrictHostKeyChecking=yes" in plain
    assert "/known" not in " ".join(plain)
    assert plain[-3:] == ["--", "10.0.0.3", "exec sh -s"]
    key = "ssh-ed25519 AAAAAAAAAAAAAAAAAAAA"
    table = {"host": "b", "user": "karl", "port": 2222, "jump": "gate", "key": "~/.ssh/k", "ssh_config": "c"}
    whole = " ".join(ssh_command("ssh", BeeHost(name="b", host_key=key, **table), "/known"))
    assert "-F c " in whole
    assert "HostKeyAlias=malaria-bee -o UserKnownHostsFile=/known -o GlobalKnownHostsFile=/dev/null" in whole
    assert "-p 2222 -l karl -i ~/.ssh/k -J gate -- b" in whole
