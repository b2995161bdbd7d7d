"""Starts each kind of `[broker]`: one function per kind; all return a broker that answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.broker.broker_host import BrokerHost
from malaria.broker.configuration import MosquittoSettings
from malaria.broker.embedded import start_embedded
from malaria.broker.mosquitto import SBIN, find_mosquitto, start_mosquitto
from malaria.broker.private_directory import private_directory
from malaria.broker.process_group import ProcessGroup
from malaria.broker.running import (
    LAST_LINES,
    BrokerCheck,
    BrokerProcess,
    BrokerTimeouts,
    RunningBroker,
    start_process,
)
from malaria.broker.services import CommandPair, SystemdUnit
from malaria.broker.ssh_process import GREETING, SshBrokerProcess
from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.broker import BrokerKind, BrokerTable

REMOTE_MOSQUITTO: Final = f'PATH=$PATH:{SBIN} exec mosquitto -c "$1"'


@dataclass(frozen=True, slots=True)
class BrokerEndpoint:
    """The address of a broker that malaria does not configure, and a check whether it lets clients in."""

    host: str
    port: int
    check: BrokerCheck


@dataclass(frozen=True, slots=True)
class StartContext:
    """Everything that a start of the broker needs, the same for every start.

    `settings` is for a mosquitto that malaria configures, `endpoint` for any other broker.
    """

    table: BrokerTable
    host: BrokerHost
    endpoint: BrokerEndpoint | None = None
    settings: MosquittoSettings | None = None

    @property
    def timeouts(self) -> BrokerTimeouts:
        return BrokerTimeouts(self.table.ready_timeout_ns / NS_PER_S, self.table.stop_timeout_ns / NS_PER_S)

    @property
    def unit(self) -> SystemdUnit:
        return SystemdUnit(self.host, self.table.unit or "")

    @property
    def pair(self) -> CommandPair:
        timeouts, table = self.timeouts, self.table
        return CommandPair(self.host, table.command, table.stop_command, timeouts.ready_s, timeouts.stop_s)


class SystemdBroker(RunningBroker):
    """A broker that is a systemd unit; its output is in the journal."""

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
        lost = self.process.lost if isinstance(self.process, SshBrokerProcess) else None
        return f"a lost ssh connection to {self.ssh} ({lost.remedy})" if lost is not None else death


def check_program(table: BrokerTable) -> None:
    """Raise OperatorError if the program that starts the broker is not on this host. Does not check another host."""
    # checking another host needs a connection, and the start reports the same
    if table.ssh is not None:
        return
    if table.kind is BrokerKind.MOSQUITTO and find_mosquitto() is None:
        raise OperatorError("mosquitto is not installed", "apt install mosquitto")
    program = {BrokerKind.COMMAND: table.command[:1], BrokerKind.SYSTEMD: ("systemctl",)}.get(table.kind, ())
    for name in program:
        if shutil.which(name) is None:
            raise OperatorError(f"{name}: there is no such program on this host", "install it, or give its full path")


def start(context: StartContext) -> RunningBroker:
    """Start the broker and return it once it answers. Raises OperatorError if it does not, or cannot be started."""
    return _START[context.table.kind](context)


def _start_none(context: StartContext) -> RunningBroker:
    raise OperatorError("malaria is not told how to start the broker", 'add it to [broker], such as kind = "mosquitto"')


def _start_embedded(context: StartContext) -> RunningBroker:
    return start_embedded()


def _start_mosquitto(context: StartContext) -> RunningBroker:
    if context.settings is not None:
        return start_mosquitto(context.settings, None, context.timeouts)
    # the shell there looks for mosquitto also where Debian installs it
    if context.host.ssh is not None:
        return _run(context, "mosquitto", ["sh", "-c", REMOTE_MOSQUITTO, "sh", str(context.table.config)])
    return _run(context, "mosquitto", [find_mosquitto() or "mosquitto", "-c", str(context.table.config)])


def _start_command(context: StartContext) -> RunningBroker:
    name = Path(context.table.command[0]).name
    if not context.table.stop_command:
        return _run(context, name, context.table.command)
    return _adopt_service(context, context.pair.start())


def _start_unit(context: StartContext) -> RunningBroker:
    context.unit.start()
    return adopt(context)


def adopt(context: StartContext) -> RunningBroker:
    """Return a service that runs already, a unit or what the command starts, once it answers."""
    return _adopt_service(context, "")


def _adopt_service(context: StartContext, output: str) -> RunningBroker:
    """Return the broker behind a unit or a pair of commands; `output` is that of its start."""
    log = private_directory("broker") / "broker.log"
    log.write_text(output)
    if context.table.kind is BrokerKind.SYSTEMD:
        return _answering(context, SystemdBroker, context.unit.name, context.unit, log)
    return _answering(context, RunningBroker, Path(context.table.command[0]).name, context.pair, log)


def _run(context: StartContext, name: str, command: Sequence[str]) -> RunningBroker:
    """Start a command that keeps running: a child process here, or held by an ssh connection."""
    log = private_directory("broker") / "broker.log"
    if context.host.ssh is None:
        leader = start_process(name, context.host.words(command), log)
        process = ProcessGroup(leader, context.timeouts.stop_s)
        return _answering(context, RunningBroker, name, process, log)
    try:
        held = SshBrokerProcess(context.host, command, log)
    except OperatorError:
        # no broker owns the directory yet
        shutil.rmtree(log.parent, ignore_errors=True)
        raise
    return _answering(context, SshBroker, name, held, log)


def _answering(
    context: StartContext, kind: type[RunningBroker], name: str, process: BrokerProcess, log: Path
) -> RunningBroker:
    """Return the broker of a started process once it answers."""
    endpoint = endpoint_of(context)
    broker = kind(name, endpoint.port, process, log, endpoint.check, context.timeouts)
    broker.host, broker.ssh = endpoint.host, context.host.ssh
    return broker.wait_until_it_answers()


def endpoint_of(context: StartContext) -> BrokerEndpoint:
    """Return the address to check the broker at. Raises OperatorError if there is none."""
    if context.endpoint is None:
        raise OperatorError(
            f"a broker of kind {context.table.kind} needs the address of its target", "give [target] its url"
        )
    return context.endpoint


_START: Final[Mapping[BrokerKind, Callable[[StartContext], RunningBroker]]] = {
    BrokerKind.NONE: _start_none,
    BrokerKind.EMBEDDED: _start_embedded,
    BrokerKind.MOSQUITTO: _start_mosquitto,
    BrokerKind.COMMAND: _start_command,
    BrokerKind.SYSTEMD: _start_unit,
}
