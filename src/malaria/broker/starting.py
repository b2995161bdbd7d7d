"""Each kind of `[broker]` and how it is started: one function per kind, all of them to a broker that answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.broker.broker_host import SSH_FAILED, BrokerHost, last, ssh_remedy
from malaria.broker.configuration import MosquittoSettings
from malaria.broker.embedded import start_embedded
from malaria.broker.mosquitto import SBIN, find_mosquitto, start_configured
from malaria.broker.running import (
    LAST_LINES,
    BrokerCheck,
    BrokerProcess,
    BrokerTimeouts,
    RunningBroker,
    describe_exit,
    private_directory,
    start_process,
)
from malaria.broker.services import CommandPair, SystemdUnit
from malaria.broker.ssh_process import GREETING, hold
from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.broker import BrokerKind, BrokerTable

REMOTE_MOSQUITTO: Final = f'PATH=$PATH:{SBIN} exec mosquitto -c "$1"'


@dataclass(frozen=True, slots=True)
class BrokerEndpoint:
    """Where a broker that we do not configure lets clients in, and how to look whether it does."""

    host: str
    port: int
    look: BrokerCheck


@dataclass(frozen=True, slots=True)
class StartContext:
    """What is needed to start the broker, again and again the same: `settings` for a mosquitto that we configure."""

    table: BrokerTable
    host: BrokerHost
    door: BrokerEndpoint | None = None
    settings: MosquittoSettings | None = None

    @property
    def patience(self) -> BrokerTimeouts:
        return BrokerTimeouts(self.table.ready_timeout_ns / NS_PER_S, self.table.stop_timeout_ns / NS_PER_S)

    @property
    def unit(self) -> SystemdUnit:
        return SystemdUnit(self.host, self.table.unit or "")

    @property
    def pair(self) -> CommandPair:
        patience, table = self.patience, self.table
        return CommandPair(self.host, table.command, table.stop_command, patience.ready_s, patience.stop_s)


class SystemdBroker(RunningBroker):
    """A systemd unit. Its words are in the journal."""

    def last_words(self) -> str:
        assert isinstance(self.process, SystemdUnit)
        return self.process.last_words(LAST_LINES)


class SshBroker(RunningBroker):
    """A broker on another host, held by an ssh connection."""

    def last_words(self) -> str:
        lines = super().last_words().splitlines()
        return "\n".join(line for line in lines if not line.startswith(GREETING))

    def death(self) -> str | None:
        death = super().death()
        if death != describe_exit(SSH_FAILED):
            return death
        said = self.last_words()
        return f"a lost ssh connection to {self.ssh} ({last(said)}; {ssh_remedy(said, self.ssh or '')})"


def check_program(table: BrokerTable) -> None:
    """Raises OperatorError when what starts the broker is not on this host. Of another host nothing is known yet."""
    if table.ssh is not None:
        return
    if table.kind is BrokerKind.MOSQUITTO and find_mosquitto() is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    program = {BrokerKind.COMMAND: table.command[:1], BrokerKind.SYSTEMD: ("systemctl",)}.get(table.kind, ())
    for name in program:
        if shutil.which(name) is None:
            raise OperatorError(f"{name}: there is no such program on this host", "install it, or give its whole path")


def start(ground: StartContext) -> RunningBroker:
    """Starts it and waits until it answers. Raises OperatorError when it does not, or is none that we can start."""
    return _START[ground.table.kind](ground)


def _start_none(ground: StartContext) -> RunningBroker:
    raise OperatorError("no broker is ours to start", 'say in [broker] how to: kind = "mosquitto", for example')


def _start_embedded(ground: StartContext) -> RunningBroker:
    return start_embedded()


def _start_mosquitto(ground: StartContext) -> RunningBroker:
    if ground.settings is not None:
        return start_configured(ground.settings, None, ground.patience)
    if ground.host.ssh is not None:
        return _run(ground, "mosquitto", ["sh", "-c", REMOTE_MOSQUITTO, "sh", str(ground.table.config)])
    return _run(ground, "mosquitto", [find_mosquitto() or "mosquitto", "-c", str(ground.table.config)])


def _start_command(ground: StartContext) -> RunningBroker:
    name = Path(ground.table.command[0]).name
    if not ground.table.stop_command:
        return _run(ground, name, ground.table.command)
    said = ground.pair.start()
    return _serving(ground, said)


def _start_unit(ground: StartContext) -> RunningBroker:
    ground.unit.start()
    return adopt(ground)


def adopt(ground: StartContext) -> RunningBroker:
    """A service that runs already: a unit, or what the command starts. Returns once it answers."""
    return _serving(ground, "")


def _serving(ground: StartContext, said: str) -> RunningBroker:
    """The broker behind a unit or a pair of commands; `said` are the words of its start."""
    log = private_directory("broker") / "broker.log"
    log.write_text(said)
    if ground.table.kind is BrokerKind.SYSTEMD:
        return _answering(ground, SystemdBroker, ground.unit.name, ground.unit, log)
    return _answering(ground, RunningBroker, Path(ground.table.command[0]).name, ground.pair, log)


def _run(ground: StartContext, name: str, command: Sequence[str]) -> RunningBroker:
    """A command that stays: a child of ours, or of the ssh connection."""
    log = private_directory("broker") / "broker.log"
    if ground.host.ssh is not None:
        return _answering(ground, SshBroker, name, hold(name, ground.host, command, log), log)
    process = start_process(name, ground.host.argv(command), log)
    return _answering(ground, RunningBroker, name, process, log)


def _answering(
    ground: StartContext, kind: type[RunningBroker], name: str, process: BrokerProcess, log: Path
) -> RunningBroker:
    door = endpoint_of(ground)
    broker = kind(name, door.port, process, log, door.look, ground.patience)
    broker.host, broker.ssh = door.host, ground.host.ssh
    return broker.wait_until_it_answers()


def endpoint_of(ground: StartContext) -> BrokerEndpoint:
    """Where to look. Raises OperatorError when nobody said."""
    if ground.door is None:
        raise OperatorError(f"a broker of kind {ground.table.kind} needs a target to look at", "give [target] its url")
    return ground.door


_START: Final[Mapping[BrokerKind, Callable[[StartContext], RunningBroker]]] = {
    BrokerKind.NONE: _start_none,
    BrokerKind.EMBEDDED: _start_embedded,
    BrokerKind.MOSQUITTO: _start_mosquitto,
    BrokerKind.COMMAND: _start_command,
    BrokerKind.SYSTEMD: _start_unit,
}
