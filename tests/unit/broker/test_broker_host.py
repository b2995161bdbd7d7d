"""Commands on this host, and the address of another one. What needs a real ssh is in tests/conformance/test_ssh.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.broker.broker_host import BrokerHost, last_line
from malaria.errors import OperatorError
from malaria.ssh.destination import SshDestination


def test_sudo_comes_before_the_command() -> None:
    assert BrokerHost().words(["a", "b c"]) == ["a", "b c"]
    assert BrokerHost(sudo=True).words(["a", "b c"]) == ["sudo", "-n", "--", "a", "b c"]


def test_a_command_here_returns_its_code_and_its_output() -> None:
    done = BrokerHost().run(["sh", "-c", "echo said; echo louder >&2; exit 3"])
    assert (done.code, done.output) == (3, "said\nlouder")


@pytest.mark.parametrize(
    ("ssh", "destination"),
    [
        ("box", SshDestination("box")),
        ("me@box", SshDestination("box", "me")),
        ("me@box:2222", SshDestination("box", "me", 2222)),
        ("ssh://me@box:22/", SshDestination("box", "me", 22)),
        ("me@[fe80::1]:22", SshDestination("fe80::1", "me", 22)),
    ],
)
def test_an_address_is_read(ssh: str, destination: SshDestination) -> None:
    assert BrokerHost(ssh).destination == destination


def test_the_configuration_of_ssh_may_be_another() -> None:
    assert BrokerHost("box", Path("/etc/other")).destination.config == "/etc/other"


@pytest.mark.parametrize("ssh", ["-oProxyCommand=evil", "a b", "", "box:port", "ssh://", "box/path"])
def test_a_text_that_is_not_a_host_is_refused(ssh: str) -> None:
    with pytest.raises(OperatorError, match=r"broker\.ssh: .* is not a host"):
        BrokerHost(ssh).run(["true"])


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be started") as caught:
        BrokerHost().run([str(tmp_path / "none")])
    assert caught.value.remedy.startswith("install")


def test_a_command_that_lasts() -> None:
    with pytest.raises(OperatorError, match="had not ended after"):
        BrokerHost().run(["sleep", "5"], timeout_s=0.05)


def test_what_is_left_running_holds_nobody_up() -> None:
    assert BrokerHost().run(["sh", "-c", "sleep 60 & echo started"], timeout_s=30).output == "started"


@pytest.mark.parametrize(("output", "line"), [("", "it printed nothing"), ("a\nb \n\n", "b")])
def test_the_last_line(output: str, line: str) -> None:
    assert last_line(output) == line
