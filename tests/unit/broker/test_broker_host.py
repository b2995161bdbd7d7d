"""Commands on this host and another: their words stay their words."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from malaria.broker.broker_host import SSH_REMEDIES, BrokerHost, last, ssh_remedy
from malaria.errors import OperatorError

NASTY = ["printf", "%s\\n", "a b", "$HOME", "'; rm -rf /", '"x"', "", "*", "new\nline", "-n"]


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that gives its last word to a shell here, as sshd does there; its other words it writes down."""
    written = tmp_path / "words"
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{written}\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return written


def test_here_a_command_is_itself() -> None:
    assert BrokerHost().argv(["a", "b c"]) == ["a", "b c"]
    assert BrokerHost(sudo=True).argv(["a", "b c"]) == ["sudo", "-n", "--", "a", "b c"]
    done = BrokerHost().run(["sh", "-c", "echo said; echo louder >&2; exit 3"])
    assert (done.code, done.said) == (3, "said\nlouder")


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ("box", ["--", "box"]),
        ("me@box", ["--", "me@box"]),
        ("me@box:2222", ["-p", "2222", "--", "me@box"]),
        ("ssh://me@box:22/", ["-p", "22", "--", "me@box"]),
        ("me@[fe80::1]:22", ["-p", "22", "--", "me@fe80::1"]),
    ],
)
def test_there_it_is_one_quoted_word(destination: str, words: list[str]) -> None:
    argv = BrokerHost(destination).argv(["echo", "a b"])
    assert argv[0] == "ssh"
    assert argv[-1 - len(words) :] == [*words, "echo 'a b'"]
    assert "StrictHostKeyChecking=yes" in argv
    assert "BatchMode=yes" in argv


def test_the_configuration_of_ssh_may_be_another() -> None:
    argv = BrokerHost("box", Path("/etc/other")).argv(["true"])
    assert argv[argv.index("-F") + 1] == "/etc/other"


@pytest.mark.parametrize("destination", ["-oProxyCommand=evil", "a b", "", "box:port", "ssh://", "box/path"])
def test_no_host(destination: str) -> None:
    with pytest.raises(OperatorError, match="is no host for ssh"):
        BrokerHost(destination).argv(["true"])


def test_nothing_is_expanded_on_the_way(fake_ssh: Path) -> None:
    here, there = BrokerHost().run(NASTY), BrokerHost("box").run(NASTY)
    assert here == there
    assert here.said == "\n".join(NASTY[2:]).strip()
    assert fake_ssh.read_text().rstrip("\n").endswith(shlex.join(NASTY))


def test_an_ssh_that_does_not_come_through(fake_ssh: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        BrokerHost("box").run(["sh", "-c", "echo Host key verification failed. >&2; exit 255"])
    assert caught.value.message == "ssh box: Host key verification failed."
    assert "ssh box" in caught.value.remedy


@pytest.mark.parametrize(("said", "remedy"), [*SSH_REMEDIES.items(), ("who knows", "try by hand: ssh {0}")])
def test_remedies(said: str, remedy: str) -> None:
    assert ssh_remedy(f"x\n{said}: y", "box") == remedy.format("box")


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be started") as caught:
        BrokerHost().run([str(tmp_path / "none")])
    assert caught.value.remedy.startswith("install")


def test_a_command_that_lasts() -> None:
    with pytest.raises(OperatorError, match="had not ended after"):
        BrokerHost().run(["sleep", "5"], timeout_s=0.05)


def test_what_is_left_running_holds_nobody_up() -> None:
    assert BrokerHost().run(["sh", "-c", "sleep 60 & echo started"], timeout_s=30).said == "started"


@pytest.mark.parametrize(("said", "line"), [("", "it said nothing"), ("a\nb \n\n", "b")])
def test_the_last_line(said: str, line: str) -> None:
    assert last(said) == line
