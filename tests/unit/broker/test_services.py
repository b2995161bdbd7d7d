"""systemd units and pairs of commands, by a systemctl of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.broker.broker_host import BrokerHost
from malaria.broker.services import CommandPair, SystemdUnit
from malaria.errors import OperatorError

SYSTEMCTL = """\
#!/bin/sh
echo "$@" >>{0}/calls
for unit; do :; done
case "$*" in
    *" start "*) echo active >{0}/state ;;
    *" stop "*) echo inactive >{0}/state ;;
    *" kill "*) echo failed >{0}/state ;;
    *is-active*) cat {0}/state ;;
    *MainPID*) echo 4242 ;;
    *ExecMainStatus*) echo 3 ;;
esac
[ ! -e {0}/refuse ] || {{ echo "Access denied" >&2; exit 4; }}
"""


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SystemdUnit:
    for name, text in {"systemctl": SYSTEMCTL, "journalctl": "#!/bin/sh\necho its last word\n"}.items():
        (tmp_path / name).write_text(text.format(tmp_path) if name == "systemctl" else text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "state").write_text("inactive\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return SystemdUnit(BrokerHost(), "mosquitto.service")


def test_it_is_started_and_stopped_by_its_name(unit: SystemdUnit, tmp_path: Path) -> None:
    assert unit.poll() == 3
    unit.start()
    assert (unit.poll(), unit.pid, unit.stdin) == (None, 4242, None)
    unit.terminate()
    assert unit.wait(1) == 3
    calls = (tmp_path / "calls").read_text().splitlines()
    assert "--no-ask-password start -- mosquitto.service" in calls
    assert "--no-ask-password stop -- mosquitto.service" in calls


def test_one_that_does_not_end_is_killed(unit: SystemdUnit, tmp_path: Path) -> None:
    unit.start()
    with pytest.raises(subprocess.TimeoutExpired):
        unit.wait(0)
    unit.kill()
    assert unit.wait(1) == 3
    assert "--no-ask-password kill --signal=KILL -- mosquitto.service" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("do", [SystemdUnit.start, SystemdUnit.terminate])
def test_without_the_right_the_remedy_is_said(
    unit: SystemdUnit, tmp_path: Path, do: Callable[[SystemdUnit], None]
) -> None:
    (tmp_path / "refuse").touch()
    with pytest.raises(OperatorError, match=r"mosquitto\.service on this host: Access denied") as caught:
        do(unit)
    assert "sudo = true" in caught.value.remedy


def test_its_words_are_in_the_journal(unit: SystemdUnit, tmp_path: Path) -> None:
    assert unit.last_words(5) == "its last word"
    (tmp_path / "journalctl").write_text("#!/bin/sh\necho no; exit 1\n")
    assert unit.last_words(5) == ""


def pair(start: str, stop: str = "true") -> CommandPair:
    return CommandPair(BrokerHost(), ["sh", "-c", start], ["sh", "-c", stop], 30.0, 30.0)


def test_two_commands(tmp_path: Path) -> None:
    two = pair("echo up", f"touch {tmp_path}/stopped")
    assert (two.start(), two.poll(), two.pid, two.stdin) == ("up", None, None, None)
    two.terminate()
    two.kill()
    assert two.wait(1) == 0
    assert (tmp_path / "stopped").exists()


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(OperatorError, match=r"(?s)exit code 7.*3\n4\n5\n6\n7") as caught:
        pair("seq 7; exit 7").start()
    assert "\n2\n" not in caught.value.message
