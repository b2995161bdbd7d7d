"""When the broker is started anew and cleaned, and what the page is told of it; with brokers only said to be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from malaria.broker import lifecycle, starting
from malaria.broker.lifecycle import REFUSED, CleanStart, Lifecycle
from malaria.broker.persistence import MOSQUITTO_DB
from malaria.broker.starting import BrokerEndpoint
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.broker import BrokerTable
from malaria.transport.probe import Answer


class Stage:
    """Brokers that start and stop at a word; `answers` is what a look at the door says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.did: list[str] = []
        self.answers = REFUSED
        self.died: str | None = None

    def start(self, _: Any) -> Any:
        self.did.append("start")
        self.died = None
        log = self.directory / f"broker-{len(self.did)}" / "log"
        log.parent.mkdir()
        return SimpleNamespace(
            stop=lambda: self.did.append("stop"), death=lambda: self.died, log=log, host="127.0.0.1", port=1883
        )

    def look(self, timeout_s: float) -> Answer:
        return Answer(self.answers)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    monkeypatch.setattr(lifecycle, "start", stage.start)
    monkeypatch.setattr(lifecycle, "adopt", stage.start)
    return stage


def broker(stage: Stage, **table: Any) -> Lifecycle:
    return Lifecycle(BrokerTable.model_validate(table), BrokerEndpoint("127.0.0.1", 1883, stage.look))


def levels(life: Lifecycle, count: int = 3) -> list[CleanStart]:
    with life:
        return [life.begin_level(f"level {number}") for number in range(count)]


COMMAND = {"kind": "command", "command": ["broker"]}
RUNS_ON = CleanStart(False, "it has been running since level 0")
KEEPS_NOTHING = CleanStart(True, "started for this level; it keeps nothing on its disk")
ONE_LIFE, THREE_LIVES = ["start", "stop"], ["start", "stop"] * 3


@pytest.mark.parametrize(
    ("table", "starts", "did"),
    [
        ({"kind": "mosquitto"}, [KEEPS_NOTHING] * 3, THREE_LIVES),
        ({"kind": "embedded", "clean": "first"}, [KEEPS_NOTHING, RUNS_ON, RUNS_ON], ONE_LIFE),
        ({"kind": "mosquitto", "clean": "never"}, [KEEPS_NOTHING, RUNS_ON, RUNS_ON], ONE_LIFE),
        (
            COMMAND | {"clean": "never"},
            [CleanStart(False, "started for this level, with what it kept on its disk"), RUNS_ON, RUNS_ON],
            ONE_LIFE,
        ),
        (
            COMMAND,
            [CleanStart(None, "started for this level, but with what it kept on its disk: name its persistence file")]
            * 3,
            THREE_LIVES,
        ),
        (
            COMMAND | {"clean_command": "true", "clean": "first"},
            [CleanStart(True, "started for this level, clean_command done"), RUNS_ON, RUNS_ON],
            ONE_LIFE,
        ),
        ({"kind": "none"}, [CleanStart(None, "malaria did not start it")] * 3, []),
    ],
)
def test_clean_starts(stage: Stage, table: dict[str, Any], starts: list[CleanStart], did: list[str]) -> None:
    assert levels(broker(stage, **table)) == starts
    assert stage.did == did


def test_what_it_kept_is_removed_between_the_levels(stage: Stage) -> None:
    file = stage.directory / "mosquitto.db"
    life = broker(stage, **COMMAND, persistence=str(file))
    with life:
        assert life.begin_level("1") == CleanStart(True, f"started for this level, {file} was not there")
        file.write_bytes(MOSQUITTO_DB)
        assert life.begin_level("2") == CleanStart(True, f"started for this level, {file} removed")
    assert not file.exists()


def test_a_clean_command_that_fails(stage: Stage) -> None:
    with (
        pytest.raises(OperatorError, match="clean_command ended with exit code 3: no way"),
        broker(stage, **COMMAND, clean_command=["sh", "-c", "echo no way; exit 3"]) as life,
    ):
        life.begin_level("1")
    assert stage.did == []


def test_one_that_died_is_started_again_and_said_to_be(stage: Stage) -> None:
    with broker(stage, **COMMAND, clean="never") as life:
        assert life.death() is None
        life.begin_level("1")
        stage.died = "signal KILL"
        assert life.death() == "signal KILL"
        again = life.begin_level("2")
        assert again == CleanStart(False, "started again after signal KILL, with what it kept on its disk")
        assert life.begin_level("3") == CleanStart(False, "it has been running since 2")


def test_another_broker_at_its_door_is_not_taken_for_it(stage: Stage) -> None:
    stage.answers = ""
    with (
        pytest.raises(OperatorError, match=r"another broker answers at 127\.0\.0\.1 port 1883"),
        broker(stage, **COMMAND) as life,
    ):
        life.begin_level("1")


def test_a_pair_of_commands_is_asked_at_its_door(stage: Stage) -> None:
    with broker(stage, **COMMAND, stop_command="true") as life:
        life.begin_level("1")
        assert life.death() == f"an unknown end: {REFUSED}"
        stage.answers = "timeout: connected, but no CONNACK came"  # overloaded is not dead
        assert life.death() is None


def service(stage: Stage, **more: Any) -> Lifecycle:
    words = {"command": ["touch", f"{stage.directory}/up"], "stop_command": ["touch", f"{stage.directory}/down"]}
    return broker(stage, kind="command", **words, **more)


def test_a_service_that_ran_before_is_left_running(stage: Stage) -> None:
    stage.answers = ""
    life = service(stage, clean="never")
    assert levels(life, 2) == [
        CleanStart(False, "it was running before the campaign began"),
        CleanStart(False, "it has been running since before the campaign"),
    ]
    assert "stop" not in stage.did
    assert not (stage.directory / "down").exists()


def test_a_service_that_ran_before_runs_again_after_a_failure(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Any) -> Any:
        raise OperatorError("does not start")

    stage.answers = ""
    monkeypatch.setattr(lifecycle, "start", failing)
    monkeypatch.setattr(Lifecycle, "_refuse_other_broker", lambda _: None)
    with pytest.raises(OperatorError, match="does not start"), service(stage) as life:
        life.begin_level("1")
    assert (stage.directory / "down").exists()
    assert (stage.directory / "up").exists()


def test_without_a_door_nobody_can_look(stage: Stage) -> None:
    with (
        pytest.raises(OperatorError, match="needs the address of its target"),
        Lifecycle(BrokerTable.model_validate(COMMAND)) as life,
    ):
        life.begin_level("1")


def test_what_clients_must_know_by_the_name_of_a_listener(stage: Stage) -> None:
    listeners = [{"kind": "psk", "psk_clients": 2, "port": 8883}, {"port": 1883}]
    with broker(stage, kind="mosquitto", listener=listeners) as life:
        first = life.access()
        keys = Path(first["psk_file"])
        assert (first["url"], keys.exists()) == ("mqtts://127.0.0.1:8883", True)
        assert life.access("plain") == {"url": "mqtt://127.0.0.1:1883"}
        with pytest.raises(OperatorError, match="no listener 'tls'") as caught:
            life.access("tls")
        assert caught.value.remedy == "it has psk, plain"
    assert not keys.exists()


def test_the_way_in_is_what_we_know_and_what_is_stated(stage: Stage) -> None:
    listeners = [{"kind": "psk", "psk_clients": 2, "port": 8883}, {"port": 1883}]
    stated = Access(username="u", ciphers="PSK-AES128-GCM-SHA256", first_key=1)
    with broker(stage, kind="mosquitto", listener=listeners) as life:
        secure, plain = life.way_in(stated), life.way_in(stated, "plain")
        assert (secure.username, secure.ciphers, secure.first_key) == ("u", "PSK-AES128-GCM-SHA256", 1)
        assert secure.psk_file == life.access()["psk_file"]
        assert plain == Access(url="mqtt://127.0.0.1:1883", username="u", first_key=1)
        elsewhere = Access(url="mqtt://box")
        assert life.way_in(elsewhere) is elsewhere
    assert broker(stage, **COMMAND).way_in(stated) is stated


def test_a_broker_that_we_do_not_configure_says_nothing_of_its_door(stage: Stage) -> None:
    assert broker(stage, **COMMAND).access() == {}
    with broker(stage, kind="embedded") as life:
        life.begin_level("1")
        assert life.access() == {"url": "mqtt://127.0.0.1:1883"}


@pytest.mark.parametrize(
    ("table", "missing", "says"),
    [
        ({"kind": "mosquitto"}, "mosquitto", "mosquitto is not installed"),
        (COMMAND, "broker", "broker: there is no such program on this host"),
        ({"kind": "systemd", "unit": "m.service"}, "systemctl", "systemctl: there is no such program on this host"),
        ({"kind": "embedded"}, "", ""),
        ({"kind": "none"}, "", ""),
        ({"kind": "mosquitto", "config": "/etc/m.conf", "ssh": "broker"}, "", ""),
        (COMMAND | {"ssh": "broker"}, "", ""),
    ],
)
def test_a_program_that_is_not_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, table: dict[str, Any], missing: str, says: str
) -> None:
    """Of another host nothing is known before its broker is started."""
    asked: list[str] = []
    monkeypatch.setattr(starting, "find_mosquitto", lambda: asked.append("mosquitto"))
    monkeypatch.setattr(starting.shutil, "which", lambda name: asked.append(name))
    if says:
        with pytest.raises(OperatorError, match=says):
            broker(stage, **table).check()
        assert asked == [missing]
        monkeypatch.setattr(starting, "find_mosquitto", lambda: "/usr/sbin/mosquitto")
        monkeypatch.setattr(starting.shutil, "which", lambda name: f"/usr/bin/{name}")
    broker(stage, **table).check()
