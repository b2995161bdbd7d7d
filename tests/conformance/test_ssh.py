"""Real hosts over ssh: who is let in, commands, a script that stays, a process that is held, /proc."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import ssh_server
from malaria.broker.broker_host import BrokerHost
from malaria.broker.ssh_process import SSH_FAILED, SshBrokerProcess
from malaria.broker.starting import SshBroker
from malaria.errors import OperatorError
from malaria.observe.observer import LostError
from malaria.observe.proc_reader import LocalProcReader
from malaria.observe.ssh_proc_reader import SshProcReader
from malaria.ssh.connection import connect, run_command
from malaria.ssh.connection import run as connection_run
from malaria.ssh.destination import SshDestination
from malaria.ssh.remote_files import write_files
from malaria.ssh.remote_script import RemoteScript
from malaria.ssh.ssh_failures import SshError
from ssh_server import SshServer, running_sshd

NASTY = ["printf", "%s\\n", "a b", "$HOME", "'; rm -rf /", '"x"', "", "*", "new\nline", "-n"]
ECHO = 'echo @end; while IFS= read -r line; do echo "heard $line"; echo @end; done'


def run(server: SshServer, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["ssh", "-F", str(server.config), "-o", "BatchMode=yes", *options, "anyhost", "echo here"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_its_user_gets_in(sshd: SshServer) -> None:
    done = run(sshd)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


def test_its_host_key_is_looked_at(sshd: SshServer) -> None:
    done = run(sshd, "-o", "UserKnownHostsFile=/dev/null")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.fixture
def box(sshd: SshServer) -> BrokerHost:
    return BrokerHost("box", sshd.config)


def test_the_words_of_a_command_stay_as_they_are(box: BrokerHost) -> None:
    here, there = BrokerHost().run(NASTY), box.run(NASTY)
    assert here == there
    assert here.output == "\n".join(NASTY[2:]).strip()


def test_the_exit_code_and_the_errors_of_a_command_are_returned(box: BrokerHost) -> None:
    done = box.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.code, sorted(done.output.splitlines())) == (3, ["err", "out"])
    assert box.run(["sh", "-c", "kill -9 $$"]).code != 0


def test_a_command_that_takes_too_long_is_given_up(box: BrokerHost) -> None:
    with pytest.raises(OperatorError, match=r"sleep 60 on box had not ended after 0\.5 s"):
        box.run(["sleep", "60"], timeout_s=0.5)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("UserKnownHostsFile /dev/null", "its host key is not in known_hosts"),
        ("IdentityFile /dev/null", "it refused the login"),
        ("Port 1", "nothing listens at its ssh port"),
        ("HostName nowhere.invalid", "no such host"),
    ],
)
def test_a_host_that_cannot_be_reached_has_its_reason(
    sshd: SshServer, tmp_path: Path, option: str, reason: str
) -> None:
    config = tmp_path / "ssh_config"
    key = option.split()[0]
    lines = [line for line in sshd.config.read_text().splitlines() if line.split()[0] != key]
    config.write_text("\n".join([*lines, f"    {option}"]) + "\n")
    with pytest.raises(OperatorError, match=f"ssh box: {reason}") as caught:
        BrokerHost("box", config).run(["true"])
    assert caught.value.remedy


GREETER = """\
echo "Welcome to this host"
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


def test_what_a_shell_prints_at_login_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .bashrc that prints does it in front of each command, and in the way of an sftp server that it starts."""
    greeter = tmp_path / "greeter.sh"
    greeter.write_text(GREETER)
    sftp = "/usr/lib/openssh/sftp-server"
    settings = ssh_server.SETTINGS.replace("sftp internal-sftp", f"sftp {sftp}") + f"ForceCommand sh {greeter}\n"
    monkeypatch.setattr(ssh_server, "SETTINGS", settings)

    async def play(destination: SshDestination) -> tuple[str, str]:
        async with connect(destination) as connection:
            output = await connection_run(connection, "echo out; cat", "given")
            with pytest.raises(SshError, match="its answer is not of sftp"):
                await write_files(connection, {f"{tmp_path}/x": b""})
        return output, (await run_command(destination, ["printf", "%s", "a b"])).output

    with running_sshd(tmp_path) as server:
        assert asyncio.run(play(SshDestination("box", config=str(server.config)))) == ("out\ngiven", "a b")


# --- a script that stays ----------------------------------------------------------------------------------------------


@pytest.fixture
def echo(sshd: SshServer) -> Iterator[RemoteScript]:
    script = RemoteScript(SshDestination("box", config=str(sshd.config)), ECHO, "@end")
    yield script
    script.close()


def sessions_of(sshd: SshServer) -> set[int]:
    """The processes of this sshd that serve a session."""
    found = set()
    for process in psutil.Process(sshd.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any("@notty" in word for word in process.cmdline()):
                found.add(process.pid)
    return found


def test_a_script_answers_line_by_line(echo: RemoteScript) -> None:
    echo.open()
    assert [echo.ask("a"), echo.ask("b c")] == ["\nheard a", "\nheard b c"]
    echo.close()
    assert echo.ask("again") == "\nheard again"


def test_a_script_whose_connection_breaks_is_started_again(echo: RemoteScript, sshd: SshServer) -> None:
    before = sessions_of(sshd)
    echo.open()
    for pid in sessions_of(sshd) - before:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(SshError, match="the connection was lost"):
        echo.ask("there?")
    assert echo.ask("back?") == "\nheard back?"


def test_a_script_that_does_not_answer_is_given_up(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malaria.ssh.remote_script.ANSWER_S", 0.3)
    script = RemoteScript(SshDestination("box", config=str(sshd.config)), "echo @end; exec sleep 60", "@end")
    with pytest.raises(SshError, match="no answer"):
        script.ask("hello")


def test_proc_over_ssh_is_what_it_is_here(sshd: SshServer) -> None:
    here, there = LocalProcReader(), SshProcReader(SshDestination("box", config=str(sshd.config)))
    there.open()
    files = [f"/proc/{os.getpid()}/comm", "/proc/version", "/proc/no/such"]
    texts = there.texts(files)
    assert {path: text.strip() for path, text in texts.items()} == {
        path: text.strip() for path, text in here.texts(files).items()
    }
    directory = f"/proc/{os.getpid()}/fd"
    assert set(here.links([directory])[directory]) & set(there.links([directory])[directory])
    there.close()


def test_a_host_that_refuses_us_is_lost_with_the_reason(tmp_path: Path, sshd: SshServer) -> None:
    reader = SshProcReader(SshDestination("127.0.0.1", "me", sshd.port))
    with pytest.raises(
        LostError, match=r"ssh://me@127\.0\.0\.1:\d+: its host key is not in known_hosts, or has changed; "
    ):
        reader.open()


# --- a process that is held -------------------------------------------------------------------------------------------


@pytest.fixture
def held(box: BrokerHost, tmp_path: Path) -> Callable[[str], SshBrokerProcess]:
    return lambda script: SshBrokerProcess(box, ["sh", "-c", script], tmp_path / "log")


def pid_of(process: SshBrokerProcess) -> int:
    end = time.monotonic() + 10
    while process.pid is None and time.monotonic() < end:
        time.sleep(0.005)
    assert process.pid is not None
    return process.pid


def wait_for(log: Path, text: str) -> None:
    end = time.monotonic() + 10
    while text not in log.read_text() and time.monotonic() < end:
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """A killed process may take a moment on a busy machine."""
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.005)
    return not Path(f"/proc/{pid}").exists()


def test_its_output_and_its_exit_code_come_through(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    process = held("echo out; echo err >&2; exit 3")
    assert process.wait(10) == 3
    assert process.poll() == 3
    assert {"out", "err"} <= set((tmp_path / "log").read_text().splitlines())


def test_it_may_open_as_many_files_as_its_host_allows(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held("ulimit -S -n").wait(10)
    assert (tmp_path / "log").read_text().splitlines()[-1] == str(hard)


def test_the_end_of_its_input_ends_it(held: Callable[[str], SshBrokerProcess]) -> None:
    process = held("exec sleep 60")
    pid = pid_of(process)
    assert Path(f"/proc/{pid}").exists()
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.terminate()
    assert process.wait(10) == -15
    assert gone(pid)


def test_one_that_does_not_listen_is_killed(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    process = held("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    pid = pid_of(process)
    wait_for(tmp_path / "log", "deaf")
    process.terminate()
    process.kill()
    process.wait(10)
    assert gone(pid)


def test_a_lost_connection_is_not_the_end_of_the_broker(
    held: Callable[[str], SshBrokerProcess], sshd: SshServer, tmp_path: Path
) -> None:
    before = sessions_of(sshd)
    process = held("echo working; exec sleep 60")
    pid = pid_of(process)
    wait_for(tmp_path / "log", "working")
    for session in sessions_of(sshd) - before:
        os.kill(session, signal.SIGKILL)
    assert process.wait(10) == SSH_FAILED
    broker = SshBroker("broker", 1, process, tmp_path / "log")
    broker.ssh = "me@box"
    assert broker.last_words() == "working"
    assert broker.death() == "a lost ssh connection to me@box (check that it is still up, then try again)"
    assert gone(pid), "its input has ended"
